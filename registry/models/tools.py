"""Tools that a release may call, and their scopes."""

from django.db import models
from simple_history.models import HistoricalRecords

from audit.models import GovernedModel
from registry.visibility import visible


class Tool(GovernedModel):
    """Something a model may act through."""

    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=200)
    description = models.TextField(blank=True)

    objects = visible()
    history = HistoricalRecords()

    class Meta(GovernedModel.Meta):
        ordering = ("slug",)

    def __str__(self):
        return self.slug


class ToolScope(GovernedModel):
    """One thing that a tool can be allowed to do."""

    part_of = "tool"

    tool = models.ForeignKey(Tool, models.PROTECT, related_name="scopes")
    name = models.CharField(max_length=100)
    description = models.CharField(max_length=500, blank=True)

    objects = visible()
    history = HistoricalRecords()

    class Meta(GovernedModel.Meta):
        ordering = ("tool__slug", "name")
        constraints = [
            # A grant names tool and scope.
            models.UniqueConstraint(
                fields=["tool", "name"],
                name="toolscope_once",
                violation_error_message="This tool has a scope of this name already.",
            ),
        ]

    def __str__(self):
        return f"{self.tool}.{self.name}"
