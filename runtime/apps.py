from django.apps import AppConfig


class RuntimeConfig(AppConfig):
    name = "runtime"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self):
        from audit import conclusions, verifiers
        from audit.admin import panels
        from gates import previewing as gate_previews
        from gates import tasks
        from gates.may_run import offering
        from runtime import previewing, reviewing
        from runtime.panels import of_environment, offered
        from runtime.publishing import follow
        from runtime.verifying import snapshots

        conclusions.append(follow)
        verifiers.append(snapshots)
        offering.append(offered)
        tasks.others.append(reviewing.tasks)
        gate_previews.followers.append(previewing.followed)
        panels.setdefault("registry.environment", []).insert(0, of_environment)
