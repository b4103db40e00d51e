"""On PostgreSQL records lie in one partition for each month of their ids.

The id is the partition key, so that an id is there once in all of them, and a month whose time is
over can be taken out whole. What no month takes is in the default partition; SQLite has one table.
"""

from collections.abc import Iterator
from datetime import UTC, datetime

from django.db import IntegrityError, connection, transaction
from django.db.migrations import CreateModel

from audit import clock, triggers
from runtime.records.fields import BEHIND, first_id

TABLE = "runtime_requestrecord"
DEFAULT = f"{TABLE}_default"
#: Months that are there before anybody needs them, beside the present one.
AHEAD = 3


class CreatePartitioned(CreateModel):
    """Create the table split by range of its key where the database can."""

    def database_forwards(self, app_label, schema_editor, from_state, to_state):
        if schema_editor.connection.vendor != "postgresql":
            super().database_forwards(app_label, schema_editor, from_state, to_state)
            return
        plain = schema_editor.sql_create_table
        schema_editor.sql_create_table = f"{plain} PARTITION BY RANGE (id)"
        try:
            super().database_forwards(app_label, schema_editor, from_state, to_state)
        finally:
            schema_editor.sql_create_table = plain
        schema_editor.execute(f"CREATE TABLE {DEFAULT} PARTITION OF {TABLE} DEFAULT")
        for statement in map(_statement, _months(datetime.now(UTC))):
            schema_editor.execute(statement)


def keep_ahead() -> str:
    """Make the partitions of the months around now; part of `tick`. Say what was done."""
    if connection.vendor != "postgresql":
        return "one table"
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid "
            "WHERE i.inhparent = %s::regclass",
            [TABLE],
        )
        present = {name for (name,) in cursor.fetchall()}
    made = [month for month in _months(clock.now()) if _name(month) not in present]
    late = 0
    for month in made:
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(_statement(month))
        except IntegrityError:
            # Records of that month lie in the default partition already, where they are as safe.
            late += 1
    if made:
        triggers.install()
    said = f"{len(made) - late} partitions made"
    return f"{said}, {late} months remain in the default partition" if late else said


def months_before(now: datetime) -> Iterator[tuple[str, datetime, datetime]]:
    """Yield each month that has a partition and is over, oldest first: its name and its ends."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid "
            "WHERE i.inhparent = %s::regclass ORDER BY 1",
            [TABLE],
        )
        present = [name for (name,) in cursor.fetchall() if name != DEFAULT]
    for name in present:
        begins = datetime.strptime(name.removeprefix(f"{TABLE}_"), "%Y_%m").replace(tzinfo=UTC)
        ends = _following(begins)
        if ends <= now:
            yield name, begins, ends


def _following(month: datetime) -> datetime:
    return month.replace(year=month.year + month.month // 12, month=month.month % 12 + 1)


def _months(now: datetime) -> Iterator[datetime]:
    """Yield the first instant of each month from the oldest id that is taken to those ahead."""
    begin = (now - BEHIND).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    last = now.year * 12 + now.month - 1 + AHEAD
    for month in range(begin.year * 12 + begin.month - 1, last + 1):
        yield begin.replace(year=month // 12, month=month % 12 + 1)


def _name(month: datetime) -> str:
    return f"{TABLE}_{month:%Y_%m}"


def _statement(month: datetime) -> str:
    following = _following(month)
    # Its own name and times: nothing here comes from outside.
    return (
        f"CREATE TABLE {_name(month)} PARTITION OF {TABLE} "
        f"FOR VALUES FROM ('{first_id(month)}') TO ('{first_id(following)}')"
    )
