"""Proof of one record: that its batch, and the entry of the log for it, were made of it.

Whoever holds a proof checks it with SHA-256 alone: the record's columns hash to its leaf, leaf and
path to the root of its batch, and the root stands in the entry. That the entry is in the log is the
log's own proof.
"""

import uuid
from collections.abc import Sequence
from typing import Any

from audit.models import Entry
from audit.rules import canonical, node_hash
from registry.models import Person
from runtime.records.models import RecordBatch, RequestRecord
from runtime.records.pruned import leaves_of
from runtime.records.storing import FIELDS, NOT_IN_LEAF, leaf

SCHEMA = "gatehouse.record-proof/1"
HOW = (
    "leaf = SHA-256(0x00 || record); then for each step of path, from the first: "
    "SHA-256(0x01 || hash || so far) if it stands left, SHA-256(0x01 || so far || hash) if right. "
    "The last is batch.root, which stands in entry.body; the entry is leaf number entry.seq of the "
    "log, and its own leaf is SHA-256(0x00 || entry.body)."
)


def path(leaves: Sequence[bytes], place: int) -> list[tuple[str, bytes]]:
    """Return the way from leaf `place` to the root (RFC 6962, 2.1.1): sides and hashes."""
    steps: list[tuple[str, bytes]] = []
    level = list(leaves)
    while len(level) > 1:
        beside = place ^ 1
        if beside < len(level):
            steps.append(("left" if beside < place else "right", level[beside]))
        pairs = zip(level[::2], level[1::2], strict=False)
        # Without another beside it, the last of a level goes up as it is.
        level = [node_hash(*pair) for pair in pairs] + level[len(level) & ~1 :]
        place //= 2
    return steps


def climbed(leaf: bytes, steps: Sequence[tuple[str, bytes]]) -> bytes:
    """Return the root to which a leaf and its path lead."""
    for side, beside in steps:
        leaf = node_hash(beside, leaf) if side == "left" else node_hash(leaf, beside)
    return leaf


def proof(pk: uuid.UUID, reader: Person) -> dict[str, Any] | None:
    """Return the proof of a record that the reader may see, or None."""
    row = RequestRecord.objects.visible_to(reader).filter(pk=pk).first()
    found = proofs([row]) if row is not None else {}
    return found.get(pk)


def proofs(rows: Sequence[RequestRecord]) -> dict[uuid.UUID, dict[str, Any]]:
    """Return the proof of each of a few records, by its id; those of a lost batch have none."""
    batches = RecordBatch.objects.select_related("router").in_bulk({row.batch_id for row in rows})
    keys = {batch.key: pk for pk, batch in batches.items()}
    entries = {keys[one.row]: one for one in Entry.objects.filter(row__in=keys)}
    leaves = {pk: dict(leaves_of(pk)) for pk in batches}
    return {
        row.pk: _proof(row, batches[row.batch_id], entries.get(row.batch_id), leaves[row.batch_id])
        for row in rows
        if row.batch_id in batches
    }


def _proof(row: RequestRecord, batch: RecordBatch, entry: Entry | None, leaves) -> dict[str, Any]:
    said = {field.attname: getattr(row, field.attname) for field in FIELDS}
    place = list(leaves).index(row.pk)
    steps = path([bytes.fromhex(one) for one in leaves.values()], place)
    reached = f"sha256:{climbed(bytes.fromhex(row.leaf), steps).hex()}"
    return {
        "schema": SCHEMA,
        "how": HOW,
        "holds": leaf(said) == row.leaf and reached == batch.root and entry is not None,
        "id": str(row.pk),
        "record": canonical(
            {name: value for name, value in said.items() if name not in NOT_IN_LEAF}
        ).decode(),
        "leaf": row.leaf,
        "position": place,
        "path": [{"side": side, "hash": beside.hex()} for side, beside in steps],
        "batch": {
            "id": str(batch.pk),
            "router": batch.router.slug,
            "received_at": batch.received_at,
            "count": batch.count,
            "first": str(batch.first_id),
            "last": str(batch.last_id),
            "root": batch.root,
        },
        "entry": entry
        and {
            "seq": entry.seq,
            "event": entry.event,
            "body": entry.body,
            "leaf": bytes(entry.leaf).hex(),
        },
    }
