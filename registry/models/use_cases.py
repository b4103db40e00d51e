"""Use cases: the named purposes that releases serve."""

from django.db import models
from simple_history.models import HistoricalRecords

from audit.models import GovernedModel
from registry.models.people import Team
from registry.visibility import visible


class RiskTier(models.TextChoices):
    """How much harm a wrong answer can do, lowest first."""

    MINIMAL = "minimal", "minimal"
    LIMITED = "limited", "limited"
    HIGH = "high", "high"


class DataClass(models.TextChoices):
    """How closely data is held, most open first."""

    PUBLIC = "public", "public"
    INTERNAL = "internal", "internal"
    CONFIDENTIAL = "confidential", "confidential"
    RESTRICTED = "restricted", "restricted"


class UseCase(GovernedModel):
    """A purpose with an owner, a risk tier, a data classification and the scores it demands."""

    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=200)
    purpose = models.TextField(help_text="What it is for, and who is affected by its answers.")
    team = models.ForeignKey(Team, models.PROTECT, related_name="use_cases")
    risk_tier = models.CharField(max_length=10, choices=RiskTier)
    data_classification = models.CharField(max_length=20, choices=DataClass)

    objects = visible("team")
    history = HistoricalRecords()

    class Meta(GovernedModel.Meta):
        ordering = ("slug",)
        indexes = [
            models.Index(fields=["risk_tier", "slug"], name="usecase_tier"),
            models.Index(fields=["data_classification", "slug"], name="usecase_classification"),
        ]

    def __str__(self):
        return self.slug


class ScoreDemand(GovernedModel):
    """A score that every release of the use case must reach, judged by the metric's direction."""

    part_of = "use_case"

    use_case = models.ForeignKey(UseCase, models.PROTECT, related_name="score_demands")
    metric = models.ForeignKey("registry.Metric", models.PROTECT, related_name="demands")
    threshold = models.DecimalField(max_digits=15, decimal_places=6)

    history = HistoricalRecords()

    class Meta(GovernedModel.Meta):
        constraints = [
            # Two thresholds for one metric leave open which one counts.
            models.UniqueConstraint(
                fields=["use_case", "metric"],
                name="scoredemand_once",
                violation_error_message="This metric is demanded already.",
            ),
        ]

    def __str__(self):
        sign = "≥" if self.metric.higher_is_better else "≤"
        return f"{self.metric} {sign} {self.threshold.normalize():f}"
