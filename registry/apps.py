from django.apps import AppConfig
from django.db.models.signals import post_migrate


class RegistryConfig(AppConfig):
    name = "registry"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self):
        from audit import projections, verifiers
        from audit.admin import panels
        from registry import search_words
        from registry.policy_panels import of_environment, of_release
        from registry.verifying import sealed_documents

        projections.append(search_words.keep)
        post_migrate.connect(search_words.catch_up, sender=self)
        verifiers.append(sealed_documents)
        panels.setdefault("registry.environment", []).append(of_environment)
        panels.setdefault("registry.release", []).append(of_release)
