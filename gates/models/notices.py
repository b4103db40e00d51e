"""The outbox: what is to be told, and each sending of it. None of it is governed.

What a notice tells stands in the log already, or follows from it; that somebody was sent a mail
changes no answer that Gatehouse gives.
"""

import uuid

from django.db import models
from django.db.models import Q

from audit.fields import DocumentField
from gates.models.promotions import Promotion
from gates.models.webhooks import Webhook
from registry.models import Person


class Notice(models.Model):
    """One piece of news, written inside the change that causes it; told when `told_at` is set."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    #: A code of `gates.rules.notices.KINDS`.
    kind = models.CharField(max_length=30)
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
                condition=Q(told_at=None),
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
    person = models.ForeignKey(Person, models.PROTECT, null=True, related_name="deliveries")
    webhook = models.ForeignKey(Webhook, models.PROTECT, null=True, related_name="deliveries")
    title = models.CharField(max_length=300)
    #: The text of a mail, or the bytes of a message: the same at every try.
    body = models.TextField()
    created_at = models.DateTimeField()
    #: When it is tried next; none once it is sent or given up.
    due_at = models.DateTimeField(null=True)
    #: Whoever sends it right now, and until when nobody else takes it over.
    claim = models.UUIDField(null=True)
    claimed_until = models.DateTimeField(null=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    tried_at = models.DateTimeField(null=True)
    #: What a webhook answered, if it answered at all.
    status = models.PositiveSmallIntegerField(null=True)
    error = models.CharField(max_length=300, blank=True)
    sent_at = models.DateTimeField(null=True)

    class Meta:
        default_permissions = ()
        verbose_name_plural = "deliveries"
        indexes = [
            models.Index(fields=["due_at"], condition=~Q(due_at=None), name="delivery_due"),
            models.Index(fields=["person", "-created_at"], name="delivery_of_person"),
            models.Index(fields=["webhook", "-created_at"], name="delivery_of_webhook"),
        ]
        constraints = [
            # Two machines that tell the same news write each recipient's line once.
            models.UniqueConstraint(fields=["notice", "person"], name="delivery_once_a_person"),
            models.UniqueConstraint(fields=["notice", "webhook"], name="delivery_once_a_webhook"),
            # Without a recipient it would be tried for ever.
            models.CheckConstraint(
                condition=Q(person=None, webhook__isnull=False)
                | Q(person__isnull=False, webhook=None),
                name="delivery_has_one_recipient",
            ),
        ]

    def __str__(self):
        return self.title


class MutedKind(models.Model):
    """A kind of notice that somebody does not want by e-mail. Theirs alone to say."""

    person = models.ForeignKey(Person, models.PROTECT, related_name="muted_kinds")
    kind = models.CharField(max_length=30)

    class Meta:
        default_permissions = ()
        constraints = [
            # Said twice, it would have to be taken back twice.
            models.UniqueConstraint(fields=["person", "kind"], name="mutedkind_once"),
        ]

    def __str__(self):
        return f"{self.person}: no {self.kind}"
