"""What waits for somebody, and where their requests stand: read from stored rows alone.

Judging a promotion in full takes a dozen queries, so a list never does it. What lists show is
taken from what was stored last: the newest package's people, the published gates' slots, the
grants in force. That differs from the review page in one way only: when a fact changed since the
newest package was written, its signatures are still counted here, until `tick` has noticed or
somebody signed anew. The review page judges afresh and has the last word.

Every function makes the same number of queries for ten promotions as for ten thousand.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from operator import or_
from typing import Any

from django.db.models import (
    Case,
    Count,
    Exists,
    Max,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    When,
)
from django.db.models.functions import Coalesce

from gates.accepting import accept, runs_to_accept
from gates.approvals import approvals
from gates.assigned import assigned_to
from gates.figures import as_it_was
from gates.models import (
    Assignment,
    GateVersion,
    Notice,
    Package,
    PackagePerson,
    Promotion,
    SignOffAsk,
)
from gates.pages import words
from gates.rules.findings import STAGES, day, effective_gate, gates_up_to
from gates.tasks import Held, Waiting, tasks
from registry.models import Person, RoleGrant
from registry.models.use_cases import RiskTier
from registry.roles import REVIEWING

#: Rows of one page of the queue, and of the other lists on the overview.
PAGE = 20
#: Nobody reads further; what is older than this many pages is reached through the list.
LAST_PAGE = 50
#: What lists name of a promotion.
WITH = ("release__use_case", "environment", "requested_by")


@dataclass(frozen=True)
class Asked:
    """One promotion in a list: where it stands, who signed, and who is next."""

    title: str
    url: str
    state: str
    word: str
    signed: str
    next: str
    asked: datetime


# The slots of the gates


def slot_counts() -> dict[str, dict[str, int]]:
    """Return {effective gate: {role: how many sign}}, as published now. Two queries."""
    published = (
        GateVersion.objects.filter(published_at__isnull=False)
        .order_by("gate", "number")
        .prefetch_related("slots")
    )
    newest = {version.gate: version for version in published}
    counts: dict[str, dict[str, int]] = {}
    for gate in STAGES:
        counts[gate] = {}
        for part in gates_up_to(gate):
            for slot in newest[part].slots.all() if part in newest else ():
                counts[gate][slot.role] = counts[gate].get(slot.role, 0) + slot.count
    return counts


def gate_of(promotion: Promotion) -> str:
    """Return the name of the effective gate of a promotion."""
    return effective_gate(promotion.environment.stage, promotion.release.use_case.risk_tier)


def _where_gate(gate: str) -> Q:
    """Return the promotions whose effective gate is `gate`, in the rule's own words."""
    return reduce(
        or_,
        (
            Q(environment__stage=stage, release__use_case__risk_tier=tier)
            for stage in STAGES
            for tier in RiskTier.values
            if effective_gate(stage, tier) == gate
        ),
    )


# What waits for somebody


def waiting_for(user: Person, page: int = 1) -> tuple[list[Waiting], int]:
    """Return one page of what waits for `user`, oldest first, and how many things wait in all."""
    upto = min(max(page, 1), LAST_PAGE) * PAGE
    queue = _Queue(user)
    found: list[Waiting] = []
    total = 0
    for rows, shown in queue.lists():
        total += rows.count()
        found += [shown(row) for row in rows[:upto]]
    found.sort(key=lambda one: one.since)
    return found[upto - PAGE : upto], total


def everything(user: Person) -> tuple[list[Waiting], bool]:
    """Return all that waits for `user`, oldest first, and whether some of it is left out."""
    found, more = [], False
    for rows, shown in _Queue(user).lists():
        some = list(rows[: PAGE * LAST_PAGE + 1])
        more = more or len(some) > PAGE * LAST_PAGE
        found += [shown(row) for row in some[: PAGE * LAST_PAGE]]
    return sorted(found, key=lambda one: one.since), more


def count_waiting(user: Person) -> int:
    """Return how many things wait for `user`."""
    return as_it_was("waiting", user, lambda: sum(rows.count() for rows, _ in _Queue(user).lists()))


def in_review(user: Person) -> int:
    """Return how many promotions are in review that `user` may see."""
    seen = Promotion.objects.visible_to(user)
    return as_it_was("review", user, seen.filter(state=Promotion.State.IN_REVIEW).count)


