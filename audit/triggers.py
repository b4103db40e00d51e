"""Append-only and sealed rows, enforced by the database itself on both engines.

What a model declares (see `GovernedModel`) becomes triggers here. They are compared with what
the database has and installed after every migration. On SQLite they are lifted before one: a
trigger that names another table makes the rebuild of that table fail.

A fence, not a wall: whoever owns the tables can drop it, which is why the log is verified too.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256

from django.apps import apps
from django.core.checks import Tags, Warning, register
from django.db import DatabaseError, connection

from audit.rules import article

PREFIX = "gh_"


@dataclass(frozen=True)
class Trigger:
    """One refusal: on `table`, before `verb` ("UPDATE", "DELETE", "INSERT"), when `condition`.

    `looks_up` is (parent table, parent column to read, our column with the parent's key): the
    condition is then about that parent, written with `parent` for the column's value.
    """

    table: str
    verb: str
    sentence: str
    condition: str = ""
    looks_up: tuple[str, str, str] | None = None
    suffix: str = ""

    @property
    def name(self) -> str:
        name = f"{PREFIX}{self.table}_{self.verb.lower()}{self.suffix}"
        # PostgreSQL cuts names at 63 bytes.
        return name if len(name) <= 60 else f"{name[:51]}_{sha256(name.encode()).hexdigest()[:8]}"

    def sqlite(self) -> str:
        """Return the CREATE TRIGGER statement for SQLite."""
        when = self.condition
        if self.looks_up:
            table, column, key = self.looks_up
            found = f'(SELECT "{column}" FROM "{table}" WHERE "id" = {key})'  # noqa: S608
            when = self.condition.replace("parent", found)
        clause = f" WHEN {when}" if when else ""
        return (
            f'CREATE TRIGGER "{self.name}" BEFORE {self.verb} ON "{self.table}"{clause} '
            f"BEGIN SELECT RAISE(ABORT, '{self.sentence}'); END"
        )

    def postgresql(self) -> tuple[str, str]:
        """Return the function and the trigger for PostgreSQL.

        The parent is read FOR SHARE, so that whoever is sealing it right now is waited for.
        """
        raising = f"RAISE EXCEPTION '{self.sentence}' USING ERRCODE = 'restrict_violation';"
        back = "OLD" if self.verb == "DELETE" else "NEW"
        if self.looks_up:
            table, column, key = self.looks_up
            body = (
                f'DECLARE parent "{table}"."{column}"%TYPE; BEGIN '  # noqa: S608 - our own names
                f'SELECT "{column}" INTO parent FROM "{table}" WHERE "id" = {key} FOR SHARE; '
                f"IF {self.condition} THEN {raising} END IF; RETURN {back}; END"
            )
            for row in ("NEW", "OLD"):
                body = body.replace(f" IS NOT {row}.", f" IS DISTINCT FROM {row}.")
        else:
            body = f"BEGIN {raising} END"
        when = f" WHEN ({self.condition})" if self.condition and not self.looks_up else ""
        level = "STATEMENT" if self.verb == "TRUNCATE" else "ROW"
        return (
            (
                f'CREATE OR REPLACE FUNCTION "{self.name}"() RETURNS trigger LANGUAGE plpgsql '
                f"AS $$ {body} $$"
            ),
            (
                f'CREATE OR REPLACE TRIGGER "{self.name}" BEFORE {self.verb} ON "{self.table}" '
                f'FOR EACH {level}{when} EXECUTE FUNCTION "{self.name}"()'
            ),
        )


def wanted() -> Iterator[Trigger]:
    """Yield every trigger that the installed models ask for."""
    from audit.models import (
        AppendedModel,
        Change,
        Checkpoint,
        Entry,
        GovernedModel,
        Head,
        Node,
    )

    for model in (Change, Entry, Node, Checkpoint):
        yield from _never(model._meta.db_table, "The log is append-only.")
    yield Trigger(Head._meta.db_table, "DELETE", "The log keeps its head.")
    for model in apps.get_models():
        if issubclass(model, AppendedModel) and model._meta.managed:
            named = model._meta.verbose_name_plural.capitalize()
            yield from _appended(model, f"{named} are append-only.")
        if not issubclass(model, GovernedModel) or not model._meta.managed:
            continue
        yield from _of_model(model)
        if hasattr(model, "history"):
            table = model.history.model._meta.db_table
            yield from _never(table, "History rows are never changed.")


def _appended(model, sentence: str) -> Iterator[Trigger]:
    table = model._meta.db_table
    if not model.left_in:
        yield from _never(table, sentence)
        return
    # Its hash is kept, or it stays: whoever deletes otherwise is refused by the database.
    kept = apps.get_model(model.left_in)._meta.db_table
    yield Trigger(table, "UPDATE", sentence)
    yield Trigger(table, "DELETE", sentence, 'parent IS NOT OLD."leaf"', (kept, "leaf", 'OLD."id"'))


def _never(table: str, sentence: str) -> Iterator[Trigger]:
    yield Trigger(table, "UPDATE", sentence)
    yield Trigger(table, "DELETE", sentence)


def _of_model(model) -> Iterator[Trigger]:
    meta, table = model._meta, model._meta.db_table
    one = f"A{article(meta.verbose_name)[1:]}"
    if model.append_only or model.born_with:
        yield Trigger(table, "UPDATE", f"{one} is never changed.")
    if not model.part_of:
        yield Trigger(table, "DELETE", f"{one} is never deleted.")
    if model.sealed_by:
        column = meta.get_field(model.sealed_by).column
        yield Trigger(
            table,
            "UPDATE",
            f"This {meta.verbose_name} is sealed.",
            f'OLD."{column}" IS NOT NULL',
            suffix="_sealed",
        )
    if model.born_with:
        link = meta.get_field(model.born_with)
        parent = link.related_model._meta
        yield Trigger(
            table,
            "INSERT",
            f"{one} comes with its {parent.verbose_name}, never later.",
            'parent IS NOT NEW."change_id"',
            (parent.db_table, "change_id", f'NEW."{link.column}"'),
            "_born",
        )
    if model.part_of:
        link = meta.get_field(model.part_of)
        parent = link.related_model
        if parent.sealed_by:
            column = parent._meta.get_field(parent.sealed_by).column
            # An UPDATE is judged by both parents, or a part could be moved into a sealed one.
            for verb, row in (
                ("INSERT", "NEW"),
                ("UPDATE", "OLD"),
                ("UPDATE", "NEW"),
                ("DELETE", "OLD"),
            ):
                yield Trigger(
                    table,
                    verb,
                    f"The {parent._meta.verbose_name} of this {meta.verbose_name} is sealed.",
                    "parent IS NOT NULL",
                    (parent._meta.db_table, column, f'{row}."{link.column}"'),
                    f"_part_{row.lower()}",
                )


def _statements() -> dict[tuple[str, str], tuple[str, ...]]:
    """Return {(table, trigger): statements} for this database's engine."""
    result = {}
    partitions = _partitions()
    for trigger in wanted():
        if connection.vendor == "sqlite":
            result[trigger.table, trigger.name] = (trigger.sqlite(),)
        else:
            result[trigger.table, trigger.name] = trigger.postgresql()
            if trigger.verb == "DELETE":
                # A partition has its table's triggers on rows, and none on statements.
                for table in (trigger.table, *partitions.get(trigger.table, ())):
                    truncate = Trigger(table, "TRUNCATE", trigger.sentence)
                    result[truncate.table, truncate.name] = truncate.postgresql()
    return result


def _partitions() -> dict[str, list[str]]:
    """Return the partitions of each table that is split into some; PostgreSQL alone has any."""
    found: dict[str, list[str]] = {}
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT p.relname, c.relname FROM pg_inherits i "
                "JOIN pg_class p ON p.oid = i.inhparent JOIN pg_class c ON c.oid = i.inhrelid "
                "WHERE p.relkind = 'p' AND c.relkind = 'r' "
                "AND p.relnamespace = current_schema()::regnamespace ORDER BY 2"
            )
            for table, partition in cursor.fetchall():
                found.setdefault(table, []).append(partition)
    return found


