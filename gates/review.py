"""A promotion under review, as rules and pages see it."""

from django.db.models import Q

from evidence.models import EvidenceItem
from gates.models import PackagePerson, Promotion
from gates.packages import Live
from gates.rules import PersonFacts, ReviewFacts, SignOff
from registry.models import Person, RoleGrant
from registry.roles import REVIEWING


def reviewing_roles(people, team_id: int) -> dict[int, frozenset[str]]:
    """Return {person id: reviewing roles held for the team now}, read afresh in one query."""
    held: dict[int, set[str]] = {}
    grants = RoleGrant.objects.in_force().filter(
        person__in=people, person__is_active=True, role__in=REVIEWING
    )
    for person, role, team in grants.values_list("person_id", "role", "team_id"):
        if team is None or team == team_id:
            held.setdefault(person, set()).add(role)
    return {pk: frozenset(roles) for pk, roles in held.items()}


def sign_offs(promotion: Promotion) -> list[PackagePerson]:
    """Return every signature on any package of the promotion, oldest first."""
    return list(
        promotion.people.filter(kind=PackagePerson.Kind.SIGNER)
        .select_related("person", "package")
        .order_by("pk")
    )


def review_facts(
    promotion: Promotion, package: Live, signed: list[PackagePerson] | None = None
) -> ReviewFacts:
    """Return what the signing rules judge by, with eligibility as it is now."""
    signed = sign_offs(promotion) if signed is None else signed
    roles = reviewing_roles({one.person_id for one in signed}, promotion.release.use_case.team_id)
    return ReviewFacts(
        state=promotion.state,
        package_digest=package.digest,
        slots=package.gate.slots,
        sign_offs=tuple(
            SignOff(
                person=one.person_id,
                name=one.printed_name,
                slot=one.slot,
                verdict=one.verdict,
                package_digest=one.package_digest,
                eligible=one.role in roles.get(one.person_id, ()),
            )
            for one in signed
        ),
        findings=package.findings,
    )


def person_facts(person: Person, promotion: Promotion, package: Live) -> PersonFacts:
    """Return what the signing rules know of `person`, with roles read afresh."""
    team_id = promotion.release.use_case.team_id
    # Also what was given and is not taken in yet: it ties its giver, though no package names it.
    items = EvidenceItem.objects.filter(release=promotion.release_id)
    gave = items.filter(Q(author=person) | Q(runs__given_by=person)).exists()
    given = ("gave_evidence",) if gave else ()
    return PersonFacts(
        id=person.pk,
        roles=reviewing_roles([person.pk], team_id).get(person.pk, frozenset()),
        ties=tuple(sorted({*package.involved.get(person.pk, ()), *given})),
        is_person=person.kind == Person.Kind.PERSON,
    )
