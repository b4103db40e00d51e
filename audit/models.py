"""The log, and the base of every governed row."""

import uuid

from django.conf import settings
from django.db import models

from audit.changes import NotInChange, current_change
from audit.fields import DocumentField

DIGEST_LENGTH = len("sha256:") + 64


class GovernedQuerySet(models.QuerySet):
    """Refuses every write that would pass by history and log."""

    def _refuse(self, *args, **kwargs):
        raise NotInChange(
            f"{self.model.__name__} rows are governed: save them one by one through audit.change."
        )

    _refuse.alters_data = True  # a template may not call these either

    create = get_or_create = update_or_create = _refuse
    update = delete = bulk_create = bulk_update = _raw_delete = _refuse
    acreate = aget_or_create = aupdate_or_create = _refuse
    aupdate = adelete = abulk_create = abulk_update = _refuse


GovernedManager = models.Manager.from_queryset(GovernedQuerySet)


class GovernedModel(models.Model):
    """A row that changes only inside `audit.change`, with an entry in the log for each change.

    Class attributes say how the database itself protects it (see `audit.triggers`):

    * `append_only`: never updated, never deleted.
    * `sealed_by`: name of a nullable column; once it is set, the row is never updated.
    * `part_of`: name of the foreign key to the row this one is a part of. A part may be removed
      with `change.remove` and moves with its parent: sealed parent, sealed part.
    * `born_with`: name of the foreign key to a row this one must be inserted together with, in
      the same change; append-only afterwards.

    No row but a part is ever deleted. `about` names the foreign key of the row whose timeline an
    entry belongs on, or several of which one is set; parts default to their parent.
    """

    append_only = False
    sealed_by = ""
    part_of = ""
    born_with = ""
    about: str | tuple[str, ...] = ""
    #: Whether whoever sees a row that names this one is told its name, though not its page.
    known_by_name = False
    #: Whether what is answered from governed rows may be another once such a row is written.
    moves_answers = True
    #: Columns left out of the digest and the log: secrets, and figures that are not governed.
    undigested: tuple[str, ...] = ()

    # No database constraint: the change row is written last, under the head's lock. That every
    # row's change exists is what `audit_verify` checks. Until then a query that joins it, inside
    # the same change, does not find the row.
    change = models.ForeignKey(
        "audit.Change",
        models.PROTECT,
        db_constraint=False,
        editable=False,
        related_name="+",
    )

    objects = GovernedManager()

    class Meta:
        abstract = True
        default_permissions = ()

    def save_base(self, *args, **kwargs):
        change = current_change()
        if change is None or change.saving is not self:
            raise NotInChange(f"{type(self).__name__} is governed: save it with change.save().")
        super().save_base(*args, **kwargs)

    save_base.alters_data = True

    def delete(self, *args, **kwargs):
        change = current_change()
        if change is None or change.saving is not self:
            raise NotInChange(f"{type(self).__name__} is governed: rows are not deleted.")
        return super().delete(*args, **kwargs)

    delete.alters_data = True

    @property
    def key(self) -> str:
        """The name of this row in the log, such as `registry.release:12`."""
        return f"{self._meta.label_lower}:{self.pk}"


class LogQuerySet(models.QuerySet):
    """Only ever read; appending is the business of whoever keeps the rows."""

    def _refuse(self, *args, **kwargs):
        raise NotInChange(f"{self.model.__name__} rows are append-only.")

    _refuse.alters_data = True

    create = get_or_create = update_or_create = _refuse
    update = delete = bulk_create = bulk_update = _raw_delete = _refuse


class AppendedModel(models.Model):
    """A row that is added once, with many others, and neither changed nor deleted by anybody.

    It has no entry of its own: the governed row of its batch holds the root over all of them.
    Triggers keep it like a governed row that is `append_only`. `left_in` names the model that
    keeps the `leaf` of such rows when their time is over: one is deleted only if it is there.
    """

    left_in = ""

    objects = LogQuerySet.as_manager()

    class Meta:
        abstract = True
        default_permissions = ()

    def save_base(self, *args, **kwargs):
        raise NotInChange(f"{type(self).__name__} rows come in batches alone.")

    save_base.alters_data = True

    def delete(self, *args, **kwargs):
        raise NotInChange(f"{type(self).__name__} rows are never deleted.")

    delete.alters_data = True


