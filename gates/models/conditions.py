"""What an approval was given on condition of, and what closed it."""

from django.db import models
from django.db.models import F, Q

from audit.models import GovernedModel
from evidence.models import EvidenceItem, kind_choices
from gates.models.packages import PackagePerson
from gates.models.promotions import Promotion
from registry.models import Person
from registry.visibility import visible


class Condition(GovernedModel):
    """One condition of one signature: who meets it, by when, and which evidence shows it.

    Open, closed and overdue are computed, never stored; overdue ends the approval.
    """

    born_with = "sign_off"
    about = "promotion"

    sign_off = models.ForeignKey(PackagePerson, models.PROTECT, related_name="conditions")
    promotion = models.ForeignKey(Promotion, models.PROTECT, related_name="conditions")
    number = models.PositiveSmallIntegerField()
    text = models.TextField("condition")
    owner = models.ForeignKey(Person, models.PROTECT, related_name="conditions_owned")
    due_at = models.DateTimeField("due", db_index=True)
    evidence_kind = models.CharField("closed by", max_length=40, choices=kind_choices)
    #: What taught it, in the words of `gates.causes`; empty for nothing of the kind.
    follows_from = models.CharField(max_length=100, blank=True, default="")

    objects = visible("promotion__release__use_case__team")

    class Meta(GovernedModel.Meta):
        ordering = ("promotion", "pk")
        indexes = [
            models.Index(
                fields=["follows_from"], condition=~Q(follows_from=""), name="condition_follows"
            ),
        ]
        constraints = [
            # A condition is named by its signature and number.
            models.UniqueConstraint(fields=["sign_off", "number"], name="condition_once"),
            # A condition that says nothing could not be met.
            models.CheckConstraint(
                condition=~Q(text="") & ~Q(evidence_kind=""),
                name="condition_says_what_and_how",
            ),
        ]

    def __str__(self):
        return f"condition {self.pk}"

    def get_absolute_url(self):
        return f"/gates/condition/{self.pk}/change/"


class ConditionClosing(GovernedModel):
    """Somebody else than its giver found that an item meets a condition.

    A closing whose item is withdrawn no longer closes; the condition may then be closed anew.
    """

    append_only = True
    about = "condition"

    condition = models.ForeignKey(Condition, models.PROTECT, related_name="closings")
    item = models.ForeignKey(EvidenceItem, models.PROTECT, related_name="closings")
    given_by = models.ForeignKey(Person, models.PROTECT, related_name="+")
    closed_by = models.ForeignKey(Person, models.PROTECT, related_name="conditions_closed")
    closed_at = models.DateTimeField()
    reason = models.TextField()

    objects = visible("condition__promotion__release__use_case__team")

    class Meta(GovernedModel.Meta):
        ordering = ("pk",)
        constraints = [
            # The same item closes a condition once.
            models.UniqueConstraint(
                fields=["condition", "item"],
                name="conditionclosing_once",
                violation_error_message="This item closed the condition already.",
            ),
            # Who gives the proof does not also find it sufficient.
            models.CheckConstraint(
                condition=~Q(closed_by=F("given_by")),
                name="conditionclosing_by_somebody_else",
                violation_error_message="A condition is closed by somebody who did not give the "
                "evidence.",
            ),
        ]

    def __str__(self):
        return f"closing of condition {self.condition_id}"
