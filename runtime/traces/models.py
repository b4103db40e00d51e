"""What traces tell of models that nobody registered here, and which bodies came already."""

from django.db import models
from django.db.models import F, Q

from audit.models import DIGEST_LENGTH
from registry.models import Environment, Router
from runtime.traces.reading import NAME


class TrafficQuerySet(models.QuerySet):
    def visible_to(self, user):
        """Return all rows for whoever holds any role: routers are nobody's secret."""
        return self if user.grants else self.none()


class UnattributedTraffic(models.Model):
    """Calls of one model by one service on one day that name neither release nor generation.

    Counted, not governed: what services call themselves, and what they say that they called.
    """

    environment = models.ForeignKey(Environment, models.PROTECT, related_name="+")
    router = models.ForeignKey(Router, models.PROTECT, related_name="+", db_index=False)
    day = models.DateField()
    service = models.CharField(max_length=NAME)
    provider = models.CharField(max_length=NAME)
    #: As it was asked for; what answered last beside it.
    model = models.CharField(max_length=NAME)
    answered_by = models.CharField(max_length=NAME)
    calls = models.BigIntegerField()
    failed = models.BigIntegerField()
    tokens_in = models.BigIntegerField()
    tokens_out = models.BigIntegerField()
    tokens_cached = models.BigIntegerField()
    #: Attributes with content that were dropped.
    erased = models.BigIntegerField()
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()

    objects = TrafficQuerySet.as_manager()

    class Meta:
        default_permissions = ()
        verbose_name_plural = "unattributed traffic"
        ordering = ("-day", "pk")
        indexes = [models.Index(fields=["day", "environment"], name="traffic_day")]
        constraints = [
            # Two lines for the same would each hold half of the calls.
            models.UniqueConstraint(
                fields=["router", "day", "service", "provider", "model"], name="traffic_once"
            ),
            # A line of no calls, or of more failures than calls, was counted wrongly.
            models.CheckConstraint(
                condition=Q(calls__gte=1, failed__gte=0, failed__lte=F("calls")),
                name="traffic_of_some_calls",
            ),
        ]

    def __str__(self):
        return f"{self.service}: {self.provider} {self.model}, {self.day}"


class TraceBody(models.Model):
    """That a body came: sent again, its calls are not counted again. Kept for a few days."""

    router = models.ForeignKey(Router, models.PROTECT, related_name="+", db_index=False)
    digest = models.CharField(max_length=DIGEST_LENGTH)
    received_at = models.DateTimeField()

    class Meta:
        default_permissions = ()
        verbose_name_plural = "trace bodies"
        indexes = [models.Index(fields=["received_at"], name="tracebody_received")]
        constraints = [
            # Without it, two workers that get the same body at once would both count it.
            models.UniqueConstraint(fields=["router", "digest"], name="tracebody_once"),
        ]

    def __str__(self):
        return self.digest
