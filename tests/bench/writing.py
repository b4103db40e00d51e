"""Governed rows by the hundred thousand: written past the verbs, yet all that the log asks for.

Rows, their history, the log's entries and its head are made in memory and written together, so
that `audit_verify` finds nothing wrong and the triggers stay where they are.
"""

import uuid
from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import cache
from types import SimpleNamespace

from django.core.management.color import no_style
from django.db import connection, models, transaction

from audit.changes import _about, _digested, row_digest
from audit.models import Change, Entry, GovernedModel, Head, Node
from audit.proofs import pushed
from audit.rules import canonical, digest, instant_text, leaf_hash

#: Rows that are held before they are written.
BATCH = 5000
#: Types that a driver takes as they are, but for documents.
AS_THEY_ARE = {str, int, bool, type(None)}


class Parts(list):
    """Parts of a row in hand, where a document's builder would read them from the database."""

    def select_related(self, *names):
        return self

    all = select_related


class Seen:
    """A row as a document's builder sees it, with its parts in hand."""

    def __init__(self, row, **parts: Iterable):
        self._row = row
        self.__dict__.update({name: Parts(rows) for name, rows in parts.items()})

    def __getattr__(self, name):
        return getattr(self._row, name)


def sealed(row, document: dict, at: datetime | None = None):
    """Return `row` with the bytes of its document and their digest, sealed `at` if it can be."""
    content = canonical(document)
    row.content, row.digest = content.decode(), digest(content)
    if at is not None:
        setattr(row, row.sealed_by, at)
    return row


