from django.apps import AppConfig


class RegistryConfig(AppConfig):
    name = "registry"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self):
        from audit import verifiers
        from audit.admin import panels
        from audit.ticking import ticks
        from registry.policy_panels import of_environment, of_release
        from registry.sweeping import SWEEP
        from registry.verifying import sealed_documents

        ticks.append(SWEEP)
        verifiers.append(sealed_documents)
        panels.setdefault("registry.environment", []).append(of_environment)
        panels.setdefault("registry.release", []).append(of_release)
