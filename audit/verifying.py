"""Reconcile log, rows and history; what other apps keep is checked by the verifiers they add."""

import json
import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from django.apps import apps
from django.core.exceptions import ValidationError
from django.db.models import Exists, OuterRef

from audit import clock
from audit.changes import change, row_digest
from audit.rules import digest

trouble = logging.getLogger("gatehouse.verifying")

#: How many rows or entries are held at a time.
CHUNK = 1000
#: How many discrepancies the recorded verification names; all are counted.
KEPT = 200
#: How many are named by the command; all are counted.
HELD = 10_000


@dataclass(frozen=True)
class Discrepancy:
    """Something in log, rows, history or files that does not agree; `row` is its key, if any."""

    code: str
    sentence: str
    row: str = ""


@dataclass
class Report:
    """What one verification found, and what it could not look at."""

    size: int = 0
    position: int = 0
    root: str = ""
    found: list[Discrepancy] = field(default_factory=list)
    not_checked: list[str] = field(default_factory=list)
    #: What whoever reads the result should know, and nothing is wrong with.
    notes: list[str] = field(default_factory=list)
    #: What two people declared lost, and what was signed of it.
    lost: list[str] = field(default_factory=list)
    #: Discrepancies beyond those in `found`: a million of them would not fit in memory.
    more: int = 0

    @property
    def total(self) -> int:
        """How many discrepancies there are."""
        return len(self.found) + self.more

    def add(self, found: Iterable[Discrepancy]) -> None:
        """Keep what was found, as long as there is room, and count the rest."""
        for one in found:
            if len(self.found) < HELD:
                self.found.append(one)
            else:
                self.more += 1


#: Apps add theirs in `ready()`: called with the report and the scope, they yield what disagrees
#: and add to `report.not_checked` what they could not look at.
verifiers: list[Callable[[Report, str], Iterable[Discrepancy]]] = []


def verify(scope: str, outside: Iterable[tuple[str, str]] = ()) -> Report:
    """Check the whole record and return what disagrees; writes nothing.

    `scope` is a `Verification.Scope`; `outside` are checkpoints that were kept elsewhere: where,
    and the signed note. Reads in chunks by key, so memory stays flat. Work goes on meanwhile: the
    log is checked up to its size at the beginning, and a row that changes after that is left to
    the next verification.
    """
    from audit.verifying_log import log

    report = Report()
    report.add(log(report, outside))
    report.add(_triggers())
    for model in governed_models():
        report.add(_rows(model, report.size))
    report.add(_rows_behind_entries(report.size))
    for verifier in verifiers:
        try:
            report.add(verifier(report, scope))
        except (*UNREADABLE, LookupError, AttributeError) as error:
            # One row that cannot be read must not hide what else is wrong.
            name = f"{verifier.__module__}.{getattr(verifier, '__name__', '')}"
            trouble.exception("A verification went on without the rest of %s.", name)
            report.not_checked.append(
                f"The check {name} ended where a row cannot be read ({error}): what is behind "
                "that row was not looked at."
            )
    return report


def record(report: Report, *, scope: str, actor, started_at):
    """Keep what a verification found as a governed row; the gates' checks read the last one."""
    from audit.models import Verification

    outcome = Verification.Outcome.CLEAN
    if report.not_checked:
        outcome = Verification.Outcome.INCOMPLETE
    if report.found:
        outcome = Verification.Outcome.DISCREPANCIES
    with change(actor=actor, reason=f"Verification of the record: {report.total} found.") as c:
        return c.save(
            Verification(
                outcome=outcome,
                scope=scope,
                size=report.size,
                position=report.position,
                root=report.root,
                started_at=started_at,
                finished_at=clock.now(),
                # What is said of a row ends approvals that rest on it: those are kept first.
                discrepancies=[
                    vars(item) for item in sorted(report.found, key=lambda one: not one.row)[:KEPT]
                ],
                found=report.total,
                not_checked=report.not_checked,
            ),
            event=f"verification.{outcome.value}",
        )


def governed_models():
    """Return every governed model, in the order they were installed."""
    from audit.models import GovernedModel

    return [model for model in apps.get_models() if issubclass(model, GovernedModel)]


#: What a column raises that no longer holds a value of its type: text in place of JSON or a date.
UNREADABLE = (ValueError, TypeError, ArithmeticError)


