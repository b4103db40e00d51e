"""What is left of records whose time is over: the hash of each, and who took them away and why."""

import uuid
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db import models
from django.db.models import Q

from audit.models import DIGEST_LENGTH, AppendedModel, GovernedModel
from registry.models import Environment, UseCase
from registry.visibility import visible
from runtime.records.fields import made_at
from runtime.records.models import RequestRecord

#: Younger than this, nothing was pruned: no policy keeps records for less than a day.
LEAST = timedelta(days=1)


class Pruning(GovernedModel):
    """Records of one route that policy no longer keeps: how many, up to when, under which root.

    The log holds its entry, so that what is gone by it is told from what is missing.
    """

    append_only = True
    moves_answers = False
    about = "environment"

    environment = models.ForeignKey(Environment, models.PROTECT, related_name="prunings")
    #: None for records of use cases that are not registered.
    use_case = models.ForeignKey(UseCase, models.PROTECT, null=True, related_name="prunings")
    #: Days that policy keeps records of it, and the instant before which they were made.
    retention_days = models.PositiveIntegerField()
    made_before = models.DateTimeField()
    count = models.PositiveIntegerField()
    #: Of the Merkle tree (RFC 6962) over the hashes of the records in the order of their ids.
    root = models.CharField(max_length=DIGEST_LENGTH)
    pruned_at = models.DateTimeField()

    objects = visible("use_case__team")

    class Meta(GovernedModel.Meta):
        ordering = ("-pk",)
        constraints = [
            # A pruning of nothing would be an entry that stands for nothing.
            models.CheckConstraint(condition=Q(count__gte=1), name="pruning_of_some"),
            # Without a bound of days it would be a deletion, not a retention that ended.
            models.CheckConstraint(condition=Q(retention_days__gte=1), name="pruning_by_policy"),
        ]

    def __str__(self):
        return f"{self.count} records pruned in {self.environment}"


class PrunedRecord(AppendedModel):
    """The hash of a record that was pruned: its place in the tree of its batch stays provable."""

    id = models.UUIDField(primary_key=True, editable=False)
    pruning = models.ForeignKey(
        Pruning, models.PROTECT, db_constraint=False, db_index=False, related_name="+"
    )
    batch = models.ForeignKey(
        "runtime.RecordBatch", models.PROTECT, db_constraint=False, db_index=False, related_name="+"
    )
    #: So that the same record sent again is known as such.
    payload_sha256 = models.CharField(max_length=DIGEST_LENGTH)
    leaf = models.CharField(max_length=64)

    class Meta(AppendedModel.Meta):
        indexes = [
            models.Index(fields=["batch", "id"], name="pruned_batch"),
            models.Index(fields=["pruning", "id"], name="pruned_pruning"),
        ]

    def __str__(self):
        return f"hash of record {self.pk}"


def payloads(ids: Iterable[uuid.UUID], now: datetime) -> dict[uuid.UUID, tuple[int, str]]:
    """Return router and payload of those ids whose record was pruned; mostly without a query."""
    old = [pk for pk in ids if made_at(pk) < now - LEAST]
    if not old:
        return {}
    rows = PrunedRecord.objects.filter(pk__in=old)
    return {
        pk: (router, payload)
        for pk, router, payload in rows.values_list("pk", "batch__router", "payload_sha256")
    }


def leaves_of(batch: uuid.UUID) -> list[tuple[uuid.UUID, str]]:
    """Return id and hash of every record of a batch, pruned ones too, in the order of their ids."""
    return sorted(_pairs(RequestRecord, batch) | _pairs(PrunedRecord, batch))


def _pairs(of, batch: uuid.UUID) -> set[tuple[uuid.UUID, str]]:
    return set(of.objects.filter(batch=batch).order_by().values_list("pk", "leaf"))
