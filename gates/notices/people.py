"""Whom a notice concerns: people who may see what it is about, and want to hear of it."""

from django.db.models import Q

from gates.models import MutedKind, Notice
from gates.pages.loaded import Loaded
from gates.rules import open_slots
from gates.rules.notices import KINDS
from registry.models import Person, RoleGrant
from registry.roles import Role


def concerned(notice: Notice, loaded: Loaded | None) -> list[Person]:
    """Return the people who are sent a mail about it, in a fixed number of queries.

    Left out are whoever caused it, who turned the kind off, who has no address, and who may not
    see the promotion (any more). `loaded` is the promotion, if it is about one.
    """
    circles = KINDS[notice.kind].circles
    pks: set[int] = set()
    for circle in circles:
        pks |= _CIRCLES[circle](notice, loaded)
    if not KINDS[notice.kind].to_actor:
        pks.discard(notice.actor_id)
    grants = RoleGrant.objects.in_force().filter(person__in=pks)
    if teams := _teams(notice, loaded):
        grants = grants.filter(Q(team=None) | Q(team__in=teams))
    people = Person.objects.filter(
        pk__in=grants.values("person"), is_active=True, kind=Person.Kind.PERSON
    ).exclude(email="")
    muted = MutedKind.objects.filter(kind=notice.kind).values("person")
    return list(people.exclude(pk__in=muted).order_by("username"))


def _teams(notice: Notice, loaded: Loaded | None) -> list[int]:
    """Return the keys of the teams that own what the notice is about; none: it is everybody's."""
    if loaded is not None:
        return [loaded.promotion.release.use_case.team_id]
    if "teams" in notice.facts:
        return notice.facts["teams"]
    return [notice.facts["team"]] if notice.facts.get("team") is not None else []


def _requester(notice: Notice, loaded: Loaded) -> set[int]:
    return {loaded.promotion.requested_by_id}


def _makers(notice: Notice, loaded: Loaded) -> set[int]:
    return {pk for pk, ties in loaded.package.involved.items() if "made_release" in ties}


def _signers(notice: Notice, loaded: Loaded) -> set[int]:
    return {one.person_id for one in loaded.signed}


def _wanted(notice: Notice, loaded: Loaded) -> set[int]:
    return {
        person.pk
        for role in {slot.role for slot in open_slots(loaded.review)}
        for person in loaded.eligible.get(role, ())
    }


def _named(notice: Notice, loaded: Loaded | None) -> set[int]:
    return set(notice.facts.get("people", ()))


def _holding(role: str):
    def holders(notice: Notice, loaded: Loaded | None) -> set[int]:
        grants = RoleGrant.objects.in_force().filter(role=role)
        if teams := _teams(notice, loaded):
            grants = grants.filter(Q(team=None) | Q(team__in=teams))
        return set(grants.values_list("person_id", flat=True))

    return holders


_CIRCLES = {
    "requester": _requester,
    "makers": _makers,
    "signers": _signers,
    "wanted": _wanted,
    "named": _named,
    "risk_owners": _holding(Role.RISK_OWNER),
    "operators": _holding(Role.OPERATOR),
    "administrators": _holding(Role.ADMINISTRATOR),
}