def in_chunks(queryset, key: str = "pk", unreadable: list | None = None) -> Iterator[list]:
    """Yield lists of rows in the order of `key`, a query each: no cursor stays open between.

    An open read cursor would block the writer on SQLite. A row whose columns cannot be read is
    left out, and its key put into `unreadable`: one such row must not hide all that is wrong.
    """
    queryset, last = queryset.order_by(key), None
    while True:
        page = queryset if last is None else queryset.filter(**{f"{key}__gt": last})
        rows, keys = _read(page, key, unreadable)
        if not keys:
            return
        yield rows
        last = keys[-1]


def _read(page, key: str, unreadable: list | None) -> tuple[list, list]:
    """Return the next rows of `page` that can be read, and the keys of all of them."""
    try:
        rows = list(page[:CHUNK])
    except UNREADABLE:
        rows = []
    else:
        return rows, [getattr(row, key) for row in rows]
    keys = list(page.values_list(key, flat=True)[:CHUNK])
    for value in keys:
        try:
            rows += page.filter(**{key: value})
        except UNREADABLE:
            if unreadable is not None:
                unreadable.append(value)
    return rows, keys


def _triggers() -> Iterator[Discrepancy]:
    from audit import triggers

    for table, name in triggers.differing():
        yield Discrepancy("TRIGGER", f"The trigger {name} on {table} is missing, off or altered.")


def _bodies(keys: list[str]) -> dict[str, list[dict]]:
    """Return the entries of each row, oldest first."""
    from audit.models import Entry

    result: dict[str, list[dict]] = {key: [] for key in keys}
    entries = Entry.objects.filter(row__in=keys).order_by("seq")
    for row, body in entries.values_list("row", "body"):
        try:
            said = json.loads(body)
            _ = said["seq"] + 0, said["before"], said["after"], said["change"], said["fields"]
            _ = said["actor"]["id"], said["reason"]
        except (ValueError, KeyError, TypeError):
            continue  # reported where the log itself is read
        result[row].append(said)
    return result


def _moved(entries: list[dict], size: int) -> bool:
    """Whether a row changed since the verification began."""
    return bool(entries) and entries[-1]["seq"] >= size


def _rows(model, size: int) -> Iterator[Discrepancy]:
    """The last digest in the log of every row is the row's, and its history is what the log says.

    Rows and history are read together, so that the entries of a row are read once.
    """
    unreadable: list = []
    for rows in in_chunks(model._base_manager.all(), unreadable=unreadable):
        bodies = _bodies([row.key for row in rows])
        for row in rows:
            yield from _row(row, bodies[row.key], size)
        if hasattr(model, "history"):
            yield from _history(model, [row.pk for row in rows], bodies, size)
    for pk in unreadable:
        yield Discrepancy(
            "ROW_UNREADABLE",
            f"The {model._meta.verbose_name} {pk} holds what its columns cannot hold.",
            f"{model._meta.label_lower}:{pk}",
        )
    if hasattr(model, "history"):
        yield from _history(model, unreadable, _bodies(_keys(model, unreadable)), size)
        yield from _history_of_gone(model, size)


def _keys(model, pks: Iterable) -> list[str]:
    return [f"{model._meta.label_lower}:{pk}" for pk in pks]


def _row(row, entries: list[dict], size: int) -> Iterator[Discrepancy]:
    named = f"{row._meta.verbose_name} {row.pk}"
    if not entries:
        yield Discrepancy("ROW_UNLOGGED", f"The {named} has no entry in the log.", row.key)
        return
    if _moved(entries, size):
        return
    last = entries[-1]
    if not _agrees(row, last):
        yield Discrepancy(
            "ROW_ALTERED",
            f"The {named} is not what entry {last['seq']} of the log says.",
            row.key,
        )
    elif not _content_agrees(row):
        yield Discrepancy(
            "CONTENT_ALTERED",
            f"The content of the {named} no longer has the digest it was sealed under.",
            row.key,
        )
    elif str(row.change_id) != last["change"]:
        yield Discrepancy("ROW_CHANGE", f"The {named} names another change than the log.", row.key)


def _content_agrees(row) -> bool:
    """Whether canonical bytes kept beside their digest still have it; true for rows without."""
    content, sealed_under = getattr(row, "content", ""), getattr(row, "digest", "")
    return not (content and sealed_under) or digest(content.encode()) == sealed_under


def _agrees(row, body: dict) -> bool:
    try:
        return row_digest(row, body["fields"]) == body["after"]
    except (AttributeError, TypeError, ValueError):
        return False


