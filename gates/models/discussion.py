"""Threads of comments on a promotion. Written for good: nothing in them is edited or deleted."""

from django.db import models
from django.db.models import Q
from simple_history.models import HistoricalRecords

from audit.models import GovernedModel
from gates.models.promotions import Promotion
from registry.models import Person
from registry.visibility import visible


class Thread(GovernedModel):
    """One matter that is talked over: about the promotion, one finding, or one evidence item."""

    about = "promotion"

    promotion = models.ForeignKey(Promotion, models.PROTECT, related_name="threads")
    #: "" for the promotion as a whole, "finding:production.privacy_review", "evidence:<id>".
    subject = models.CharField(max_length=120, blank=True, editable=False)
    opened_by = models.ForeignKey(Person, models.PROTECT, editable=False, related_name="+")
    opened_at = models.DateTimeField(editable=False)
    resolved_by = models.ForeignKey(
        Person, models.PROTECT, null=True, editable=False, related_name="+"
    )
    resolved_at = models.DateTimeField(null=True, editable=False)

    objects = visible("promotion__release__use_case__team")
    history = HistoricalRecords()

    class Meta(GovernedModel.Meta):
        ordering = ("pk",)
        indexes = [
            models.Index(fields=["promotion"], condition=Q(resolved_at=None), name="thread_open"),
        ]
        constraints = [
            # Resolved by nobody, it would be nobody's to answer for.
            models.CheckConstraint(
                condition=Q(resolved_at=None, resolved_by=None)
                | Q(resolved_at__isnull=False, resolved_by__isnull=False),
                name="thread_resolution_is_signed",
            ),
        ]

    def __str__(self):
        return f"thread {self.pk}"


class Comment(GovernedModel):
    """What one person said in a thread, as they wrote it."""

    append_only = True
    about = "promotion"

    thread = models.ForeignKey(Thread, models.PROTECT, related_name="comments")
    #: The thread's, so that its entry stands on the promotion's timeline.
    promotion = models.ForeignKey(Promotion, models.PROTECT, related_name="comments")
    author = models.ForeignKey(Person, models.PROTECT, related_name="+")
    text = models.TextField()
    written_at = models.DateTimeField()

    objects = visible("promotion__release__use_case__team")

    class Meta(GovernedModel.Meta):
        ordering = ("pk",)
        constraints = [
            # A comment that says nothing only makes noise on the record.
            models.CheckConstraint(condition=~Q(text=""), name="comment_says_something"),
        ]

    def __str__(self):
        return f"comment {self.pk}"
