from django.apps import AppConfig


class GatesConfig(AppConfig):
    name = "gates"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self):
        from audit.admin import buttons, panels
        from gates.leaving import open_ends
        from gates.lineage import add_promotions
        from gates.pages import emergencies, waiving
        from gates.panels import ask_button, of_environment, of_evidence, of_release
        from gates.searching import searched
        from registry import people_checks
        from registry.lineage import onward
        from registry.search import sources

        onward.append(add_promotions)
        sources.append(searched)
        people_checks.append(open_ends)
        buttons.setdefault("registry.release", []).append(ask_button)
        buttons["registry.release"].append(emergencies.button)
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
