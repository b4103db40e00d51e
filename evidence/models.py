"""What proves it: evidence items with files, runs and scores."""

import uuid

from django.conf import settings
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import F, Q

from audit.fields import DocumentField
from audit.models import DIGEST_LENGTH, GovernedManager, GovernedModel, GovernedQuerySet
from evidence import intervals, safety
from evidence.kinds import KINDS
from registry.models import Metric, ModelVersion, Person, Release, SuiteVersion

SHA256 = RegexValidator(r"^[0-9a-f]{64}$")


def kind_choices():
    """Return the kinds as choices; a function, so that a new kind is no migration."""
    return [(kind.slug, kind.name) for kind in KINDS.values()]


class _SeenByItem:
    #: Path from the row to its item, with a trailing `__`.
    item_path = ""

    def visible_to(self, user):
        """What is given for a release or version is seen by whoever sees that."""
        if not user.grants:
            return self.none()
        if user.sees_all:
            return self
        path, teams = self.item_path, user.team_ids
        return self.filter(
            Q(**{f"{path}release__use_case__team__in": teams})
            | Q(**{f"{path}version__model__team__in": teams})
            | Q(**{f"{path}version__model__shared": True})
        )


class EvidenceQuerySet(_SeenByItem, GovernedQuerySet):
    pass


class OpenRunQuerySet(_SeenByItem, models.QuerySet):
    """Not governed, and it has the release or version itself."""


def through_item(path: str):
    """Return a manager that follows `path` to the item for `visible_to`."""
    queryset = type("ThroughItem", (EvidenceQuerySet,), {"item_path": path})
    return GovernedManager.from_queryset(queryset)()


class EvidenceItem(GovernedModel):
    """One proof about a release or a model version, sealed from birth.

    Its digest covers the answers and the digests of its files. Withdrawal and replacement are
    rows of their own.
    """

    class Verdict(models.TextChoices):
        PASS = "pass", "pass"
        FAIL = "fail", "fail"
        NOTED = "noted", "noted"

    class Standing(models.TextChoices):
        SELF_REPORTED = "self_reported", "self-reported"
        INTERNAL = "internal", "internal"
        INDEPENDENT = "independent", "independent"

    append_only = True

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=40, choices=kind_choices, db_index=True)
    release = models.ForeignKey(
        Release, models.PROTECT, null=True, blank=True, related_name="evidence"
    )
    version = models.ForeignKey(
        ModelVersion,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="evidence",
        verbose_name="model version",
    )
    title = models.CharField(max_length=200)
    verdict = models.CharField(max_length=10, choices=Verdict)
    standing = models.CharField(max_length=20, choices=Standing, default=Standing.INTERNAL)
    vouched_by = models.CharField(
        "who vouches",
        max_length=200,
        help_text="The person or body that stands behind it.",
    )
    answers = DocumentField(default=dict, blank=True)
    author = models.ForeignKey(
        Person, models.PROTECT, editable=False, related_name="evidence_given"
    )
    created_at = models.DateTimeField(editable=False)
    expires_at = models.DateTimeField(db_index=True)
    replaces = models.OneToOneField(
        "self", models.PROTECT, null=True, blank=True, related_name="replaced_by"
    )
    content = models.TextField(editable=False)
    digest = models.CharField(max_length=DIGEST_LENGTH, db_index=True, editable=False)

    objects = through_item("")

    class Meta(GovernedModel.Meta):
        verbose_name = "evidence item"
        ordering = ("-created_at", "-pk")
        indexes = [
            models.Index(fields=["release", "kind", "-created_at"], name="evidence_of_release"),
            models.Index(fields=["version", "kind", "-created_at"], name="evidence_of_version"),
            models.Index(fields=["-created_at", "-id"], name="evidence_newest"),
        ]
        constraints = [
            # Evidence about nothing, or about two things, would count where nobody looked.
            models.CheckConstraint(
                condition=Q(release=None, version__isnull=False)
                | Q(release__isnull=False, version=None),
                name="evidenceitem_one_subject",
                violation_error_message="Name a release or a model version, one of them.",
            ),
            # Evidence that was never good would end approvals before they begin.
            models.CheckConstraint(
                condition=Q(expires_at__gt=F("created_at")),
                name="evidenceitem_ends_after_it_begins",
                violation_error_message="Evidence ends after it was created.",
            ),
        ]

    def __str__(self):
        return self.title

    def get_absolute_url(self):
        return f"/evidence/{self.pk}/"

    @property
    def subject(self):
        """The release or model version that the item is about."""
        return self.release or self.version


