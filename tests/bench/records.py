"""What request records cost, as they come in and as they are looked for among many.

    python -m tests.bench.records [--rows 1000000 10000000] [--rounds 5] [--batches 20]
    python -m tests.postgres -- python -m tests.bench.records

In a database of its own. First, batches of 500 through the server of production by four routers,
by turns with bare multi-row inserts of the same rows into a copy of the table, and with COPY. Then
the table is filled by the database itself, first to the fewer rows and then to the more, at one
rate over time; and at each size everything that one looks for is asked and timed, with the plans of
its queries. Nothing is asserted: read the tables.
"""

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from statistics import median
from threading import Thread
from typing import Any

#: Records of one batch; routers that send at once.
BATCH, ROUTERS = 500, 4
#: Records a second, over time, of what the database fills in by itself.
RATE = 0.4
#: What a lookup may cost among ten times as many, and every page.
AIM_RATIO, AIM_LOOKUP, AIM_PAGE = 0.25, 3, 2
#: Releases that ran one after another, of each of so many use cases.
RELEASES, USE_CASES = 20, 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, nargs="+", default=None)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--batches", type=int, default=20, help="Of each router and round.")
    parser.add_argument("--parts", nargs="+", default=["ingest", "finding"])
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        begin(folder)
        from django.db import connection

        print(connection.vendor, flush=True)
        world = World()
        if "ingest" in given.parts:
            ingest(world, given.rounds, given.batches)
        if "finding" in given.parts:
            many = [1_000_000, 10_000_000] if connection.vendor == "postgresql" else [1_000_000]
            finding(world, given.rows or many, given.rounds)


