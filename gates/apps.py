from django.apps import AppConfig


class GatesConfig(AppConfig):
    name = "gates"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self):
        from audit import consequences
        from audit.admin import buttons, panels
        from audit.ticking import ticks
        from gates.leaving import open_ends
        from gates.lineage import add_promotions
        from gates.notices.writing import note_events
        from gates.panels import ask_button, of_environment, of_evidence, of_release
        from gates.searching import searched
        from gates.sweeping import JOBS
        from registry import people_checks
        from registry.lineage import onward
        from registry.search import sources

        consequences.append(note_events)
        ticks.extend(JOBS)
        onward.append(add_promotions)
        sources.append(searched)
        people_checks.append(open_ends)
        buttons.setdefault("registry.release", []).append(ask_button)
        for noun, panel in (
            ("registry.release", of_release),
            ("registry.environment", of_environment),
            ("evidence.evidenceitem", of_evidence),
        ):
            panels.setdefault(noun, []).append(panel)
