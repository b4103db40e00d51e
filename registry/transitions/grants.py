"""Role grants: given and ended by administrators, never to oneself."""

import audit
from audit import Reason, Refused
from audit.refusals import Conflict
from registry import rights, roles, rules
from registry.models import Person, RoleGrant, Team
from registry.roles import Role


def grant_role(
    person_pk: int, *, role: str, team: Team | None = None, actor, reason: str
) -> RoleGrant:
    """Grant a role in one team, or with `team` None in all of them.

    Raises `NotAllowed` for anybody but another administrator, `Conflict` if it is held already.
    """
    with audit.change(actor=actor, reason=reason) as change:
        admin, holder = rights.acting(change, actor, person_pk)
        rights.demand(admin, "grant_role", holder)
        reasons = rules.grant_problems(
            role=str(role),
            label=Role(role).label if role in Role.values else str(role),
            for_team=team is not None,
            active=holder.is_active,
            service=holder.kind == Person.Kind.SERVICE,
            signs=role in roles.REVIEWING,
        )
        if reasons:
            raise Refused(reasons)
        if RoleGrant.objects.in_force().filter(person=holder, role=role, team=team).exists():
            where = f"in the team {team}" if team else "for all teams"
            raise Conflict(Reason("HELD", f"{holder} has this role {where} already."))
        return change.save(
            RoleGrant(person=holder, role=role, team=team, granted_by=admin, granted_at=change.now),
            event="rolegrant.granted",
        )


def end_grant(pk: int, *, actor, reason: str) -> RoleGrant:
    """End a grant. An administrator may end their own, unless nobody would be left."""
    holder_pk = RoleGrant._base_manager.values_list("person_id", flat=True).get(pk=pk)
    with audit.change(actor=actor, reason=reason) as change:
        admin, *_ = rights.acting(change, actor, holder_pk, *administrators())
        grant = change.lock(RoleGrant, pk)
        rights.demand(admin, "administer")
        if grant.ended_at is not None:
            raise Conflict(Reason("ENDED", "This grant has ended already."))
        if grant.role == Role.ADMINISTRATOR:
            refuse_last_administrator(grant.person_id, doing="ending this grant")
        grant.ended_at, grant.ended_by = change.now, admin
        return change.save(grant, event="rolegrant.ended")


def administrators() -> set[int]:
    """Return the keys of the people who can administer at this moment."""
    return set(
        RoleGrant.objects.in_force()
        .filter(role__in=roles.ADMINISTER, person__is_active=True)
        .values_list("person_id", flat=True)
    )


def refuse_last_administrator(leaving: int, *, doing: str) -> None:
    """Raise `Refused` if nobody could administer without `leaving`.

    The caller holds the locks of all `administrators()`, or two could leave at once.
    """
    now = administrators()
    if leaving in now and (
        reasons := rules.last_administrator_problems(others=len(now - {leaving}), doing=doing)
    ):
        raise Refused(reasons)
