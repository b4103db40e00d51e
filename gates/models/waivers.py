"""Exceptions to one requirement for one release in one environment: asked for, and answered."""

from django.db import models
from django.db.models import F, Q

from audit.models import GovernedModel
from gates.models.packages import Package
from gates.models.versions import Requirement
from registry.models import Environment, Person, Release
from registry.visibility import visible


class Waiver(GovernedModel):
    """An exception as it was asked for; it counts once a risk owner grants it, until it ends."""

    append_only = True

    release = models.ForeignKey(Release, models.PROTECT, related_name="waivers")
    environment = models.ForeignKey(Environment, models.PROTECT, related_name="waivers")
    requirement = models.ForeignKey(Requirement, models.PROTECT, related_name="waivers")
    compensating_control = models.TextField(
        help_text="What is done instead for as long as the requirement is not met."
    )
    ends_at = models.DateTimeField("ends on", db_index=True)
    asked_by = models.ForeignKey(
        Person, models.PROTECT, editable=False, related_name="waivers_asked"
    )
    asked_at = models.DateTimeField(editable=False)
    reason = models.TextField(editable=False)

    objects = visible("release__use_case__team")

    class Meta(GovernedModel.Meta):
        ordering = ("-pk",)
        indexes = [
            models.Index(fields=["release", "environment"], name="waiver_of_release"),
            models.Index(fields=["environment", "ends_at"], name="waiver_of_environment"),
        ]
        constraints = [
            # An exception without an end would be the rule.
            models.CheckConstraint(
                condition=Q(ends_at__gt=F("asked_at")),
                name="waiver_ends_after_it_begins",
                violation_error_message="A waiver ends in the future.",
            ),
            # An exception without anything instead is a gap.
            models.CheckConstraint(
                condition=~Q(compensating_control=""),
                name="waiver_says_what_instead",
                violation_error_message="Say what is done instead.",
            ),
        ]

    def __str__(self):
        return f"waiver {self.pk}"

    def get_absolute_url(self):
        return f"/gates/waiver/{self.pk}/change/"

    @property
    def code(self) -> str:
        """The requirement by gate and code, as findings name it."""
        return f"{self.requirement.gate_version.gate}.{self.requirement.code}"


class WaiverAnswer(GovernedModel):
    """A risk owner grants or refuses a waiver, with their password."""

    class Verdict(models.TextChoices):
        GRANTED = "granted", "granted"
        REFUSED = "refused", "refused"

    append_only = True
    about = "waiver"

    waiver = models.OneToOneField(Waiver, models.PROTECT, related_name="answer")
    verdict = models.CharField(max_length=10, choices=Verdict)
    asked_by = models.ForeignKey(Person, models.PROTECT, related_name="+")
    answered_by = models.ForeignKey(Person, models.PROTECT, related_name="waivers_answered")
    answered_at = models.DateTimeField()
    reason = models.TextField()
    authentication = models.CharField(max_length=40)

    objects = visible("waiver__release__use_case__team")

    class Meta(GovernedModel.Meta):
        constraints = [
            # Nobody makes an exception for themselves.
            models.CheckConstraint(
                condition=~Q(answered_by=F("asked_by")),
                name="waiveranswer_by_somebody_else",
                violation_error_message="A waiver is answered by somebody who did not ask for it.",
            ),
            # Whoever granted it was there in person.
            models.CheckConstraint(
                condition=~Q(authentication=""), name="waiveranswer_authenticated"
            ),
        ]

    def __str__(self):
        return f"waiver {self.waiver_id} {self.verdict}"


class PackageWaiver(GovernedModel):
    """A waiver that a package rests on, so that what it ends is found by index."""

    born_with = "package"
    about = "package"

    package = models.ForeignKey(Package, models.PROTECT, related_name="waiver_links")
    waiver = models.ForeignKey(Waiver, models.PROTECT, related_name="package_links")

    objects = visible("package__promotion__release__use_case__team")

    class Meta(GovernedModel.Meta):
        constraints = [
            # One edge for one fact.
            models.UniqueConstraint(fields=["package", "waiver"], name="packagewaiver_once"),
        ]

    def __str__(self):
        return str(self.waiver_id)