class Change(models.Model):
    """One governed change: an id made when it opened, a number and an instant given at its end.

    Number and instant are taken under the head's lock, so neither is ever before the last one's;
    every question about a moment in the past is answered by them, never by a row's own times.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    number = models.BigIntegerField(unique=True)
    at = models.DateTimeField(unique=True)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        related_name="+",
        db_constraint=False,
    )
    actor_name = models.CharField(max_length=200)
    reason = models.TextField()

    objects = LogQuerySet.as_manager()

    class Meta:
        default_permissions = ()
        ordering = ("number",)
        indexes = [models.Index(fields=["actor", "number"], name="change_of_actor")]

    def __str__(self):
        return f"change {self.number}"


class Entry(models.Model):
    """One leaf of the log. `body` is canonical JSON text, hashed as stored.

    The other columns repeat facts of the body so that a timeline is one index seek;
    `audit_verify` compares them with it.
    """

    seq = models.BigIntegerField(primary_key=True)
    body = models.TextField()
    leaf = models.BinaryField(max_length=32)
    change = models.ForeignKey(Change, models.PROTECT, related_name="entries")
    event = models.CharField(max_length=80)
    #: `app.model:pk` of the row the entry is about, and of the row on whose timeline it stands.
    row = models.CharField(max_length=120)
    about = models.CharField(max_length=120)

    objects = LogQuerySet.as_manager()

    class Meta:
        default_permissions = ()
        ordering = ("seq",)
        verbose_name = "log entry"
        verbose_name_plural = "log entries"
        indexes = [
            models.Index(fields=["row", "seq"], name="entry_row"),
            models.Index(fields=["about", "seq"], name="entry_about"),
            models.Index(fields=["event", "seq"], name="entry_event"),
        ]

    def __str__(self):
        return f"#{self.seq} {self.event}"


class Head(models.Model):
    """The one row that says how long the log is; its lock is what puts changes in order."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    size = models.BigIntegerField(default=0)
    peaks = models.TextField(default="", blank=True)
    #: Number of the last change.
    position = models.BigIntegerField(default=0)
    #: Number of the last change that wrote more than batches of records: what a computed answer
    #: is kept under.
    governed = models.BigIntegerField(default=0)
    last_at = models.DateTimeField(null=True)

    class Meta:
        default_permissions = ()
        constraints = [
            # A second head would let two changes take the same place in the log.
            models.CheckConstraint(condition=models.Q(id=1), name="head_is_one"),
        ]

    def __str__(self):
        return f"head at {self.size}"

    @property
    def peak_hashes(self) -> list[bytes]:
        """The stored peaks, largest subtree first (see `audit.rules.push`)."""
        return [bytes.fromhex(peak) for peak in self.peaks.split()]


class Node(models.Model):
    """A stored subtree of the log: the root over 256 leaves, or over 256 of such roots, and so on.

    Leaves are in their entries. With these, a proof in a log of any size takes some hundred rows;
    they follow from the leaves, and `audit_verify` compares them.
    """

    level = models.PositiveSmallIntegerField()
    index = models.BigIntegerField()
    hash = models.BinaryField(max_length=32)

    objects = LogQuerySet.as_manager()

    class Meta:
        default_permissions = ()
        verbose_name = "node of the log"
        verbose_name_plural = "nodes of the log"
        constraints = [
            # Two hashes for one subtree would make two proofs, of which one is wrong.
            models.UniqueConstraint(fields=["level", "index"], name="node_once"),
        ]

    def __str__(self):
        return f"node {self.level}/{self.index}"


class Checkpoint(models.Model):
    """How long the log was and what its root was, signed: a C2SP note, kept as it left."""

    size = models.BigIntegerField()
    root = models.BinaryField(max_length=32)
    note = models.TextField()
    signed_at = models.DateTimeField(db_index=True)

    objects = LogQuerySet.as_manager()

    class Meta:
        default_permissions = ()
        ordering = ("size", "pk")
        constraints = [
            # The same state is signed once by the same keys, however many processes try.
            models.UniqueConstraint(fields=["size", "note"], name="checkpoint_once"),
        ]

    def __str__(self):
        return f"checkpoint over {self.size} entries"


