"""The one way to change a governed row.

A change is one transaction: lock and re-read rows, judge, save, and at the very end take the
head's lock and append one entry per saved row. Row locks first and the head last, or two writers
wait for each other for ever.
"""

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import timedelta
from typing import Any

from django.apps import apps as installed_apps
from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.db import IntegrityError, connection, models, transaction

from audit import clock, context
from audit.proofs import pushed
from audit.refusals import Conflict, Reason, Refused
from audit.rules import Actor, canonical, digest, instant_text, leaf_hash

#: Called inside the transaction before the head is locked; apps add theirs in `ready()`.
consequences: list[Callable[["Change"], None]] = []
#: Called once the head is locked and the change has its number: no other change lands before this
#: one, so what they read is how things stand after it. They insert governed rows, or keep what is
#: derived from rows beside them, and lock none; apps add theirs in `ready()`.
conclusions: list[Callable[["Change"], None]] = []

_current: ContextVar["Change | None"] = ContextVar("change", default=None)


class NotInChange(RuntimeError):
    """A governed row was about to be written outside `audit.change`, or in a way it forbids."""


def current_change() -> "Change | None":
    """Return the change in progress in this context, if there is one."""
    return _current.get()


@contextmanager
def change(*, actor, reason: str, apps=installed_apps) -> Iterator["Change"]:
    """Open the one change of a transaction; entries are appended when the block ends.

    `actor` is a person or `system(...)`; `reason` becomes part of the record for good. A data
    migration passes the `apps` it was given. Raises `Refused` for an empty reason, `Conflict`
    when a constraint shows that somebody else was first, and `NotInChange` when nested.
    """
    if not reason.strip():
        raise Refused(
            Reason(
                "REASON_MISSING",
                "Give a reason; it becomes part of the record.",
                "reason",
            )
        )
    if _current.get() is not None:
        raise NotInChange("A change is already open; one verb may not call another.")
    try:
        with transaction.atomic():
            _claim_outer_transaction()
            opened = Change(actor, reason.strip(), apps)
            token = _current.set(opened)
            try:
                yield opened
                opened._append()
            finally:
                _current.reset(token)
    except IntegrityError as error:
        sentence = _constraint_sentence(error)
        if sentence is None:
            raise
        raise Conflict(Reason("CONFLICT", sentence)) from error


def _claim_outer_transaction() -> None:
    """Refuse a second change in one outer transaction: the first already holds the head's lock."""
    # pytest's and TestCase's own transactions stand for "no transaction" here.
    outer = next((block for block in connection.atomic_blocks if not block._from_testcase), None)
    if outer is not None:
        if getattr(outer, "_governed_change", False):
            raise NotInChange("This transaction already made a governed change.")
        outer._governed_change = True


def _constraint_sentence(error: IntegrityError) -> str | None:
    """Return the sentence of the named constraint that `error` reports, if it has one."""
    diagnostic = getattr(error.__cause__, "diag", None)
    named = getattr(diagnostic, "constraint_name", None)
    text = str(error)
    for model in installed_apps.get_models():
        table = model._meta.db_table
        for constraint in model._meta.constraints:
            if constraint.violation_error_message == constraint.default_violation_error_message:
                continue
            columns = ", ".join(
                f"{table}.{model._meta.get_field(name).column}"
                for name in getattr(constraint, "fields", ())
            )
            # SQLite names a CHECK but lists columns for UNIQUE; PostgreSQL names both.
            if (
                named == constraint.name
                or f"CHECK constraint failed: {constraint.name}" == text
                or f"index '{constraint.name}'" in text
                or (columns and text == f"UNIQUE constraint failed: {columns}")
            ):
                return str(constraint.violation_error_message)
    return None