def _tables() -> set[str]:
    """Return every table that is there, partitions as well."""
    return {
        *connection.introspection.table_names(),
        *(partition for parts in _partitions().values() for partition in parts),
    }


def _fingerprint(statements: tuple[str, ...]) -> str:
    return sha256("\n".join(statements).encode()).hexdigest()


def _present() -> dict[tuple[str, str], str]:
    """Return {(table, trigger): fingerprint} of what the database has and has switched on."""
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute(
                "SELECT tbl_name, name, sql FROM sqlite_master "
                "WHERE type = 'trigger' AND name LIKE %s",
                [f"{PREFIX}%"],
            )
            return {(table, name): _fingerprint((sql,)) for table, name, sql in cursor.fetchall()}
        cursor.execute(
            "SELECT c.relname, t.tgname, coalesce(obj_description(t.oid, 'pg_trigger'), '') "
            "FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid "
            "WHERE NOT t.tgisinternal AND t.tgparentid = 0 AND t.tgenabled IN ('O', 'A') "
            "AND t.tgname LIKE %s "
            "AND c.relnamespace = current_schema()::regnamespace",
            [f"{PREFIX}%"],
        )
        return {(table, name): fingerprint for table, name, fingerprint in cursor.fetchall()}


def differing() -> list[tuple[str, str]]:
    """Return (table, trigger) for each trigger that is missing, switched off or altered."""
    present = _present()
    return [
        where
        for where, statements in _statements().items()
        if present.get(where) != _fingerprint(statements)
    ]


