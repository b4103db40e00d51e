"""Fill a database with a registry of a given size: `python -m tests.bench.fill --versions 100000`.

With `--promotions 1000` it holds promotions too, with their packages and people.

The database is the one of `--database-url`, of `DATABASE_URL`, or `data/bench/<versions>.sqlite3`.
It is migrated first and must hold no model yet. People, places, tools and policy go through the
verbs; models, versions, prompts, releases and evidence are written by `tests.bench.writing`.
Everything is drawn from one seed, so that two databases of one size hold the same.
"""

import argparse
import os
import random
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent


def fill(versions: int, *, promotions: int = 0, seed: int = 1, say=lambda sentence: None) -> int:
    """Fill the database of the settings; return how many governed rows were written in bulk."""
    from django.db import connection

    from registry import search, search_words
    from registry.models import RegisteredModel, SearchWord
    from tests.bench import promotions as asked
    from tests.bench.nouns import FILLS
    from tests.bench.world import place
    from tests.bench.writing import Record

    if RegisteredModel.objects.exists():
        raise SystemExit("This database holds models already. Name an empty one.")
    draw = random.Random(seed)
    world = place()
    with Record(world.actor) as record:
        for part in FILLS:
            begun = time.monotonic()
            part(record, world, draw, versions)
            took = time.monotonic() - begun
            say(f"{part.__name__:>10}  {record.written:>9,} rows  {took:6.1f} s")
        written = record.written
    if promotions:
        begun = time.monotonic()
        rows = asked.promotions(world, draw, promotions)
        written += rows
        say(f"promotions  {rows:>9,} rows  {time.monotonic() - begun:6.1f} s")
    begun = time.monotonic()
    for source in search.sources:
        search_words.rebuild(source)
    say(f"     words  {SearchWord.objects.count():>9,} rows  {time.monotonic() - begun:6.1f} s")
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")  # a database in use does so by itself
    return written


def prepare(url: str) -> None:
    """Set Django up for the database of `url`, and bring it to the newest migration."""
    os.environ["DATABASE_URL"] = url
    import tests.environment  # noqa: F401 - the settings of the suite, keys and all

    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.fill", description=__doc__)
    parser.add_argument("--versions", type=int, default=1000)
    parser.add_argument("--promotions", type=int, default=0)
    parser.add_argument("--database-url", default=os.environ.get("DATABASE_URL", ""))
    parser.add_argument("--once", action="store_true", help="Leave a filled database as it is.")
    given = parser.parse_args(arguments)
    url = given.database_url
    if not url:
        folder = ROOT / "data" / "bench"
        folder.mkdir(parents=True, exist_ok=True)
        url = f"sqlite:///{folder / f'{given.versions}.sqlite3'}"
    prepare(url)
    from django.db import connection

    from registry.models import RegisteredModel

    if given.once and RegisteredModel.objects.exists():
        return
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            # Random keys are written all over the file: kept in memory, and no disk is waited for.
            cursor.execute("PRAGMA synchronous=OFF")
            cursor.execute("PRAGMA cache_size=-500000")
    begun = time.monotonic()
    written = fill(
        given.versions,
        promotions=given.promotions,
        say=lambda sentence: print(sentence, flush=True),
    )
    print(f"{written:,} governed rows in {time.monotonic() - begun:.0f} s.")


if __name__ == "__main__":
    sys.exit(main())