class EvidenceFile(GovernedModel):
    """A file of an item: its name is data, its bytes are kept under their digest."""

    born_with = "item"

    item = models.ForeignKey(EvidenceItem, models.PROTECT, related_name="files")
    name = models.CharField(max_length=150)
    size = models.PositiveBigIntegerField(help_text="Bytes.")
    sha256 = models.CharField(max_length=64, validators=[SHA256], db_index=True)
    content_type = models.CharField(max_length=100)

    objects = through_item("item__")

    class Meta(GovernedModel.Meta):
        verbose_name = "evidence file"
        ordering = ("item", "pk")
        constraints = [
            # The same bytes twice in one item are one file too many.
            models.UniqueConstraint(
                fields=["item", "sha256"],
                name="evidencefile_once",
                violation_error_message="The same file is attached twice.",
            ),
        ]

    def __str__(self):
        return self.name

    @property
    def digest(self) -> str:
        """The digest as the project writes digests."""
        return f"sha256:{self.sha256}"

    @property
    def last_scan(self) -> "FileScan | None":
        """The newest scan, from what is prefetched if anything is."""
        return max(self.scans.all(), key=lambda scan: scan.pk, default=None)

    @property
    def safety(self) -> safety.Safety:
        """Whether the file was scanned, and may be handed out."""
        scan = self.last_scan
        return safety.safety(scan and scan.outcome, scanning=bool(settings.EVIDENCE_SCAN_COMMAND))


class FileScan(GovernedModel):
    """What a scan of a file found. The newest of a file speaks; a file is never changed by one."""

    class Outcome(models.TextChoices):
        PASSED = "passed", "passed"
        FOUND = "found", "found something"
        FAILED = "failed", "could not tell"

    append_only = True
    about = "file"

    file = models.ForeignKey(EvidenceFile, models.PROTECT, related_name="scans")
    outcome = models.CharField(max_length=10, choices=Outcome)
    scanner = models.CharField(max_length=200, help_text="The program that looked.")
    said = models.CharField(max_length=500, blank=True, default="", help_text="Its own words.")
    scanned_at = models.DateTimeField()

    objects = through_item("file__item__")

    class Meta(GovernedModel.Meta):
        verbose_name = "scan"
        ordering = ("file", "pk")
        constraints = [
            # `choices` binds forms only: an outcome nobody knows would hold nothing back.
            models.CheckConstraint(
                condition=Q(outcome__in=["passed", "found", "failed"]),
                name="filescan_outcome_is_known",
            ),
        ]

    def __str__(self):
        return f"scan of {self.file_id}: {self.outcome}"


class Delivery(GovernedModel):
    """The key under which a pipeline brought an item, so that sending it again brings no second."""

    born_with = "item"

    item = models.OneToOneField(EvidenceItem, models.PROTECT, related_name="delivery")
    given_by = models.ForeignKey(Person, models.PROTECT, related_name="+")
    idempotency_key = models.CharField(max_length=200)
    body_digest = models.CharField(max_length=DIGEST_LENGTH)

    objects = through_item("item__")

    class Meta(GovernedModel.Meta):
        constraints = [
            # A retry that overtakes its first attempt must not make a second item.
            models.UniqueConstraint(
                fields=["given_by", "idempotency_key"],
                name="delivery_once",
                violation_error_message="Something was given under this idempotency key already.",
            ),
        ]

    def __str__(self):
        return f"delivery of {self.item_id}"


class Withdrawal(GovernedModel):
    """An item no longer stands; what rests on it ends."""

    append_only = True
    about = "item"

    item = models.OneToOneField(EvidenceItem, models.PROTECT, related_name="withdrawal")
    withdrawn_by = models.ForeignKey(Person, models.PROTECT, related_name="+")
    withdrawn_at = models.DateTimeField()
    reason = models.TextField()

    objects = through_item("item__")

    class Meta(GovernedModel.Meta):
        pass

    def __str__(self):
        return f"withdrawal of {self.item_id}"


class EvaluationRun(GovernedModel):
    """One run of a suite, under an item. It counts once somebody but its giver accepts it."""

    class Completeness(models.TextChoices):
        COMPLETE = "complete", "complete"
        PARTIAL = "partial", "partial"

    append_only = True
    about = "item"

    item = models.ForeignKey(EvidenceItem, models.PROTECT, related_name="runs")
    suite_version = models.ForeignKey(SuiteVersion, models.PROTECT, related_name="runs")
    completeness = models.CharField(
        max_length=10, choices=Completeness, default=Completeness.COMPLETE
    )
    ran_at = models.DateTimeField(help_text="When it was run.")
    source = models.CharField(max_length=200, help_text="Tool and version, or who measured.")
    config = DocumentField(default=dict, blank=True, help_text="Settings of the run.")
    given_by = models.ForeignKey(Person, models.PROTECT, editable=False, related_name="runs_given")
    created_at = models.DateTimeField(editable=False)

    objects = through_item("item__")

    class Meta(GovernedModel.Meta):
        verbose_name = "evaluation run"
        ordering = ("-ran_at", "-pk")
        indexes = [models.Index(fields=["suite_version", "-ran_at"], name="run_newest")]

    def __str__(self):
        return f"run {self.pk} of {self.suite_version}"

    def get_absolute_url(self):
        return f"/evidence/{self.item_id}/#run-{self.pk}"