def install(**kwargs) -> None:
    """Create every trigger that is missing or differs, and drop those nobody wants any more."""
    present, wanted_now, tables = _present(), _statements(), _tables()
    with connection.cursor() as cursor:
        for table, name in present.keys() - wanted_now.keys():
            _drop(cursor, table, name)
        for (table, name), statements in wanted_now.items():
            if table not in tables:
                continue  # migrated only part of the way; the check will say so
            fingerprint = _fingerprint(statements)
            if connection.vendor == "sqlite":
                if present.get((table, name)) != fingerprint:
                    if (table, name) in present:
                        _drop(cursor, table, name)
                    cursor.execute(statements[0])
                continue
            function, trigger = statements
            # A changed function body leaves no trace in the catalogue: always replace it.
            cursor.execute(function)
            if present.get((table, name)) != fingerprint:
                cursor.execute(trigger)
                cursor.execute(f'COMMENT ON TRIGGER "{name}" ON "{table}" IS \'{fingerprint}\'')


def lift(**kwargs) -> None:
    """Drop all triggers on SQLite, where a table rebuild fails while a trigger names the table."""
    if connection.vendor == "sqlite":
        drop()


def drop() -> None:
    """Drop all triggers, for a database that is being filled; `install` puts them back."""
    with connection.cursor() as cursor:
        for table, name in _present():
            _drop(cursor, table, name)


def _drop(cursor, table: str, name: str) -> None:
    on = "" if connection.vendor == "sqlite" else f' ON "{table}"'
    cursor.execute(f'DROP TRIGGER IF EXISTS "{name}"{on}')


@register(Tags.database)
def check_triggers(app_configs=None, databases=None, **kwargs):
    """Warn of missing triggers; an error would stop the `migrate` that puts them back."""
    if not databases or connection.alias not in databases:
        return []
    try:
        # A table that is not there yet gets its triggers with its migration.
        tables = _tables()
        absent = [(table, name) for table, name in differing() if table in tables]
    except DatabaseError:
        return []  # no database to look at yet; `migrate` says so itself
    if not absent:
        return []
    names = ", ".join(name for _, name in absent[:5])
    return [
        Warning(
            f"{len(absent)} triggers that keep the record append-only are missing or altered: "
            f"{names}{' and more' if len(absent) > 5 else ''}.",
            hint="Run `manage.py migrate`, which puts them back.",
            id="audit.W001",
        )
    ]
