"""What deciding and reviewing cost among few promotions and among many.

    python -m tests.bench.gates
    python -m tests.bench.gates --only sqlite --sizes 1000 10000

Fills a database of each size with promotions, serves each by the web server of production with two
workers, and asks both the same, turn about: the decision with a token, the review page, the
overview with what waits for its reader, and a view of one indexed query. Then the decision and that
view are asked by four clients at once, for the requests per second. Statements are counted in this
process. Nothing is asserted: read the table.
"""

import argparse
import http.client
import subprocess
import sys
import threading
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from statistics import median, quantiles

from tests.bench.fill import ROOT, prepare
from tests.bench.registry import _created

#: Requests in a row for one database before it is the other's turn; the first is not counted.
IN_A_ROW = 5
#: Requests for each address before anything is counted: with fewer, one worker may lack some.
WARM = 8
WORKED_OUT = "decision, worked out"
CLIENTS = 4
SECONDS = 4
#: Versions beside the promotions.
VERSIONS = 1000


@dataclass
class Asked:
    name: str
    addresses: list[str]
    headers: dict
    statements: int = 0
    took: list[float] = field(default_factory=list)
    turn: int = 0

    def address(self) -> str:
        self.turn += 1
        return self.addresses[self.turn % len(self.addresses)]


class Served:
    """One filled database with its server, what is asked of it, and a connection."""

    def __init__(self, size: int, name: str, stack: ExitStack):
        from django.db import connection

        from tests.serving import served

        self.size = size
        connection.close()
        connection.settings_dict["NAME"] = name
        self.asked = _asked()
        for one in self.asked:
            one.statements = _statements(one)
        self.server = stack.enter_context(served())
        self.http = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=60)

    def warm(self) -> None:
        """Ask each address until every worker has had it, but those that are to be worked out."""
        for one in self.asked:
            for _ in range(0 if one.name == WORKED_OUT else WARM * len(one.addresses)):
                self.http.close()  # a new connection may go to another worker
                _get(self.http, one)

    def ask(self, one: Asked) -> None:
        self.http.close()  # it was the other's turn for long: opened anew by the first request
        for place in range(IN_A_ROW + 1):
            begun = time.perf_counter()
            _get(self.http, one)
            if place:
                one.took.append(time.perf_counter() - begun)

    def rate(self, one: Asked) -> float:
        """Return the requests per second of a few clients at once."""
        counts, end = [0] * CLIENTS, time.perf_counter() + SECONDS

        def client(number: int) -> None:
            connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=60)
            while time.perf_counter() < end:
                _get(connection, one)
                counts[number] += 1
            connection.close()

        threads = [threading.Thread(target=client, args=[each]) for each in range(CLIENTS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return sum(counts) / SECONDS


def _get(connection: http.client.HTTPConnection, one: Asked) -> None:
    address = one.address()
    connection.request("GET", address, headers=one.headers)
    answer = connection.getresponse()
    answer.read()
    if answer.status != 200:
        sys.exit(f"{address}: {answer.status}")


def _asked() -> list[Asked]:
    from django.test import Client

    from gates.models import Promotion
    from registry.models import Person
    from tests import make

    approved = Promotion.objects.filter(state="approved").select_related("release", "environment")
    middle = approved.order_by("pk")[approved.count() // 2 :][:8]
    questions = [
        f"/api/v1/decision/?release={one.release.digest}&environment={one.environment.slug}"
        for one in middle
    ]
    #: One that nobody asked lately, so that it is worked out: of another release each time.
    fresh = [
        f"/api/v1/decision/?release={digest}&environment=sandbox"
        for digest in approved.filter(environment__slug="sandbox")
        .order_by("pk")
        .values_list("release__digest", flat=True)[:200]
    ]
    reviewed = Promotion.objects.filter(state="in_review").order_by("pk")
    team = reviewed[0].release.use_case.team
    reviewed = reviewed.filter(release__use_case__team=team)
    reader = Person.objects.get(username="reader")
    token = {"Authorization": f"Bearer {make.make_token(reader, name=f'bench {time.time_ns()}')}"}

    def signed_in(username: str) -> dict:
        client = Client()
        client.force_login(Person.objects.get(username=username))
        return {"Cookie": f"sessionid={client.cookies['sessionid'].value}"}

    return [
        Asked("bare view, one indexed query", ["/indexed/"], {}),
        Asked("decision, kept", questions, token),
        Asked(WORKED_OUT, fresh, token),
        Asked(
            "review page",
            [f"/promotions/{one.pk}/" for one in reviewed[:8]],
            signed_in(f"reviewer-{team.slug}"),
        ),
        Asked("queue of one team's reviewer", ["/"], signed_in(f"reviewer-{team.slug}")),
        Asked("queue of everybody's reviewer", ["/"], signed_in("signer")),
    ]


def _statements(one: Asked) -> int:
    """Count the statements of a request, asked a second time as a server in use is."""
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    client = Client(headers={name.lower(): value for name, value in one.headers.items()})
    if cookie := one.headers.get("Cookie"):
        client.cookies["sessionid"] = cookie.partition("=")[2]
    address = one.addresses[0]
    if one.name != WORKED_OUT:
        client.get(address)
    with CaptureQueriesContext(connection) as queries:
        answer = client.get(address)
    assert answer.status_code == 200, (address, answer.status_code)
    return len(queries)


def measured(title: str, pairs: list[str], rounds: int) -> None:
    """Measure the filled databases of `pairs`, written `size=url`."""
    urls = {int(size): url for size, _, url in (pair.partition("=") for pair in pairs)}
    prepare(next(iter(urls.values())))
    import environ
    from django.conf import settings

    from tests import environment

    environment.pytest_configure(None)
    settings.ROOT_URLCONF = "tests.bench.urls"
    with ExitStack() as stack:
        few, many = (
            Served(size, environ.Env.db_url_config(url)["NAME"], stack)
            for size, url in sorted(urls.items())
        )
        few.warm()
        many.warm()
        for _ in range(rounds):
            for one, other in zip(few.asked, many.asked, strict=True):
                few.ask(one)
                many.ask(other)
        show(title, few, many)
        bare, decision = many.asked[:2]
        rates = [(many.rate(decision), many.rate(bare)) for _ in range(3)]
        ratio = median(decided / seen for decided, seen in rates)
        print(
            f"\n{CLIENTS} clients at once: decision {median(r for r, _ in rates):.0f}/s, "
            f"bare view {median(r for _, r in rates):.0f}/s, ratio {ratio:.2f} (aim 0.6)"
        )


def show(title: str, few: Served, many: Served) -> None:
    print(f"\n{title}: {few.size:,} and {many.size:,} promotions; times in ms\n")
    head = ("request", "statements", "p50 few", "p95 few", "p50 many", "p95 many", "ratio")
    print("{:32} {:>10} {:>8} {:>8} {:>8} {:>8} {:>6}".format(*head))
    for one, other in zip(few.asked, many.asked, strict=True):
        figures = [
            1000 * figure
            for took in (one.took, other.took)
            for figure in (median(took), quantiles(took, n=20)[-1])
        ]
        ratio = figures[2] / figures[0]
        missed = "  missed" if ratio > 1.3 and one.statements > 1 else ""
        print(
            f"{one.name:32} {f'{one.statements} / {other.statements}':>10} "
            + " ".join(f"{figure:8.1f}" for figure in figures)
            + f" {ratio:6.2f}{missed}",
            flush=True,
        )


def run(title: str, urls: dict[int, str], rounds: int) -> None:
    """Fill what is empty, measure, and print, in a process of its own: it has one kind of URL."""
    for size, url in urls.items():
        command = [sys.executable, "-m", "tests.bench.fill", "--versions", str(VERSIONS)]
        command += ["--promotions", str(size), "--database-url", url, "--once"]
        subprocess.run(command, cwd=ROOT, check=True)
    pairs = [f"{size}={url}" for size, url in urls.items()]
    command = [sys.executable, "-m", "tests.bench.gates", "--rounds", str(rounds)]
    subprocess.run([*command, "--title", title, "--measure", *pairs], cwd=ROOT, check=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.gates", description=__doc__)
    parser.add_argument("--sizes", type=int, nargs=2, default=[1000, 100_000])
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--only", choices=["sqlite", "postgresql"])
    parser.add_argument("--title", default="", help=argparse.SUPPRESS)
    parser.add_argument("--measure", nargs="+", default=[], help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.measure:
        measured(given.title, given.measure, given.rounds)
        return
    if given.only != "postgresql":
        folder = ROOT / "data" / "bench"
        folder.mkdir(parents=True, exist_ok=True)
        urls = {size: f"sqlite:///{folder / f'promotions-{size}.sqlite3'}" for size in given.sizes}
        run("SQLite", urls, given.rounds)
    if given.only != "sqlite":
        from tests.postgres import server

        with server() as url:
            urls = {size: _created(url, f"promotions_{size}") for size in given.sizes}
            run("PostgreSQL", urls, given.rounds)


if __name__ == "__main__":
    main()