class Change:
    """One open change: locks rows, saves them, and collects the entries for the log."""

    def __init__(self, actor, reason: str, apps=installed_apps):
        self.id = uuid.uuid4()
        self.user = None if isinstance(actor, Actor) else actor
        self.actor = (
            actor if isinstance(actor, Actor) else Actor(id=actor.pk, name=actor.get_username())
        )
        self.reason = reason
        #: The instant for the rows' own times; the change's instant is taken at its end.
        self.now = clock.now()
        #: The row being written, which alone may pass `GovernedModel.save_base`.
        self.saving: Any = None
        #: What a verb tells the conclusions of its change, under names of their own.
        self.told: dict[str, Any] = {}
        #: The keys of the rows that were saved, by model.
        self.saved: dict[type[models.Model], set] = {}
        self._apps = apps
        self._entries: list[dict] = []
        self._before: dict[str, str] = {}
        self._depth = len(connection.savepoint_ids)

    def lock(self, model: type[models.Model], *pks) -> Any:
        """Lock and re-read rows of one model, in the order of their keys.

        Returns the row for one key and a list for several. Raises `model.DoesNotExist`. Within
        a change, lock models in the order registry, evidence, gates: two changes that lock the
        same rows in opposite order would wait for each other.
        """
        rows = model._base_manager.select_for_update(no_key=True).filter(pk__in=pks).order_by("pk")
        found = list(rows)
        if len(found) != len(set(pks)):
            raise model.DoesNotExist(f"{model._meta.verbose_name} {pks} does not exist.")
        for row in found:
            self._before[_key(row)] = _digest(row)
        return found[0] if len(pks) == 1 else found

    def holds(self, row: models.Model) -> bool:
        """Whether a row was locked or saved in this change, so that nobody else moves it."""
        return _key(row) in self._before

    def save(self, row: models.Model, *, event: str = "", facts: dict | None = None):
        """Validate and save one row with its history, and collect its entry.

        `event` names what happened ("release.sealed"); `facts` are kept in the entry for readers
        of the log alone. A row that exists must have been locked in this change. Raises
        `Refused` with a reason per field when the row is not valid.
        """
        self._check_savepoint()
        adding = row._state.adding
        before = None if adding else self._before.get(_key(row))
        if not adding and before is None:
            raise NotInChange(f"Lock {_key(row)} in this change before saving it.")
        row.change_id = self.id
        try:
            row.full_clean(exclude={"change", *_real(row).undigested})
        except ValidationError as error:
            raise Refused(_reasons(error)) from error
        with self._writing(row):
            row.save(force_insert=adding, force_update=not adding)
            if self._apps is not installed_apps:
                self._keep_history(row, adding)
        self.saved.setdefault(_real(row), set()).add(row.pk)
        after = _digest(row)
        self._before[_key(row)] = after
        noun = row._meta.model_name
        self._collect(
            row,
            event or f"{noun}.{'created' if adding else 'changed'}",
            before,
            after,
            facts,
        )
        return row

    def remove(self, part: models.Model) -> None:
        """Delete a part of a row that is not sealed; nothing else can be deleted."""
        self._check_savepoint()
        if not part.part_of:
            raise NotInChange(f"{type(part).__name__} rows are never deleted.")
        before, key = _digest(part), part.key
        part.change_id = self.id  # the history row of the deletion names this change
        with self._writing(part):
            part.delete()
        part.pk = key.rpartition(":")[2]
        self._collect(part, f"{part._meta.model_name}.removed", before, None, None)

    def sync_parts(self, parent, model: type[models.Model], wanted: list[dict]) -> None:
        """Make the parts of `parent` be exactly `wanted`: add, remove, and leave what is equal.

        Each dict names every field that tells two parts apart and matters; a part that differs
        in any of them is removed and added anew, so the log says plainly what came and went.
        """
        link = model.part_of
        missing = [dict(values) for values in wanted]
        for part in model._base_manager.filter(**{link: parent}).order_by("pk"):
            same = next((v for v in missing if all(getattr(part, k) == v[k] for k in v)), None)
            if same is None:
                self.remove(part)
            else:
                missing.remove(same)
        for values in missing:
            self.save(model(**{link: parent}, **values))

    @property
    def events(self) -> list[tuple[str, str, str]]:
        """What is collected so far: (event, key of the row, key of the row it is about)."""
        return [(entry["event"], entry["row"], entry["about"]) for entry in self._entries]

    # Writing

    @contextmanager
    def _writing(self, row):
        row._history_user = self.user
        row._change_reason = self.reason
        row._history_date = self.now
        self.saving = row
        try:
            yield
        finally:
            self.saving = None

    def _keep_history(self, row, adding: bool) -> None:
        """Write the history row that a migration's historical model does not write by itself."""
        if not hasattr(_real(row), "history"):
            return
        history = self._apps.get_model(
            row._meta.app_label, _real(row).history.model._meta.model_name
        )
        kept = {field.name for field in history._meta.concrete_fields}
        history(
            **{
                field.attname: getattr(row, field.attname)
                for field in row._meta.concrete_fields
                if field.name in kept
            },
            history_date=self.now,
            history_type="+" if adding else "~",
            history_change_reason=self.reason,
        ).save(force_insert=True)

    def _check_savepoint(self) -> None:
        # A caught rollback of an inner block would leave entries for rows that are not there.
        if len(connection.savepoint_ids) != self._depth:
            raise NotInChange("Save outside any inner transaction of the change.")

    def _collect(self, row, event, before, after, facts) -> None:
        body = {
            "v": 1,
            "event": event,
            "row": _key(row),
            "about": _about(row),
            "fields": _digested(row),
            "before": before,
            "after": after,
        }
        if facts:
            body["facts"] = facts
        self._entries.append(body)

    def _append(self) -> None:
        """Run the consequences, take the head's lock, conclude, and append what was collected."""
        for consequence in consequences:
            consequence(self)
        if not self._entries:
            return
        if connection.vendor == "postgresql":
            # A key check left for COMMIT would wait on another writer while we hold the head.
            connection.check_constraints()
        head = self._model("Head")._base_manager.select_for_update(no_key=True).get(pk=1)
        at = clock.now()
        if head.last_at is not None:
            at = max(at, head.last_at + timedelta(microseconds=1))
        head.position += 1
        if self._moves_answers():
            head.governed = head.position
        head.last_at = at
        self._model("Change")(
            id=self.id,
            number=head.position,
            at=at,
            actor_id=self.actor.id,
            actor_name=self.actor.name,
            reason=self.reason,
        ).save(force_insert=True)
        if self._apps is installed_apps:
            for conclusion in conclusions:
                conclusion(self)
        self._append_entries(head, at)

    def _moves_answers(self) -> bool:
        labels = {entry["row"].partition(":")[0] for entry in self._entries}
        return any(installed_apps.get_model(label).moves_answers for label in labels)

    def _append_entries(self, head, at) -> None:
        envelope = {
            "at": instant_text(at),
            "change": str(self.id),
            "number": head.position,
            "actor": {"id": self.actor.id, "name": self.actor.name},
            "reason": self.reason,
            "request_id": context.request_id.get(),
            "via": context.via.get(),
        }
        peaks = [bytes.fromhex(peak) for peak in head.peaks.split()]
        entries, entry = [], self._model("Entry")
        nodes: list[tuple[tuple[int, int], bytes]] = []
        for body in self._entries:
            text = canonical({**body, **envelope, "seq": head.size})
            leaf = leaf_hash(text)
            entries.append(
                entry(
                    seq=head.size,
                    body=text.decode(),
                    leaf=leaf,
                    change_id=self.id,
                    event=body["event"],
                    row=body["row"],
                    about=body["about"],
                )
            )
            nodes += pushed(peaks, head.size, leaf)
            head.size += 1
        models.QuerySet(entry).bulk_create(entries)
        self._keep_nodes(nodes)
        head.peaks = " ".join(peak.hex() for peak in peaks)
        head.save(force_update=True)

    def _keep_nodes(self, nodes: list[tuple[tuple[int, int], bytes]]) -> None:
        """Store the subtrees that these entries completed; migrations before theirs have none."""
        if not nodes:
            return
        try:
            node = self._model("Node")
        except LookupError:
            return
        models.QuerySet(node).bulk_create(
            node(level=level, index=index, hash=found) for (level, index), found in nodes
        )

    def _model(self, name: str) -> Any:
        return self._apps.get_model("audit", name)


