"""What runs where: deployments as operators placed them, and every state they made."""

from datetime import datetime, timedelta

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
    UseCase,
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
        RANKED = "ranked", "a deployment got another priority"
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
    #: A release that a rollback left: it does not come back by itself.
    quarantine = models.BooleanField(default=False, editable=False)
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
            # A quarantine is of what was left where it was left, and of nothing more.
            models.CheckConstraint(
                condition=Q(quarantine=False) | Q(release__isnull=False, environment__isnull=False),
                name="suspension_quarantine_of_a_release_here",
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
        return f"{self.word} of {self.subject}, {where}"

    @property
    def word(self) -> str:
        """What people call it."""
        return "quarantine" if self.quarantine else "suspension"

    @property
    def subject(self):
        """What is suspended."""
        return self.release or self.version or self.endpoint or self.provider


class KeptFacts(GovernedModel):
    """Facts of a request as somebody kept them, to try a use case's route by again and again.

    Dropped, they are never taken up again: keeping them anew is a new row.
    """

    class Expected(models.TextChoices):
        ROUTED = "routed", "is routed"
        REFUSED = "refused", "is refused"

    sealed_by = "dropped_at"
    about = "use_case"

    use_case = models.ForeignKey(UseCase, models.PROTECT, related_name="kept_facts")
    name = models.CharField(max_length=100)
    #: As canonical JSON, without the use case.
    facts = models.TextField()
    expected = models.CharField(max_length=20, choices=Expected)
    kept_by = models.ForeignKey(Person, models.PROTECT, editable=False, related_name="+")
    kept_at = models.DateTimeField(editable=False)
    dropped_at = models.DateTimeField(null=True, editable=False)

    objects = visible("use_case__team")
    history = HistoricalRecords()

    class Meta(GovernedModel.Meta):
        ordering = ("use_case", "name", "pk")
        verbose_name = verbose_name_plural = "test facts"
        constraints = [
            # Two of one name would be taken for each other where a drill names them.
            models.UniqueConstraint(
                fields=["use_case", "name"],
                condition=Q(dropped_at=None),
                name="keptfacts_once",
                violation_error_message="Test facts of this name are kept already.",
            ),
        ]

    def __str__(self):
        return self.name


class Rollback(GovernedModel):
    """Somebody went back to what an earlier generation offered, in all or for one use case.

    The generation that followed is the activation of the same change.
    """

    #: By when an emergency is looked at by somebody else.
    REVIEWED_WITHIN = timedelta(hours=24)

    append_only = True
    about = "environment"

    environment = models.ForeignKey(Environment, models.PROTECT, related_name="rollbacks")
    generation = models.PositiveIntegerField()
    #: The one use case that went back; none for the whole environment.
    use_case = models.ForeignKey(
        UseCase, models.PROTECT, null=True, blank=True, related_name="rollbacks"
    )
    emergency = models.BooleanField(default=False)
    incident = models.CharField(max_length=200, blank=True)
    reason = models.TextField()
    rolled_back_by = models.ForeignKey(Person, models.PROTECT, related_name="rollbacks")
    rolled_back_at = models.DateTimeField()

    objects = visible()

    class Meta(GovernedModel.Meta):
        ordering = ("-pk",)
        indexes = [
            models.Index(
                fields=["rolled_back_at"],
                condition=Q(emergency=True),
                name="rollback_emergencies",
            ),
        ]
        constraints = [
            # An emergency that names no incident could not be looked at afterwards.
            models.CheckConstraint(
                condition=Q(emergency=False, incident="") | (Q(emergency=True) & ~Q(incident="")),
                name="rollback_emergency_names_its_incident",
                violation_error_message="An emergency names its incident.",
            ),
        ]

    def __str__(self):
        return f"rollback {self.pk} of {self.environment}"

    def get_absolute_url(self):
        return f"/rollbacks/{self.pk}/"

    @property
    def review_due(self) -> datetime | None:
        """By when somebody else reviews it; none but for an emergency."""
        return self.rolled_back_at + self.REVIEWED_WITHIN if self.emergency else None


class RollbackReview(GovernedModel):
    """Somebody else than who rolled back looked at an emergency afterwards."""

    class Outcome(models.TextChoices):
        JUSTIFIED = "justified", "justified"
        NOT_JUSTIFIED = "not_justified", "not justified"

    append_only = True
    about = "rollback"

    rollback = models.OneToOneField(Rollback, models.PROTECT, related_name="review")
    outcome = models.CharField(max_length=20, choices=Outcome)
    rolled_back_by = models.ForeignKey(Person, models.PROTECT, related_name="+")
    reviewed_by = models.ForeignKey(Person, models.PROTECT, related_name="rollback_reviews")
    reviewed_at = models.DateTimeField()
    reason = models.TextField()

    objects = visible()

    class Meta(GovernedModel.Meta):
        constraints = [
            # Nobody finds their own emergency justified.
            models.CheckConstraint(
                condition=~Q(reviewed_by=F("rolled_back_by")),
                name="rollbackreview_by_somebody_else",
                violation_error_message="A rollback is reviewed by somebody who did not do it.",
            ),
        ]

    def __str__(self):
        return f"review of rollback {self.rollback_id}"


# At the end: records and incidents name what stands above.
from runtime.incidents.models import (  # noqa: E402, F401
    FollowUp,
    Incident,
    IncidentLink,
    IncidentNote,
    IncidentParticipant,
)
from runtime.packs.models import EvidencePack  # noqa: E402, F401
from runtime.records.models import (  # noqa: E402, F401
    Bundle,
    BundleMember,
    RecordBatch,
    RecordCount,
    RequestRecord,
    SequenceSpan,
)
from runtime.records.pruned import PrunedRecord, Pruning  # noqa: E402, F401
from runtime.traces.models import TraceBody, UnattributedTraffic  # noqa: E402, F401
