from django.apps import AppConfig


class RegistryConfig(AppConfig):
    name = "registry"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self):
        from audit import verifiers
        from audit.admin import menus, panels
        from registry.lifecycle import offered
        from registry.policy_panels import of_environment, of_release
        from registry.verifying import sealed_documents

        verifiers.append(sealed_documents)
        menus.append(offered)
        panels.setdefault("registry.environment", []).append(of_environment)
        panels.setdefault("registry.release", []).append(of_release)
