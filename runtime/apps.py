from django.apps import AppConfig


class RuntimeConfig(AppConfig):
    name = "runtime"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self):
        from audit import conclusions, verifiers
        from audit.admin import panels
        from gates.may_run import offering
        from runtime import router_panels
        from runtime.panels import of_environment, offered
        from runtime.publishing import follow
        from runtime.verifying import snapshots

        conclusions.append(follow)
        verifiers.append(snapshots)
        offering.append(offered)
        of_environments = panels.setdefault("registry.environment", [])
        of_environments[:0] = [of_environment, router_panels.of_environment]
        panels.setdefault("registry.router", []).append(router_panels.of_router)
