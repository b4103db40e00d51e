"""Counts of records by the hour, kept with them: how many, since when, and what became of them."""

import hashlib
from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import connection

from audit.rules import canonical
from runtime.records.fields import made_at
from runtime.records.models import RecordCount

HOUR = timedelta(hours=1)
#: What the records of one cell have in common.
SHARED = (
    "environment_id",
    "router_id",
    "use_case_id",
    "release_id",
    "model_version_id",
    "prompt_bundle_id",
    "policy_bundle_id",
    "deployment",
    "status",
)


def hour_of(instant: datetime) -> datetime:
    """Return the beginning of the hour of an instant."""
    return instant.replace(minute=0, second=0, microsecond=0)


def add(rows: list[Mapping[str, Any]]) -> None:
    """Count records, within the transaction that keeps them."""
    cells = Counter(
        (hour_of(made_at(row["id"])), *(row[name] for name in SHARED), row["unverified"] != "")
        for row in rows
    )
    fields = RecordCount._meta.concrete_fields
    names = ("hour", *SHARED, "doubtful")
    lines = []
    for said, count in cells.items():
        cell = hashlib.sha256(canonical(list(said))).hexdigest()
        line = dict(zip(names, said, strict=True)) | {"cell": cell, "count": count}
        lines.append([one.get_db_prep_save(line[one.attname], connection) for one in fields])
    # In one order, so that two batches at once wait for each other and no more.
    lines.sort(key=lambda line: line[0])
    quoted = connection.ops.quote_name
    table = quoted(RecordCount._meta.db_table)
    columns = ", ".join(quoted(one.column) for one in fields)
    row = f"({', '.join(['%s'] * len(fields))})"
    # One statement holds a thousand values on the oldest SQLite that is around.
    step = 900 // len(fields)
    with connection.cursor() as cursor:
        for first in range(0, len(lines), step):
            some = lines[first : first + step]
            cursor.execute(
                f"INSERT INTO {table} ({columns}) VALUES {', '.join([row] * len(some))} "  # noqa: S608
                f"ON CONFLICT (cell) DO UPDATE SET count = {table}.count + excluded.count",
                [value for line in some for value in line],
            )
