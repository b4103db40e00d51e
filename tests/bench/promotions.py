"""Promotions of a filled database: with releases, evidence, packages and the people on them.

Each release is asked for in two places, sandboxes or of production, and each gate has all its
slots signed, within the last two years. Of a hundred, 86 were approved, some of which ended since,
eight rejected and six withdrawn. What is open at one time is bounded by those who work on it, not
by the years: `OPEN`, spread over the teams, however many there are.
"""

import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import cycle

from audit import clock
from audit.rules import canonical, digest
from evidence import documents as evidence_documents
from evidence.models import EvidenceItem
from gates.models import (
    Challenge,
    GateVersion,
    LatestEnd,
    Package,
    PackageEvidence,
    PackagePerson,
    Promotion,
    PromotionEndpoint,
    Requirement,
)
from gates.packages import SCHEMA
from gates.queue import slot_counts
from gates.rules.findings import applies_to, effective_gate, gates_up_to
from gates.rules.signing import meanings
from registry import documents
from registry.models import EndpointRegion, Environment, Person, Release, ServingEndpoint
from registry.roles import REVIEWING, Role
from tests import make
from tests.bench.world import World
from tests.bench.writing import Record, Seen, sealed

States = Promotion.State
#: How many are open in all, the newest; every twentieth is a draft, and as many are to be mended.
OPEN = 88
PER_RELEASE = 2
LIFE = timedelta(days=180)
YEARS = timedelta(days=720)
KINDS = ("safety_check", "data_boundary")
IN_PRODUCTION = ("privacy_review", "rollback_plan", "operational_readiness")


class _Cast:
    """Who asks, gives and signs: written through the verbs."""

    def __init__(self, world: World):
        self.requester = make.make_person("requester", Role.REQUESTER)
        self.giver = make.make_person("giver", Role.EVIDENCE_CONTRIBUTOR)
        # Held before the first signature, which the verification of the record asks about.
        with clock.at(clock.now() - YEARS - timedelta(days=1)):
            self.signer = make.make_person("signer", Role.REVIEWER, Role.RISK_OWNER)
            self.signers = {
                role: self.signer if role == Role.REVIEWER else make.make_person(role, role)
                for role in REVIEWING
            }
        for team in world.teams:
            make.make_person(f"reviewer-{team.slug}", Role.REVIEWER, team=team)
        second = make.make_environment("sandbox-two", regions=world.regions[:1])
        places = {place.slug: place for place in world.environments}
        self.ways = [
            (places["sandbox"], second),
            (places["sandbox"], places["staging-eu"]),
            (places["staging-eu"], places["production-eu"]),
        ]
        self.slots = slot_counts()
        rows = GateVersion.objects.exclude(digest="").prefetch_related("requirements")
        self.gates = {row.gate: row for row in rows.order_by("number")}


@dataclass(frozen=True)
class _Asked:
    """What one promotion asks for: a release in a place, with what it rests on, at an instant."""

    release: Release
    place: Environment
    endpoint: ServingEndpoint
    items: list[EvidenceItem]
    at: datetime
    state: str
    slots: tuple[str, ...]
    gates: tuple[GateVersion, ...]

    @property
    def answered(self) -> list[str]:
        """The requirements that rest on evidence, as packages name them."""
        case, types = self.release.use_case, (Requirement.Type.EVIDENCE, Requirement.Type.SCORE)
        return [
            f"{gate.gate}.{row.code}"
            for gate in self.gates
            for row in gate.requirements.all()
            if row.type in types and applies_to(row, case.risk_tier, case.data_classification)
        ]


def promotions(world: World, draw: random.Random, number: int) -> int:
    """Write so many promotions; return how many governed rows that took."""
    cast = _Cast(world)
    with Record(world.actor) as record:
        served = {version.pk: _endpoint(record, world, version) for version in world.versions}
        numbers = {use_case.pk: 1_000_000 for use_case in world.use_cases}
        now, left = clock.now(), number
        while left > 0:
            ready = now - draw.random() * YEARS
            release = _release(record, world, draw, numbers, ready)
            # What is open now is asked of reviewers alone, so that each team's has some to sign.
            way = cast.ways[0] if left <= OPEN else draw.choice(cast.ways)
            kinds = KINDS if way == cast.ways[0] else KINDS + IN_PRODUCTION
            items = [_item(record, cast, release, kind, ready) for kind in kinds]
            for place in way[: min(PER_RELEASE, left)]:
                state = _state(draw, left)
                at = now - timedelta(days=2) if left <= OPEN else ready + timedelta(days=2)
                endpoint = served[release.model_version_id]
                effective = effective_gate(place.stage, release.use_case.risk_tier)
                gates = tuple(cast.gates[name] for name in gates_up_to(effective))
                slots = _slots(cast, effective)
                asked = _Asked(release, place, endpoint, items, at, state, slots, gates)
                _promotion(record, world, cast, asked)
                left -= 1
    return record.written


