"""What `audit_verify` derives again from the log: who signed in which role, who decided."""

import json
from collections import defaultdict
from collections.abc import Iterator

from audit.models import Entry
from audit.rules import digest
from audit.verifying import Discrepancy, Report, in_chunks
from evidence.models import RunAcceptance
from gates.models import (
    BreakGlassReview,
    ConditionClosing,
    GateVersion,
    Package,
    PackagePerson,
    Promotion,
    WaiverAnswer,
)
from gates.rules.recorded import Decided, Event, Packaged, Signed, judge
from registry.models import PolicyVersion, RoleGrant

#: Promotions that are judged at a time.
AT_ONCE = 100


def signatures(report: Report, scope: str) -> Iterator[Discrepancy]:
    """Every signature, and every decision, keeps the rules of signing."""
    demanded = _demanded()
    last = 0
    while True:
        rows = Promotion.objects.filter(pk__gt=last).order_by("pk")
        chunk = list(
            rows.select_related("release__use_case", "decided_package").defer(
                "decided_package__content", "release__content"
            )[:AT_ONCE]
        )
        if not chunk:
            return
        last = chunk[-1].pk
        yield from _chunk(report, chunk, demanded)


def _chunk(report: Report, chunk: list[Promotion], demanded) -> Iterator[Discrepancy]:
    teams = {one.pk: one.release.use_case.team_id for one in chunk}
    people = list(PackagePerson.objects.filter(promotion__in=chunk, kind=PackagePerson.Kind.SIGNER))
    grants = _grants({row.person_id for row in people})
    signed: dict[int, dict[str, Signed]] = defaultdict(dict)
    for row in people:
        held = _held(grants.get((row.person_id, row.role), ()), teams[row.promotion_id], row)
        signed[row.promotion_id][row.key] = Signed(
            row.key, row.person_id, row.slot or "", row.role, row.verdict, row.package_digest, held
        )
    events = _events(report, [one.key for one in chunk])
    packages: dict[int, dict[str, Packaged]] = defaultdict(dict)
    for pk in teams:
        # One promotion at a time: the documents of a hundred are large.
        for package in Package.objects.filter(promotion=pk):
            packages[pk][package.digest] = _package(package, demanded)
    for promotion in chunk:
        found = judge(
            events[promotion.key],
            signed[promotion.pk],
            packages[promotion.pk],
            Decided(
                promotion.state,
                promotion.decided_package.digest if promotion.decided_package else "",
            ),
        )
        for one in found:
            yield Discrepancy(
                one.code, f"Promotion {promotion.pk}: {one.sentence}", one.row or promotion.key
            )


def _events(report: Report, keys: list[str]) -> dict[str, list[Event]]:
    """Return by promotion what the log says of it, as far as it was when we began."""
    found: dict[str, list[Event]] = defaultdict(list)
    rows = Entry.objects.filter(about__in=keys, event__startswith="promotion.").order_by("seq")
    for about, text in rows.filter(seq__lt=report.size).values_list("about", "body"):
        try:
            body = json.loads(text)
            found[about].append(
                Event(
                    body["seq"],
                    body["event"],
                    body["change"],
                    body["actor"]["id"],
                    body["row"],
                    body.get("facts", {}),
                )
            )
        except (ValueError, KeyError, TypeError):
            continue  # reported where the log itself is read
    return found


def _grants(people: set[int]) -> dict[tuple[int, str], list]:
    """Return by person and role the grants that ever were: team, from when, until when."""
    found: dict[tuple[int, str], list] = defaultdict(list)
    rows = RoleGrant.objects.filter(person__in=people).order_by()
    for person, role, *rest in rows.values_list(
        "person_id", "role", "team_id", "granted_at", "ended_at"
    ):
        found[person, role].append(rest)
    return found


def _held(grants, team: int, row: PackagePerson) -> bool:
    return any(
        of in (None, team)
        and granted_at <= row.signed_at
        and (ended_at is None or ended_at > row.signed_at)
        for of, granted_at, ended_at in grants
    )


def _demanded() -> dict[str, tuple[str, ...]]:
    """Return by the digest of a gate version its slots, one word for each place."""
    found = {}
    for version in GateVersion.objects.exclude(digest="").prefetch_related("slots"):
        counts = {row.role: row.count for row in version.slots.all()}
        found[version.digest] = tuple(role for role, count in counts.items() for _ in range(count))
    return found


def _package(package: Package, demanded) -> Packaged:
    intact = digest(package.content.encode()) == package.digest
    try:
        document = json.loads(package.content)
        intact = intact and document["promotion"] == package.promotion_id
        slots = tuple(document["gate"]["slots"])
        places: dict[str, int] = {}
        wanted = []
        for version in document["gate"]["versions"]:
            for role in demanded.get(version["digest"], ("gate version unknown",)):
                places[role] = places.get(role, 0) + 1
                wanted.append(f"{role}:{places[role]}")
        involved = frozenset(one["id"] for one in document["involved"])
    except (ValueError, KeyError, TypeError):
        return Packaged(package.digest, False, (), (), frozenset())
    return Packaged(package.digest, intact, slots, tuple(wanted), involved)


#: Acts that take a second person: the row, its event, who did it, and the one it may not be.
FOUR_EYES = (
    (WaiverAnswer, "waiver.", "answered_by_id", "waiver.asked_by_id"),
    (RunAcceptance, "run.accepted", "accepted_by_id", "run.given_by_id"),
    (BreakGlassReview, "breakglass.reviewed", "reviewed_by_id", "break_glass.opened_by_id"),
    (ConditionClosing, "condition.closed", "closed_by_id", "item.author_id"),
    (GateVersion, "gateversion.published", "published_by_id", "drafted_by_id"),
    (PolicyVersion, "policyversion.published", "published_by_id", "drafted_by_id"),
)


def second_people(report: Report, scope: str) -> Iterator[Discrepancy]:
    """Whoever had to be another person was one, and is who the log says it was."""
    for model, event, doer, other in FOUR_EYES:
        relation = other.rpartition(".")[0]
        rows = model._base_manager.exclude(**{doer: None})
        for chunk in in_chunks(rows.select_related(relation) if relation else rows):
            actors = _actors([row.key for row in chunk], event, report.size)
            for row in chunk:
                yield from _second(row, doer, other, actors.get(row.key))


def _second(row, doer: str, other: str, actor: int | None) -> Iterator[Discrepancy]:
    first = row
    for step in other.split("."):
        first = getattr(first, step)
    name = row._meta.verbose_name
    if getattr(row, doer) == first:
        yield Discrepancy(
            "SECOND_PERSON", f"The {name} {row.pk} is by the person that it may not be by.", row.key
        )
    if actor is not None and actor != getattr(row, doer):
        yield Discrepancy(
            "SECOND_ACTOR", f"The log has the {name} {row.pk} from another person.", row.key
        )


def _actors(keys: list[str], event: str, size: int) -> dict[str, int | None]:
    rows = Entry.objects.filter(row__in=keys, event__startswith=event, seq__lt=size)
    return dict(rows.order_by("seq").values_list("row", "change__actor_id"))