class CheckpointSink(models.Model):
    """Where checkpoints go, and how far each place has come. Not governed.

    The row `signing` is the signing itself: its error is what keeps checkpoints from being signed.
    """

    name = models.CharField(max_length=300, primary_key=True)
    #: Size of the last checkpoint that it has, and when it got it.
    size = models.BigIntegerField(default=0)
    at = models.DateTimeField(null=True)
    tried_at = models.DateTimeField(null=True)
    error = models.TextField(blank=True)
    #: Whether the error says that the log disagrees with a checkpoint of its own.
    alarm = models.BooleanField(default=False)

    class Meta:
        default_permissions = ()

    def __str__(self):
        return self.name


class AuditReview(GovernedModel):
    """Somebody read a stretch of the log, and says what they found."""

    class Outcome(models.TextChoices):
        IN_ORDER = "in_order", "nothing to object to"
        QUESTIONS = "questions", "questions remain"

    append_only = True
    moves_answers = False

    reviewed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="audit_reviews"
    )
    reviewed_at = models.DateTimeField(db_index=True)
    #: The first and the last entry that was read.
    first_seq = models.BigIntegerField("from entry")
    last_seq = models.BigIntegerField("to entry")
    outcome = models.CharField(max_length=20, choices=Outcome)
    #: The root over all entries up to the last one read: what exactly was looked at.
    root = models.CharField(max_length=DIGEST_LENGTH)
    findings = models.TextField()

    class Meta(GovernedModel.Meta):
        ordering = ("-pk",)
        verbose_name = "review of the trail"
        verbose_name_plural = "reviews of the trail"
        constraints = [
            # A review of nothing, or of a stretch that ends before it begins, says nothing.
            models.CheckConstraint(
                condition=models.Q(first_seq__gte=0, last_seq__gte=models.F("first_seq"))
                & ~models.Q(findings=""),
                name="auditreview_is_of_something",
                violation_error_message="A review names the entries it is of and what was found.",
            ),
        ]

    def __str__(self):
        return f"review of entries {self.first_seq} to {self.last_seq}"


class LogExport(GovernedModel):
    """The log was exported, up to an entry: who took it, and when."""

    append_only = True
    moves_answers = False

    size = models.BigIntegerField()
    root = models.CharField(max_length=DIGEST_LENGTH)
    made_at = models.DateTimeField()

    class Meta(GovernedModel.Meta):
        ordering = ("-pk",)
        verbose_name = "export of the log"
        verbose_name_plural = "exports of the log"

    def __str__(self):
        return f"export of {self.size} entries"


class Verification(GovernedModel):
    """What one run of `audit_verify` found; the gates' checks read the last one."""

    append_only = True

    class Outcome(models.TextChoices):
        CLEAN = "clean", "clean"
        DISCREPANCIES = "discrepancies", "discrepancies found"
        INCOMPLETE = "incomplete", "could not check everything"

    class Scope(models.TextChoices):
        RECORD = "record", "log and rows"
        EVIDENCE = "evidence", "log, rows and every evidence file"

    outcome = models.CharField(max_length=20, choices=Outcome)
    scope = models.CharField(max_length=20, choices=Scope)
    #: Size of the log when the run began: what came later was not looked at.
    size = models.BigIntegerField()
    position = models.BigIntegerField()
    root = models.CharField(max_length=DIGEST_LENGTH)
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField()
    #: [{"code", "row", "sentence"}], at most `verifying.KEPT` of them; `found` counts all.
    discrepancies = DocumentField(default=list, blank=True)
    found = models.PositiveIntegerField(default=0)
    not_checked = DocumentField(default=list, blank=True)

    class Meta(GovernedModel.Meta):
        get_latest_by = "started_at"
        ordering = ("-pk",)
        indexes = [models.Index(fields=["scope", "-finished_at"], name="verification_latest")]

    def __str__(self):
        return f"verification {self.pk}: {self.outcome}"


class TickRun(models.Model):
    """When a job of `tick` last ran, and until when somebody runs it now. Not governed."""

    name = models.CharField(max_length=60, primary_key=True)
    claimed_until = models.DateTimeField(null=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    #: Number of the last governed change when it began, of the last run that went well.
    position = models.BigIntegerField(default=-1)
    said = models.CharField(max_length=300, blank=True)

    class Meta:
        default_permissions = ()

    def __str__(self):
        return self.name


from audit.losses.models import (  # noqa: E402, F401
    LogRestore,
    LossConfirmation,
    LossDeclaration,
)
