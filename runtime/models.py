"""What runs where: deployments as operators placed them, and every state they made."""

from django.db import models
from django.db.models import F, Q
from simple_history.models import HistoricalRecords

from audit.models import DIGEST_LENGTH, GovernedModel
from registry.models import (
    Environment,
    ModelVersion,
    Person,
    Provider,
    Release,
    ServingEndpoint,
)
from registry.visibility import visible


class Deployment(GovernedModel):
    """One release offered at one endpoint in one environment; the least priority goes first.

    Whether it may serve a request is judged at every request. Taken out, it is never put back:
    offering the release again is a new row.
    """

    sealed_by = "removed_at"

    environment = models.ForeignKey(Environment, models.PROTECT, related_name="deployments")
    release = models.ForeignKey(Release, models.PROTECT, related_name="deployments")
    endpoint = models.ForeignKey(ServingEndpoint, models.PROTECT, related_name="deployments")
    priority = models.PositiveSmallIntegerField(default=10)
    placed_by = models.ForeignKey(Person, models.PROTECT, editable=False, related_name="+")
    placed_at = models.DateTimeField(editable=False)
    removed_at = models.DateTimeField(null=True, editable=False)

    objects = visible("release__use_case__team")
    history = HistoricalRecords()

    class Meta(GovernedModel.Meta):
        ordering = ("environment", "priority", "pk")
        indexes = [
            models.Index(fields=["environment", "removed_at"], name="deployment_running"),
        ]
        constraints = [
            # Offered twice at one endpoint, it would be its own fallback.
            models.UniqueConstraint(
                fields=["environment", "release", "endpoint"],
                condition=Q(removed_at=None),
                name="deployment_once",
                violation_error_message="The release is offered at this endpoint already.",
            ),
        ]

    def __str__(self):
        return self.name

    @property
    def name(self) -> str:
        """What snapshots, routes and records call it; it needs use case and endpoint."""
        return f"{self.release.use_case.slug}-{self.release.number}@{self.endpoint.slug}"


class Snapshot(GovernedModel):
    """All that a router needs to know of one environment, as canonical bytes under a digest."""

    append_only = True
    undigested = ("content",)  # covered by `digest`

    environment = models.ForeignKey(Environment, models.PROTECT, related_name="snapshots")
    content = models.TextField()
    digest = models.CharField(max_length=DIGEST_LENGTH, unique=True)
    created_at = models.DateTimeField()

    objects = visible()

    class Meta(GovernedModel.Meta):
        ordering = ("-pk",)

    def __str__(self):
        return self.digest


class Activation(GovernedModel):
    """From its change on, one snapshot is what is active in an environment: its n-th state."""

    class Cause(models.TextChoices):
        BEGUN = "begun", "the environment began"
        PLACED = "placed", "a release was activated"
        REMOVED = "removed", "a deployment was taken out"
        ROLLED_BACK = "rolled_back", "rolled back"
        SUSPENDED = "suspended", "something was suspended"
        RESUMED = "resumed", "a suspension was lifted"
        FOLLOWED = "followed", "what it rests on changed"

    append_only = True
    about = "environment"

    environment = models.ForeignKey(Environment, models.PROTECT, related_name="activations")
    generation = models.PositiveIntegerField()
    snapshot = models.ForeignKey(Snapshot, models.PROTECT, related_name="activations")
    cause = models.CharField(max_length=20, choices=Cause)
    #: The generation whose deployments a rollback put back.
    restored = models.PositiveIntegerField(null=True, editable=False)

    objects = visible()

    class Meta(GovernedModel.Meta):
        ordering = ("environment", "-generation")
        constraints = [
            # Two states under one number would leave open which of them a router holds.
            models.UniqueConstraint(
                fields=["environment", "generation"],
                name="activation_once",
                violation_error_message="Somebody published a generation just before you.",
            ),
            # Only a rollback puts something back, and only what was before it.
            models.CheckConstraint(
                condition=Q(~Q(cause="rolled_back"), restored=None)
                | Q(cause="rolled_back", restored__lt=F("generation")),
                name="activation_restores_the_past",
            ),
        ]

    def __str__(self):
        return f"{self.environment} generation {self.generation}"


class Suspension(GovernedModel):
    """A release, model version, endpoint or provider that serves nothing until it is lifted."""

    sealed_by = "lifted_at"

    SUBJECTS = ("release", "version", "endpoint", "provider")

    #: Without one it holds everywhere.
    environment = models.ForeignKey(
        Environment, models.PROTECT, null=True, blank=True, related_name="suspensions"
    )
    release = models.ForeignKey(
        Release, models.PROTECT, null=True, blank=True, related_name="suspensions"
    )
    version = models.ForeignKey(
        ModelVersion, models.PROTECT, null=True, blank=True, related_name="suspensions"
    )
    endpoint = models.ForeignKey(
        ServingEndpoint, models.PROTECT, null=True, blank=True, related_name="suspensions"
    )
    provider = models.ForeignKey(
        Provider, models.PROTECT, null=True, blank=True, related_name="suspensions"
    )
    why = models.TextField()
    suspended_by = models.ForeignKey(Person, models.PROTECT, related_name="+")
    suspended_at = models.DateTimeField()
    lifted_by = models.ForeignKey(Person, models.PROTECT, null=True, blank=True, related_name="+")
    lifted_at = models.DateTimeField(null=True, db_index=True, editable=False)

    objects = visible()
    history = HistoricalRecords()

    class Meta(GovernedModel.Meta):
        ordering = ("-pk",)
        constraints = [
            # A suspension of nothing stops nothing; of two things, nobody knows which to lift.
            models.CheckConstraint(
                condition=Q(release__isnull=False, version=None, endpoint=None, provider=None)
                | Q(release=None, version__isnull=False, endpoint=None, provider=None)
                | Q(release=None, version=None, endpoint__isnull=False, provider=None)
                | Q(release=None, version=None, endpoint=None, provider__isnull=False),
                name="suspension_of_one_thing",
            ),
            # Lifted by nobody, it would have no one to ask.
            models.CheckConstraint(
                condition=Q(lifted_at=None, lifted_by=None)
                | Q(lifted_at__isnull=False, lifted_by__isnull=False),
                name="suspension_lifting_is_signed",
            ),
        ]

    def __str__(self):
        where = self.environment.slug if self.environment else "everywhere"
        return f"suspension of {self.subject}, {where}"

    @property
    def subject(self):
        """What is suspended."""
        return self.release or self.version or self.endpoint or self.provider