def begin(folder: str) -> None:
    """Make an empty database, named by nothing but this run."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
    from tests import environment

    assert environment.SUFFIX is not None  # it sets what settings need
    os.environ["GATEHOUSE_DATA_DIR"] = folder
    import django
    from django.conf import settings
    from django.core.management import call_command

    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.ALLOWED_HOSTS = ["*"]
    # Nobody collected static files.
    settings.STORAGES["staticfiles"] = {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
    }
    django.setup()
    call_command("migrate", verbosity=0)
    import audit.clock
    import audit.keys

    audit.keys.make(audit.clock.now())


class World:
    """One release that runs, routers that report, and somebody who looks."""

    def __init__(self):
        from registry.roles import Role
        from tests import make
        from tests.runtime.recording import Reporting
        from tests.runtime.stories import next_release, place, running

        self.told = running()
        place(next_release(self.told))
        self.routers = [Reporting(self.told.environment) for _ in range(ROUTERS)]
        self.reader = make.make_person(make.name("auditor"), Role.AUDITOR)


# Records as they come in


def ingest(world: World, rounds: int, batches: int) -> None:
    """Print records a second through the server, and as a ratio to the bare statements."""
    from django.db import connection

    from tests.serving import served

    bare()
    rates: dict[str, list[float]] = {"API": [], "multi-row insert": [], "COPY": []}
    with served() as server:
        for turn in range(rounds + 1):
            made = [[_batch(world, one) for _ in range(batches)] for one in world.routers]
            total = BATCH * batches * len(made)
            found = {"API": total / _timed(lambda m=made: _all(server.port, world, m))}
            rows = _rows_of_last(total)
            found["multi-row insert"] = total / _timed(lambda r=rows: _insert(r))
            if connection.vendor == "postgresql":
                found["COPY"] = total / _timed(lambda r=rows: _copy(r))
            if turn:  # the first is to get warm
                for name, rate in found.items():
                    rates[name].append(rate)
        memory = server.memory()
    print(f"\nRecords a second, batches of {BATCH}, {ROUTERS} routers, two workers\n")
    api = median(rates.pop("API"))
    print(f"{'API':18} {api:8,.0f}")
    for name, found in rates.items():
        if found:
            print(f"{name:18} {median(found):8,.0f}  ratio {api / median(found):5.2f}")
    print(
        f"aim: ratio to the insert at least {AIM_RATIO}; worker memory {memory / 1024**2:.0f} MiB"
    )


def _batch(world: World, router) -> bytes:
    from tests.runtime.recording import lines, new_id

    if not hasattr(router, "one"):
        router.one = router.route(world.told.use_case.slug, facts={"tokens": 3100})
    numbers = router.numbers
    made = [
        {**router.one, "id": new_id(), "seq": next(numbers), "request": f"req-{number}"}
        for number in range(BATCH)
    ]
    return lines(*made)


def _all(port: int, world: World, made: list[list[bytes]]) -> None:
    threads = [
        Thread(target=_send, args=(port, router.token, bodies))
        for router, bodies in zip(world.routers, made, strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _send(port: int, token: str, bodies: list[bytes]) -> None:
    import http.client

    from tests.runtime.recording import ADDRESS

    link = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/x-ndjson"}
    for body in bodies:
        while True:
            link.request("POST", ADDRESS, body, headers)
            response = link.getresponse()
            said = response.read()
            if response.status == 200:
                outcomes = {json.loads(line)["outcome"] for line in said.splitlines()}
                assert outcomes <= {"accepted", "duplicate"}, outcomes
                break
            assert response.status in (429, 503), said
            time.sleep(0.02)
    link.close()


def _timed(run: Callable[[], Any]) -> float:
    begun = time.perf_counter()
    run()
    return time.perf_counter() - begun


def bare() -> None:
    """Make a table like that of records, with its indexes and without its triggers."""
    from django.db import connection

    from runtime.records.partitions import TABLE

    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(f"CREATE TABLE bare (LIKE {TABLE} INCLUDING ALL)")
            return
        cursor.execute(
            "SELECT sql FROM sqlite_master WHERE tbl_name = %s AND sql IS NOT NULL "
            "AND type IN ('table', 'index')",
            [TABLE],
        )
        for (statement,) in cursor.fetchall():
            made = statement.replace(f'"{TABLE}"', '"bare"', 1)
            cursor.execute(made.replace('INDEX "record', 'INDEX "bare_record', 1))


def _rows_of_last(count: int) -> list[tuple]:
    from django.db import connection

    from runtime.records.partitions import TABLE

    with connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {TABLE} ORDER BY id DESC LIMIT {count}")
        return cursor.fetchall()


def _insert(rows: list[tuple]) -> None:
    """Insert rows as the server's batches are: so many to a statement, each committed."""
    from django.db import connection

    one = f"({', '.join(['%s'] * len(rows[0]))})"
    # As many values as one statement may hold on either database.
    step = min(BATCH, 32_000 // len(rows[0]))
    with connection.cursor() as cursor:
        for first in range(0, len(rows), step):
            some = rows[first : first + step]
            values = [value for row in some for value in row]
            cursor.execute(f"INSERT INTO bare VALUES {', '.join([one] * len(some))}", values)
        cursor.execute("DELETE FROM bare")


def _copy(rows: list[tuple]) -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        for first in range(0, len(rows), BATCH):
            with cursor.copy("COPY bare FROM STDIN") as writer:
                for row in rows[first : first + BATCH]:
                    writer.write_row(row)
        cursor.execute("DELETE FROM bare")


# What is looked for


def finding(world: World, sizes: list[int], rounds: int) -> None:
    """Print what each question costs among fewer and among more records."""
    costs: dict[str, list[float]] = {}
    end = datetime.now().astimezone() - timedelta(days=1)
    there = 0
    for size in sizes:
        took = _timed(lambda s=size, t=there: fill(world, t, s, end))
        there = size
        print(f"\nfilled to {size:,} records in {took:,.0f} s", flush=True)
        for name, ask in questions(world, end).items():
            ask()
            costs.setdefault(name, []).append(median(_timed(ask) for _ in range(rounds)) * 1000)
    plans(world)
    print("\nMilliseconds" + "".join(f"{size:>14,}" for size in sizes) + "   ratio")
    for name, found in costs.items():
        ratio = f"{found[-1] / found[0]:8.2f}" if len(found) > 1 else ""
        print(f"{name:28}" + "".join(f"{one:14.1f}" for one in found) + ratio)
    print(f"aims: by id and active at T at most {AIM_LOOKUP}, pages at most {AIM_PAGE} times")


def questions(world: World, end: datetime) -> dict[str, Callable[[], Any]]:
    """Return what is asked, each by its name."""
    from django.test import Client

    from audit import clock
    from audit.rules import instant_text
    from runtime import explaining
    from runtime.changing import Span, changes
    from runtime.models import RequestRecord
    from runtime.records import finding as found
    from runtime.records.newest import page_of
    from runtime.records.summing import summary

    client = Client()
    client.force_login(world.reader)
    some = RequestRecord.objects.order_by("id").only("id", "request")[1000:1001][0]
    environment, digest = world.told.environment, world.told.release.digest
    release, _ = found.read({"release": digest})
    day, _ = found.read({"from": instant_text(end - timedelta(days=1))})

    def page(address: str, **given) -> Callable[[], Any]:
        def ask():
            answer = client.get(address, given)
            assert answer.status_code == 200, (address, answer.status_code)

        return ask

    return {
        "by id": lambda: found.called(some.request, world.reader),
        "by release, one page": lambda: page_of(release, world.reader, ""),
        "touched by release": lambda: summary(release, world.reader),
        "counts of a day": lambda: summary(day, world.reader),
        "active at T": lambda: explaining.active(environment, world.reader, clock.now()),
        "changed between": lambda: changes(environment, Span(0, 2), world.reader),
        "page: all": page("/requests/"),
        "page: release": page("/requests/", release=digest),
        "page: status and day": page(
            "/requests/", status="refused", **{"from": instant_text(end - timedelta(days=1))}
        ),
        "page: model": page("/requests/", model=world.told.release.model_version.model.slug),
        "page: one request": page(f"/requests/{some.request}/"),
        "page: release's own": page(world.told.release.get_absolute_url()),
    }


def plans(world: World) -> None:
    """Print how the database goes about the queries that must not read the table."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    from runtime.records import finding as found
    from runtime.records.newest import page_of
    from runtime.records.partitions import TABLE

    print("\nPlans")
    for given in (
        {"release": world.told.release.digest},
        {"status": "refused"},
        {"model": world.told.release.model_version.model.slug},
        {"deployment": "d-1"},
    ):
        with CaptureQueriesContext(connection) as queries:
            page_of(found.read(given)[0], world.reader, "")
        asked = [one["sql"] for one in queries if f'FROM "{TABLE}"' in one["sql"]]
        prefix = "EXPLAIN" if connection.vendor == "postgresql" else "EXPLAIN QUERY PLAN"
        for sql in asked:
            with connection.cursor() as cursor:
                cursor.execute(f"{prefix} {sql.replace('%', '%%')}")
                lines = [str(row[-1]).strip() for row in cursor.fetchall()]
            uses = [one for one in lines if "INDEX" in one.upper() or "SCAN" in one.upper()]
            print(f"  {next(iter(given)):12} {'; '.join(uses[:2])}"[:180])


def fill(world: World, there: int, size: int, end: datetime) -> None:
    """Add records before those that are there, until there are `size`; by the database itself."""
    from django.db import connection

    from runtime.records import partitions

    columns = _columns(world, there, end)
    names = ", ".join(f'"{name}"' for name in columns)
    picked = ", ".join(columns.values())
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            _partitions(cursor, end - timedelta(seconds=size / RATE), end)
            # No rule judges what is made up here.
            cursor.execute("SET session_replication_role = replica")
            step = 500_000
            for first in range(there, size, step):
                last = min(first + step, size) - 1
                cursor.execute(
                    f"INSERT INTO {partitions.TABLE} ({names}) "
                    f"SELECT {picked} FROM generate_series({first}, {last}) AS n"
                )
            cursor.execute("SET session_replication_role = DEFAULT")
        else:
            cursor.execute(
                f"INSERT INTO {partitions.TABLE} ({names}) WITH RECURSIVE s(n) AS "
                f"(SELECT {there} UNION ALL SELECT n + 1 FROM s WHERE n < {size - 1}) "
                f"SELECT {picked} FROM s"
            )
        _count(cursor)
        cursor.execute("ANALYZE")


def _columns(world: World, there: int, end: datetime) -> dict[str, str]:
    """Return an expression over `n` for every column: number 0 is the newest."""
    from django.db import connection

    from runtime.models import Activation, RequestRecord

    told, router = world.told, world.routers[0].router
    release = told.release
    active = Activation.objects.filter(environment=told.environment).latest("generation")
    ms = f"({int(end.timestamp() * 1000)} - CAST(n / {RATE} * 1000 AS BIGINT))"
    # A release runs for a while, and then the next; every twentieth stretch is the story's own.
    turn = f"((n / 50000) % {RELEASES})"
    own = f"{turn} = 1"
    use_case = f"(n % {USE_CASES})"
    postgres = connection.vendor == "postgresql"
    if postgres:
        identity = (
            f"(lpad(to_hex({ms}), 12, '0') || '7' || lpad(to_hex(n % 4096), 3, '0') || '8' || "
            "substr(md5(n::text), 1, 15))::uuid"
        )
        instant = f"to_timestamp({ms} / 1000.0)"
        batch = "md5((n / 500)::text)::uuid"
        false = "false"
    else:
        identity = (
            f"printf('%012x7%03x8%015x', {ms}, n % 4096, (n * 2654435761) % 1152921504606846975)"
        )
        instant = f"strftime('%Y-%m-%d %H:%M:%f', {ms} / 1000.0, 'unixepoch')"
        batch = "printf('%032x', n / 500)"
        false = "0"
    status = "CASE WHEN n % 20 = 0 THEN 'refused' WHEN n % 2 = 0 THEN 'served' ELSE 'routed' END"
    given = {
        "id": identity,
        "batch_id": batch,
        "router_id": str(router.pk),
        "router_seq": "n + 1",
        "kind": "CASE WHEN n % 20 <> 0 AND n % 2 = 0 THEN 'outcome' ELSE 'route' END",
        "status": status,
        "reason": "'TARGETING_MATCH'",
        "occurred_at": instant,
        "received_at": instant,
        "skewed": false,
        "request": "'req-' || (n / 2)",
        "attempt": "1",
        "environment_id": str(told.environment.pk),
        "route": f"'{told.use_case.slug}'",
        "use_case_id": f"CASE WHEN {own} THEN {told.use_case.pk} ELSE 900000 + {use_case} END",
        "engine": "'gatehouse-routing/1'",
        "generation": str(active.generation),
        "snapshot_digest": f"'{active.snapshot.digest}'",
        "deployment": f"'d-' || {turn}",
        "release_digest": f"'{release.digest}'",
        "release_id": f"CASE WHEN {own} THEN {release.pk} ELSE 900000 + {turn} END",
        "model_version_id": (
            f"CASE WHEN {own} THEN {release.model_version_id} ELSE 900000 + {turn} END"
        ),
        "prompts": "'[]'",
        "facts": "'{\"tokens\":3100}'",
        "erased": "'[]'",
        "masked": "'[]'",
        "latency_ms": "300 + n % 2000",
        "payload_sha256": f"'{release.digest}'",
        "leaf": f"'{64 * '0'}'",
    }
    for field in RequestRecord._meta.concrete_fields:
        if field.column not in given:
            given[field.column] = "NULL" if field.null else "''"
    return given


def _partitions(cursor, since: datetime, until: datetime) -> None:
    from runtime.records import partitions

    month = since.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    while month <= until:
        cursor.execute("SELECT to_regclass(%s)", [partitions._name(month)])
        if cursor.fetchone()[0] is None:
            cursor.execute(partitions._statement(month))
        month = month.replace(year=month.year + month.month // 12, month=month.month % 12 + 1)


def _count(cursor) -> None:
    """Count what was made up, as if it had come in batches."""
    from django.db import connection

    from runtime.records.counting import SHARED
    from runtime.records.partitions import TABLE

    shared = ", ".join(SHARED)
    if connection.vendor == "postgresql":
        hour, cell = "date_trunc('hour', occurred_at)", "md5(row(h, {0}, d)::text)"
        doubtful = "unverified <> ''"
    else:
        hour = "strftime('%Y-%m-%d %H:00:00', occurred_at)"
        cell = "h || " + " || '|' || ".join(f"coalesce({one}, '')" for one in SHARED) + " || d"
        doubtful = "unverified <> ''"
    cursor.execute("DELETE FROM runtime_recordcount")
    cursor.execute(
        f"INSERT INTO runtime_recordcount (cell, hour, {shared}, doubtful, count) "
        f"SELECT {cell.format(shared)}, h, {shared}, d, c FROM (SELECT {hour} AS h, {shared}, "
        f"{doubtful} AS d, count(*) AS c FROM {TABLE} GROUP BY 1, {shared}, {doubtful}) AS cells"
    )


if __name__ == "__main__":
    main()
