from django.apps import AppConfig
from django.db.models.signals import post_migrate, pre_migrate


class AuditConfig(AppConfig):
    name = "audit"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self):
        from audit import checkpoints, sinks, triggers
        from audit.ticking import Tick, ticks

        # Bound to this app's turn, or they would run once for every installed app.
        pre_migrate.connect(triggers.lift, sender=self)
        post_migrate.connect(triggers.install, sender=self)
        ticks.append(Tick("checkpoint", checkpoints.due, every=checkpoints.EVERY))
        ticks.append(Tick("checkpoint file", sinks.deliver_all))