class Record:
    """The record being written: each `change` is one of the log, with the rows it saved.

    Use it as a context manager; what is left is written at the end. Keys are given here, so one
    process fills at a time, and nobody else writes meanwhile.
    """

    def __init__(self, actor):
        self.actor = actor
        self.written = 0
        self._keys: dict[type[models.Model], int] = {}
        self._pending: dict[type[models.Model], list] = {}
        self._head = Head.objects.get(pk=1)
        self._peaks = self._head.peak_hashes

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        if kind is None:
            self._flush()
            sequences = connection.ops.sequence_reset_sql(no_style(), list(self._keys))
            with connection.cursor() as cursor:
                for statement in sequences:
                    cursor.execute(statement)

    def key(self, model: type[models.Model]):
        """Return the key of the next row of `model`."""
        if isinstance(model._meta.pk, models.UUIDField):
            return uuid.uuid4()
        if model not in self._keys:
            last = model._base_manager.aggregate(last=models.Max("pk"))["last"]
            self._keys[model] = last or 0
        self._keys[model] += 1
        return self._keys[model]

    def change(self, reason: str, *rows: GovernedModel) -> None:
        """Write `rows`, which have their keys, as one change; a row and its parts go together."""
        # Before, not after: what comes next may still move on a row of this change.
        if sum(map(len, self._pending.values())) >= BATCH:
            self._flush()
        made = self._open(reason, self.actor)
        for row in rows:
            self._add(made, row)

    def signed(self, reason: str, signature, by, row=None, **columns) -> None:
        """Write a signature by `by` as a change, and that it moved `row` on to `columns`.

        `row` is of the last `change`; so it is for `moved`.
        """
        made = self._open(reason, by)
        facts = {"package": signature.package_digest, "slot": signature.slot}
        self._add(made, signature, f"promotion.signed_{signature.verdict}", facts)
        if row is not None:
            self._move(made, row, columns)

    def moved(self, reason: str, by, row, **columns) -> None:
        """Write as a change that `by` moved `row` on to `columns`."""
        self._move(self._open(reason, by), row, columns)

    def _move(self, made: Change, row, columns: dict) -> None:
        before = row_digest(row, _digested(row))
        for name, value in columns.items():
            setattr(row, name, value)
        row.change_id = made.id
        self._log(made, row, f"{row._meta.model_name}.{row.state}", before=before)
        self._step(row, made, "~")

    def _add(self, made: Change, row, event: str = "", facts: dict | None = None) -> None:
        row.change_id = made.id
        self.written += 1
        self.beside(row)
        self._log(made, row, event, facts)
        self._step(row, made, "+")

    def _open(self, reason: str, actor) -> Change:
        head = self._head
        head.position += 1
        head.governed = head.position
        head.last_at += timedelta(microseconds=1)
        made = Change(
            id=uuid.uuid4(),
            number=head.position,
            at=head.last_at,
            actor=actor,
            actor_name=actor.username,
            reason=reason,
        )
        self.beside(made)
        return made

    @property
    def position(self) -> int:
        """The number of the last change that was written or waits to be."""
        return self._head.position

    def beside(self, row) -> None:
        """Write a row that is not governed, with those that are."""
        self._pending.setdefault(type(row), []).append(row)

    def _put(self, model: type[models.Model], **columns) -> None:
        # No instance: they are most of what is written, and nobody asks them anything.
        self._pending.setdefault(model, []).append(SimpleNamespace(**columns))

    def _step(self, row, made: Change, kind: str) -> None:
        """Write a step of a row's history, if its noun keeps one."""
        if (kept := _history(type(row))) is None:
            return
        history, names = kept
        self._put(
            history,
            **{name: getattr(row, name) for name in names},
            history_date=made.at,
            history_type=kind,
            history_change_reason=made.reason,
            history_user_id=made.actor_id,
        )

    def _log(
        self,
        made: Change,
        row,
        event: str = "",
        facts: dict | None = None,
        before: str | None = None,
    ) -> None:
        fields, head = _digested(row), self._head
        event = event or f"{row._meta.model_name}.created"
        body = {
            "v": 1,
            "event": event,
            "row": row.key,
            "about": _about(row),
            "fields": fields,
            "before": before,
            "after": row_digest(row, fields),
            "at": instant_text(made.at),
            "change": str(made.id),
            "number": made.number,
            "actor": {"id": made.actor_id, "name": made.actor_name},
            "reason": made.reason,
            "request_id": None,
            "via": "command:fill",
            "seq": head.size,
        }
        if facts:
            body["facts"] = facts
        text = canonical(body)
        leaf = leaf_hash(text)
        self._put(
            Entry,
            seq=head.size,
            body=text.decode(),
            leaf=leaf,
            change_id=made.id,
            event=event,
            row=body["row"],
            about=body["about"],
        )
        for (level, index), node in pushed(self._peaks, head.size, leaf):
            self._put(Node, level=level, index=index, hash=node)
        head.size += 1

    def _flush(self) -> None:
        # A part of a sealed row is refused once that row is there: parts go first. Keys of rows
        # that are not there yet are checked at the end of the transaction.
        order = sorted(self._pending, key=lambda model: not getattr(model, "part_of", ""))
        self._head.peaks = " ".join(peak.hex() for peak in self._peaks)
        with transaction.atomic():
            for model in order:
                insert(model, self._pending[model])
            self._head.save(force_update=True)
        self._pending.clear()


@cache
def _history(model: type[models.Model]) -> tuple | None:
    """Return a noun's history model and the columns it keeps; None for nouns without one."""
    if not hasattr(model, "history"):
        return None
    history = model.history.model
    return history, [field.attname for field in history.tracked_fields]


def insert(model: type[models.Model], rows: list) -> None:
    """Write rows the fastest way there is: COPY on PostgreSQL, one prepared INSERT on SQLite."""
    fields = [
        field
        for field in model._meta.concrete_fields
        if not (field.primary_key and getattr(rows[0], field.attname, None) is None)
    ]
    quoted = connection.ops.quote_name
    table = quoted(model._meta.db_table)
    columns = ", ".join(quoted(field.column) for field in fields)
    as_json = [isinstance(field, models.JSONField) for field in fields]
    columns_of = list(zip(fields, [field.attname for field in fields], as_json, strict=True))
    values = (
        [
            value
            if type(value := getattr(row, name)) in AS_THEY_ARE and not json
            else field.get_db_prep_save(value, connection)
            for field, name, json in columns_of
        ]
        for row in rows
    )
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            with cursor.copy(f"COPY {table} ({columns}) FROM STDIN") as copy:
                for line in values:
                    copy.write_row(line)
        else:
            marks = ", ".join(["%s"] * len(fields))
            cursor.executemany(f"INSERT INTO {table} ({columns}) VALUES ({marks})", values)
