from django.apps import AppConfig


class RuntimeConfig(AppConfig):
    name = "runtime"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self):
        from audit import conclusions, verifiers
        from audit.admin import panels
        from runtime.panels import of_environment
        from runtime.publishing import follow
        from runtime.verifying import snapshots

        conclusions.append(follow)
        verifiers.append(snapshots)
        panels.setdefault("registry.environment", []).insert(0, of_environment)
