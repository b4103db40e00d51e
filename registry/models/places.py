"""Regions, providers and environments."""

from django.core.validators import RegexValidator
from django.db import models
from simple_history.models import HistoricalRecords

from audit.fields import DocumentField
from audit.models import GovernedModel
from registry.visibility import visible


class Region(GovernedModel):
    """A place where data may be. A region that is not listed is unknown, and unknown is refused."""

    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=200)
    country = models.CharField(
        max_length=2,
        validators=[RegexValidator(r"^[A-Z]{2}$", "Give the two capital letters of ISO 3166-1.")],
        help_text="ISO 3166-1 alpha-2, such as DE.",
    )
    jurisdictions = DocumentField(
        default=list,
        blank=True,
        help_text="Whose law applies there, such as EU and DE.",
    )

    objects = visible()
    history = HistoricalRecords()

    class Meta(GovernedModel.Meta):
        ordering = ("slug",)

    def __str__(self):
        return self.slug


class Provider(GovernedModel):
    """An organisation that makes models or hosts them, or both."""

    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=200)
    country = models.CharField(
        max_length=2,
        blank=True,
        validators=[RegexValidator(r"^[A-Z]{2}$", "Give the two capital letters of ISO 3166-1.")],
        help_text="Seat of the organisation, ISO 3166-1 alpha-2.",
    )
    website = models.URLField(blank=True)

    objects = visible()
    history = HistoricalRecords()

    class Meta(GovernedModel.Meta):
        ordering = ("slug",)

    def __str__(self):
        return self.slug


class Stage(models.TextChoices):
    """The stage gates, weakest first; each asks for all that the ones before it ask for."""

    SANDBOX = "sandbox", "sandbox"
    PRODUCTION = "production", "production"
    REGULATED = "regulated", "regulated"


class Environment(GovernedModel):
    """Where releases run."""

    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=200)
    stage = models.CharField("stage gate", max_length=20, choices=Stage)
    jurisdiction = models.CharField(max_length=20, help_text="Whose law applies, such as EU.")

    objects = visible()
    history = HistoricalRecords()

    class Meta(GovernedModel.Meta):
        ordering = ("slug",)

    def __str__(self):
        return self.slug

    def get_absolute_url(self):
        return f"/environments/{self.slug}/"


class EnvironmentRegion(GovernedModel):
    """A region that an environment spans."""

    part_of = "environment"

    environment = models.ForeignKey(Environment, models.PROTECT, related_name="region_links")
    region = models.ForeignKey(Region, models.PROTECT, related_name="environment_links")

    history = HistoricalRecords()

    class Meta(GovernedModel.Meta):
        constraints = [
            # A region listed twice would survive being taken out once.
            models.UniqueConstraint(
                fields=["environment", "region"],
                name="environmentregion_once",
                violation_error_message="This region is listed already.",
            ),
        ]

    def __str__(self):
        return f"{self.environment} in {self.region}"
