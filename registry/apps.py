from django.apps import AppConfig


class RegistryConfig(AppConfig):
    name = "registry"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self):
        from audit import verifiers
        from registry.verifying import sealed_documents

        verifiers.append(sealed_documents)
