from django.apps import AppConfig
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
        from registry.verifying import sealed_documents

        conclusions.append(search_words.keep)
        post_migrate.connect(search_words.catch_up, sender=self)
        ticks.append(SWEEP)
        verifiers.append(sealed_documents)
        for kind in OURS:
            add(kind)
        buttons.setdefault("registry.usecase", []).append(models_button)
        menus.append(offered)
        panels.setdefault("registry.environment", []).append(of_environment)
        panels.setdefault("registry.release", []).append(of_release)
