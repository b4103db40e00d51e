"""Promotions of a filled database: with releases, evidence, packages and the people on them.

Nearly all were approved within the last two years, by one reviewer, into one of two sandboxes;
some of those ended since. What is under review at one time is bounded by those who review, not by
the years: 80 promotions, ten for each team, however many there are.
"""

import random
from datetime import datetime, timedelta

from audit import clock
from audit.rules import canonical, digest
from evidence import documents as evidence_documents
from evidence.models import EvidenceItem
from gates.models import (
    Challenge,
    LatestEnd,
    Package,
    PackageEvidence,
    PackagePerson,
    Promotion,
    PromotionEndpoint,
)
from gates.packages import SCHEMA
from registry import documents
from registry.models import EndpointRegion, Person, Release, ServingEndpoint
from registry.roles import Role
from tests import make
from tests.bench.world import World
from tests.bench.writing import Record, Seen, sealed

UNDER_REVIEW = 80
PER_RELEASE = 2
LIFE = timedelta(days=180)
YEARS = timedelta(days=720)
KINDS = {"safety_checks": "safety_check", "data_boundary": "data_boundary"}


class _Cast:
    """Who asks, gives and signs: written through the verbs."""

    def __init__(self, world: World):
        self.requester = make.make_person("requester", Role.REQUESTER)
        self.giver = make.make_person("giver", Role.EVIDENCE_CONTRIBUTOR)
        # Held before the first signature, which the verification of the record asks about.
        with clock.at(clock.now() - YEARS - timedelta(days=1)):
            self.signer = make.make_person("signer", Role.REVIEWER, Role.RISK_OWNER)
        for team in world.teams:
            make.make_person(f"reviewer-{team.slug}", Role.REVIEWER, team=team)
        second = make.make_environment("sandbox-two", regions=world.regions[:1])
        self.places = [next(e for e in world.environments if e.slug == "sandbox"), second]


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
            items = [_item(record, cast, release, kind, ready) for kind in KINDS.values()]
            for place in cast.places[: min(PER_RELEASE, left)]:
                undecided = left <= UNDER_REVIEW
                at = now - timedelta(days=2) if undecided else ready + timedelta(days=2)
                served_by = served[release.model_version_id]
                _promotion(record, world, cast, release, place, served_by, items, at, undecided)
                left -= 1
    return record.written


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


def _promotion(
    record, world, cast: _Cast, release, place, endpoint, items, at: datetime, undecided: bool
) -> None:
    row = Promotion(
        pk=record.key(Promotion),
        release=release,
        environment=place,
        purpose="Faster answers.",
        requested_by=cast.requester,
        created_at=at,
        state=Promotion.State.IN_REVIEW,
        submission=1,
        submitted_at=at,
        evidence_up_to=record.position,
    )
    link = PromotionEndpoint(pk=record.key(PromotionEndpoint), promotion=row, endpoint=endpoint)
    package = Package(pk=record.key(Package), promotion=row, schema=SCHEMA, created_at=at)
    content = canonical(_document(row, endpoint, items))
    package.content, package.digest = content.decode(), digest(content)
    edges = [
        PackageEvidence(pk=record.key(PackageEvidence), package=package, item=item)
        for item in items
    ]
    hands = {cast.requester: "requester", cast.giver: "gave_evidence", world.actor: "made_release"}
    people = [_person(record, package, who, ties=[tie]) for who, tie in hands.items()]
    rows = [row, link, package, *edges, *people]
    if undecided:
        record.change("Asked in bulk.", *rows)
        return
    verdict = {
        "state": Promotion.State.APPROVED,
        "decided_at": at,
        "decided_package": package,
        "review_at": at + timedelta(days=365),
    }
    record.beside(LatestEnd(promotion=row, ends_by=min(verdict["review_at"], items[0].expires_at)))
    signature = _signature(record, package, cast.signer, at)
    record.decided("Asked in bulk.", rows, row, verdict, signature, cast.signer)


def _person(record, package: Package, person: Person, **values) -> PackagePerson:
    return PackagePerson(
        pk=record.key(PackagePerson),
        promotion=package.promotion,
        package=package,
        person=person,
        **{"kind": PackagePerson.Kind.INVOLVED, **values},
    )


def _signature(record, package: Package, signer: Person, at: datetime) -> PackagePerson:
    challenge = Challenge(
        person=signer,
        promotion=package.promotion,
        package_digest=package.digest,
        verdict="approve",
        created_at=at,
        expires_at=at + timedelta(minutes=10),
    )
    record.beside(challenge)
    return _person(
        record,
        package,
        signer,
        kind=PackagePerson.Kind.SIGNER,
        slot="reviewer:1",
        role=Role.REVIEWER,
        verdict="approve",
        meaning="reviewed",
        reason="Read it all.",
        package_digest=package.digest,
        printed_name=signer.name,
        authentication="password",
        challenge=challenge,
        signed_at=at,
    )


def _document(row: Promotion, endpoint: ServingEndpoint, items: list) -> dict:
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
        "endpoints": [{"slug": endpoint.slug, "digest": endpoint.digest}],
        "environment": {
            "slug": row.environment.slug,
            "stage": row.environment.stage,
            "jurisdiction": row.environment.jurisdiction,
            "regions": [],
        },
        "gate": {"effective": "sandbox", "versions": [], "slots": ["reviewer:1"]},
        "use_case": {
            "slug": row.release.use_case.slug,
            "risk_tier": row.release.use_case.risk_tier,
            "data_classification": row.release.use_case.data_classification,
        },
        "effective_policy": "",
        "demands": [],
        "rests_on": [
            {
                "requirement": f"sandbox.{code}",
                "evidence": [
                    {"id": item.pk, "digest": item.digest, "holds_until": item.expires_at}
                ],
                "scores": [],
            }
            for code, item in zip(KINDS, items, strict=True)
        ],
        "waivers": [],
        "rollback": [],
        "requester": row.requested_by.username,
        "involved": [],
    }
