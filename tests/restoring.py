"""Back to the state after `migrate`, for tests that commit: fast, and past the triggers.

Django would flush, which the append-only triggers refuse, and would lose what migrations wrote.
On SQLite a pristine copy of the file is put back; on PostgreSQL rows are deleted while triggers
sleep, and the rows that migrations wrote are copied back from a schema beside.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.db import connection, connections
from django.test import TransactionTestCase

PRISTINE = "pristine"


def restore_after_each_transactional_test() -> None:
    """Keep the present state and make every transactional test end in it."""
    remember, restore = (
        (_remember_file, _restore_file)
        if connection.vendor == "sqlite"
        else (_remember_rows, _restore_rows)
    )
    remember()
    TransactionTestCase._fixture_teardown = lambda case: restore()


def _file() -> Path:
    return Path(connection.settings_dict["NAME"])


def _remember_file() -> None:
    connection.close()
    shutil.copyfile(_file(), _file().with_suffix(f".{PRISTINE}"))


def _restore_file() -> None:
    connections.close_all()
    fresh = _file().with_suffix(".fresh")
    shutil.copyfile(_file().with_suffix(f".{PRISTINE}"), fresh)
    # A journal that a killed process left would be played back into the fresh file.
    Path(f"{_file()}-journal").unlink(missing_ok=True)
    fresh.replace(_file())


def _tables(cursor) -> list[str]:
    return [
        connection.ops.quote_name(table.name)
        for table in connection.introspection.get_table_list(cursor)
    ]


def _remember_rows() -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"DROP SCHEMA IF EXISTS {PRISTINE} CASCADE; CREATE SCHEMA {PRISTINE}")
        for table in _tables(cursor):
            cursor.execute(f"SELECT EXISTS (SELECT 1 FROM {table})")
            if cursor.fetchone()[0]:
                cursor.execute(f"CREATE TABLE {PRISTINE}.{table} AS TABLE {table}")


def _restore_rows() -> None:
    connections.close_all()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = %s", [PRISTINE]
        )
        kept = [connection.ops.quote_name(name) for (name,) in cursor.fetchall()]
        # A connection left open inside a transaction should fail this test, not hang the run.
        statements = ["SET lock_timeout = '20s'", "SET session_replication_role = replica"]
        statements += [f"DELETE FROM {table}" for table in _tables(cursor)]
        statements += [f"INSERT INTO {table} SELECT * FROM {PRISTINE}.{table}" for table in kept]
        statements += ["SET session_replication_role = origin", "SET lock_timeout = 0"]
        cursor.execute("; ".join(statements))


# Tables without rows of a test, for those who take the whole database away


@contextmanager
def keep_tables() -> Iterator[None]:
    """Keep the migrated database as it is now, for `put_back_tables`."""
    if connection.vendor == "sqlite":
        yield  # the pristine file is there already
        return
    _in_place_of(f"{connection.settings_dict['NAME']}_kept", connection.settings_dict["NAME"])
    try:
        yield
    finally:
        with _beside() as cursor:
            cursor.execute(f'DROP DATABASE IF EXISTS "{connection.settings_dict["NAME"]}_kept"')


def put_back_tables() -> None:
    """Give the database, which is empty, the tables that were kept."""
    if connection.vendor == "sqlite":
        _restore_file()
    else:
        name = connection.settings_dict["NAME"]
        _in_place_of(name, f"{name}_kept")


def _in_place_of(target: str, source: str) -> None:
    with _beside() as cursor:
        # A thread of a server that an earlier test started may still be in it.
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname IN (%s, %s)",
            [target, source],
        )
        cursor.execute(f'DROP DATABASE IF EXISTS "{target}"')
        cursor.execute(f'CREATE DATABASE "{target}" TEMPLATE "{source}"')


@contextmanager
def _beside():
    """Yield a cursor of another database on the same server; nobody is left in ours."""
    connections.close_all()
    with connection._nodb_cursor() as cursor:
        yield cursor