class _Queue:
    """What waits for one person: four lists, each a query, each row shown in the same words."""

    def __init__(self, user: Person):
        self.user = user
        self.held: Held = {}
        for role, team in user.grants:
            if role in REVIEWING and user.kind == Person.Kind.PERSON:
                teams = self.held.get(role, set())
                self.held[role] = None if team is None or teams is None else teams | {team}
        self.counts = slot_counts() if self.held else {}

    def lists(self) -> list[tuple[QuerySet, Callable[[Any], Waiting]]]:
        states = Promotion.State
        own = [
            (assigned_to(self.user).visible_to(self.user), self._mend),
            (self._own(states.CHANGES_REQUESTED), self._answer),
            (self._own(states.DRAFT), self._submit),
            *tasks(self.user, self.held),
        ]
        if not self.held:
            return own
        to_accept = runs_to_accept(self.user, self.held)
        return [(self._to_sign(), self._sign), (to_accept, accept), *own]

    def _to_sign(self) -> QuerySet:
        """Promotions with an open slot of a role that is held, and no hand of theirs in it."""
        newest = Package.objects.filter(promotion=OuterRef("pk")).order_by("-pk").values("pk")
        hand_in_it = PackagePerson.objects.filter(package=OuterRef("newest"), person=self.user)
        asked = SignOffAsk.objects.filter(
            promotion=OuterRef("pk"), submission=OuterRef("submission"), person=self.user
        )
        signed = hand_in_it.filter(kind=PackagePerson.Kind.SIGNER)
        open_to = Q(pk=None)
        for gate, counts in self.counts.items():
            for role, teams in self.held.items():
                theirs = Q() if teams is None else Q(release__use_case__team__in=teams)
                free = Q(**{f"taken_{role}__lt": counts.get(role, 0)})
                open_to |= _where_gate(gate) & theirs & free
        return (
            Promotion.objects.visible_to(self.user)
            .filter(state=Promotion.State.IN_REVIEW)
            .annotate(newest=Subquery(newest[:1]), moved_on=Exists(_moved_on("pk")))
            .annotate(**{f"taken_{role}": _taken(role) for role in self.held})
            .annotate(asker=Subquery(asked.values("asked_by__username")[:1]))
            .filter(open_to, ~Exists(hand_in_it) | Q(moved_on=True) & Exists(signed))
            .select_related(*WITH)
            .order_by("submitted_at", "pk")
        )

    def _sign(self, promotion: Promotion) -> Waiting:
        team, wanted = promotion.release.use_case.team_id, self.counts[gate_of(promotion)]
        roles = [
            words.role(role)
            for role, teams in self.held.items()
            if (teams is None or team in teams)
            and getattr(promotion, f"taken_{role}") < wanted.get(role, 0)
        ]
        return Waiting(
            sentence=f"Sign {words.short(promotion)}",
            url=f"{promotion.get_absolute_url()}#decide",
            why=f"{words.listed(roles, 'or')} slot"
            + (f", asked by {promotion.asker}" if promotion.asker else ""),
            since=promotion.submitted_at,
            due=promotion.wanted_by,
            note=f"promotion {promotion.pk} · asked for by {promotion.requested_by}",
        )

    def _mend(self, row: Assignment) -> Waiting:
        url = row.promotion.get_absolute_url()
        return Waiting(
            sentence=f"Mend “{row.sentence}” for {words.short(row.promotion)}",
            url=f"{url}#finding-{row.finding.replace('.', '-', 1)}",
            why=f"asked by {row.assigned_by}",
            since=row.assigned_at,
            due=row.due_on,
            note=f"promotion {row.promotion_id}",
        )

    def _own(self, state: str) -> QuerySet:
        return (
            Promotion.objects.visible_to(self.user)
            .filter(requested_by=self.user, state=state)
            .select_related(*WITH, "change")
            .order_by("change__number")
        )

    def _answer(self, promotion: Promotion) -> Waiting:
        return Waiting(
            sentence=f"Answer the changes wanted of {words.short(promotion)}",
            url=promotion.get_absolute_url(),
            why="you asked for it",
            since=promotion.change.at,
            due=promotion.wanted_by,
            note=f"promotion {promotion.pk}",
        )

    def _submit(self, promotion: Promotion) -> Waiting:
        return Waiting(
            sentence=f"Submit {words.short(promotion)}",
            url=promotion.get_absolute_url(),
            why="your draft",
            since=promotion.created_at,
            due=promotion.wanted_by,
            note=f"promotion {promotion.pk}",
        )


def _taken(role: str) -> Case:
    """How many slots of a role are signed on the newest package, if that still holds."""
    signed = PackagePerson.objects.filter(
        package=OuterRef("newest"), kind=PackagePerson.Kind.SIGNER, role=role
    )
    number = signed.order_by().values("package").annotate(n=Count("pk")).values("n")
    return Case(When(moved_on=True, then=0), default=Coalesce(Subquery(number), 0))


def _moved_on(promotion: str) -> QuerySet:
    """Return the news that signatures on the newest package of a promotion stopped counting.

    What was signed anew since wrote a package of its own.
    """
    since = Package.objects.filter(
        promotion=OuterRef("promotion"), created_at__gte=OuterRef("created_at")
    )
    news = Notice.objects.filter(promotion=OuterRef(promotion), kind="package.changed")
    return news.filter(~Exists(since))


