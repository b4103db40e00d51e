"""Evaluation suites: named metrics with unit and direction, in versions."""

from django.db import models
from simple_history.models import HistoricalRecords

from audit.models import GovernedModel
from registry.visibility import visible


class EvaluationSuite(GovernedModel):
    """A set of measurements that keeps its name over time."""

    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=200)
    description = models.TextField(blank=True)

    objects = visible()
    history = HistoricalRecords()

    class Meta(GovernedModel.Meta):
        ordering = ("slug",)

    def __str__(self):
        return self.slug


class SuiteVersion(GovernedModel):
    """One published state of a suite; a changed metric is a new version."""

    append_only = True
    about = "suite"

    suite = models.ForeignKey(EvaluationSuite, models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField(editable=False)
    notes = models.TextField(blank=True, help_text="What is new in this version.")

    objects = visible()

    class Meta(GovernedModel.Meta):
        ordering = ("suite__slug", "-number")
        constraints = [
            # Scores name a version; two of one number would mix their metrics.
            models.UniqueConstraint(
                fields=["suite", "number"],
                name="suiteversion_once",
                violation_error_message="This suite has a version of this number already.",
            ),
        ]

    def __str__(self):
        return f"{self.suite} v{self.number}"


class Metric(GovernedModel):
    """One figure of a suite version: unit, and whether more is better."""

    born_with = "suite_version"

    suite_version = models.ForeignKey(SuiteVersion, models.PROTECT, related_name="metrics")
    name = models.CharField(max_length=100)
    unit = models.CharField(max_length=40, blank=True, help_text="Such as fraction, %, s.")
    higher_is_better = models.BooleanField(default=True)

    objects = visible()

    class Meta(GovernedModel.Meta):
        ordering = ("suite_version", "name")
        constraints = [
            # A score is looked up by its metric's name.
            models.UniqueConstraint(
                fields=["suite_version", "name"],
                name="metric_once",
                violation_error_message="This suite version has a metric of this name already.",
            ),
        ]

    def __str__(self):
        return f"{self.suite_version} {self.name}"
