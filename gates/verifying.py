"""What `audit_verify` derives again from the log: who signed in which role, who decided."""

import json
import uuid
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from audit.models import Entry
from audit.rules import digest
from audit.verifying import Discrepancy, Report, in_chunks
from evidence.models import EvidenceItem, RunAcceptance
from gates.models import (
    BreakGlassReview,
    ConditionClosing,
    GateVersion,
    Package,
    PackagePerson,
    Promotion,
    Requirement,
    WaiverAnswer,
)
from gates.rules.findings import applies_to, effective_gate, gates_up_to
from gates.rules.recorded import Decided, Event, Packaged, Signed, judge
from registry.models import PolicyVersion, RoleGrant, UseCase

#: Promotions that are judged at a time.
AT_ONCE = 100
#: A use case may be amended while a package is written: both tiers are taken for this long.
SAME_TIME = timedelta(minutes=1)


def signatures(report: Report, scope: str) -> Iterator[Discrepancy]:
    """Every signature, and every decision, keeps the rules of signing."""
    demanded = _demanded()
    last = 0
    while True:
        rows = Promotion.objects.filter(pk__gt=last).order_by("pk")
        chunk = list(
            rows.select_related("release__use_case", "environment", "decided_package").defer(
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
    tiers = _tiers({one.release.use_case_id for one in chunk})
    for promotion in chunk:
        # One promotion at a time: the documents of a hundred are large.
        packages = _packages(promotion, demanded, tiers[promotion.release.use_case_id])
        found = judge(
            events[promotion.key],
            signed[promotion.pk],
            packages,
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


@dataclass(frozen=True)
class _Gate:
    """A gate version as its rows have it: its slots, one role for each place, and what it asks."""

    name: str
    roles: tuple[str, ...]
    requirements: tuple[Requirement, ...] = ()


#: Types of requirements that something given answers, or a waiver.
ANSWERED = (Requirement.Type.EVIDENCE, Requirement.Type.SCORE)
UNKNOWN = _Gate("", ("gate version unknown",))


def _demanded() -> dict[str, _Gate]:
    """Return the gate versions by digest, with the requirements that evidence or scores answer."""
    found = {}
    rows = GateVersion.objects.exclude(digest="").prefetch_related("slots", "requirements")
    for version in rows:
        found[version.digest] = _Gate(
            version.gate,
            tuple(row.role for row in version.slots.all() for _ in range(row.count)),
            tuple(row for row in version.requirements.all() if row.type in ANSWERED),
        )
    return found


def _tiers(use_cases: set[int]) -> dict[int, list[tuple[datetime, str]]]:
    """Return since when each use case is of which tier, oldest first."""
    found: dict[int, list] = defaultdict(list)
    rows = UseCase.history.filter(id__in=use_cases).order_by("change__number", "history_id")
    for pk, at, tier in rows.values_list("id", "change__at", "risk_tier"):
        found[pk].append((at, tier))
    return found


@dataclass
class _Beside:
    """What the rows say of which the packages of one promotion speak too."""

    promotion: Promotion
    #: Since when the use case is of which tier, oldest first.
    tiers: list[tuple[datetime, str]]
    #: Evidence by its id: digest and author.
    items: dict[str, tuple[str, int]]
    #: Keys of waivers that somebody granted for this release there.
    waivers: set[int]

    def tiers_at(self, at: datetime) -> set[str]:
        """Return the tiers of the use case just before a package was written and when it was."""
        found = {tier for since, tier in self.tiers if at - SAME_TIME <= since <= at}
        before = [tier for since, tier in self.tiers if since < at - SAME_TIME]
        return found | set(before[-1:])


def _packages(promotion: Promotion, demanded: dict[str, _Gate], tiers) -> dict[str, Packaged]:
    """Return the packages of a promotion, each judged by its bytes and the rows it speaks of."""
    documents: dict[int, dict] = {}
    rows = list(Package.objects.filter(promotion=promotion).select_related("change"))
    items, waivers = set(), set()
    for row in rows:
        try:
            document = json.loads(row.content)
            evidence = [one for rest in document["rests_on"] for one in rest["evidence"]]
            items |= {str(uuid.UUID(one["id"])) for one in evidence}
            waivers |= {int(one["id"]) for one in document["waivers"]}
        except (ValueError, KeyError, TypeError, AttributeError):
            continue
        documents[row.pk] = document
    given = EvidenceItem.objects.filter(pk__in=items).values_list("pk", "digest", "author")
    granted = WaiverAnswer.objects.filter(
        waiver__in=waivers,
        waiver__release=promotion.release_id,
        waiver__environment=promotion.environment_id,
        verdict=WaiverAnswer.Verdict.GRANTED,
    )
    beside = _Beside(
        promotion,
        tiers,
        {str(pk): (digest, author) for pk, digest, author in given},
        set(granted.values_list("waiver", flat=True)),
    )
    return {row.digest: _package(row, documents.get(row.pk), demanded, beside) for row in rows}


def _package(package: Package, document: dict | None, demanded, beside: _Beside) -> Packaged:
    unread = Packaged(package.digest, False, (), (), frozenset())
    try:
        intact = digest(package.content.encode()) == package.digest
        intact = intact and document["promotion"] == package.promotion_id
        slots = tuple(document["gate"]["slots"])
        places: dict[str, int] = {}
        wanted = []
        gates = [demanded.get(one["digest"], UNKNOWN) for one in document["gate"]["versions"]]
        for role in (role for gate in gates for role in gate.roles):
            places[role] = places.get(role, 0) + 1
            wanted.append(f"{role}:{places[role]}")
        return Packaged(
            package.digest,
            intact,
            slots,
            tuple(wanted),
            frozenset(_involved(document, beside)),
            tuple(_untrue(document, gates, beside, package.change.at)),
            tuple(_unanswered(document, gates)),
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return unread


def _involved(document: dict, beside: _Beside) -> Iterator[int]:
    """Yield who had a hand in it by the package, and who had one whatever the package says."""
    yield from (one["id"] for one in document["involved"])
    yield beside.promotion.requested_by_id
    yield beside.promotion.release.created_by_id
    for rest in document["rests_on"]:
        yield from (
            beside.items[one["id"]][1] for one in rest["evidence"] if one["id"] in beside.items
        )


def _untrue(document: dict, gates: list, beside: _Beside, at: datetime) -> Iterator[str]:
    release, environment = beside.promotion.release, beside.promotion.environment
    said, tier = document["release"], document["use_case"]["risk_tier"]
    if (said["digest"], said["use_case"]) != (release.digest, release.use_case.slug):
        yield "is of another release than its promotion asks about."
    said = document["environment"]
    if (said["slug"], said["stage"]) != (environment.slug, environment.stage):
        yield "is for another environment than its promotion asks about."
    if tier not in beside.tiers_at(at):
        yield f"has the use case as of {tier} risk, which it was not then."
    wanted = gates_up_to(effective_gate(environment.stage, tier))
    if tuple(gate.name for gate in gates) != wanted:
        yield f"names other gates than {', '.join(wanted)}."
    for rest in document["rests_on"]:
        for one in rest["evidence"]:
            if beside.items.get(one["id"], ("",))[0] != one["digest"]:
                yield f"rests on evidence that nobody gave as it says: {one['id']}."
    for one in document["waivers"]:
        if one["id"] not in beside.waivers:
            yield f"names waiver {one['id']}, which nobody granted for it."


def _unanswered(document: dict, gates: list) -> Iterator[str]:
    """Yield the requirements that ask for evidence or scores and have neither, nor a waiver."""
    case = document["use_case"]
    answered = {one["requirement"] for one in document["waivers"]}
    answered |= {
        rest["requirement"] for rest in document["rests_on"] if rest["evidence"] or rest["scores"]
    }
    for gate in gates:
        for row in gate.requirements:
            asked = applies_to(row, case["risk_tier"], case["data_classification"])
            if asked and f"{gate.name}.{row.code}" not in answered:
                yield f"{gate.name}.{row.code}"


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
