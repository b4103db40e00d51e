"""What reading costs among few versions and among many: `python -m tests.bench.registry`.

Fills a SQLite file (kept in `data/bench/`) and a database of a PostgreSQL server of its own for
each size, then asks both sizes the same, turn about, in one process: a noise on the machine falls
on both. Printed are statements, the median of a request, and the median's ratio between the sizes,
beside what is aimed at and a view of one query. Nothing is asserted: read the table.

A page of fifty rows costs more than an empty one in any database, so both sizes are asked for what
they hold. The names of the few are dealt by dice, and most pairs of a family and a size are not
among them: "two words of some" are the pair that most versions of that database have, which fills
a page in both (80 of 1,000, about 1,400 of 100,000).
"""

import argparse
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from statistics import median

from tests.bench.fill import ROOT, prepare

#: What the median among many may be, as a multiple of the median among few.
AIMS = {"list": 1.3, "policy": 1.3, "search": 2.0, "impact": 2.0, "bare": 1.0}
#: Requests in a row for one database before it is the other's turn; the first is not counted.
IN_A_ROW = 4


@dataclass
class Asked:
    """One request: what it is measured as, who asks, and where, given what the database holds."""

    kind: str
    name: str
    address: Callable[[dict], str]
    reader: str = "reader"
    #: By size: seconds of each request, and statements of one.
    took: dict[int, list[float]] = field(default_factory=dict)
    statements: dict[int, int] = field(default_factory=dict)
    missing: bool = False


def asked() -> Iterator[Asked]:
    """Yield every request that is measured."""
    yield Asked("bare", "view of one query", lambda known: "/bare/")
    for name, address in (
        ("page: model versions", "/registry/modelversion/"),
        ("page: model versions, page 20", "/registry/modelversion/?p=20"),
        ("page: model versions, sealed", "/registry/modelversion/?state=sealed"),
        ("page: model versions of a model", "/registry/modelversion/?model__id__exact={model_id}"),
        ("page: models", "/registry/registeredmodel/"),
        ("page: releases", "/registry/release/"),
        ("page: prompt versions", "/registry/promptversion/"),
        ("page: evidence", "/evidence/evidenceitem/"),
        ("API: model versions", "/api/v1/model-versions/"),
        ("API: model versions of a model", "/api/v1/model-versions/?model={model}"),
        ("API: models", "/api/v1/models/?limit=20"),
        ("API: releases", "/api/v1/releases/"),
        ("API: one model version", "/api/v1/model-versions/{version_id}/"),
    ):
        yield Asked("list", name, address.format_map)
    for name, address in (
        ("page: model versions", "/registry/modelversion/"),
        ("page: releases", "/registry/release/"),
        ("API: models", "/api/v1/models/?limit=20"),
        ("API: releases", "/api/v1/releases/?limit=5"),
    ):
        yield Asked("list", f"{name}, of one team", address.format_map, reader="member")
    place = "?use_case={use_case}&environment=production-eu"
    yield Asked("policy", "page: effective policy", f"/policy/effective/{place}".format_map)
    yield Asked("policy", "API: effective policy", f"/api/v1/effective-policy/{place}".format_map)
    for name, words in (
        ("an identifier", "{identifier}"),
        ("a model", "{model}"),
        ("a word of many", "heron"),
        ("two words of many", "heron 2025"),
        ("two words of some", "{pair}"),
        ("words of many and of one", "heron large {number}"),
        ("a letter that the other word begins with", "heron h"),
        ("a letter", "heron l"),
        ("nothing", "xylophone"),
        ("a digest", "{digest}"),
    ):
        yield Asked("search", name, f"/search/?q={words}".format_map)
    yield Asked("search", "a word of many, one team", lambda known: "/search/?q=heron", "member")
    for name, words in (
        ("a word of many", "heron"),
        ("two words of many", "heron 2025"),
        ("two words of some", "{pair}"),
        ("a model", "{model}"),
    ):
        yield Asked("search", f"list: {name}", f"/registry/modelversion/?q={words}".format_map)
    for kind, key in (
        ("model-version", "{version_id}"),
        ("dataset-version", "{dataset_version_id}"),
        ("prompt", "{prompt}"),
        ("provider", "{provider}"),
        ("tool", "crm"),
    ):
        question = f"?kind={kind}&key={key}"
        yield Asked("impact", f"page: {kind}", f"/impact/{question}".format_map)
        yield Asked("impact", f"API: {kind}", f"/api/v1/impact/{question}".format_map)


