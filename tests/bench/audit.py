"""What the log costs: entries written in governed changes, and the whole record verified.

    python -m tests.bench.audit
    python -m tests.bench.audit --only sqlite --sizes 10000 100000
    python -m tests.bench.audit --packs

Fills a database of each size with teams, their history and their entries, ten to a change. Then, in
a process of its own for the memory: entries per second where each change writes one row, and where
it writes a hundred; a proof; `audit_verify`, against the time that hashing the very same bytes with
SHA-256 takes. Then a pack of a promotion with files, against a plain ZIP of the same files. Nothing
is asserted: read the tables.
"""

import argparse
import hashlib
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.bench.fill import ROOT, prepare

SIZES = (10_000, 1_000_000)
#: Evidence files of the pack that is measured, and megabytes of each.
FILES, MEGABYTES = 6, 40
IN_A_CHANGE = 10
SECONDS = 5


def fill(size: int) -> None:
    """Write teams until the log has `size` entries."""
    from audit.models import Head
    from registry.models import Team
    from tests.bench.world import place
    from tests.bench.writing import Record

    world = place()
    with Record(world.actor) as record:
        left = size - Head.objects.get(pk=1).size
        while left > 0:
            number = min(IN_A_CHANGE, left)
            teams = []
            for _ in range(number):
                key = record.key(Team)
                name = f"filled-{key}"
                teams.append(Team(pk=key, slug=name, name=name, contact=f"{name}@example.com"))
            record.change("Filled for a measurement.", *teams)
            left -= number


