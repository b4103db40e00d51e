from datetime import timedelta

from django.apps import AppConfig


class RuntimeConfig(AppConfig):
    name = "runtime"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self):
        from audit import conclusions, consequences, verifiers
        from audit.admin import panels
        from audit.ticking import Tick, ticks
        from gates import causes, tasks
        from gates import previewing as gate_previews
        from gates.may_run import offering
        from registry.search import sources
        from runtime import previewing, reviewing, router_panels
        from runtime.incidents import following
        from runtime.incidents import panels as incident_panels
        from runtime.incidents import tasks as incident_tasks
        from runtime.incidents.linking import link_acts
        from runtime.incidents.listing import searched
        from runtime.incidents.notices import note_runtime
        from runtime.packs.pages import of_environment_panel as packs_of_environment
        from runtime.panels import of_environment, offered
        from runtime.publishing import follow
        from runtime.records import partitions, pruning, touched
        from runtime.records.verifying import records
        from runtime.traces import keeping
        from runtime.verifying import snapshots

        conclusions.append(follow)
        verifiers += (snapshots, records)
        ticks.append(Tick("partitions", partitions.keep_ahead, every=timedelta(hours=6)))
        ticks.append(Tick("trace bodies", keeping.forget, every=timedelta(hours=6)))
        ticks.append(Tick("prune-records", pruning.prune, every=timedelta(hours=6)))
        offering.append(offered)
        tasks.others += (reviewing.tasks, incident_tasks.tasks)
        sources.append(searched)
        consequences += (link_acts, following.take_up, note_runtime)
        causes.offering.append(following.offered)
        causes.addresses.append(following.address_of)
        gate_previews.followers.append(previewing.followed)
        of_environments = panels.setdefault("registry.environment", [])
        of_environments[:0] = [of_environment, router_panels.of_environment]
        of_environments += (incident_panels.of_environment, packs_of_environment)
        panels.setdefault("registry.release", []).append(incident_panels.of_release)
        panels.setdefault("registry.router", []).append(router_panels.of_router)
        for noun in touched.NOUNS:
            panels.setdefault(noun, []).append(touched.panel)
