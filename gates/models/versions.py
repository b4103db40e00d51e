"""Gates in versions: what each asks for, and who signs."""

from django.db import models
from django.db.models import F, Q
from simple_history.models import HistoricalRecords

from audit.fields import DocumentField
from audit.models import DIGEST_LENGTH, GovernedModel
from registry.models import Person, Stage
from registry.roles import Role
from registry.visibility import visible


class GateVersion(GovernedModel):
    """One state of a gate: a draft, or published for good. A gate adds to the gates before it."""

    sealed_by = "published_at"
    undigested = ("content",)  # covered by `digest`, and kept out of the history rows

    gate = models.CharField(max_length=20, choices=Stage)
    number = models.PositiveIntegerField()
    notes = models.TextField(blank=True, help_text="What is new, for those who are asked for it.")
    #: Nobody drafted or published what came with Gatehouse.
    drafted_by = models.ForeignKey(
        Person, models.PROTECT, null=True, blank=True, editable=False, related_name="+"
    )
    published_by = models.ForeignKey(
        Person, models.PROTECT, null=True, blank=True, editable=False, related_name="+"
    )
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
            # Two drafts of one gate would each leave out what the other brings.
            models.UniqueConstraint(
                fields=["gate"],
                condition=Q(published_at=None),
                name="gateversion_one_draft",
                violation_error_message="This gate has a draft already. Go on with that one.",
            ),
            # Who wrote a gate does not also put it in force.
            models.CheckConstraint(
                condition=Q(published_by=None)
                | Q(drafted_by=None)
                | ~Q(published_by=F("drafted_by")),
                name="gateversion_by_two",
                violation_error_message="A gate is published by somebody who did not draft it.",
            ),
            # Published without a digest, it could not be named in a package.
            models.CheckConstraint(
                condition=Q(published_at=None, digest="", content="")
                | Q(~Q(digest=""), ~Q(content=""), published_at__isnull=False),
                name="gateversion_published_is_whole",
            ),
        ]

    def __str__(self):
        return f"{self.gate} v{self.number}{'' if self.published_at else ' (draft)'}"


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
    sentence = models.CharField(max_length=300, help_text="What is so when it is met.")
    guidance = models.TextField(blank=True, help_text="What to do to meet it, in a sentence.")
    guidance_url = models.URLField("where to read more", blank=True, default="")
    terms = DocumentField(default=dict, blank=True)
    position = models.PositiveSmallIntegerField(default=0)
    #: Kept by the versions that begin from this one; what apps above say of it: `gates.causes`.
    follows_from = models.CharField(
        max_length=100,
        blank=True,
        default="",
        help_text="What taught it, such as “incident 12, follow-up 3”, or a ticket elsewhere.",
    )

    objects = visible()
    history = HistoricalRecords()

    class Meta(GovernedModel.Meta):
        ordering = ("gate_version", "position", "code")
        indexes = [
            models.Index(
                fields=["follows_from"],
                condition=~Q(follows_from=""),
                name="requirement_follows",
            ),
        ]
        constraints = [
            # A finding is known by its requirement's code.
            models.UniqueConstraint(fields=["gate_version", "code"], name="requirement_once"),
        ]

    def __str__(self):
        return self.code

    def get_absolute_url(self):
        return f"/gates/gateversion/{self.gate_version_id}/change/#requirement-{self.code}"


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
        # Their order enters the bytes that are signed: the order they were written in.
        ordering = ("gate_version", "pk")
        constraints = [
            # Two counts for one role would leave open how many sign.
            models.UniqueConstraint(fields=["gate_version", "role"], name="signoffslot_once"),
        ]

    def __str__(self):
        return f"{self.count} × {self.role}"