# Where promotions stand


def requests_of(user: Person) -> tuple[list[Asked], int]:
    """Return the newest undecided promotions that `user` asked for, and how many there are."""
    rows = (
        Promotion.objects.visible_to(user)
        .filter(requested_by=user, state__in=Promotion.UNDECIDED)
        .select_related(*WITH)
        .order_by("-pk")
    )
    shown = list(rows[:PAGE])
    standing = stand(shown, user)
    return [standing[one.pk] for one in shown], rows.count()


def stand(promotions: Iterable[Promotion], user: Person) -> dict[int, Asked]:
    """Return where each of these promotions stands, in six queries for any number of them.

    They need `WITH` joined.
    """
    promotions = list(promotions)
    pks = [one.pk for one in promotions]
    if not pks:
        return {}
    counts = slot_counts()
    signed = _signed(pks)
    approved = [one.pk for one in promotions if one.state == Promotion.State.APPROVED]
    gathered = (
        {one.promotion.pk: one for one in approvals(Promotion.objects.filter(pk__in=approved))}
        if approved
        else {}
    )
    names = _names_by_role(promotions)
    return {
        one.pk: _asked(one, user, counts[gate_of(one)], signed, names, gathered.get(one.pk))
        for one in promotions
    }


def _signed(pks: list[int]) -> dict[int, list[tuple[int, str]]]:
    """Return {promotion: (person, role) of each approval on its newest package}."""
    newest = Package.objects.filter(promotion__in=pks).values("promotion").annotate(pk_=Max("pk"))
    rows = PackagePerson.objects.filter(
        ~Exists(_moved_on("promotion")),
        package__in=newest.values("pk_"),
        verdict__in=PackagePerson.APPROVALS,
    ).values_list("promotion_id", "person_id", "role")
    found: dict[int, list[tuple[int, str]]] = {}
    for promotion, person, role in rows:
        found.setdefault(promotion, []).append((person, role))
    return found


def _names_by_role(promotions: list[Promotion]) -> list[tuple[str, int | None, str]]:
    """Return (role, team, user name) of everybody who may be wanted next."""
    waiting = {
        one.release.use_case.team_id for one in promotions if one.state == Promotion.State.IN_REVIEW
    }
    if not waiting:
        return []
    return list(
        RoleGrant.objects.in_force()
        .filter(
            Q(team=None) | Q(team__in=waiting),
            role__in=REVIEWING,
            person__is_active=True,
            person__kind=Person.Kind.PERSON,
        )
        .order_by("person__username")
        .values_list("role", "team_id", "person__username")
    )


def _asked(promotion, user, slots, signed, names, approval) -> Asked:
    approvals_here = signed.get(promotion.pk, [])
    wanted = sum(slots.values())
    state, word = promotion.state, ""
    if approval and not approval.holds:
        state, word = "ended", "Approval ended"
    return Asked(
        title=f"{promotion.pk} · {words.short(promotion)}",
        url=promotion.get_absolute_url(),
        state=state,
        word=word,
        signed=_of(promotion, len(approvals_here), wanted),
        next=_next(promotion, user, slots, approvals_here, names, approval),
        asked=promotion.created_at,
    )


def _of(promotion: Promotion, number: int, wanted: int) -> str:
    # Gates may have been published since: what was decided was wanted then.
    return str(number) if promotion.decided_at else f"{number} of {wanted}"


def _next(promotion, user, slots, signed, names, approval) -> str:
    states = Promotion.State
    who = "you" if promotion.requested_by_id == user.pk else promotion.requested_by.username
    if promotion.state == states.DRAFT:
        return f"{who}: submit it"
    if promotion.state == states.CHANGES_REQUESTED:
        return f"{who}: amend it and submit it again"
    if approval:
        first = approval.ends[0]
        if approval.holds:
            return f"ends on {day(first.at)}: {first.coming}"
        return f"ended on {day(first.at)}: {first.sentence}"
    if promotion.state != states.IN_REVIEW:
        return ""
    left = [
        role
        for role, count in slots.items()
        if sum(1 for _, held in signed if held == role) < count
    ]
    if not left:
        return "look at it: what was signed has changed since"
    team = promotion.release.use_case.team_id
    people = list(
        dict.fromkeys(
            name
            for role, of, name in names
            if role == left[0] and of in (None, team) and name != promotion.requested_by.username
        )
    )
    said = f"{words.listed(people[:2], 'or') or 'nobody yet'}: sign as {words.role(left[0])}"
    if len(people) > 2:
        said = f"{people[0]}, {people[1]} or {words.count(len(people) - 2, 'other')}: sign as " + (
            words.role(left[0])
        )
    more = len(left) - 1
    return f"{said}; {words.count(more, 'more role')} wanted" if more else said
