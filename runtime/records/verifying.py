"""What `audit_verify` reconciles of request records: each batch holds what its entry stands for.

Of a record that was pruned its hash stands in its place, under an entry of its own.
"""

from collections.abc import Iterator, Mapping

from django.db.models import Exists, F, OuterRef, Subquery, Sum
from django.db.models.functions import Coalesce

from audit.verifying import Discrepancy, Report, in_chunks
from registry.models import Router
from runtime.records import bundles
from runtime.records.models import RecordBatch, RecordCount, RequestRecord
from runtime.records.pruned import PrunedRecord, Pruning
from runtime.records.storing import FIELDS, leaf, root_of

#: Records of no batch that are named; one is enough to look.
NAMED = 20


def records(report: Report, scope: str) -> Iterator[Discrepancy]:
    """Every record hashes to its leaf, every batch's leaves to its root, and none is without."""
    yield from _pruned()
    tied = bundles.digests()
    for batches in in_chunks(RecordBatch.objects.select_related("router")):
        for batch in batches:
            yield from _batch(batch, tied)
    known = RecordBatch.objects.filter(pk=OuterRef("batch"))
    for pk in RequestRecord.objects.filter(~Exists(known)).values_list("pk", flat=True)[:NAMED]:
        yield Discrepancy("RECORD_EXTRA", f"Request record {pk} belongs to no batch.", _key(pk))
    yield from _counts()


def _counts() -> Iterator[Discrepancy]:
    """What is counted of each router is what its batches say came, whatever retention took away.

    Asked in one statement: between two, another batch may come.
    """
    rows = Router.objects.annotate(came=_sum(RecordBatch), counted=_sum(RecordCount))
    for row in rows.exclude(came=F("counted")).order_by("pk"):
        sentence = f"{row.counted} records of the router {row} are counted; {row.came} came."
        yield Discrepancy("RECORDS_MISCOUNTED", sentence, row.key)


def _sum(model) -> Coalesce:
    rows = model.objects.filter(router=OuterRef("pk")).order_by().values("router")
    return Coalesce(Subquery(rows.values(total=Sum("count"))), 0)


def _batch(batch: RecordBatch, known: Mapping[int, str]) -> Iterator[Discrepancy]:
    leaves: list[tuple] = list(
        PrunedRecord.objects.filter(batch=batch).order_by().values_list("pk", "leaf")
    )
    altered, unreadable = False, []
    rows = RequestRecord.objects.filter(batch=batch)
    for chunk in in_chunks(rows, "id", unreadable):
        for row in chunk:
            leaves.append((row.pk, row.leaf))
            if _hash(row) != row.leaf:
                altered = True
                yield Discrepancy(
                    "RECORD_ALTERED",
                    f"Request record {row.pk} is not what its batch was made of.",
                    _key(row.pk),
                )
            elif not bundles.fits(row, known):
                yield Discrepancy(
                    "RECORD_NOT_FOUND",
                    f"Request record {row.pk} is not found by the prompts and the policy that it "
                    "names.",
                    _key(row.pk),
                )
    for pk in unreadable:
        altered = True
        yield Discrepancy(
            "RECORD_ALTERED", f"Request record {pk} holds what its columns cannot hold.", _key(pk)
        )
    found = len(leaves) + len(unreadable)
    if found != batch.count:
        yield Discrepancy(
            "RECORDS_MISSING" if found < batch.count else "RECORDS_EXTRA",
            f"The batch {batch.pk} of {batch.router} holds {found} records; "
            f"its entry stands for {batch.count}.",
            batch.key,
        )
    elif not altered and not _root_is(leaves, batch.root):
        yield Discrepancy(
            "RECORDS_ALTERED",
            f"The records of the batch {batch.pk} of {batch.router} are not those that its "
            "entry stands for.",
            batch.key,
        )


def _hash(row: RequestRecord) -> str:
    try:
        return leaf({field.attname: getattr(row, field.attname) for field in FIELDS})
    except (TypeError, ValueError):
        return ""


def _root_is(leaves: list[tuple], root: str) -> bool:
    hashes = [leaf for _, leaf in sorted(leaves)]
    return _hashes(hashes) and root_of(hashes) == root


def _pruned() -> Iterator[Discrepancy]:
    """Every pruning's hashes make its root, and no hash is left by anything but a pruning."""
    for prunings in in_chunks(Pruning.objects.all()):
        for pruning in prunings:
            rows = PrunedRecord.objects.filter(pruning=pruning)
            leaves = list(rows.order_by("pk").values_list("pk", "leaf"))
            if len(leaves) != pruning.count or not _root_is(leaves, pruning.root):
                yield Discrepancy(
                    "PRUNED_OTHER",
                    f"What is left of pruning {pruning.pk} is not what its entry stands for.",
                    pruning.key,
                )
    known = Pruning.objects.filter(pk=OuterRef("pruning"))
    for pk in PrunedRecord.objects.filter(~Exists(known)).values_list("pk", flat=True)[:NAMED]:
        yield Discrepancy(
            "PRUNED_BY_NOTHING", f"Request record {pk} is gone, and no pruning took it.", _key(pk)
        )


def _hashes(leaves: list[str]) -> bool:
    try:
        return all(len(bytes.fromhex(one)) == 32 for one in leaves)
    except ValueError:
        return False


def _key(pk) -> str:
    return f"{RequestRecord._meta.label_lower}:{pk}"
