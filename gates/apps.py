from django.apps import AppConfig


class GatesConfig(AppConfig):
    name = "gates"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self):
        from gates.leaving import open_ends
        from registry import people_checks

        people_checks.append(open_ends)
