"""The log itself: entries, their columns, the tree over them, and what was signed of it."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from django.db.models import Q

from audit import checkpoints, keys, proofs, sinks
from audit.models import Change, Checkpoint, Entry, Head, Node
from audit.rules import instant_text, leaf_hash, root
from audit.verify_audit import Key, Loss, Losses, Malformed, name_and_epoch
from audit.verifying import Discrepancy, Report, governed_models, in_chunks

#: What is read of an entry and its change.
COLUMNS = (
    "seq",
    "body",
    "leaf",
    "event",
    "row",
    "about",
    "change_id",
    "change__number",
    "change__at",
    "change__actor_id",
    "change__actor_name",
    "change__reason",
)
SAID = ("seq", "event", "row", "about", "change", "number", "at", "actor", "reason")


@dataclass(frozen=True)
class Claim:
    """A checkpoint: what the root over the first `size` entries was."""

    size: int
    root: bytes
    where: str
    epoch: int = 1
    #: Where several are from, of which one sentence is said.
    source: str = ""


def log(report: Report, outside: Iterable[tuple[str, str]]) -> Iterator[Discrepancy]:
    """Entries contiguous, hashed right and true to their columns; the tree as it was signed."""
    # Claims first: what is signed while the log is read is left to the next verification.
    claims: list[Claim] = []
    bad: list[Discrepancy] = []
    lost = Losses(lambda code, sentence: bad.append(Discrepancy(code, sentence)))
    for seq, body in checkpoints.loss_entries():
        lost.judge(seq, body)
    yield from bad
    yield from _claims(report, claims, outside, lost)
    yield from _losses(report, claims, lost)
    head = Head.objects.get(pk=1)
    report.size, report.position = head.size, head.position
    reading = _Reading(head.size, {claim.size for claim in claims})
    yield from reading.read()
    # Counted before the head is read again: an entry appended meanwhile is not one too many.
    last = Entry.objects.order_by("-seq").values_list("seq", flat=True).first()
    if last is not None and last >= Head.objects.get(pk=1).size:
        yield Discrepancy("ENTRY_EXTRA", f"Entry {last} stands beyond the head of the log.")
    report.root = f"sha256:{root(reading.peaks).hex()}"
    if [peak.hex() for peak in reading.peaks] != head.peaks.split():
        yield Discrepancy("ROOT", "The root over all entries is not the one the head holds.")
    yield from _nodes(reading, head.size)
    yield from _changes(head)
    yield from _governed(head)
    yield from _signed(report, reading, claims, lost, head.size)


class _Reading:
    """Reads all entries once, from the first to the last."""

    def __init__(self, size: int, sizes: set[int]):
        self._size, self._sizes = size, sizes
        self.peaks: list[bytes] = []
        #: The roots at the sizes that were asked for, and every stored kind of node.
        self.roots: dict[int, bytes] = {0: root([])} if 0 in sizes else {}
        self.nodes: dict[proofs.Node, bytes] = {}
        self._change: tuple = ()
        self._held: dict = {}

    def read(self) -> Iterator[Discrepancy]:
        expected = read = 0
        rows = Entry.objects.filter(seq__lt=self._size).values_list(*COLUMNS, named=True)
        for page in in_chunks(rows, "seq"):
            for entry in page:
                while expected < entry.seq:
                    yield Discrepancy("ENTRY_MISSING", f"Log entry {expected} is missing.")
                    expected += 1
                expected += 1
                stored = bytes(entry.leaf)
                if leaf_hash(entry.body.encode()) != stored:
                    yield Discrepancy(
                        "ENTRY_ALTERED",
                        f"Log entry {entry.seq} no longer matches its hash.",
                        entry.row,
                    )
                self.nodes.update(proofs.pushed(self.peaks, read, stored))
                read += 1
                if read in self._sizes:
                    self.roots[read] = root(self.peaks)
                yield from self._columns(entry)
        if expected < self._size:
            yield Discrepancy(
                "ENTRY_MISSING",
                f"The log ends at entry {expected - 1}; its head says {self._size}.",
            )

    def _columns(self, entry) -> Iterator[Discrepancy]:
        where = f"Log entry {entry.seq}"
        try:
            body = json.loads(entry.body)
            said = {name: body[name] for name in SAID}
        except (ValueError, KeyError, TypeError):
            yield Discrepancy("ENTRY_UNREADABLE", f"{where} cannot be read.", entry.row)
            return
        held = {
            **self._of_change(entry),
            "seq": entry.seq,
            "event": entry.event,
            "row": entry.row,
            "about": entry.about,
        }
        if said == held:
            return
        for name in SAID:
            if said[name] != held[name]:
                yield Discrepancy(
                    "ENTRY_COLUMN",
                    f"{where} says one {name}, its columns another.",
                    entry.row,
                )

    def _of_change(self, entry) -> dict:
        """Return what a change says of itself; its entries stand together."""
        change = entry[6:]
        if change != self._change:
            self._change = change
            self._held = {
                "change": str(entry.change_id),
                "number": entry.change__number,
                "at": entry.change__at and instant_text(entry.change__at),
                "actor": {"id": entry.change__actor_id, "name": entry.change__actor_name},
                "reason": entry.change__reason,
            }
        return self._held


def _nodes(reading: _Reading, size: int) -> Iterator[Discrepancy]:
    """The stored subtrees are those of the entries; a proof would be wrong with another."""
    missing = dict(reading.nodes)
    for page in in_chunks(Node.objects.all()):
        for node in page:
            place = (node.level, node.index)
            made = missing.pop(place, None)
            if made is None and (node.index + 1) << node.level > size:
                continue  # stored since we began
            if made != bytes(node.hash):
                yield Discrepancy(
                    "NODE_ALTERED", f"The stored subtree {node.level}/{node.index} is another."
                )
    for level, index in missing:
        yield Discrepancy("NODE_MISSING", f"The stored subtree {level}/{index} is missing.")


def _changes(head: Head) -> Iterator[Discrepancy]:
    previous = None
    rows = Change.objects.filter(number__lte=head.position).values_list("number", "at", named=True)
    for changes in in_chunks(rows, "number"):
        for row in changes:
            if previous and (row.number != previous.number + 1 or row.at <= previous.at):
                yield Discrepancy(
                    "CHANGE_ORDER",
                    f"Change {row.number} does not follow change {previous.number}.",
                )
            previous = row
    if (head.position, head.last_at) != (previous or (0, None)):
        yield Discrepancy("HEAD", "The head names another last change than there is.")


def _governed(head: Head) -> Iterator[Discrepancy]:
    """The position that answers are kept under is that of the last change that may move one.

    Put back, it would bring back answers of before a revocation.
    """
    quiet = Q()
    for model in governed_models():
        if not model.moves_answers:
            quiet |= Q(row__startswith=f"{model._meta.label_lower}:")
    moving = Entry.objects.exclude(quiet) if quiet else Entry.objects.all()
    there = not head.governed or moving.filter(change__number=head.governed).exists()
    later = moving.filter(change__number__gt=head.governed, change__number__lte=head.position)
    if not there or later.exists():
        yield Discrepancy("HEAD", "The head names another last governed change than there is.")


# What was signed


def _claims(
    report: Report, claims: list[Claim], outside: Iterable[tuple[str, str]], lost: Losses
) -> Iterator[Discrepancy]:
    """Collect every checkpoint there is; name those that are none of ours."""
    try:
        known = checkpoints.known_keys()
    except keys.NoKey as error:
        known = []
        report.not_checked.append(f"Signatures of checkpoints were not judged: {error}")
    seen: set[str] = set()
    for page in in_chunks(Checkpoint.objects.all()):
        for row in page:
            where = f"The stored checkpoint over {row.size} entries"
            seen.add(row.note)
            claim = yield from _claim(row.note, where, known)
            if claim is None:
                continue
            if (claim.size, claim.root) != (row.size, bytes(row.root)):
                yield Discrepancy(
                    "CHECKPOINT_COLUMN", f"{where} says one thing, its columns another."
                )
            claims.append(claim)
    yield from _in_file(report, claims, known, seen, lost)
    for where, note in outside:
        claim = yield from _claim(note, f"The checkpoint of {where}", known)
        if claim is not None:
            claims.append(claim)


def _claim(note: str, where: str, known: list[Key]):
    try:
        # Without keys only the form is judged; that signatures were not is said once.
        said = checkpoints.judge_note(note, known) if known else checkpoints.read_ours(note)
    except Malformed as error:
        yield Discrepancy("CHECKPOINT_FORGED", f"{where} is no checkpoint of this log: {error}")
        return None
    epoch = name_and_epoch(said.origin)[1]
    return Claim(said.size, said.root, where, epoch)


def _losses(report: Report, claims: list[Claim], lost: Losses) -> Iterator[Discrepancy]:
    """Name every loss that two people declared; what it kept must be what the log has."""
    try:
        known = checkpoints.known_keys()
    except keys.NoKey:
        known = []  # said where checkpoints are collected
    for loss in lost.found:
        report.lost.append(str(loss))
        where = f"The loss that entry {loss.seq} confirms"
        claims.append(Claim(loss.kept, loss.kept_root, where, loss.epoch))
        for note in loss.notes:
            yield from _claim(note, where, known)


def _in_file(
    report: Report, claims: list[Claim], known: list[Key], seen: set[str], lost: Losses
) -> Iterator[Discrepancy]:
    """Read the checkpoint file; what it lacks of what it was given is a discrepancy too."""
    if sinks.path() is None:
        report.notes.append(
            "No checkpoint file is set (CHECKPOINT_FILE): nothing outside was compared by itself."
        )
        return
    has, notes = 0, set()
    given = sinks.given()
    try:
        for number, note in sinks.notes_in_file():
            notes.add(note)
            where = f"Line {number} of {sinks.path()}"
            if note in seen:
                has = max(has, checkpoints.read_ours(note).size)
                continue
            claim = yield from _claim(note, where, known)
            if claim is not None:
                has = max(has, claim.size)
                claims.append(replace(claim, source=str(sinks.path())))
                if claim.epoch < lost.epoch:
                    continue  # lost with the entries, as was declared
                yield Discrepancy(
                    "CHECKPOINT_GONE",
                    f"{where} is a checkpoint over {claim.size} entries that the database lacks.",
                )
    except FileNotFoundError:
        pass
    except (OSError, Malformed) as error:
        report.not_checked.append(f"The checkpoint file {sinks.path()} cannot be read: {error}")
        return
    lost = given and next(
        (
            row.size
            for page in in_chunks(Checkpoint.objects.filter(size__lte=given))
            for row in page
            if row.note not in notes
        ),
        None,
    )
    if given and (has < given or lost):
        yield Discrepancy(
            "CHECKPOINT_FILE_LOST",
            f"{sinks.path()} was given checkpoints up to {given} entries and "
            f"{f'lacks the one over {lost}' if lost else f'ends at {has}'}.",
        )


def _signed(
    report: Report, reading: _Reading, claims: list[Claim], lost: Losses, size: int
) -> Iterator[Discrepancy]:
    """The log continues every checkpoint that was signed over it, or two declared its loss."""
    reaching: dict[tuple[str, Loss], list[int]] = {}
    for claim in claims:
        if reading.roots.get(claim.size) == claim.root:
            continue
        if loss := lost.of(claim.epoch, claim.size):
            reaching.setdefault((claim.source or claim.where, loss), []).append(claim.size)
        elif claim.size > size:
            yield Discrepancy(
                "LOG_SHORTENED", f"{claim.where} is over {claim.size} entries; there are {size}."
            )
        else:
            yield Discrepancy(
                "LOG_REWRITTEN",
                f"{claim.where} was signed over other entries than the first {claim.size} of "
                "the log now.",
            )
    for (source, loss), sizes in reaching.items():
        about = loss.about(f"What is signed in {source}", max(sizes), len(set(sizes)) - 1)
        report.lost.append(about)
