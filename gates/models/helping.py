"""Whom others asked to help a promotion along: to mend a finding, or to sign."""

from django.db import models
from django.db.models import Q
from simple_history.models import HistoricalRecords

from audit.models import GovernedModel
from gates.models.promotions import Promotion
from registry.models import Person
from registry.visibility import visible


class Assignment(GovernedModel):
    """A finding that somebody is asked to mend by a day. Done by itself when the finding is met."""

    about = "promotion"

    promotion = models.ForeignKey(Promotion, models.PROTECT, related_name="assignments")
    #: "production.privacy_review": gate and code of the requirement.
    finding = models.CharField(max_length=120)
    #: The requirement in words, and the kind of evidence that mends it, if one does.
    sentence = models.CharField(max_length=300)
    kind = models.CharField(max_length=40, blank=True)
    assignee = models.ForeignKey(Person, models.PROTECT, related_name="assignments")
    due_on = models.DateField()
    assigned_by = models.ForeignKey(Person, models.PROTECT, related_name="+")
    assigned_at = models.DateTimeField()
    done_at = models.DateTimeField(null=True, editable=False)
    withdrawn_at = models.DateTimeField(null=True, editable=False)

    objects = visible("promotion__release__use_case__team")
    history = HistoricalRecords()

    class Meta(GovernedModel.Meta):
        ordering = ("pk",)
        indexes = [
            models.Index(
                fields=["assignee", "due_on"],
                condition=Q(done_at=None, withdrawn_at=None),
                name="assignment_open",
            ),
        ]
        constraints = [
            # Two people asked for the same thing each wait for the other.
            models.UniqueConstraint(
                fields=["promotion", "finding"],
                condition=Q(done_at=None, withdrawn_at=None),
                name="assignment_one_open",
                violation_error_message="Somebody is on this finding already.",
            ),
            # What was taken back was not done.
            models.CheckConstraint(
                condition=Q(done_at=None) | Q(withdrawn_at=None), name="assignment_ends_once"
            ),
        ]

    def __str__(self):
        return f"{self.finding} of promotion {self.promotion_id}"

    @property
    def is_open(self) -> bool:
        """Whether it was neither done nor withdrawn."""
        return self.done_at is None and self.withdrawn_at is None


class SignOffAsk(GovernedModel):
    """One eligible person asked by name to sign what is in review."""

    append_only = True
    about = "promotion"

    promotion = models.ForeignKey(Promotion, models.PROTECT, related_name="asks")
    submission = models.PositiveIntegerField()
    person = models.ForeignKey(Person, models.PROTECT, related_name="+")
    asked_by = models.ForeignKey(Person, models.PROTECT, related_name="+")
    asked_at = models.DateTimeField()

    objects = visible("promotion__release__use_case__team")

    class Meta(GovernedModel.Meta):
        verbose_name = "request to sign"
        ordering = ("pk",)
        constraints = [
            # Who was asked is reminded, not asked anew.
            models.UniqueConstraint(
                fields=["promotion", "submission", "person"],
                name="signoffask_once",
                violation_error_message="They were asked already; remind them instead.",
            ),
        ]

    def __str__(self):
        return f"request to sign {self.pk}"
