"""Webhooks: where other systems are told what people are told."""

from django.db import models
from django.db.models import Q
from simple_history.models import HistoricalRecords

from audit.fields import DocumentField
from audit.models import GovernedManager, GovernedModel, GovernedQuerySet
from registry.roles import ADMINISTER, Role


class WebhookQuerySet(GovernedQuerySet):
    def visible_to(self, user):
        """Administrators see them, and auditors of all teams: they send what every team does."""
        return self if user.has_role(*ADMINISTER) or _audits_all(user) else self.none()


def _audits_all(user) -> bool:
    return any(role == Role.AUDITOR and team is None for role, team in user.grants)


class Webhook(GovernedModel):
    """An address that is sent signed messages of some kinds. Switched off, never deleted."""

    undigested = ("secret",)

    name = models.CharField(max_length=100, unique=True)
    url = models.CharField("address", max_length=500)
    #: Codes of the kinds of notice it is sent.
    kinds = DocumentField(default=list)
    #: Encrypted (see `gates.webhooks.keys`), since each message is signed with it.
    secret = models.TextField(editable=False)
    off_since = models.DateTimeField(null=True, blank=True, editable=False)

    objects = GovernedManager.from_queryset(WebhookQuerySet)()
    history = HistoricalRecords(excluded_fields=["secret"])

    class Meta(GovernedModel.Meta):
        ordering = ("name",)
        constraints = [
            # A message that nobody can check is worse than none.
            models.CheckConstraint(condition=~Q(secret=""), name="webhook_has_a_secret"),
        ]

    def __str__(self):
        return self.name
