"""Part of the log, proved: some entries, each with its path to the root of one signed checkpoint.

With an entry goes the row that it wrote, where that is what it was: its digested columns are
canonical text whose SHA-256 the entry names, so that what a document says of a signature or a file
can be followed to the signed root without this server.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from django.apps import apps
from django.db.models import Q

from audit import Reason, checkpoints, keys, tree
from audit.bundling import Bundle
from audit.models import Change, Checkpoint, Entry
from audit.refusals import Refused
from audit.rules import canonical, digest
from audit.verify_audit import (
    LOSS_CONFIRMED,
    LOSS_DECLARED,
    PACK_CHECKPOINT,
    PACK_CONSISTENCY,
    PACK_ENTRIES,
    PACK_PROOFS,
    PACK_ROWS,
    read_checkpoint,
    signers,
)

#: Entries that are proved at a time, and keys that one query asks for.
CHUNK, KEYS = 500, 200
#: Earlier checkpoints that are proved to be how the log began: of the first ones behind the
#: entries, and of the newest.
EARLIER, NEWEST = 400, 100


class NotProved(Refused):
    """Nothing can be proved now: no checkpoint, no key, or a log that disagrees with itself."""

    status = 503


@dataclass(frozen=True)
class Extent:
    """How much of the log was there at an instant, and the first checkpoint that covers it."""

    at: datetime
    #: Number of the last change, and how many entries there were after it.
    number: int
    end: int
    checkpoint: Checkpoint

    @property
    def origin(self) -> str:
        """What the checkpoint calls the log."""
        return read_checkpoint(self.checkpoint.note).origin


def extent(at: datetime) -> Extent:
    """Return how far the log reached at an instant; it is signed over first if that is not done.

    The same instant gives the same checkpoint, whenever it is asked for. Raises `NotProved`, and
    `Refused` for an instant before the first entry.
    """
    change = Change.objects.filter(at__lte=at).order_by("-at").first()
    last = change and change.entries.order_by("-seq").values_list("seq", flat=True).first()
    if last is None:
        sentence = "The log had no entry by then. Give a later instant."
        raise Refused(Reason("NOTHING_YET", sentence, "as_of"))
    found = _covering(last) or _taken(last)
    return Extent(at, change.number, last + 1, found)


def _covering(seq: int) -> Checkpoint | None:
    return Checkpoint.objects.filter(size__gt=seq).order_by("size", "pk").first()


def _taken(seq: int) -> Checkpoint:
    why = ""
    try:
        checkpoints.take()
    except (keys.NoKey, checkpoints.Inconsistent, OSError) as error:
        why = f" {error}"
    found = _covering(seq)
    if found is None:
        raise NotProved(Reason("NOT_SIGNED", f"No checkpoint covers entry {seq} yet.{why}"))
    return found


def losses(covered: Extent) -> list[int]:
    """Return the numbers of the entries that tell of losses: no excerpt is silent about them."""
    rows = Entry.objects.filter(event__in=(LOSS_DECLARED, LOSS_CONFIRMED))
    return list(rows.filter(seq__lt=covered.checkpoint.size).values_list("seq", flat=True))


def about(row_keys: Iterable[str], covered: Extent, most: int) -> tuple[list[int], int]:
    """Return the numbers of the entries about these rows, oldest first, and how many are left out.

    Where there are more than `most`, the oldest are left out.
    """
    found: set[int] = set()
    listed = sorted(set(row_keys))
    for begin in range(0, len(listed), KEYS):
        some = listed[begin : begin + KEYS]
        rows = Entry.objects.filter(Q(about__in=some) | Q(row__in=some), seq__lt=covered.end)
        found.update(rows.order_by().values_list("seq", flat=True))
    kept = sorted(found)[-most:]
    return kept, len(found) - len(kept)


def entries(seqs: list[int]) -> Iterator[list[Entry]]:
    """Yield entries with their changes, some at a time, in the order given."""
    for begin in range(0, len(seqs), CHUNK):
        rows = Entry.objects.filter(seq__in=seqs[begin : begin + CHUNK])
        yield list(rows.select_related("change").order_by("seq"))


def write(bundle: Bundle, seqs: list[int], covered: Extent, nouns: frozenset[str]) -> None:
    """Write entries with their proofs, the rows of these nouns, and the checkpoint, into a bundle.

    Raises `NotProved` where the log does not agree with what was signed of it.
    """
    size, root = covered.checkpoint.size, bytes(covered.checkpoint.root)
    with bundle.file(PACK_ENTRIES) as file:
        for some in entries(seqs):
            file.write(b"".join(b"%s\n" % one.body.encode() for one in some))
    with bundle.file(PACK_PROOFS) as file:
        for begin in range(0, len(seqs), CHUNK):
            for proof in _inclusions(seqs[begin : begin + CHUNK], size):
                if proof.root != root:
                    raise NotProved(
                        Reason("DISAGREES", "The log disagrees with its checkpoint: audit_verify.")
                    )
                said = {"seq": proof.seq, "path": [one.hex() for one in proof.path]}
                file.write(canonical(said) + b"\n")
    with bundle.file(PACK_ROWS) as file:
        for some in entries(seqs):
            for line in _rows([one for one in some if _noun(one) in nouns]):
                file.write(canonical(line) + b"\n")
    with bundle.file(PACK_CONSISTENCY) as file:
        for line in _earlier(seqs, size):
            file.write(canonical(line) + b"\n")
    bundle.add(PACK_CHECKPOINT, covered.checkpoint.note.encode())


def _noun(entry: Entry) -> str:
    return entry.row.partition(":")[0]


def _inclusions(seqs: list[int], size: int) -> list[tree.Inclusion]:
    try:
        return tree.inclusions(seqs, size)
    except tree.TreeBroken as error:
        raise NotProved(Reason("TREE_BROKEN", f"Nothing can be proved: {error}")) from error


def _rows(found: list[Entry]) -> Iterator[dict]:
    """Yield the rows that are what their entry says: one changed since has another digest."""
    by_noun: dict[str, set[str]] = {}
    for one in found:
        noun, _, pk = one.row.partition(":")
        by_noun.setdefault(noun, set()).add(pk)
    rows = {
        (noun, str(row.pk)): row
        for noun, pks in by_noun.items()
        for row in apps.get_model(noun)._base_manager.filter(pk__in=pks)
    }
    for one in found:
        noun, _, pk = one.row.partition(":")
        body, row = json.loads(one.body), rows.get((noun, pk))
        if row is None:
            continue
        text = canonical({name: getattr(row, name) for name in body["fields"]})
        if digest(text) == body["after"]:
            yield {"seq": one.seq, "row": one.row, "document": text.decode()}


def _earlier(seqs: list[int], size: int) -> Iterator[dict]:
    """Yield proofs that earlier checkpoints are how this log began: those that signers may hold.

    For each entry the first checkpoint that holds it is the one in its receipt, if that was taken
    at once; the newest are in receipts that were taken lately. What is between is left to the
    server's own answers.
    """
    sizes = Checkpoint.objects.filter(size__lt=size).order_by("size")
    known = sorted(set(sizes.values_list("size", flat=True)))
    wanted, place = [], 0
    for seq in seqs:
        while place < len(known) and known[place] <= seq:
            place += 1
        if place < len(known) and (not wanted or wanted[-1] != known[place]):
            wanted.append(known[place])
    try:
        proofs = tree.consistencies(sorted({*wanted[-EARLIER:], *known[-NEWEST:]}), size)
    except tree.TreeBroken as error:
        raise NotProved(Reason("TREE_BROKEN", f"Nothing can be proved: {error}")) from error
    for one in proofs:
        yield {
            "first": one.first,
            "root": one.first_root.hex(),
            "path": [step.hex() for step in one.path],
        }


def keys_of(note: str) -> bytes:
    """Return the public keys that signed a checkpoint, as a JWK Set: the same ones for ever."""
    said = read_checkpoint(note)
    known = {one.kid: one for one in keys.every()}
    names = signers(said, checkpoints.known_keys())
    return canonical({"keys": [known[name].jwk for name in sorted(names)]}) + b"\n"
