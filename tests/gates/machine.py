"""What promotions may do, told a second time: plain facts, plain Python, none of the rules.

`Model` keeps what happened as lists of plain values and works out from them what a verb may do
and what a deployment tool is told. It imports nothing of the product, so that a mistake would have
to be made twice to go unseen. Times are given; places and endpoints are known by their names.
"""

import calendar
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta

#: What each gate asks for beside metadata, which is whole here: kind of evidence and verdicts.
ASKED = {
    "sandbox": {
        "safety_checks": ("safety_check", {"pass"}),
        "data_boundary": ("data_boundary", {"pass", "noted"}),
    },
    "production": {
        "privacy_review": ("privacy_review", {"pass"}),
        "rollback_plan": ("rollback_plan", {"pass", "noted"}),
        "operational_readiness": ("operational_readiness", {"pass"}),
        "benchmark_scores": ("benchmark", set()),
    },
}
KINDS = [kind for asked in ASKED.values() for kind, _ in asked.values()]
GATES = {"sandbox": ["sandbox"], "production": ["sandbox", "production"]}
UNDECIDED = {"draft", "in_review", "changes_requested"}
APPROVALS = {"approve", "approve_with_conditions"}
SIGNING = {"reviewer", "risk_owner"}
FAR = datetime(9999, 1, 1, tzinfo=UTC)


@dataclass
class Run:
    key: int
    giver: str
    ran_at: datetime
    good: bool
    accepted_at: datetime | None = None
    #: Place in the order of all that happened.
    accepted: int = 0

    @property
    def order(self):
        return self.ran_at, self.key


@dataclass
class Item:
    key: str
    kind: str
    verdict: str
    giver: str
    given: int
    given_at: datetime
    ends: datetime
    withdrawn_at: datetime | None = None
    run: Run | None = None


@dataclass
class Waiver:
    key: int
    place: str
    code: str
    #: How old the evidence might be when it was asked for: asked otherwise, it is another thing.
    max_age: int | None
    asker: str
    ends: datetime
    answer: str = ""


@dataclass
class Condition:
    key: int
    owner: str
    kind: str
    due: datetime
    #: (when it was found met, the item that showed it)
    closings: list = field(default_factory=list)

    def overdue_at(self) -> datetime:
        """The first instant from its due date on at which nothing closes it; FAR for never."""
        moments = {self.due} | {
            item.withdrawn_at
            for _, item in self.closings
            if item.withdrawn_at and item.withdrawn_at > self.due
        }
        return min((one for one in moments if not self.closed(one)), default=FAR)

    def closed(self, at: datetime) -> bool:
        return any(
            closed_at <= at and (item.withdrawn_at is None or item.withdrawn_at > at)
            for closed_at, item in self.closings
        )


@dataclass
class Signature:
    person: str
    role: str
    verdict: str
    package: tuple
    signed_at: datetime
    conditions: list = field(default_factory=list)


@dataclass
class Promotion:
    key: int
    place: str
    endpoints: frozenset
    hands: dict
    state: str = "draft"
    submission: int = 0
    up_to: int | None = None
    signatures: list = field(default_factory=list)
    decided: int = 0
    decided_at: datetime | None = None
    package: tuple = ()
    review_at: datetime | None = None
    revoked_at: datetime | None = None


@dataclass
class BreakGlass:
    key: int
    place: str
    #: What the endpoints were like.
    endpoints: dict
    opener: str
    opened_at: datetime
    hours: int
    ended_at: datetime | None = None
    reviewed: bool = False

    @property
    def until(self) -> datetime:
        return min(self.opened_at + timedelta(hours=self.hours), self.ended_at or FAR)


def months_after(instant: datetime, months: int) -> datetime:
    year, month = divmod(instant.year * 12 + instant.month - 1 + months, 12)
    last = calendar.monthrange(year, month + 1)[1]
    return instant.replace(year=year, month=month + 1, day=min(instant.day, last))


