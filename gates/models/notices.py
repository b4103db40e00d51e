"""The outbox: what is to be told, and each sending of it. None of it is governed.

What a notice tells stands in the log already, or follows from it; that somebody was sent a mail
changes no answer that Gatehouse gives.
"""

import uuid

from django.db import models

from audit.fields import DocumentField
from gates.models.promotions import Promotion
from gates.rules.notices import KINDS
from registry.models import Person

KIND_CHOICES = [(kind.code, kind.name) for kind in KINDS.values()]


class Notice(models.Model):
    """One piece of news, written inside the change that causes it; told when `told_at` is set."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=30, choices=KIND_CHOICES)
    promotion = models.ForeignKey(
        Promotion, models.PROTECT, null=True, blank=True, related_name="notices"
    )
    #: Who caused it and so need not be told; none for what time alone brought about.
    actor = models.ForeignKey(Person, models.PROTECT, null=True, related_name="+")
    #: What its sentences need beside the promotion.
    facts = DocumentField(default=dict, blank=True)
    #: The same news has the same text here, and is told once.
    once = models.CharField(max_length=200, unique=True)
    created_at = models.DateTimeField(db_index=True)
    told_at = models.DateTimeField(null=True)

    class Meta:
        default_permissions = ()
        indexes = [
            models.Index(
                fields=["created_at"],
                condition=models.Q(told_at=None),
                name="notice_untold",
            ),
            models.Index(fields=["kind", "promotion"], name="notice_of_promotion"),
        ]

    def __str__(self):
        return f"{self.kind} {self.once}"


class Delivery(models.Model):
    """One notice to one recipient, in the words it is sent with, however often it is tried."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    notice = models.ForeignKey(Notice, models.PROTECT, related_name="deliveries")
    person = models.ForeignKey(Person, models.PROTECT, related_name="deliveries")
    title = models.CharField(max_length=300)
    body = models.TextField()
    created_at = models.DateTimeField()
    #: When it is tried next; none once it is sent or given up.
    due_at = models.DateTimeField(null=True)
    #: Whoever sends it right now, and until when nobody else takes it over.
    claim = models.UUIDField(null=True)
    claimed_until = models.DateTimeField(null=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    tried_at = models.DateTimeField(null=True)
    error = models.CharField(max_length=300, blank=True)
    sent_at = models.DateTimeField(null=True)

    class Meta:
        default_permissions = ()
        verbose_name_plural = "deliveries"
        indexes = [
            models.Index(fields=["due_at"], condition=~models.Q(due_at=None), name="delivery_due"),
            models.Index(fields=["person", "-created_at"], name="delivery_of_person"),
        ]
        constraints = [
            # Two machines that tell the same news write each recipient's line once.
            models.UniqueConstraint(fields=["notice", "person"], name="delivery_once_a_person"),
        ]

    def __str__(self):
        return self.title


class MutedKind(models.Model):
    """A kind of notice that somebody does not want by e-mail. Theirs alone to say."""

    person = models.ForeignKey(Person, models.PROTECT, related_name="muted_kinds")
    kind = models.CharField(max_length=30, choices=KIND_CHOICES)

    class Meta:
        default_permissions = ()
        constraints = [
            # Said twice, it would have to be taken back twice.
            models.UniqueConstraint(fields=["person", "kind"], name="mutedkind_once"),
        ]

    def __str__(self):
        return f"{self.person}: no {self.kind}"
