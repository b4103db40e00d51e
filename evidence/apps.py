from django.apps import AppConfig


class EvidenceConfig(AppConfig):
    name = "evidence"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self):
        from audit import verifiers
        from evidence import verifying

        verifiers.append(verifying.verify)