# What a row says of itself. Written against `_meta` alone, so that the historical models of a
# data migration can be saved too.


def _key(row) -> str:
    return f"{row._meta.label_lower}:{row.pk}"


def _real(row):
    """Return the model class with the declarations; a migration's historical model has none."""
    return installed_apps.get_model(row._meta.label_lower)


def _about(row) -> str:
    real = _real(row)
    link = real.about or real.part_of or real.born_with
    for name in (link,) if isinstance(link, str) else link:
        field = row._meta.get_field(name) if name else None
        if field and (pk := getattr(row, field.attname)) is not None:
            return f"{field.related_model._meta.label_lower}:{pk}"
    return _key(row)


def _digested(row) -> list[str]:
    left_out = {"change_id", *_real(row).undigested}
    return [field.attname for field in row._meta.concrete_fields if field.attname not in left_out]


def row_digest(row, fields: list[str]) -> str:
    """Return the digest over the named columns of a row or of one of its history rows."""
    return digest(canonical({name: getattr(row, name) for name in fields}))


def _digest(row) -> str:
    return row_digest(row, _digested(row))


def _reasons(error: ValidationError) -> list[Reason]:
    if not hasattr(error, "error_dict"):
        return [Reason("NOT_VALID", message) for message in error.messages]
    return [
        Reason("NOT_VALID", message, "" if name == NON_FIELD_ERRORS else name)
        for name, errors in error.error_dict.items()
        for message in ValidationError(errors).messages
    ]
