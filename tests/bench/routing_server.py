"""The part of `tests.bench.routing` that needs a database and a server."""

import json
import os
import random
import socket
import tempfile
import time
from collections.abc import Callable, Iterable
from datetime import datetime
from statistics import median
from threading import Thread

#: Requests per second, as a multiple of those of the bare view.
AIMS = {"OFREP": 0.5, "snapshot, 304": 0.8}
#: What looking far back may cost, as a multiple of the same among few.
AIM_AS_OF = 1.3
DEPLOYMENTS = (100, 1000)
GENERATIONS = (1000, 100_000)
CONNECTIONS, SECONDS = 4, 1.5


def measure(parts: list[str], rounds: int) -> None:
    """Measure `parts` in a database of this run alone: a file, or one that `DATABASE_URL` names."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["GATEHOUSE_DATA_DIR"] = folder
        os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
        os.environ["SERVED_URLS"] = "tests.bench.urls"
        from tests import environment

        assert environment.SUFFIX is not None  # it sets what settings need
        os.environ["GATEHOUSE_DATA_DIR"] = folder
        import django
        from django.conf import settings
        from django.core.management import call_command
        from django.db import connection

        settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
        settings.ROOT_URLCONF = "tests.bench.urls"
        django.setup()
        call_command("migrate", verbosity=0)
        import audit.clock
        import audit.keys

        print(f"\n{connection.vendor}", flush=True)
        audit.keys.make(audit.clock.now())
        for part in parts:
            {"requests": requests, "publishing": publishing, "as_of": as_of}[part](rounds)


# Answers to routers


def requests(rounds: int) -> None:
    """Print how many answers a second there are, as a ratio to a view with one indexed query."""
    from tests import make
    from tests.serving import served

    told = running(10)
    make.make_provider("bare")
    token = make.make_token(make.make_service(), scope="router", environment=told.environment)
    with served() as server:
        asked = {
            "bare view": said("GET", "/indexed/"),
            "OFREP": said(
                "POST",
                f"/ofrep/v1/evaluate/flags/{told.use_case.slug}",
                {"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
                json.dumps({"context": {"tokens": 3100, "tools": []}}),
            ),
        }
        snapshot = f"/api/v1/environments/{told.environment.slug}/snapshot/"
        headers = {"Authorization": f"Bearer {token}"}
        status, answered = once(server.port, said("GET", snapshot, headers))
        if status == 200:
            headers["If-None-Match"] = answered["etag"]
            asked["snapshot, 304"] = said("GET", snapshot, headers)
        rates: dict[str, list[float]] = {name: [] for name in asked}
        for turn in range(rounds + 1):
            for name, request in asked.items():
                expected = 304 if "304" in name else 200
                found = rate(server.port, request, expected)
                if turn:  # the first is to get warm
                    rates[name].append(found)
    print("\nAnswers per second, by turns, 10 deployments\n")
    bare = median(rates.pop("bare view"))
    print(f"{'bare view':16} {bare:7,.0f}")
    for name, aim in AIMS.items():
        if name not in rates:
            print(f"{name:16} is not there yet")
            continue
        ratio = median(rates[name]) / bare
        missed = "  missed" if ratio < aim else ""
        print(f"{name:16} {median(rates[name]):7,.0f}  ratio {ratio:4.2f}  aim {aim}{missed}")


def said(method: str, path: str, headers: dict[str, str] | None = None, body: str = "") -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()


def once(port: int, request: bytes) -> tuple[int, dict[str, str]]:
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(request)
        return _answer(connection.makefile("rb"))


def rate(port: int, request: bytes, expected: int) -> float:
    """Return how many answers a second a few connections get."""
    counts, wrong = [0] * CONNECTIONS, []
    begun = time.perf_counter()

    def ask(place: int) -> None:
        connection, file = None, None
        while time.perf_counter() - begun < SECONDS:
            if connection is None:
                connection = socket.create_connection(("127.0.0.1", port))
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                file = connection.makefile("rb")
            connection.sendall(request)
            status, headers = _answer(file)
            if status != expected:
                wrong.append(status)
                return
            counts[place] += 1
            if headers.get("connection") == "close":
                connection.close()
                connection = None

    threads = [Thread(target=ask, args=[place]) for place in range(CONNECTIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong, wrong
    return sum(counts) / (time.perf_counter() - begun)


def _answer(file) -> tuple[int, dict[str, str]]:
    status = int(file.readline().split()[1])
    headers = {}
    while (line := file.readline().strip()) != b"":
        name, _, value = line.decode().partition(":")
        headers[name.lower()] = value.strip()
    file.read(int(headers.get("content-length", 0)))
    return status, headers


# Publishing


def running(endpoints: int):
    """Return a story whose release is placed at so many endpoints, through the verbs."""
    from registry.models import ServingEndpoint
    from runtime import transitions
    from tests import make
    from tests.gates import stories
    from tests.runtime.stories import operator

    told = stories.story()
    told.give_all()
    version, host, region = told.release.model_version, make.make_provider(), make.make_region()
    regions = {purpose: [region] for purpose in ("processing", "storage", "telemetry", "support")}
    rows: list[ServingEndpoint] = [told.endpoint] + [
        make.make_endpoint(version=version, host=host, regions=regions, team=version.model.team)
        for _ in range(endpoints - 1)
    ]
    request = stories.gates.request
    stories.gates.request = lambda **values: request(**{**values, "endpoints": rows})
    try:
        told.ask()
    finally:
        stories.gates.request = request
    told.promotion = told.sign_all()
    transitions.activate(
        told.release, told.environment, rows, actor=operator(told), reason=stories.WHY
    )
    return told


def publishing(rounds: int) -> None:
    """Print how long a verb takes that publishes the next generation, commit and all."""
    from runtime import transitions
    from runtime.compiling import document
    from runtime.compiling import running as deployed
    from tests import make
    from tests.runtime.stories import operator

    print("\nPublishing a generation, ms, median (least)\n")
    took: dict[int, dict[str, list[float]]] = {}
    for deployments in DEPLOYMENTS:
        told = running(deployments)
        who = {"password": make.PASSWORD, "actor": operator(told), "reason": "Measured."}
        found = took[deployments] = {"suspend": [], "lift": [], "compiling alone": []}
        before = told.environment.activations.count()
        for _ in range(rounds):
            (suspension,) = timed(
                found["suspend"],
                lambda t=told, w=who: transitions.suspend(t.endpoint, environment=None, **w),
            )
            timed(found["lift"], lambda s=suspension, w=who: transitions.lift(s.pk, **w))
            timed(
                found["compiling alone"],
                lambda t=told: document(t.environment, deployed(t.environment)),
            )
        assert told.environment.activations.count() == before + 2 * rounds
    print(f"{'':16} " + " ".join(f"{size:>18,}" for size in DEPLOYMENTS) + "   for ten times more")
    for name in next(iter(took.values())):
        few, many = (took[size][name] for size in DEPLOYMENTS)
        cells = " ".join(f"{1e3 * median(one):9.1f} ({1e3 * min(one):6.1f})" for one in (few, many))
        print(f"{name:16} {cells}   {median(many) / median(few):.1f} ×", flush=True)


def timed(into: list[float], call: Callable) -> tuple:
    begun = time.perf_counter()
    found = call()
    into.append(time.perf_counter() - begun)
    return (found,)


# What was active


def as_of(rounds: int) -> None:
    """Print what it costs to say what was active at an instant, among few and many generations."""
    from django.test import Client

    from registry.effective import number_for
    from runtime.publishing import current
    from tests import make

    told = {size: _aged(size) for size in GENERATIONS}
    token = make.make_token(make.make_service("", "auditor"))
    client = Client(headers={"authorization": f"Bearer {token}"})
    draw = random.Random(3)
    looks = {
        "look-up": lambda environment, at: current(environment, number_for(at)),
        "API, active/?at=": lambda environment, at: client.get(
            f"/api/v1/environments/{environment.slug}/active/", {"at": at.isoformat()}
        ),
    }
    print("\nWhat was active at an instant, ms, median (least)\n")
    print(f"{'':17} " + " ".join(f"{size:>18,}" for size in GENERATIONS) + "   ratio  aim")
    for name, look in looks.items():
        took: dict[int, list[float]] = {size: [] for size in GENERATIONS}
        for _ in range(rounds * 30):
            for size, (environment, instants) in told.items():
                at = draw.choice(instants)
                (answer,) = timed(took[size], lambda e=environment, at=at: look(e, at))  # noqa: B023
                assert getattr(answer, "status_code", 200) == 200 and answer is not None
        few, many = (took[size] for size in GENERATIONS)
        cells = " ".join(f"{1e3 * median(one):9.2f} ({1e3 * min(one):6.2f})" for one in (few, many))
        ratio = median(many) / median(few)
        missed = "  missed" if ratio > AIM_AS_OF else ""
        print(f"{name:17} {cells}   {ratio:5.2f}  {AIM_AS_OF}{missed}", flush=True)


def _aged(generations: int) -> tuple[object, Iterable[datetime]]:
    """Return an environment with so many generations, and instants of some of them."""
    from runtime.models import Activation
    from tests import make
    from tests.bench.writing import Record

    told = running(1)
    first, second = told.environment.activations.order_by("generation").select_related("snapshot")
    actor = make.registrar()
    with Record(actor) as record:
        for generation in range(3, generations + 1):
            row = Activation(
                pk=record.key(Activation),
                environment=told.environment,
                generation=generation,
                snapshot=(first, second)[generation % 2].snapshot,
                cause="followed",
            )
            record.change("Measured.", row)
    some = told.environment.activations.filter(
        generation__in=range(1, generations, generations // 97)
    )
    return told.environment, list(some.values_list("change__at", flat=True))