class OpenRun(models.Model):
    """A run that nobody accepted and that would count if somebody did. Derived, not governed.

    A hint to look by, with what lists ask of its run and item, all of which is sealed there. What
    was accepted since is not here; what expired since may be. `evidence.open_runs` alone writes it.
    """

    run = models.OneToOneField(
        EvaluationRun, models.PROTECT, primary_key=True, related_name="open_run"
    )
    suite_version = models.ForeignKey(
        SuiteVersion, models.PROTECT, related_name="+", db_index=False
    )
    release = models.ForeignKey(
        Release, models.PROTECT, null=True, related_name="+", db_index=False
    )
    version = models.ForeignKey(
        ModelVersion, models.PROTECT, null=True, related_name="+", db_index=False
    )
    given_by = models.ForeignKey(Person, models.PROTECT, related_name="+", db_index=False)
    complete = models.BooleanField()
    ran_at = models.DateTimeField()
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(db_index=True)

    objects = models.Manager.from_queryset(OpenRunQuerySet)()

    class Meta:
        default_permissions = ()
        indexes = [
            # Whether a newer one measures the same is asked of each row that waits.
            models.Index(fields=["release", "suite_version", "ran_at"], name="open_of_release"),
            models.Index(fields=["version", "suite_version", "ran_at"], name="open_of_version"),
        ]

    def __str__(self):
        return f"open run {self.run_id}"


class Score(GovernedModel):
    """One figure of a run. `text` is the source's own spelling, which is what rules judge."""

    born_with = "run"

    run = models.ForeignKey(EvaluationRun, models.PROTECT, related_name="scores")
    metric = models.ForeignKey(Metric, models.PROTECT, related_name="scores")
    filter = models.CharField(max_length=100, blank=True, default="")
    subset = models.CharField(max_length=100, blank=True, default="")
    value = models.DecimalField(max_digits=15, decimal_places=6)
    text = models.CharField(max_length=64)
    stderr = models.CharField("standard error", max_length=64, blank=True, default="")
    samples = models.PositiveIntegerField(null=True, blank=True)
    #: Where it may well be, as the source says it, and how sure the source is: "0.95".
    low = models.CharField("lower bound", max_length=64, blank=True, default="")
    high = models.CharField("upper bound", max_length=64, blank=True, default="")
    level = models.CharField("confidence level", max_length=64, blank=True, default="")

    objects = through_item("run__item__")

    class Meta(GovernedModel.Meta):
        ordering = ("run", "metric", "filter", "subset")
        constraints = [
            # Two values under one key would let each reader pick.
            models.UniqueConstraint(
                fields=["run", "metric", "filter", "subset"],
                name="score_once",
                violation_error_message="This score is given twice.",
            ),
            # Half an interval, or a level of none, would be drawn as what nobody said.
            models.CheckConstraint(
                condition=Q(low="", high="", level="") | (~Q(low="") & ~Q(high="")),
                name="score_interval_is_whole",
                violation_error_message="An interval has two bounds.",
            ),
        ]

    def __str__(self):
        return f"{self.metric} = {self.text}"

    @property
    def interval(self) -> str:
        """The interval in words, empty where the source has none."""
        return intervals.words(self.low, self.high, self.level)


class RunAcceptance(GovernedModel):
    """Somebody other than its giver lets a run count, for or against."""

    append_only = True
    about = "run"

    run = models.OneToOneField(EvaluationRun, models.PROTECT, related_name="acceptance")
    given_by = models.ForeignKey(Person, models.PROTECT, related_name="+")
    accepted_by = models.ForeignKey(Person, models.PROTECT, related_name="runs_accepted")
    accepted_at = models.DateTimeField()
    reason = models.TextField()

    objects = through_item("run__item__")

    class Meta(GovernedModel.Meta):
        constraints = [
            # Who gives a figure does not also decide that it counts.
            models.CheckConstraint(
                condition=~Q(accepted_by=F("given_by")),
                name="runacceptance_by_somebody_else",
                violation_error_message="A run is accepted by somebody other than its giver.",
            ),
        ]

    def __str__(self):
        return f"acceptance of run {self.run_id}"