def _history(model, pks: list, bodies: dict[str, list[dict]], size: int) -> Iterator[Discrepancy]:
    """The history of some rows is, step by step, what the log says of each.

    A row without any is named where the log is compared with what is there.
    """
    history, pk = model.history.model, model._meta.pk.attname
    steps: dict[str, list] = {}
    rows = history._base_manager.filter(**{f"{pk}__in": pks})
    unreadable: list = []
    for chunk in in_chunks(rows, "history_id", unreadable):
        for step in chunk:
            key = f"{model._meta.label_lower}:{getattr(step, pk)}"
            steps.setdefault(key, []).append(step)
    for one in unreadable:
        name = model._meta.verbose_name
        yield Discrepancy("HISTORY_ALTERED", f"History row {one} of a {name} cannot be read.")
    for key, taken in steps.items():
        if not _moved(bodies[key], size):
            yield from _compare_history(key, taken, bodies[key])


def _history_of_gone(model, size: int) -> Iterator[Discrepancy]:
    """The same for rows that are not there: parts that were removed, or never were."""
    history, pk = model.history.model, model._meta.pk.attname
    there = model._base_manager.filter(pk=OuterRef(pk))
    gone = history._base_manager.filter(~Exists(there)).order_by(pk)
    gone = gone.values_list(pk, flat=True).distinct()
    last = None
    while True:
        pks = list((gone if last is None else gone.filter(**{f"{pk}__gt": last}))[:CHUNK])
        if not pks:
            return
        last = pks[-1]
        yield from _history(model, pks, _bodies(_keys(model, pks)), size)


def _compare_history(key: str, steps: list, entries: list[dict]) -> Iterator[Discrepancy]:
    if len(steps) != len(entries):
        yield Discrepancy(
            "HISTORY_LENGTH",
            f"{key} has {len(steps)} history rows for {len(entries)} entries in the log.",
            key,
        )
        return
    for step, entry in zip(steps, entries, strict=True):
        removed, added = entry["after"] is None, entry["before"] is None
        expected = {**entry, "after": entry["before"]} if removed else entry
        if (
            step.history_type != ("-" if removed else "+" if added else "~")
            or str(step.change_id) != entry["change"]
            # Who had a hand in what is read from here: whoever had one does not sign.
            or step.history_user_id != entry["actor"]["id"]
            or step.history_change_reason != entry["reason"]
            or not _agrees(step, expected)
        ):
            yield Discrepancy(
                "HISTORY_ALTERED",
                f"A history row of {key} is not what entry {entry['seq']} of the log says.",
                key,
            )


def _rows_behind_entries(size: int) -> Iterator[Discrepancy]:
    """Every row that the log says exists is there; every removed one is gone."""
    from audit.models import Entry

    tables = {model._meta.label_lower: model for model in governed_models()}
    last = ""
    while True:
        keys = list(
            Entry.objects.filter(row__gt=last)
            .order_by("row")
            .values_list("row", flat=True)
            .distinct()[:CHUNK]
        )
        if not keys:
            return
        last = keys[-1]
        by_label: dict[str, list[str]] = {}
        for key in keys:
            by_label.setdefault(key.partition(":")[0], []).append(key)
        for label, of_model in by_label.items():
            model = tables.get(label)
            if model is None:
                yield Discrepancy("MODEL_UNKNOWN", f"The log speaks of {label}, which is unknown.")
                continue
            present = _existing(model, of_model)
            # Only a part is ever removed; whatever else was written is there for good.
            bodies = _bodies(of_model) if model.part_of else {}
            if hasattr(model, "history"):
                # Rows with some history are compared step by step where history is read.
                for key in set(of_model) - _existing(model, of_model, with_history=True):
                    yield Discrepancy("HISTORY_LENGTH", f"All history of {key} is gone.", key)
            for key in of_model:
                entries = bodies.get(key)
                alive = not model.part_of or bool(entries and entries[-1]["after"] is not None)
                if alive and key not in present:
                    if Entry.objects.filter(row=key, seq__gte=size).exists():
                        continue  # removed while we were reading
                    yield Discrepancy("ROW_MISSING", f"{key} is in the log but gone.", key)
                elif not alive and key in present:
                    yield Discrepancy("ROW_BACK", f"{key} was removed but is there.", key)


def _existing(model, keys: list[str], *, with_history: bool = False) -> set[str]:
    """Return those of `keys` that have a row, or with `with_history` a history row."""
    pk = model._meta.pk.attname
    rows = model.history.model._base_manager if with_history else model._base_manager
    pks = []
    for key in keys:
        try:
            pks.append(model._meta.pk.to_python(key.partition(":")[2]))
        except ValidationError:
            continue  # no row was ever called that; it is reported as missing
    found = rows.filter(**{f"{pk}__in": pks}).values_list(pk, flat=True).distinct()
    return {f"{model._meta.label_lower}:{value}" for value in found}
