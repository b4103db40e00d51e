"""What ran: gateways report their requests in the last days, and one runs what nobody approved."""

import json
import random
import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta

from audit.rules import instant_text
from portal.demo import people
from portal.demo.world import World
from registry.models import Environment, Release, Router, Team
from runtime import routing
from runtime.publishing import current
from runtime.records.storing import take

ADMINISTRATOR, TEAM, ACCOUNT = "admin", "platform", people.GATEWAY.username
#: The one of those registered at the beginning that reports as well.
FIRST = "gateway-frankfurt"
#: slug, name, environment
GATEWAYS = (
    ("gateway-us", "Gateway, United States", "production-us"),
    ("gateway-regulated", "Gateway, regulated workloads", "regulated-eu"),
)
#: The days before now on which they report, and the hour; requests of one report.
REPORTS, HOUR, REQUESTS = (6, 5, 4, 3, 2), 17, 12
#: Of a hundred requests: those that fail at the provider, and those whose facts rule all out.
FAILED, TOO_LONG = 6, 5
#: On that day before now one gateway runs a release that was never approved there, and a report
#: of another is lost on its way.
MISHAP = 3


def gateways(world: World) -> Iterator[datetime]:
    """Tell how two more gateways were registered, and what each reported since."""
    yield world.day(20, 10)
    for slug, name, environment in GATEWAYS:
        world.save(
            Router,
            ADMINISTRATOR,
            "It asks where requests may go.",
            slug=slug,
            name=name,
            environment=Environment.objects.get(slug=environment),
            team=Team.objects.get(slug=TEAM),
        )
    slugs = (FIRST, *(slug for slug, _, _ in GATEWAYS))
    numbers = {slug: iter(range(1, 10**6)) for slug in slugs}
    draw = random.Random(7)  # noqa: S311 - the same demo every time
    for ago in REPORTS:
        yield world.day(ago, HOUR)
        for router in Router.objects.filter(slug__in=slugs).select_related("environment"):
            report = _Report(world, router, numbers[router.slug], draw)
            lines = report.lines(mishap=ago == MISHAP)
            if ago == MISHAP and router.slug == GATEWAYS[0][0]:
                continue
            with world.act():
                take(lines, router, actor=world.who(ACCOUNT))


class _Report:
    """The records of one gateway since its last report."""

    def __init__(self, world: World, router: Router, numbers: Iterator[int], draw: random.Random):
        self.router, self.numbers, self.draw, self.now = router, numbers, draw, world.moment
        active = current(router.environment)
        self.active, self.snapshot = active, json.loads(active.snapshot.content)

    def lines(self, *, mishap: bool) -> list[bytes]:
        """Return what was routed in the last hour, for each use case that something runs for."""
        found = []
        for use_case in sorted(self.snapshot["routes"]):
            for number in range(REQUESTS):
                at = self.now - timedelta(minutes=58 - 4 * number, seconds=self.draw.randrange(60))
                found += self._request(use_case, at)
        if mishap and self.router.slug == FIRST:
            found += self._not_approved()
        return [json.dumps(one).encode() for one in found]

    def _request(self, use_case: str, at: datetime) -> Iterator[dict]:
        tokens = 10**9 if self.draw.randrange(100) < TOO_LONG else self.draw.randrange(200, 4000)
        facts = {"tokens": tokens}
        answer = routing.decide(
            self.snapshot,
            routing.read({"use_case": use_case, **facts}),
            at,
            generation=self.active.generation,
            digest=self.active.snapshot.digest,
        )
        said = {
            "request": f"req-{self.draw.getrandbits(48):012x}",
            "trace": f"{self.draw.getrandbits(128):032x}",
            "conversation": f"chat-{self.draw.getrandbits(16):04x}",
            "attempt": 1,
            "environment": self.router.environment.slug,
            **{name: answer[name] for name in ("use_case", "generation", "digest", "engine")},
        }
        if offer := answer["selected"]:
            said |= {"deployment": offer["deployment"], "release": offer["release"]["digest"]}
        route = {"kind": "route", "status": answer["status"], "reason": answer["reason"]}
        yield {**said, **route, "facts": facts, **self._made(at)}
        if offer:
            took = self.draw.randrange(300, 2500)
            outcome = {"kind": "outcome", "status": "served", "latency_ms": took}
            outcome |= {"tokens_in": tokens, "tokens_out": self.draw.randrange(20, 600)}
            if self.draw.randrange(100) < FAILED:
                outcome = {"kind": "outcome", "status": "failed", "failure": "TimeoutError"}
            yield {**said, **outcome, **self._made(at + timedelta(milliseconds=took))}

    def _not_approved(self) -> Iterator[dict]:
        """Yield requests that went to a release which this environment never offered."""
        release = Release.objects.get(use_case__slug="code-assistant", number=2)
        for minutes in (9, 6, 3):
            at = self.now - timedelta(minutes=minutes)
            for one in self._request("code-assistant", at):
                yield one | {"release": release.digest} if "release" in one else one

    def _made(self, at: datetime) -> dict:
        number = int(at.timestamp() * 1000) << 80 | 7 << 76 | 2 << 62
        number |= self.draw.getrandbits(12) << 64 | self.draw.getrandbits(62)
        return {"id": str(uuid.UUID(int=number)), "seq": next(self.numbers), "at": instant_text(at)}