def _state(draw: random.Random, left: int) -> str:
    """Return what became of a promotion with `left` to write, itself included."""
    if left <= OPEN:
        odd = {0: States.DRAFT, 10: States.CHANGES_REQUESTED}
        return odd.get(left % 20, States.IN_REVIEW)
    return draw.choices((States.APPROVED, States.REJECTED, States.WITHDRAWN), (86, 8, 6))[0]


def _slots(cast: _Cast, effective: str) -> tuple[str, ...]:
    counts = cast.slots[effective]
    return tuple(f"{role}:{place}" for role, n in counts.items() for place in range(1, n + 1))


def _endpoint(record: Record, world: World, version) -> ServingEndpoint:
    row = ServingEndpoint(
        pk=record.key(ServingEndpoint),
        slug=f"asked-{version.pk}",
        version=version,
        host=world.providers[0],
        team=version.model.team,
        address=f"https://asked-{version.pk}.example.com/v1",
    )
    purposes = ("processing", "storage")
    links = [
        EndpointRegion(
            pk=record.key(EndpointRegion), endpoint=row, purpose=one, region=world.regions[0]
        )
        for one in purposes
    ]
    pairs = [(link.purpose, link.region) for link in links]
    record.change("Registered in bulk.", sealed(row, documents.endpoint(row, pairs)), *links)
    return row


def _release(record, world, draw, numbers, at: datetime) -> Release:
    use_case = draw.choice(world.use_cases)
    numbers[use_case.pk] += 1
    row = Release(
        pk=record.key(Release),
        use_case=use_case,
        number=numbers[use_case.pk],
        model_version=draw.choice(world.versions),
        parameters={"temperature": "0.2"},
        on_call_team=use_case.team,
        runbook=f"https://runbooks.example.com/{use_case.slug}",
        created_by=world.actor,
    )
    seen = Seen(row, prompt_links=(), tool_grants=(), objectives=())
    record.change("Sealed in bulk.", sealed(row, documents.release(seen), at))
    return row


def _item(record, cast: _Cast, release: Release, kind: str, at: datetime) -> EvidenceItem:
    row = EvidenceItem(
        pk=record.key(EvidenceItem),
        kind=kind,
        release=release,
        title=f"{kind} of {release}",
        verdict="pass",
        vouched_by="The laboratory",
        answers={"method": "Prompts of the suite and of two people.", "result": "Nothing."},
        author=cast.giver,
        created_at=at,
        expires_at=at + LIFE,
    )
    record.change("Given in bulk.", sealed(row, evidence_documents.evidence_item(row, ())))
    return row


def _promotion(record: Record, world: World, cast: _Cast, asked: _Asked) -> None:
    at, drafted = asked.at, asked.state == States.DRAFT
    submitted = {} if drafted else {"submission": 1, "submitted_at": at}
    row = Promotion(
        pk=record.key(Promotion),
        release=asked.release,
        environment=asked.place,
        purpose="Faster answers.",
        requested_by=cast.requester,
        created_at=at,
        state=States.DRAFT if drafted else States.IN_REVIEW,
        evidence_up_to=None if drafted else record.position,
        **submitted,
    )
    link = PromotionEndpoint(
        pk=record.key(PromotionEndpoint), promotion=row, endpoint=asked.endpoint
    )
    if drafted:
        record.change("Asked in bulk.", row, link)
        return
    package = Package(pk=record.key(Package), promotion=row, schema=SCHEMA, created_at=at)
    content = canonical(_document(row, asked))
    package.content, package.digest = content.decode(), digest(content)
    edges = [
        PackageEvidence(pk=record.key(PackageEvidence), package=package, item=item)
        for item in asked.items
    ]
    hands = {cast.requester: "requester", cast.giver: "gave_evidence", world.actor: "made_release"}
    people = [_person(record, package, who, ties=[tie]) for who, tie in hands.items()]
    record.change("Asked in bulk.", row, link, package, *edges, *people)
    _decision(record, cast, asked, row, package)


