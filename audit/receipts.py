"""Receipts: one entry of the log, with the proof that a signed checkpoint holds it.

Whoever keeps one can show later that the log held the entry, and every checkpoint in a receipt is
one that has left the machine: those who sign become witnesses.
"""

from django.http import HttpResponse

from audit import checkpoints, keys, sinks, tree
from audit.models import Checkpoint, Entry
from audit.verify_audit import Receipt, receipt_text


class NotYet(Exception):
    """No checkpoint holds the entry yet; the text says why, and a later attempt may do."""


def receipt(seq: int, checkpoint: Checkpoint | None = None) -> str:
    """Return the receipt of an entry as a file (C2SP tlog-proof), by the newest checkpoint.

    Signs one if none holds the entry yet. Raises `Entry.DoesNotExist` and `NotYet`.
    """
    entry = Entry.objects.get(pk=seq)
    signed = checkpoint or checkpoints.covering(seq) or _sign(seq)
    try:
        proof = tree.inclusion(seq, signed.size)
    except tree.TreeBroken as error:
        raise NotYet(f"Nothing can be proved: {error}") from error
    if proof.root != bytes(signed.root):
        raise NotYet("The log disagrees with its checkpoint. Run audit_verify.")
    return receipt_text(Receipt(entry.body.encode(), seq, proof.path, signed.note))


def first(seq: int) -> Checkpoint:
    """Return the first checkpoint that holds an entry: the same one whenever it is asked for.

    Signs one if there is none. Raises `NotYet`.
    """
    found = Checkpoint.objects.filter(size__gt=seq).order_by("size", "pk").first()
    return found or _sign(seq)


def handed_out(seq: int, *, by_first: bool = False) -> str:
    """Return the receipt of an entry for somebody who keeps it, and note how far it reaches."""
    signed = first(seq) if by_first else checkpoints.covering(seq) or _sign(seq)
    text = receipt(seq, signed)
    sinks.note_receipt(signed.size)
    return text


def as_file(seq: int, name: str, *, by_first: bool = False) -> HttpResponse:
    """Answer with a receipt as an attachment, or 503 in words while nothing can be signed."""
    try:
        text = handed_out(seq, by_first=by_first)
    except NotYet as error:
        return HttpResponse(f"{error}\n", status=503, content_type="text/plain; charset=utf-8")
    return HttpResponse(
        text,
        content_type="text/plain; charset=utf-8",
        headers={
            "Content-Disposition": f'attachment; filename="{name}"',
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "private, no-store",
        },
    )


def _sign(seq: int) -> Checkpoint:
    try:
        taken = checkpoints.take().checkpoint
    except (keys.NoKey, checkpoints.Inconsistent, OSError) as error:
        raise NotYet(f"No checkpoint holds entry {seq} yet: {error}") from error
    if taken is None or taken.size <= seq:
        raise NotYet(f"No checkpoint holds entry {seq} yet.")
    return taken
