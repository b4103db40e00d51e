"""Who lets it pass: gate versions, promotions, packages and the people on them."""

import uuid

from django.db import models
from django.db.models import Q
from simple_history.models import HistoricalRecords

from audit.fields import DocumentField
from audit.models import DIGEST_LENGTH, GovernedModel
from evidence.models import EvidenceItem
from registry.models import Environment, Person, Release, ServingEndpoint, Stage
from registry.roles import Role
from registry.visibility import visible


class GateVersion(GovernedModel):
    """One published state of a gate. A gate adds to the gates before it."""

    sealed_by = "published_at"
    undigested = ("content",)  # covered by `digest`, and kept out of the history rows

    gate = models.CharField(max_length=20, choices=Stage)
    number = models.PositiveIntegerField()
    notes = models.TextField(blank=True)
    published_at = models.DateTimeField(null=True, blank=True, editable=False)
    content = models.TextField(blank=True, editable=False)
    digest = models.CharField(max_length=DIGEST_LENGTH, blank=True, editable=False)

    objects = visible()
    history = HistoricalRecords(excluded_fields=["content"])

    class Meta(GovernedModel.Meta):
        ordering = ("gate", "-number")
        constraints = [
            # An approval names gate and number.
            models.UniqueConstraint(fields=["gate", "number"], name="gateversion_once"),
            # Published without a digest, it could not be named in a package.
            models.CheckConstraint(
                condition=Q(published_at=None, digest="", content="")
                | Q(~Q(digest=""), ~Q(content=""), published_at__isnull=False),
                name="gateversion_published_is_whole",
            ),
        ]

    def __str__(self):
        return f"{self.gate} v{self.number}"


class Requirement(GovernedModel):
    """One thing that a gate asks for. `terms` are read by the rule of its type."""

    class Type(models.TextChoices):
        EVIDENCE = "evidence", "evidence"
        SCORE = "score", "score"
        METADATA = "metadata", "metadata"
        CHECK = "check", "check"

    part_of = "gate_version"

    gate_version = models.ForeignKey(GateVersion, models.PROTECT, related_name="requirements")
    code = models.CharField(max_length=60)
    type = models.CharField(max_length=10, choices=Type)
    sentence = models.CharField(max_length=300)
    guidance = models.TextField(blank=True)
    terms = DocumentField(default=dict, blank=True)
    position = models.PositiveSmallIntegerField(default=0)

    objects = visible()
    history = HistoricalRecords()

    class Meta(GovernedModel.Meta):
        ordering = ("gate_version", "position", "code")
        constraints = [
            # A finding is known by its requirement's code.
            models.UniqueConstraint(fields=["gate_version", "code"], name="requirement_once"),
        ]

    def __str__(self):
        return self.code


class SignOffSlot(GovernedModel):
    """How many people of a role a gate wants to sign, beside those of the gates before it."""

    part_of = "gate_version"

    gate_version = models.ForeignKey(GateVersion, models.PROTECT, related_name="slots")
    role = models.CharField(max_length=30, choices=Role)
    count = models.PositiveSmallIntegerField(default=1)

    objects = visible()
    history = HistoricalRecords()

    class Meta(GovernedModel.Meta):
        verbose_name = "sign-off slot"
        constraints = [
            # Two counts for one role would leave open how many sign.
            models.UniqueConstraint(fields=["gate_version", "role"], name="signoffslot_once"),
        ]

    def __str__(self):
        return f"{self.count} × {self.role}"