def _decision(record: Record, cast: _Cast, asked: _Asked, row: Promotion, package) -> None:
    """Write the signatures that one has, and what they decided."""
    moves: dict = {"state": asked.state, "decided_at": asked.at}
    if asked.state == States.WITHDRAWN:
        record.moved("Not wanted any more.", cast.requester, row, **moves)
    elif asked.state == States.CHANGES_REQUESTED:
        moves = {"state": asked.state}
        _sign(record, cast, package, asked, asked.slots[0], "request_changes", row, moves)
    elif asked.state == States.REJECTED:
        moves["decided_package"] = package
        _sign(record, cast, package, asked, asked.slots[0], "reject", row, moves)
    elif asked.state == States.APPROVED:
        moves |= {"decided_package": package, "review_at": asked.at + timedelta(days=365)}
        ends = min(moves["review_at"], asked.items[0].expires_at)
        record.beside(LatestEnd(promotion=row, ends_by=ends))
        *others, last = asked.slots
        for slot in others:
            _sign(record, cast, package, asked, slot, "approve")
        _sign(record, cast, package, asked, last, "approve", row, moves)


def _person(record, package: Package, person: Person, **values) -> PackagePerson:
    return PackagePerson(
        pk=record.key(PackagePerson),
        promotion=package.promotion,
        package=package,
        person=person,
        **{"kind": PackagePerson.Kind.INVOLVED, **values},
    )


def _sign(
    record: Record,
    cast: _Cast,
    package: Package,
    asked: _Asked,
    slot: str,
    verdict: str,
    row: Promotion | None = None,
    columns: dict | None = None,
) -> None:
    """Write one signature, and that it moved `row` on to `columns`."""
    role = slot.partition(":")[0]
    signer = cast.signers[role]
    challenge = Challenge(
        person=signer,
        promotion=package.promotion,
        package_digest=package.digest,
        verdict=verdict,
        created_at=asked.at,
        expires_at=asked.at + timedelta(minutes=10),
    )
    record.beside(challenge)
    signature = _person(
        record,
        package,
        signer,
        kind=PackagePerson.Kind.SIGNER,
        slot=slot,
        role=role,
        verdict=verdict,
        meaning=meanings(verdict, role)[0][0],
        reason="Read it all.",
        package_digest=package.digest,
        printed_name=signer.name,
        authentication="password",
        challenge=challenge,
        signed_at=asked.at,
    )
    record.signed("Signed in bulk.", signature, signer, row, **(columns or {}))


def _document(row: Promotion, asked: _Asked) -> dict:
    """Return what decisions read of a package, in its schema."""
    return {
        "schema": SCHEMA,
        "promotion": row.pk,
        "submission": row.submission,
        "release": {
            "use_case": row.release.use_case.slug,
            "number": row.release.number,
            "digest": row.release.digest,
            "model_version": str(row.release.model_version),
        },
        "endpoints": [{"slug": asked.endpoint.slug, "digest": asked.endpoint.digest}],
        "environment": {
            "slug": row.environment.slug,
            "stage": row.environment.stage,
            "jurisdiction": row.environment.jurisdiction,
            "regions": [],
        },
        "gate": {
            "effective": asked.gates[-1].gate,
            "versions": [
                {"gate": one.gate, "number": one.number, "digest": one.digest}
                for one in asked.gates
            ],
            "slots": list(asked.slots),
        },
        "use_case": {
            "slug": row.release.use_case.slug,
            "risk_tier": row.release.use_case.risk_tier,
            "data_classification": row.release.use_case.data_classification,
        },
        "effective_policy": "",
        "demands": [],
        "rests_on": [
            {
                "requirement": requirement,
                "evidence": [
                    {"id": item.pk, "digest": item.digest, "holds_until": item.expires_at}
                ],
                "scores": [],
            }
            for requirement, item in zip(asked.answered, cycle(asked.items), strict=False)
        ],
        "waivers": [],
        "rollback": [],
        "requester": row.requested_by.username,
        "involved": [],
    }
