"""Rows as lines of JSON, written from one database and read into another.

A table is a gzip file: a line with the names of its columns, then one line for each row, in the
order of the keys. Values pass through the fields of their model, so that what SQLite and PostgreSQL
keep in different ways is the same text here.
"""

import base64
import gzip
import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import UUID

from django.core.management.color import no_style
from django.db import connections, models, transaction
from django.utils.duration import duration_string

#: Rows that are held at a time.
CHUNK = 1000
SNAPSHOT = "snapshot"
#: Sessions end with the machine they were on.
LEFT_OUT = {"sessions.session"}


def kept_models(apps) -> list[type[models.Model]]:
    """Return every model that has a table of ours, whose rows are part of a backup."""
    found = apps.get_models(include_auto_created=True)
    return [
        model
        for model in found
        if model._meta.managed
        and not model._meta.proxy
        and not model._meta.swapped
        and model._meta.label_lower not in LEFT_OUT
    ]


@contextmanager
def snapshot(database: dict) -> Iterator[str]:
    """Yield the alias of a connection that sees one moment of a database, whoever writes meanwhile.

    `database` is an item of the setting `DATABASES`. SQLite is copied by its own backup interface,
    which holds writers up only while it copies; PostgreSQL keeps a repeatable read open.
    """
    with TemporaryDirectory(prefix="gatehouse-snapshot-", dir=_beside(database)) as folder:
        if database["ENGINE"].endswith("sqlite3"):
            database = {**database, "NAME": _copied(database["NAME"], Path(folder))}
        whole = connections.configure_settings({"default": dict(database)})["default"]
        connections.databases[SNAPSHOT] = whole
        try:
            with transaction.atomic(using=SNAPSHOT):
                if connections[SNAPSHOT].vendor == "postgresql":
                    with connections[SNAPSHOT].cursor() as cursor:
                        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
                yield SNAPSHOT
        finally:
            connections[SNAPSHOT].close()
            del connections[SNAPSHOT]
            del connections.databases[SNAPSHOT]


def _beside(database: dict) -> str | None:
    """A copy of a large database may not fit where temporary files lie: put it beside."""
    sqlite = database["ENGINE"].endswith("sqlite3")
    return str(Path(database["NAME"]).parent) if sqlite else None


def _copied(name: str, folder: Path) -> str:
    import sqlite3

    target = folder / "snapshot.sqlite3"
    source, copy = (
        sqlite3.connect(f"{Path(name).absolute().as_uri()}?mode=ro", uri=True, timeout=20),
        sqlite3.connect(target),
    )
    try:
        source.backup(copy)
    finally:
        source.close()
        copy.close()
    target.chmod(0o600)
    return str(target)


def write(alias: str, model: type[models.Model], path: Path) -> dict:
    """Write all rows of a model to a new file; return how many, and its SHA-256."""
    fields = [field.attname for field in model._meta.concrete_fields]
    rows = model._base_manager.using(alias).order_by("pk").values_list(*fields)
    count = 0
    with path.open("xb") as raw, gzip.GzipFile("", "wb", 6, raw, mtime=0) as out:
        out.write(json.dumps(fields).encode() + b"\n")
        for row in rows.iterator(chunk_size=CHUNK):
            line = json.dumps([_plain(value) for value in row], ensure_ascii=False)
            out.write(line.encode() + b"\n")
            count += 1
    return {"rows": count, "sha256": sha256_of(path), "last_key": _last_key(alias, model)}


def _plain(value: Any) -> Any:
    match value:
        case datetime() | date():
            return value.isoformat()
        case bytes() | memoryview():
            return base64.b64encode(bytes(value)).decode()
        case timedelta():
            return duration_string(value)
        case Decimal() | UUID():
            return str(value)
    return value


def _sequence(alias: str, model: type[models.Model]) -> str | None:
    """Return the sequence of PostgreSQL that numbers a table, if one does."""
    if not isinstance(model._meta.pk, models.AutoField):
        return None
    with connections[alias].cursor() as cursor:
        table = connections[alias].ops.quote_name(model._meta.db_table)
        cursor.execute("SELECT pg_get_serial_sequence(%s, %s)", [table, model._meta.pk.column])
        return cursor.fetchone()[0]


def _last_key(alias: str, model: type[models.Model]) -> int:
    """Return the last key that was ever given in a table: one that is gone is not given again."""
    if not isinstance(model._meta.pk, models.AutoField):
        return 0
    with connections[alias].cursor() as cursor:
        if connections[alias].vendor == "sqlite":
            cursor.execute(
                "SELECT seq FROM sqlite_sequence WHERE name = %s", [model._meta.db_table]
            )
        else:
            sequence = _sequence(alias, model)
            if sequence is None:
                return 0
            # The name comes from the database's own catalogue, quoted by it.
            cursor.execute(f"SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM {sequence}")  # noqa: S608
        found = cursor.fetchone()
        return found[0] if found else 0


def read(model: type[models.Model], path: Path) -> Iterator[models.Model]:
    """Yield the rows of a file as unsaved instances; `model` may be one of a migration's state."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        names = json.loads(next(lines))
        fields = {field.attname: field for field in model._meta.concrete_fields}
        for line in lines:
            values = json.loads(line)
            yield model(
                **{
                    name: fields[name].to_python(value)
                    for name, value in zip(names, values, strict=True)
                }
            )


def column(path: Path, name: str) -> Iterator[Any]:
    """Yield one column of a file, as it stands there. Raises `OSError` and `ValueError`."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        place = json.loads(next(lines)).index(name)
        for line in lines:
            yield json.loads(line)[place]


def replace_all(found: list[tuple[type[models.Model], Path, int]]) -> None:
    """Make tables hold exactly the rows of their files; inside one transaction, past all triggers.

    Each item is a model, its file, and the last key that was given in its table.
    """
    connection = connections["default"]
    with connection.cursor() as cursor:
        for model, _, _ in found:
            cursor.execute(f"DELETE FROM {connection.ops.quote_name(model._meta.db_table)}")  # noqa: S608
    for model, path, _ in found:
        _insert(model, read(model, path))
    with connection.cursor() as cursor:
        for statement in connection.ops.sequence_reset_sql(no_style(), [row[0] for row in found]):
            cursor.execute(statement)
        for model, _, last in found:
            if last:
                _go_on_from(cursor, model, last)


def _insert(model: type[models.Model], rows: Iterator[models.Model]) -> None:
    connection, fields = connections["default"], model._meta.concrete_fields
    size = max(1, min(CHUNK, connection.ops.bulk_batch_size(fields, [None] * CHUNK)))
    held: list[models.Model] = []

    def flush():
        if held:
            # As they were: nothing is set anew on the way in.
            models.QuerySet(model)._insert(held, fields=fields, using="default", raw=True)
            held.clear()

    for row in rows:
        held.append(row)
        if len(held) >= size:
            flush()
    flush()


def _go_on_from(cursor, model: type[models.Model], last: int) -> None:
    if connections["default"].vendor == "sqlite":
        table = model._meta.db_table
        cursor.execute("DELETE FROM sqlite_sequence WHERE name = %s", [table])
        cursor.execute("INSERT INTO sqlite_sequence (name, seq) VALUES (%s, %s)", [table, last])
    elif sequence := _sequence("default", model):
        cursor.execute("SELECT setval(%s, %s)", [sequence, last])


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