@dataclass
class Model:
    """One release on its way into two places, `sandbox` and `production`."""

    roles: dict[str, set]
    #: Each endpoint's content, and who made it what it is.
    endpoints: dict[str, str]
    makers: dict[str, set]
    #: Slots and versions of the gates' own, and how old safety checks may be.
    slots: dict[str, dict]
    versions: dict[str, int] = field(default_factory=lambda: {"sandbox": 1, "production": 1})
    max_age: int | None = None
    #: Version of the one pack, 0 for none, and its clauses.
    policy: int = 0
    review_months: int | None = None
    forbids_all: bool = False
    denied: frozenset = frozenset()
    items: list = field(default_factory=list)
    waivers: list = field(default_factory=list)
    promotions: list = field(default_factory=list)
    break_glasses: list = field(default_factory=list)
    happened: int = 0

    def next(self) -> int:
        self.happened += 1
        return self.happened

    def holds(self, person: str, *roles: str) -> bool:
        return bool(self.roles[person] & set(roles))

    def wanted(self, place: str) -> dict[str, int]:
        """How many of each role sign for a place: gates add up."""
        counts: dict[str, int] = {}
        for gate in GATES[place]:
            for role, count in self.slots[gate].items():
                counts[role] = counts.get(role, 0) + count
        return counts

    def open_in(self, place: str) -> Promotion | None:
        undecided = [p for p in self.promotions if p.place == place and p.state in UNDECIDED]
        assert len(undecided) <= 1, "one undecided promotion in a place"
        return undecided[0] if undecided else None

    # Findings

    def findings(self, promotion: Promotion, now: datetime) -> dict:
        """{requirement: (what stands in the way, what it rests on, items looked at, waiver)}"""
        found = {}
        for gate in GATES[promotion.place]:
            for code, (kind, verdicts) in ASKED[gate].items():
                name = f"{gate}.{code}"
                judge = self._scores if kind == "benchmark" else self._evidence
                problem, rests = judge(promotion, code, kind, verdicts, now)
                seen = {key for key, _ in rests}
                waiver = self._waiver(promotion.place, name) if problem else None
                if waiver:
                    problem = problem if waiver.ends <= now else ""
                    rests = ()
                found[name] = problem, rests, seen, waiver
        return found

    def _evidence(self, promotion, code, kind, verdicts, now):
        standing = [i for i in self.items if i.kind == kind and not i.withdrawn_at]
        if standing and standing[-1].verdict == "fail":
            return "failed", ((standing[-1].key, standing[-1].ends),)
        good = [i for i in standing if i.verdict in verdicts and i.given <= promotion.up_to]
        if not good:
            return "missing", ()
        ends = {i.key: self._ends(i, code) for i in good}
        held = [i for i in good if ends[i.key] > now]
        best = (held or good)[-1]
        return "" if held else "stale", ((best.key, ends[best.key]),)

    def _ends(self, item: Item, code: str) -> datetime:
        if code == "safety_checks" and self.max_age is not None:
            return min(item.ends, item.given_at + timedelta(days=self.max_age))
        return item.ends

    def _scores(self, promotion, code, kind, verdicts, now):
        counting = [i for i in self.items if i.run and i.run.accepted and not i.withdrawn_at]
        if not counting:
            return "missing", ()
        newest = max(counting, key=lambda i: i.run.order)
        if not newest.run.good:
            return "failed", ((newest.key, newest.ends),)
        taken = [i for i in counting if i.run.accepted <= promotion.up_to]
        if not taken:
            return "missing", ()
        basis = max(taken, key=lambda i: i.run.order)
        return "" if basis.ends > now else "stale", ((basis.key, basis.ends),)

    def _waiver(self, place: str, name: str) -> Waiver | None:
        if name == "sandbox.data_boundary":
            return None
        granted = [
            w
            for w in self.waivers
            if (w.place, w.code, w.answer) == (place, name, "granted")
            and w.max_age == self.age_of(name)
        ]
        return max(granted, key=lambda w: (w.ends, w.key), default=None)

    def age_of(self, name: str) -> int | None:
        return self.max_age if name == "sandbox.safety_checks" else None

    def breaches(self, endpoints) -> bool:
        """Whether policy forbids the release, or any of these endpoints."""
        return self.forbids_all or bool(self.denied & set(endpoints))

    # The package and who may sign it

    def package(self, promotion: Promotion, now: datetime) -> tuple:
        """All that is signed: another value is another package."""
        findings = self.findings(promotion, now)
        people = self.involved(promotion, findings)
        return (
            promotion.submission,
            frozenset((slug, self.endpoints[slug]) for slug in promotion.endpoints),
            tuple(self.versions[gate] for gate in GATES[promotion.place]),
            self.policy,
            tuple((name, rests) for name, (_, rests, _, _) in findings.items()),
            tuple(waiver.key for *_, waiver in findings.values() if waiver),
            frozenset((who, tie) for who, ties in people.items() for tie in ties),
        )

    def involved(self, promotion: Promotion, findings: dict) -> dict[str, set]:
        people = {who: set(ties) for who, ties in promotion.hands.items()}

        def tie(who: str, how: str) -> None:
            people.setdefault(who, set()).add(how)

        rested = {key for _, _, seen, _ in findings.values() for key in seen}
        for item in self.items:
            if item.given <= promotion.up_to or item.key in rested:
                tie(item.giver, "gave_evidence")
        for *_, waiver in findings.values():
            if waiver:
                tie(waiver.asker, "asked_waiver")
        for slug in promotion.endpoints:
            for who in self.makers[slug]:
                tie(who, "made_endpoint")
        return people

    def signs(self, promotion: Promotion, person: str, role: str, verdict: str, now) -> bool:
        """Whether `person` may sign the package as it is now."""
        if promotion.state != "in_review":
            return False
        package, findings = self.package(promotion, now), self.findings(promotion, now)
        given = [one for one in promotion.signatures if one.package == package]
        wanted = self.wanted(promotion.place)
        if role not in wanted or role not in self.roles[person]:
            return False
        if person in self.involved(promotion, findings) or self.gave(person):
            return False
        if any(one.person == person for one in given):
            return False
        if sum(one.role == role for one in given) >= wanted[role]:
            return False
        if verdict in APPROVALS:
            return not self.in_the_way(promotion, findings)
        return True

    def gave(self, person: str) -> bool:
        return any(item.giver == person for item in self.items)

    def in_the_way(self, promotion: Promotion, findings: dict) -> bool:
        problems = [problem for problem, *_ in findings.values() if problem]
        return bool(problems) or self.breaches(promotion.endpoints)

    def quorum(self, promotion: Promotion, package: tuple) -> bool:
        """Whether as many different, eligible people as wanted approved this package."""
        counting = [
            one
            for one in promotion.signatures
            if one.package == package
            and one.verdict in APPROVALS
            and one.role in self.roles[one.person]
        ]
        assert len({one.person for one in counting}) == len(counting), "nobody signs twice"
        return all(
            sum(one.role == role for one in counting) >= count
            for role, count in self.wanted(promotion.place).items()
        )

    def review_at(self, decided_at: datetime) -> datetime:
        return months_after(decided_at, min(24, self.review_months or 24))

    def sign(self, promotion: Promotion, signature: Signature, now: datetime) -> None:
        """Keep a signature, and decide by it."""
        promotion.signatures.append(signature)
        if signature.verdict == "request_changes":
            promotion.state = "changes_requested"
            return
        if signature.verdict in APPROVALS and not self.quorum(promotion, signature.package):
            return
        promotion.decided, promotion.decided_at = self.next(), now
        promotion.state = "rejected" if signature.verdict == "reject" else "approved"
        if promotion.state == "approved":
            promotion.package = signature.package
            promotion.review_at = self.review_at(now)

    # Waivers and break-glass

    def outsider(self, person: str, place: str, endpoints=()) -> bool:
        """Whether somebody had no hand in letting the release into a place."""
        opened = self.open_in(place)
        asked = opened.endpoints if opened else frozenset()
        made = {who for slug in {*endpoints, *asked} for who in self.makers[slug]}
        return not (self.gave(person) or person in made or (opened and person in opened.hands))

    def breaks_glass(self, person: str, place: str, endpoints, hours: int, now) -> bool:
        return (
            self.holds(person, *SIGNING)
            and self.holds(person, *self.wanted(place))
            and self.outsider(person, place, endpoints)
            and 1 <= hours <= 72
            and not self.breaches(endpoints)
            and all(one.reviewed or _review_due(one) >= now for one in self.break_glasses)
        )

    # The answer

    def until(self, promotion: Promotion, now: datetime) -> datetime:
        """When an approval ended or ends, by what is known now."""
        _, endpoints, _, _, rests, waivers, _ = promotion.package
        items = {item.key: item for item in self.items}
        ends = [promotion.review_at, self.review_at(promotion.decided_at)]
        for _, rested in rests:
            for key, holds_until in rested:
                ends += [holds_until, items[key].withdrawn_at or FAR]
                if items[key].run:
                    ends += self._failing_after(promotion, items[key].run)
        ends += [waiver.ends for waiver in self.waivers if waiver.key in waivers]
        ends += [
            condition.overdue_at()
            for one in promotion.signatures
            if one.package == promotion.package
            for condition in one.conditions
        ]
        ends.append(promotion.revoked_at or FAR)
        if self.forbids_all or not self.covered(endpoints):
            ends.append(now)
        return min(ends)

    def _failing_after(self, promotion: Promotion, basis: Run):
        return [
            item.run.accepted_at
            for item in self.items
            if item.run
            and not item.run.good
            and item.run.accepted > promotion.decided
            and item.run.order > basis.order
        ]

    def covered(self, endpoints) -> set[str]:
        """Those of (endpoint, content) that are still as they were, and that policy allows."""
        return {
            slug
            for slug, content in endpoints
            if self.endpoints[slug] == content and slug not in self.denied
        }

    def answer(self, place: str, now: datetime) -> tuple[bool, list[str], datetime | None]:
        """What a deployment tool is told: whether, at which endpoints, and until when."""
        holding = [
            (until, self.covered(promotion.package[1]))
            for promotion in self.promotions
            if promotion.place == place and promotion.state == "approved"
            if (until := self.until(promotion, now)) > now
        ]
        holding += [
            (one.until, covered)
            for one in self.break_glasses
            if one.place == place and one.until > now and not self.forbids_all
            if (covered := self.covered(one.endpoints.items()))
        ]
        if not holding:
            return False, [], None
        endpoints = sorted(set().union(*(covered for _, covered in holding)))
        return True, endpoints, max(until for until, _ in holding)


def _review_due(one: BreakGlass) -> datetime:
    """The end of the fifth weekday after the one on which it was opened."""
    day, weekdays = one.opened_at.date(), 0
    while weekdays < 5:
        day += timedelta(days=1)
        weekdays += day.isoweekday() <= 5
    return datetime.combine(day, time.max, UTC)