class Promotion(GovernedModel):
    """The request to let one release into one environment at named endpoints.

    Stored is what people did; whether an approval is active is computed, never stored.
    """

    class State(models.TextChoices):
        DRAFT = "draft", "draft"
        IN_REVIEW = "in_review", "in review"
        CHANGES_REQUESTED = "changes_requested", "changes requested"
        APPROVED = "approved", "approved"
        REJECTED = "rejected", "rejected"
        WITHDRAWN = "withdrawn", "withdrawn"

    UNDECIDED = (State.DRAFT, State.IN_REVIEW, State.CHANGES_REQUESTED)

    sealed_by = "decided_at"

    release = models.ForeignKey(Release, models.PROTECT, related_name="promotions")
    environment = models.ForeignKey(Environment, models.PROTECT, related_name="promotions")
    purpose = models.TextField("why now", help_text="What this makes possible, and for whom.")
    wanted_by = models.DateField("decision wanted by", null=True, blank=True)
    requested_by = models.ForeignKey(
        Person, models.PROTECT, editable=False, related_name="promotions_requested"
    )
    created_at = models.DateTimeField(editable=False)
    state = models.CharField(
        max_length=20, choices=State, default=State.DRAFT, editable=False, db_index=True
    )
    #: How often it was submitted; part of the package, so that a new request is signed anew.
    submission = models.PositiveIntegerField(default=0, editable=False)
    submitted_at = models.DateTimeField(null=True, editable=False)
    #: Number of the change up to which evidence is taken in; what came later counts only against.
    evidence_up_to = models.BigIntegerField(null=True, editable=False)
    decided_at = models.DateTimeField(null=True, editable=False, db_index=True)
    decided_package = models.ForeignKey(
        "gates.Package", models.PROTECT, null=True, editable=False, related_name="+"
    )
    #: The day by which the approval is looked at again; it ends then.
    review_at = models.DateTimeField(null=True, editable=False)

    objects = visible("release__use_case__team")
    history = HistoricalRecords()

    class Meta(GovernedModel.Meta):
        ordering = ("-pk",)
        indexes = [
            models.Index(fields=["release", "environment", "state"], name="promotion_decision"),
            models.Index(fields=["environment", "state"], name="promotion_environment"),
        ]
        constraints = [
            # Two people asking at once must not open two reviews of the same thing.
            models.UniqueConstraint(
                fields=["release", "environment"],
                condition=Q(state__in=["draft", "in_review", "changes_requested"]),
                name="promotion_one_undecided",
                violation_error_message=(
                    "A promotion of this release into this environment is open already."
                ),
            ),
            # A verdict is dated; only an approval names the package and a review date.
            models.CheckConstraint(
                condition=Q(
                    state__in=["draft", "in_review", "changes_requested"],
                    decided_at=None,
                    decided_package=None,
                    review_at=None,
                )
                | Q(
                    state="approved",
                    decided_at__isnull=False,
                    decided_package__isnull=False,
                    review_at__isnull=False,
                )
                | Q(state="rejected", decided_at__isnull=False, review_at=None)
                | Q(
                    state="withdrawn",
                    decided_at__isnull=False,
                    decided_package=None,
                    review_at=None,
                ),
                name="promotion_verdict_is_whole",
            ),
            # What is in review was submitted, with its evidence fixed.
            models.CheckConstraint(
                condition=Q(state__in=["draft", "withdrawn"])
                | Q(
                    submission__gt=0,
                    submitted_at__isnull=False,
                    evidence_up_to__isnull=False,
                ),
                name="promotion_review_was_submitted",
            ),
        ]

    def __str__(self):
        return f"promotion {self.pk}"

    def get_absolute_url(self):
        return f"/promotions/{self.pk}/"

    @property
    def is_undecided(self) -> bool:
        """Whether somebody may still act on it."""
        return self.state in self.UNDECIDED


class PromotionEndpoint(GovernedModel):
    """An endpoint that a promotion asks for."""

    part_of = "promotion"

    promotion = models.ForeignKey(Promotion, models.PROTECT, related_name="endpoint_links")
    endpoint = models.ForeignKey(ServingEndpoint, models.PROTECT, related_name="promotion_links")

    history = HistoricalRecords()

    class Meta(GovernedModel.Meta):
        constraints = [
            # An endpoint asked for twice is asked for once.
            models.UniqueConstraint(
                fields=["promotion", "endpoint"],
                name="promotionendpoint_once",
                violation_error_message="This endpoint is asked for already.",
            ),
        ]

    def __str__(self):
        return str(self.endpoint)


class Package(GovernedModel):
    """The frozen, canonical bytes of what a promotion asks and rests on; what people sign."""

    append_only = True
    about = "promotion"

    promotion = models.ForeignKey(Promotion, models.PROTECT, related_name="packages")
    schema = models.CharField(max_length=40)
    content = models.TextField()
    digest = models.CharField(max_length=DIGEST_LENGTH)
    created_at = models.DateTimeField()

    objects = visible("promotion__release__use_case__team")

    class Meta(GovernedModel.Meta):
        ordering = ("-pk",)
        constraints = [
            # The same bytes are one package, so that a signature is on one thing.
            models.UniqueConstraint(fields=["promotion", "digest"], name="package_once"),
        ]

    def __str__(self):
        return self.digest


