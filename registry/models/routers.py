"""Routers: registered clients that send requests where a snapshot lets them go."""

from django.db import models
from django.db.models import Q
from simple_history.models import HistoricalRecords

from audit.models import GovernedModel
from registry.models.people import Team
from registry.models.places import Environment
from registry.visibility import visible


class Router(GovernedModel):
    """A client that routes in one environment, known by its tokens. Switched off, never deleted."""

    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=200)
    environment = models.ForeignKey(Environment, models.PROTECT, related_name="routers")
    team = models.ForeignKey(
        Team, models.PROTECT, related_name="routers", help_text="Who answers for it."
    )
    is_active = models.BooleanField(
        "active", default=True, help_text="Switched off, its tokens open nothing."
    )

    objects = visible()
    history = HistoricalRecords()

    class Meta(GovernedModel.Meta):
        ordering = ("slug",)

    def __str__(self):
        return self.slug


class RouterReport(models.Model):
    """That a router said which generation it decides from. Not governed: a read writes no log.

    Several processes may be one router, so that it holds two generations for a while.
    """

    router = models.ForeignKey(Router, models.PROTECT, related_name="reports")
    generation = models.PositiveIntegerField()
    #: Set by whatever process of the router got there first.
    first_seen_at = models.DateTimeField()
    #: Of what it said again, noted once a minute.
    last_seen_at = models.DateTimeField()

    class Meta:
        default_permissions = ()
        indexes = [models.Index(fields=["router", "last_seen_at"], name="routerreport_lately")]
        constraints = [
            # Two lines for one generation would be two answers to when it got there.
            models.UniqueConstraint(fields=["router", "generation"], name="routerreport_once"),
            # Generations are counted from 1; none is held before any was published.
            models.CheckConstraint(condition=Q(generation__gte=1), name="routerreport_of_one"),
            # Seen last before it was seen first, it would have been held for less than no time.
            models.CheckConstraint(
                condition=Q(last_seen_at__gte=models.F("first_seen_at")),
                name="routerreport_in_order",
            ),
        ]

    def __str__(self):
        return f"{self.router_id} holds {self.generation}"