def measure() -> dict:
    """Measure the database at hand; its verification is recorded nowhere."""
    from audit import tree
    from audit.models import Entry, Head
    from audit.verifying import verify

    found: dict = {"entries": Head.objects.get(pk=1).size}
    begun = time.perf_counter()
    seen = report = None
    report = verify("record")
    found["verify"] = time.perf_counter() - begun
    found["discrepancies"] = len(report.found)
    # In kilobytes on Linux.
    found["memory"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    spent, length, last = 0.0, 0, -1
    while seen := list(
        Entry.objects.filter(seq__gt=last).order_by("seq").values_list("seq", "body")[:1000]
    ):
        bodies = [body.encode() for _, body in seen]
        begun = time.perf_counter()
        for body in bodies:
            hashlib.sha256(body).digest()
        spent += time.perf_counter() - begun
        length += sum(map(len, bodies))
        last = seen[-1][0]
    found |= {"sha256": spent, "bytes": length}
    begun = time.perf_counter()
    for place in range(20):
        tree.inclusion(found["entries"] * place // 20, found["entries"])
    found["proof"] = (time.perf_counter() - begun) / 20
    found["single"] = _rate(1)
    found["batch"] = _rate(100)
    return found


def _rate(rows: int) -> float:
    """Return the entries per second of changes that write so many rows each."""
    from audit import change
    from registry.models import Team
    from tests import make

    actor, written = make.admin(), 0
    begun = time.perf_counter()
    while time.perf_counter() - begun < SECONDS:
        with change(actor=actor, reason="Written for a measurement.") as opened:
            for _ in range(rows):
                name = make.name(f"measured-{time.time_ns()}")
                opened.save(Team(slug=name, name=name, contact=""))
        written += rows
    return written / (time.perf_counter() - begun)


def fill_packed() -> None:
    """Tell of an approved release on evidence with large files."""
    from django.core.files.uploadedfile import SimpleUploadedFile
    from django.core.management import call_command

    from tests.gates.stories import story

    call_command("make_key", verbosity=0)
    told = story()
    for number in range(FILES):
        data = os.urandom(MEGABYTES * 500_000).hex().encode()
        told.give("safety_check", files=[SimpleUploadedFile(f"{number}.txt", data)])
    told.give_all(without=("safety_check",))
    told.ask()
    told.sign_all()


def measure_packed() -> dict:
    """Measure building and sending the pack of that release, and zipping its files alone."""
    import zipfile

    from evidence import storage
    from evidence.models import EvidenceFile
    from gates.models import Promotion
    from registry.visibility import SEES_ALL
    from runtime.packs.building import Subject, read_as_of, settled

    files = list(EvidenceFile.objects.order_by("pk"))
    found: dict = {"files": len(files), "bytes": sum(one.size for one in files)}
    subject = Subject(promotion=Promotion.objects.get())
    settled(subject, SEES_ALL, read_as_of(None)).bundle.close()  # signs, and loads what is lazy
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    begun = time.perf_counter()
    pack = settled(subject, SEES_ALL, read_as_of(None))
    found["settled"] = time.perf_counter() - begun
    with pack.bundle, open(os.devnull, "wb") as out:  # noqa: PTH123
        out.writelines(pack.bundle.stream())
    found["sent"] = time.perf_counter() - begun
    found["grown"] = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    for name, how in (("stored", zipfile.ZIP_STORED), ("deflated", zipfile.ZIP_DEFLATED)):
        begun = time.perf_counter()
        with open(os.devnull, "wb") as out, zipfile.ZipFile(out, "w", how) as archive:  # noqa: PTH123
            for one in files:
                with storage.open_file(one.sha256) as source, archive.open(str(one.pk), "w") as to:
                    while data := source.read(1 << 20):
                        to.write(data)
        found[name] = time.perf_counter() - begun
    return found


def show_packed(engine: str, row: dict) -> None:
    """Print what a pack cost on one engine."""
    print(
        f"{engine}: a pack of {row['files']} files, {row['bytes'] / 1e6:.0f} MB: settled in "
        f"{row['settled']:.2f} s, sent after {row['sent']:.2f} s, {row['grown']:.0f} MiB more; "
        f"{row['sent'] / row['stored']:.1f}x a plain ZIP that stores ({row['stored']:.2f} s), "
        f"{row['sent'] / row['deflated']:.2f}x one that deflates ({row['deflated']:.2f} s)"
    )


def of_pack(url: str, folder: str) -> dict:
    """Fill one database with what is packed, and measure it in a process of its own."""
    for step in ("--fill-packed", "--measure-packed"):
        run = subprocess.run(
            [sys.executable, "-m", "tests.bench.audit", step, "--database-url", url],
            cwd=ROOT,
            env={**os.environ, "GATEHOUSE_DATA_DIR": folder},
            stdout=subprocess.PIPE,
            check=True,
        )
    return json.loads(run.stdout.splitlines()[-1])


def packs(only: str | None) -> None:
    """Measure a pack on each engine."""
    if only != "postgresql":
        with TemporaryDirectory(prefix="gatehouse-bench-") as folder:
            show_packed("SQLite", of_pack(f"sqlite:///{folder}/packs.sqlite3", folder))
    if only != "sqlite":
        from tests.postgres import server

        with TemporaryDirectory(prefix="gatehouse-bench-") as folder, server() as url:
            show_packed("PostgreSQL", of_pack(url, folder))


def of_one(url: str, size: int) -> dict:
    """Fill one database, unless it is, and measure it in a process of its own."""
    for step in ("--fill", "--measure"):
        run = subprocess.run(
            [sys.executable, "-m", "tests.bench.audit", step, str(size), "--database-url", url],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            check=True,
        )
    return json.loads(run.stdout.splitlines()[-1])


def show(engine: str, rows: list[dict]) -> None:
    """Print what was measured of one engine."""
    print(f"\n{engine}")
    print(
        f"{'entries':>10} {'verify':>9} {'of SHA-256':>11} {'per entry':>10} {'memory':>8} "
        f"{'proof':>8} {'1 a change':>11} {'100 a change':>13}"
    )
    for row in rows:
        print(
            f"{row['entries']:>10,} {row['verify']:>7.1f} s "
            f"{row['verify'] / row['sha256']:>10.0f}x "
            f"{row['verify'] / row['entries'] * 1e6:>7.0f} us {row['memory']:>4.0f} MiB "
            f"{row['proof'] * 1000:>5.1f} ms {row['single']:>9.0f}/s {row['batch']:>11.0f}/s"
            + (f"  {row['discrepancies']} DISCREPANCIES" if row["discrepancies"] else "")
        )
    if len(rows) > 1:
        few, many = rows[0], rows[-1]
        growth = (many["verify"] / many["entries"]) / (few["verify"] / few["entries"])
        print(f"growth per entry from {few['entries']:,} to {many['entries']:,}: {growth:.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.audit", description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    parser.add_argument("--only", choices=["sqlite", "postgresql"])
    parser.add_argument("--database-url", default="")
    parser.add_argument("--fill", type=int)
    parser.add_argument("--measure", type=int)
    parser.add_argument("--packs", action="store_true", help="Packs alone.")
    parser.add_argument("--fill-packed", action="store_true")
    parser.add_argument("--measure-packed", action="store_true")
    given = parser.parse_args()
    if given.fill_packed or given.measure_packed:
        prepare(given.database_url)
        if given.fill_packed:
            fill_packed()
        else:
            print(json.dumps(measure_packed()))
        return
    if given.packs:
        packs(given.only)
        return
    if given.fill or given.measure:
        prepare(given.database_url)
        if given.fill:
            fill(given.fill)
        else:
            print(json.dumps(measure()))
        return
    if given.only != "postgresql":
        with TemporaryDirectory(prefix="gatehouse-bench-") as folder:
            urls = [f"sqlite:///{Path(folder) / str(size)}.sqlite3" for size in given.sizes]
            show("SQLite", [of_one(url, size) for url, size in zip(urls, given.sizes, strict=True)])
    if given.only != "sqlite":
        from tests.postgres import server

        rows = []
        for size in given.sizes:
            with server() as url:
                os.environ["DATABASE_URL"] = url
                rows.append(of_one(url, size))
        show("PostgreSQL", rows)
    packs(given.only)


if __name__ == "__main__":
    main()
