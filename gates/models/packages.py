"""What is signed, and the people on it."""

import uuid

from django.db import models
from django.db.models import Q

from audit.fields import DocumentField
from audit.models import DIGEST_LENGTH, GovernedModel
from evidence.models import EvidenceItem
from gates.models.promotions import Promotion
from registry.models import Person
from registry.roles import Role
from registry.visibility import visible


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
    verdict = models.CharField(max_length=30)
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
        APPROVE_WITH_CONDITIONS = "approve_with_conditions", "approve with conditions"
        REQUEST_CHANGES = "request_changes", "request changes"
        REJECT = "reject", "reject"

    #: The verdicts that fill a slot.
    APPROVALS = (Verdict.APPROVE, Verdict.APPROVE_WITH_CONDITIONS)

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
    verdict = models.CharField(max_length=30, choices=Verdict, blank=True, default="")
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