class PackageEvidence(GovernedModel):
    """An evidence item that a package rests on, so that the item can name what rests on it."""

    born_with = "package"
    about = "package"

    package = models.ForeignKey(Package, models.PROTECT, related_name="evidence_links")
    item = models.ForeignKey(EvidenceItem, models.PROTECT, related_name="package_links")

    objects = visible("package__promotion__release__use_case__team")

    class Meta(GovernedModel.Meta):
        constraints = [
            # One edge for one fact.
            models.UniqueConstraint(fields=["package", "item"], name="packageevidence_once"),
        ]

    def __str__(self):
        return str(self.item_id)


class Challenge(models.Model):
    """One chance to sign one package, given to one person for a short while. Not governed.

    Its sign-off refers to it, and that reference is unique: one challenge, one signature.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    person = models.ForeignKey(Person, models.PROTECT, related_name="+")
    promotion = models.ForeignKey(Promotion, models.PROTECT, related_name="+")
    package_digest = models.CharField(max_length=DIGEST_LENGTH)
    verdict = models.CharField(max_length=20)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(db_index=True)

    class Meta:
        default_permissions = ()

    def __str__(self):
        return str(self.id)


class PackagePerson(GovernedModel):
    """One person on one package: involved in it, or a signer of it, never both.

    A sign-off is its row of kind signer. One table with one row per person is what keeps, in the
    database itself, anybody from signing what they made and from filling two slots.
    """

    class Kind(models.TextChoices):
        INVOLVED = "involved", "involved"
        SIGNER = "signer", "signer"

    class Verdict(models.TextChoices):
        APPROVE = "approve", "approve"
        REQUEST_CHANGES = "request_changes", "request changes"
        REJECT = "reject", "reject"

    append_only = True
    about = "promotion"

    promotion = models.ForeignKey(Promotion, models.PROTECT, related_name="people")
    package = models.ForeignKey(Package, models.PROTECT, related_name="people")
    person = models.ForeignKey(Person, models.PROTECT, related_name="package_rows")
    kind = models.CharField(max_length=10, choices=Kind)
    #: Why somebody is involved: codes such as "requester", "made_release".
    ties = DocumentField(default=list, blank=True)
    #: "risk_owner:1": role and place.
    slot = models.CharField(max_length=40, null=True, blank=True)
    role = models.CharField(max_length=30, choices=Role, blank=True, default="")
    verdict = models.CharField(max_length=20, choices=Verdict, blank=True, default="")
    meaning = models.CharField(max_length=60, blank=True, default="")
    reason = models.TextField(blank=True, default="")
    package_digest = models.CharField(max_length=DIGEST_LENGTH, blank=True, default="")
    printed_name = models.CharField(max_length=200, blank=True, default="")
    authentication = models.CharField(max_length=40, blank=True, default="")
    challenge = models.OneToOneField(
        Challenge, models.PROTECT, null=True, blank=True, related_name="sign_off"
    )
    signed_at = models.DateTimeField(null=True, blank=True)

    objects = visible("promotion__release__use_case__team")

    class Meta(GovernedModel.Meta):
        ordering = ("pk",)
        constraints = [
            # Nobody signs what they had a hand in, and nobody signs twice.
            models.UniqueConstraint(
                fields=["package", "person"],
                name="packageperson_one_hat",
                violation_error_message=(
                    "This person has signed this package already or had a hand in it."
                ),
            ),
            # Two people pressing at once fill a slot once.
            models.UniqueConstraint(
                fields=["package", "slot"],
                name="packageperson_one_per_slot",
                violation_error_message="Somebody signed in this slot just before you.",
            ),
            # A signature without slot, digest, verdict, meaning, reason or challenge is none.
            models.CheckConstraint(
                condition=Q(
                    kind="involved",
                    slot=None,
                    package_digest="",
                    verdict="",
                    challenge=None,
                    signed_at=None,
                )
                | Q(
                    ~Q(package_digest=""),
                    ~Q(verdict=""),
                    ~Q(meaning=""),
                    ~Q(role=""),
                    ~Q(printed_name=""),
                    ~Q(authentication=""),
                    kind="signer",
                    slot__isnull=False,
                    challenge__isnull=False,
                    signed_at__isnull=False,
                ),
                name="packageperson_signature_is_whole",
            ),
        ]

    def __str__(self):
        return f"{self.person} · {self.slot or self.kind}"
