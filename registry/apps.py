from django.apps import AppConfig, apps
from django.conf import settings
from django.db.models.signals import post_migrate


class RegistryConfig(AppConfig):
    name = "registry"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self):
        from audit import conclusions, verifiers
        from audit.admin import buttons, menus, panels
        from audit.ticking import ticks
        from registry import search_words
        from registry.impact.kinds import OURS
        from registry.impact.views import add
        from registry.lifecycle import offered
        from registry.policy_panels import of_environment, of_release
        from registry.sweeping import SWEEP
        from registry.uses import models_button
        from registry.verifying import losses, sealed_documents

        if settings.SINGLE_SIGN_ON is not None:
            _close_side_doors()
        conclusions.append(search_words.keep)
        post_migrate.connect(search_words.catch_up, sender=self)
        ticks.append(SWEEP)
        verifiers += [sealed_documents, losses]
        for kind in OURS:
            add(kind)
        buttons.setdefault("registry.usecase", []).append(models_button)
        menus.append(offered)
        panels.setdefault("registry.environment", []).append(of_environment)
        panels.setdefault("registry.release", []).append(of_release)


def _close_side_doors() -> None:
    """Take the admin pages of what speaks OpenID Connect away: its tables stay empty."""
    from django.contrib import admin

    for label in ("account", "socialaccount"):
        for model in apps.get_app_config(label).get_models():
            if admin.site.is_registered(model):
                admin.site.unregister(model)
