"""Serving endpoints: where a model version can be called."""

from django.db import models
from django.db.models import Q
from simple_history.models import HistoricalRecords

from audit.models import DIGEST_LENGTH, GovernedModel
from registry.models.models import ModelVersion
from registry.models.people import Team
from registry.models.places import Provider, Region
from registry.visibility import visible


class ServingEndpoint(GovernedModel):
    """A host that serves one model version, and where it keeps what it is sent.

    Governed, not sealed: its digest, over its columns and regions, is taken at every change and
    enters the package, so an endpoint that changed since it was approved shows at once.
    """

    class Latency(models.TextChoices):
        INTERACTIVE = "interactive", "interactive (first token within 2 s)"
        STANDARD = "standard", "standard (within 10 s)"
        BATCH = "batch", "batch (minutes or more)"

    class Cost(models.TextChoices):
        LOW = "low", "low"
        MEDIUM = "medium", "medium"
        HIGH = "high", "high"

    class Exposure(models.TextChoices):
        EXPOSED = "exposed", "the provider reports a release id"
        NOT_EXPOSED = "not_exposed", "not exposed by the provider"

    slug = models.SlugField(unique=True)
    version = models.ForeignKey(
        ModelVersion,
        models.PROTECT,
        related_name="endpoints",
        verbose_name="model version",
    )
    host = models.ForeignKey(Provider, models.PROTECT, related_name="hosted_endpoints")
    team = models.ForeignKey(Team, models.PROTECT, related_name="endpoints")
    address = models.CharField(max_length=300, help_text="Base address or deployment name.")
    latency_class = models.CharField(max_length=12, choices=Latency, default=Latency.STANDARD)
    cost_class = models.CharField(max_length=8, choices=Cost, default=Cost.MEDIUM)
    exposure = models.CharField(
        "served release id",
        max_length=12,
        choices=Exposure,
        default=Exposure.NOT_EXPOSED,
    )
    served_release_id = models.CharField(
        max_length=200,
        blank=True,
        help_text="What the provider reports, such as a system id.",
    )
    content = models.TextField(editable=False)
    digest = models.CharField(max_length=DIGEST_LENGTH, db_index=True, editable=False)

    objects = visible("team", "version__model__shared")
    history = HistoricalRecords()

    class Meta(GovernedModel.Meta):
        ordering = ("slug",)
        constraints = [
            # "Not exposed" is a recorded fact, not an empty box.
            models.CheckConstraint(
                condition=Q(~Q(served_release_id=""), exposure="exposed")
                | Q(exposure="not_exposed", served_release_id=""),
                name="servingendpoint_exposure_is_said",
                violation_error_message=(
                    "Give the release id that the provider reports, or say that it exposes none."
                ),
            ),
        ]

    def __str__(self):
        return self.slug


class EndpointRegion(GovernedModel):
    """A region where an endpoint does one thing with what it is sent."""

    class Purpose(models.TextChoices):
        PROCESSING = "processing", "processing"
        STORAGE = "storage", "storage"
        TELEMETRY = "telemetry", "telemetry"
        SUPPORT = "support", "support access"

    part_of = "endpoint"

    endpoint = models.ForeignKey(ServingEndpoint, models.PROTECT, related_name="region_links")
    purpose = models.CharField(max_length=12, choices=Purpose)
    region = models.ForeignKey(Region, models.PROTECT, related_name="endpoint_links")

    history = HistoricalRecords()

    class Meta(GovernedModel.Meta):
        constraints = [
            # A region listed twice would survive being taken out once.
            models.UniqueConstraint(
                fields=["endpoint", "purpose", "region"],
                name="endpointregion_once",
                violation_error_message="This region is listed for this purpose already.",
            ),
        ]

    def __str__(self):
        return f"{self.get_purpose_display()} in {self.region}"
