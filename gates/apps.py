from django.apps import AppConfig


class GatesConfig(AppConfig):
    name = "gates"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self):
        from audit import consequences, verifiers
        from audit.admin import buttons, panels
        from audit.ticking import ticks
        from evidence.exports import pages as exports
        from gates import impact
        from gates.latest import keep_latest_ends
        from gates.leaving import open_ends
        from gates.lineage import add_promotions
        from gates.may_run_pages import button
        from gates.notices.writing import note_events
        from gates.pages import emergencies, waiving
        from gates.panels import ask_button, of_environment, of_evidence, of_release
        from gates.readiness import lacks_button
        from gates.searching import searched
        from gates.sweeping import JOBS
        from gates.verifying import second_people, signatures
        from registry import people_checks
        from registry.impact import places
        from registry.impact.views import add
        from registry.lineage import onward
        from registry.search import sources

        add(impact.KIND)
        places.append(impact.let_in)
        consequences += (keep_latest_ends, note_events)
        verifiers += (signatures, second_people)
        ticks.extend(JOBS)
        onward.append(add_promotions)
        sources.append(searched)
        people_checks.append(open_ends)
        buttons.setdefault("gates.promotion", []).append(exports.button)
        buttons.setdefault("registry.release", []).extend(
            [ask_button, lacks_button, emergencies.button]
        )
        for noun, label, address in (
            ("registry.provider", "What may run", "/may-run/?provider="),
            ("registry.region", "What may run", "/may-run/?region="),
            ("registry.environment", "On call", "/on-call/?environment="),
            ("registry.usecase", "On call", "/on-call/?use_case="),
            ("registry.team", "On call for", "/on-call/?team="),
        ):
            buttons.setdefault(noun, []).append(button(label, address))
        for noun, panel in (
            ("registry.release", emergencies.of_release),
            ("registry.release", of_release),
            ("registry.release", waiving.of_release),
            ("registry.environment", emergencies.of_environment),
            ("registry.environment", of_environment),
            ("registry.environment", waiving.of_environment),
            ("evidence.evidenceitem", of_evidence),
        ):
            panels.setdefault(noun, []).append(panel)