class Database:
    """One filled database, entered by turns: what addresses name in it, and who may ask."""

    def __init__(self, size: int, name: str):
        self.size, self.name = size, name
        with self:
            self.known = _known()
            self.clients = {reader: _client(reader) for reader in ("reader", "member")}

    def __enter__(self):
        from django.contrib.contenttypes.models import ContentType
        from django.db import connection

        from audit.kept import kept

        connection.close()
        connection.settings_dict["NAME"] = self.name
        kept.clear()
        ContentType.objects.clear_cache()
        return self

    def __exit__(self, *error):
        return None

    def ask(self, one: Asked):
        """Send one request; return the answer and how long it took, in seconds."""
        client, address = self.clients[one.reader], one.address(self.known)
        begun = time.perf_counter()
        answer = client.get(address)
        return answer, time.perf_counter() - begun


def _known() -> dict:
    """Return what addresses name: rows from the middle, neither the first nor the last."""
    from registry.models import DatasetVersion, ModelVersion, PromptTemplate, Release

    def middle(model, **found):
        rows = model.objects.filter(**found).order_by("pk")
        return rows[rows.count() // 2]

    release = middle(Release)
    version = ModelVersion.objects.select_related("model", "maker").get(pk=release.model_version_id)
    slugs = ModelVersion.objects.values_list("model__slug", flat=True)
    pairs = Counter(slug.rpartition("-")[0] for slug in slugs)
    return {
        "pair": min(pairs, key=lambda pair: (-pairs[pair], pair)).replace("-", " "),
        "model": version.model.slug,
        "number": version.model.slug.rpartition("-")[2],
        "model_id": version.model_id,
        "version_id": version.pk,
        "identifier": version.identifier,
        "digest": release.digest[:20],
        "use_case": release.use_case.slug,
        "dataset_version_id": middle(DatasetVersion).pk,
        "prompt": middle(PromptTemplate).slug,
        "provider": version.maker.slug,
    }


def _client(reader: str):
    from django.test import Client

    from registry.models import Person
    from tests import make

    person = Person.objects.get(username=reader)
    client = Client(headers={"authorization": f"Bearer {make.make_token(person)}"})
    client.force_login(person)
    return client


def measure(databases: list[Database], rounds: int, kinds: list[str]) -> list[Asked]:
    """Ask everything of `kinds` of every database, and remember statements and times."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    requests = [one for one in asked() if one.kind in ("bare", *kinds)]
    for one in requests:
        for turn in range(rounds):
            for database in databases:
                with database:
                    for place in range(IN_A_ROW + 1):
                        if turn == place == 0:
                            with CaptureQueriesContext(connection) as queries:
                                answer, _ = database.ask(one)
                            one.missing = answer.status_code == 404
                            if answer.status_code not in (200, 404):
                                sys.exit(f"{one.address(database.known)}: {answer.status_code}")
                        else:
                            _, took = database.ask(one)
                            if place:
                                one.took.setdefault(database.size, []).append(took)
                    if turn == 0:
                        with CaptureQueriesContext(connection) as queries:
                            database.ask(one)
                        one.statements[database.size] = len(queries)
            if one.missing:
                break
    return requests


def show(title: str, requests: list[Asked], sizes: list[int]) -> None:
    """Print one line for each request."""
    few, many = min(sizes), max(sizes)
    bare = median(requests[0].took[many])
    print(f"\n{title}: {few:,} and {many:,} versions; bare view {1000 * bare:.1f} ms\n")
    head = ("", "request", "statements", "p50 few", "p50 many", "ratio", "aim", "× bare")
    print("{:7} {:40} {:>10} {:>9} {:>9} {:>6} {:>5} {:>7}".format(*head))
    for one in requests:
        if one.missing:
            print(f"{one.kind:7} {one.name:40} is not there yet")
            continue
        before, after = median(one.took[few]), median(one.took[many])
        asked_for = " / ".join(str(one.statements[size]) for size in (few, many))
        ratio, aim = after / before, AIMS[one.kind]
        print(
            f"{one.kind:7} {one.name:40} {asked_for:>10} {1000 * before:6.1f} ms "
            f"{1000 * after:6.1f} ms {ratio:6.2f} {aim:5.1f} {after / bare:7.1f}"
            + ("" if ratio <= aim or one.kind == "bare" else "  missed"),
            flush=True,
        )


def run(title: str, urls: dict[int, str], rounds: int, kinds: list[str]) -> None:
    """Fill what is empty, measure, and print, in a process of its own: it has one kind of URL."""
    for size, url in urls.items():
        command = [sys.executable, "-m", "tests.bench.fill", "--versions", str(size)]
        subprocess.run([*command, "--database-url", url, "--once"], cwd=ROOT, check=True)
    pairs = [f"{size}={url}" for size, url in urls.items()]
    command = [sys.executable, "-m", "tests.bench.registry", "--rounds", str(rounds)]
    command += ["--kinds", *kinds, "--title", title, "--measure", *pairs]
    subprocess.run(command, cwd=ROOT, check=True)


def measured(title: str, pairs: list[str], rounds: int, kinds: list[str]) -> None:
    """Measure the filled databases of `pairs`, written `size=url`."""
    urls = {int(size): url for size, _, url in (pair.partition("=") for pair in pairs)}
    prepare(next(iter(urls.values())))
    import environ
    from django.conf import settings

    from tests import environment

    environment.pytest_configure(None)  # static files as they lie
    settings.ROOT_URLCONF = "tests.bench.urls"
    names = {size: environ.Env.db_url_config(url)["NAME"] for size, url in urls.items()}
    databases = [Database(size, name) for size, name in names.items()]
    show(title, measure(databases, rounds, kinds), list(urls))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.registry", description=__doc__)
    parser.add_argument("--sizes", type=int, nargs=2, default=[1000, 100_000])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", choices=["sqlite", "postgresql"])
    parser.add_argument("--kinds", nargs="+", choices=list(AIMS), default=list(AIMS))
    parser.add_argument("--title", default="", help=argparse.SUPPRESS)
    parser.add_argument("--measure", nargs="+", default=[], help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.measure:
        measured(given.title, given.measure, given.rounds, given.kinds)
        return
    if given.only != "postgresql":
        folder = ROOT / "data" / "bench"
        folder.mkdir(parents=True, exist_ok=True)
        urls = {size: f"sqlite:///{folder / f'{size}.sqlite3'}" for size in given.sizes}
        run("SQLite", urls, given.rounds, given.kinds)
    if given.only != "sqlite":
        from tests.postgres import server

        with server() as url:
            urls = {size: _created(url, f"bench_{size}") for size in given.sizes}
            run("PostgreSQL", urls, given.rounds, given.kinds)


def _created(url: str, name: str) -> str:
    """Create a database beside that of `url` and return its own URL."""
    import environ
    import psycopg

    host = environ.Env.db_url_config(url)["HOST"]
    with psycopg.connect(host=host, user="postgres", dbname="gatehouse", autocommit=True) as server:
        server.execute(f'CREATE DATABASE "{name}"')
    return f"{url.rpartition('/')[0]}/{name}"


if __name__ == "__main__":
    main()
