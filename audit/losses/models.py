"""What is kept of a restore, and of a loss: what one person declared, and another confirmed."""

from django.conf import settings
from django.db import models

from audit.fields import DocumentField
from audit.models import DIGEST_LENGTH, GovernedModel


class LogRestore(GovernedModel):
    """The record was restored from a backup that held the log up to here."""

    append_only = True
    moves_answers = False

    #: The log of the backup, and when that was made.
    size = models.BigIntegerField()
    root = models.CharField(max_length=DIGEST_LENGTH)
    backup_made_at = models.DateTimeField()
    restored_at = models.DateTimeField()

    class Meta(GovernedModel.Meta):
        ordering = ("-pk",)
        verbose_name = "restore of the record"
        verbose_name_plural = "restores of the record"

    def __str__(self):
        return f"restore of {self.size} entries"


class LossDeclaration(GovernedModel):
    """One person says that entries which were signed are lost; alone it changes nothing."""

    append_only = True
    moves_answers = False

    #: The part of the log's life that begins once it is confirmed.
    epoch = models.PositiveIntegerField()
    #: Entries that are not lost, and the root over them.
    kept_size = models.BigIntegerField()
    kept_root = models.CharField(max_length=DIGEST_LENGTH)
    #: The last checkpoint of each epoch that the log no longer agrees with, as a signed note.
    ended = DocumentField()
    #: Of all of the above: what exactly is declared, and confirmed.
    digest = models.CharField(max_length=DIGEST_LENGTH)
    declared_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="declared_losses"
    )
    declared_at = models.DateTimeField()
    printed_name = models.CharField(max_length=200)
    authentication = models.CharField(max_length=40)
    reason = models.TextField()

    class Meta(GovernedModel.Meta):
        ordering = ("-pk",)
        verbose_name = "declaration of a loss"
        verbose_name_plural = "declarations of losses"
        constraints = [
            # Pressed twice, one loss must not be declared twice by the same person.
            models.UniqueConstraint(
                fields=["digest", "declared_by"],
                name="lossdeclaration_once",
                violation_error_message="You declared this already; somebody else confirms it.",
            ),
            # The first epoch needs no loss; one without end or reason says nothing.
            models.CheckConstraint(
                condition=models.Q(epoch__gte=2, kept_size__gte=0) & ~models.Q(reason=""),
                name="lossdeclaration_is_of_something",
            ),
        ]

    def __str__(self):
        return f"loss behind entry {self.kept_size - 1}"

    @property
    def document(self) -> dict:
        """What is declared, as the log and all who verify it have it."""
        return {
            "epoch": self.epoch,
            "kept": {"size": self.kept_size, "root": self.kept_root},
            "ended": self.ended,
        }


class LossConfirmation(GovernedModel):
    """Another person says the same: from here on the log goes on under another origin."""

    append_only = True
    moves_answers = False
    about = "declaration"

    declaration = models.OneToOneField(LossDeclaration, models.PROTECT, related_name="confirmation")
    epoch = models.PositiveIntegerField()
    declared_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    #: The roles in which both did, of which one is administrator and one risk owner.
    declared_as = models.CharField(max_length=40)
    confirmed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="confirmed_losses"
    )
    confirmed_as = models.CharField(max_length=40)
    confirmed_at = models.DateTimeField()
    printed_name = models.CharField(max_length=200)
    authentication = models.CharField(max_length=40)
    reason = models.TextField()

    class Meta(GovernedModel.Meta):
        ordering = ("-pk",)
        verbose_name = "confirmation of a loss"
        verbose_name_plural = "confirmations of losses"
        constraints = [
            # Two declarations confirmed at once must not both end the same part of the log.
            models.UniqueConstraint(
                fields=["epoch"],
                name="lossconfirmation_one_each",
                violation_error_message="Somebody was first: the loss is confirmed already.",
            ),
            # Whoever may rewind the record must not be able to call that a loss alone.
            models.CheckConstraint(
                condition=~models.Q(confirmed_by=models.F("declared_by"))
                & ~models.Q(confirmed_as=models.F("declared_as"))
                & ~models.Q(reason=""),
                name="lossconfirmation_by_two",
                violation_error_message="Somebody else, in another role, confirms a loss.",
            ),
        ]

    def __str__(self):
        return f"confirmed {self.declaration}"
