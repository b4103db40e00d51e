from django.apps import AppConfig
from django.db.models.signals import post_migrate, pre_migrate


class AuditConfig(AppConfig):
    name = "audit"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self):
        from audit import triggers

        # Bound to this app's turn, or they would run once for every installed app.
        pre_migrate.connect(triggers.lift, sender=self)
        post_migrate.connect(triggers.install, sender=self)
