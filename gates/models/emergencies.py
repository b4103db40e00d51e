"""Break-glass: a release let in for hours by one person, and what became of it."""

from datetime import datetime, timedelta

from django.db import models
from django.db.models import F, Q

from audit.fields import DocumentField
from audit.models import GovernedModel
from gates.rules.emergencies import LONGEST_HOURS, review_due
from registry.models import Environment, Person, Release
from registry.roles import Role
from registry.visibility import visible


class BreakGlass(GovernedModel):
    """One person let a release into an environment, for an incident, for hours.

    Its end is computed from the hours, which the database bounds; ending it sooner and reviewing
    it are rows of their own.
    """

    append_only = True

    release = models.ForeignKey(Release, models.PROTECT, related_name="break_glasses")
    environment = models.ForeignKey(Environment, models.PROTECT, related_name="break_glasses")
    #: [{"slug", "digest"}] as they were: one that changes is no longer covered.
    endpoints = DocumentField(default=list)
    incident = models.CharField(max_length=200)
    reason = models.TextField()
    hours = models.PositiveSmallIntegerField()
    role = models.CharField(max_length=30, choices=Role)
    opened_by = models.ForeignKey(Person, models.PROTECT, related_name="break_glasses")
    opened_at = models.DateTimeField(db_index=True)
    printed_name = models.CharField(max_length=200)
    authentication = models.CharField(max_length=40)

    objects = visible("release__use_case__team")

    class Meta(GovernedModel.Meta):
        verbose_name = "break-glass"
        verbose_name_plural = "break-glasses"
        ordering = ("-pk",)
        indexes = [
            models.Index(fields=["release", "environment"], name="breakglass_decision"),
            models.Index(fields=["environment", "opened_at"], name="breakglass_environment"),
        ]
        constraints = [
            # An emergency without an end would be an approval by one person.
            models.CheckConstraint(
                condition=Q(hours__gte=1, hours__lte=LONGEST_HOURS),
                name="breakglass_is_short",
                violation_error_message=f"Break-glass lasts {LONGEST_HOURS} hours at most.",
            ),
            # Without incident, reason or password nobody could review it.
            models.CheckConstraint(
                condition=~Q(incident="") & ~Q(reason="") & ~Q(authentication=""),
                name="breakglass_says_why",
            ),
        ]

    def __str__(self):
        return f"break-glass {self.pk}"

    def get_absolute_url(self):
        return f"/gates/breakglass/{self.pk}/change/"

    @property
    def ends_at(self) -> datetime:
        """When it runs out by itself."""
        return self.opened_at + timedelta(hours=self.hours)

    @property
    def review_due(self) -> datetime:
        """By when somebody else reviews it."""
        return review_due(self.opened_at)


class BreakGlassReview(GovernedModel):
    """Somebody else than its opener looked at a break-glass afterwards."""

    class Outcome(models.TextChoices):
        JUSTIFIED = "justified", "justified"
        NOT_JUSTIFIED = "not_justified", "not justified"

    append_only = True
    about = "break_glass"

    break_glass = models.OneToOneField(BreakGlass, models.PROTECT, related_name="review")
    outcome = models.CharField(max_length=20, choices=Outcome)
    opened_by = models.ForeignKey(Person, models.PROTECT, related_name="+")
    reviewed_by = models.ForeignKey(Person, models.PROTECT, related_name="break_glass_reviews")
    reviewed_at = models.DateTimeField()
    reason = models.TextField()

    objects = visible("break_glass__release__use_case__team")

    class Meta(GovernedModel.Meta):
        constraints = [
            # Nobody finds their own emergency justified.
            models.CheckConstraint(
                condition=~Q(reviewed_by=F("opened_by")),
                name="breakglassreview_by_somebody_else",
                violation_error_message="A break-glass is reviewed by somebody who did not open "
                "it.",
            ),
        ]

    def __str__(self):
        return f"review of break-glass {self.break_glass_id}"


class BreakGlassEnd(GovernedModel):
    """A risk owner ended a break-glass before its time."""

    append_only = True
    about = "break_glass"

    break_glass = models.OneToOneField(BreakGlass, models.PROTECT, related_name="end")
    ended_by = models.ForeignKey(Person, models.PROTECT, related_name="break_glasses_ended")
    ended_at = models.DateTimeField()
    reason = models.TextField()
    authentication = models.CharField(max_length=40)

    objects = visible("break_glass__release__use_case__team")

    class Meta(GovernedModel.Meta):
        constraints = [
            # Whoever ended it was there in person and said why.
            models.CheckConstraint(
                condition=~Q(authentication="") & ~Q(reason=""), name="breakglassend_says_why"
            ),
        ]

    def __str__(self):
        return f"end of break-glass {self.break_glass_id}"
