"""What was signed and is no longer in the log, as far as anything outside tells."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from audit import checkpoints, sinks, tree
from audit.models import Checkpoint, LogRestore
from audit.rules import canonical, digest
from audit.verify_audit import Checkpoint as Said
from audit.verify_audit import Malformed, name_and_epoch

#: Lines of the checkpoint file that are looked up at a time.
CHUNK = 500


class NotALoss(Exception):
    """What disagrees is not what a restore does; the text says what it is, and what mends it."""


@dataclass(frozen=True)
class Loss:
    """What would be declared: what the log kept, and what was signed beyond it."""

    epoch: int
    kept_size: int
    kept_root: str
    #: The last checkpoint of each epoch that the log does not agree with, by size.
    ended: tuple[Said, ...]
    notes: tuple[str, ...]
    #: Whether a restore says how much was kept; if not, it is what a checkpoint proves.
    restored: LogRestore | None

    @property
    def document(self) -> dict:
        """What is declared, as the log will have it."""
        return {
            "epoch": self.epoch,
            "kept": {"size": self.kept_size, "root": self.kept_root},
            "ended": list(self.notes),
        }

    @property
    def digest(self) -> str:
        """What a confirmation is held against: the same loss, and no other."""
        return digest(canonical(self.document))

    @property
    def last(self) -> int:
        """The last entry that was signed and is lost."""
        return max(said.size for said in self.ended) - 1


def find(outside: Iterable[tuple[str, str]] = ()) -> Loss | None:
    """Return what was signed and is lost, or nothing if the log agrees with all that is known.

    `outside` are checkpoints that were kept elsewhere: where, and the signed note. Reads the whole
    checkpoint file. Raises `NotALoss`, `keys.NoKey` and `OSError`.
    """
    lost = checkpoints.losses()
    current = tree.state()
    ours = checkpoints.latest()
    try:
        if ours is not None and checkpoints.disagreement(
            checkpoints.read_ours(ours.note), "The last checkpoint in the database", current
        ):
            raise NotALoss(
                "The database disagrees with a checkpoint of its own. No restore does that: run "
                "audit_verify, tell the auditors, and restore a backup."
            )
        agreed, ended = ours.size if ours else 0, {}
        for said, note, where in _unknown(outside):
            epoch = name_and_epoch(said.origin)[1]
            if not checkpoints.disagreement(said, where, current):
                agreed = max(agreed, said.size)
            elif lost.of(epoch, said.size) is None:
                first, last, text = ended.get(epoch, (said.size, said, note))
                if said.size > last.size:
                    last, text = said, note
                ended[epoch] = (min(first, said.size), last, text)
    except (Malformed, checkpoints.Inconsistent, tree.TreeBroken) as error:
        raise NotALoss(f"{error} That is no loss of entries: run audit_verify.") from error
    if not ended:
        return None
    smallest = min(first for first, _, _ in ended.values())
    if agreed >= smallest:
        raise NotALoss(
            f"The log agrees with a checkpoint over {agreed} entries and not with one over "
            f"{smallest}. No restore does that: two logs were signed under one name. Run "
            "audit_verify, and tell the auditors."
        )
    restored = LogRestore.objects.order_by("-pk").first()
    if restored is not None and not agreed <= restored.size < smallest:
        restored = None
    kept = restored.size if restored else agreed
    return Loss(
        epoch=max(lost.epoch, *ended) + 1,
        kept_size=kept,
        kept_root=f"sha256:{tree.root_at(kept).hex()}",
        ended=tuple(ended[epoch][1] for epoch in sorted(ended)),
        notes=tuple(ended[epoch][2] for epoch in sorted(ended)),
        restored=restored,
    )


def _unknown(outside: Iterable[tuple[str, str]]) -> Iterator[tuple[Said, str, str]]:
    """Yield (checkpoint, note, where) of each that the database does not have, once each.

    Raises `Malformed` for one that is not signed by us: a loss is of what was signed.
    """
    known, seen = checkpoints.known_keys(), set()
    for page in _pages(outside):
        said = [(checkpoints.read_ours(note), note, where) for where, note in page]
        sizes = {one.size for one, _, _ in said}
        stored = set(
            Checkpoint.objects.filter(size__in=sizes).values_list("note", flat=True).iterator()
        )
        for _, note, where in said:
            if note not in stored and note not in seen:
                seen.add(note)
                yield checkpoints.judge_note(note, known), note, where


def _pages(outside: Iterable[tuple[str, str]]) -> Iterator[list[tuple[str, str]]]:
    page: list[tuple[str, str]] = []
    for one in _all(outside):
        page.append(one)
        if len(page) == CHUNK:
            yield page
            page = []
    if page:
        yield page


def _all(outside: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    if sinks.path() is not None:
        try:
            for number, note in sinks.notes_in_file():
                yield f"Line {number} of {sinks.path()}", note
        except FileNotFoundError:
            pass
    yield from outside
