"""Break-glass: opened by one person, ended by a risk owner, reviewed by somebody else."""

from collections.abc import Iterable

from audit import Change, Conflict, Reason, Refused, change
from gates.emergencies import overdue
from gates.facts import gate_for
from gates.models import BreakGlass, BreakGlassEnd, BreakGlassReview
from gates.policy import Asked, judged
from gates.review import reviewing_roles
from gates.rules import PersonFacts
from gates.rules.emergencies import INCIDENT, opening_objections, reviewing_objections
from gates.ties import ties_of
from registry.models import Environment, ModelVersion, Person, Release, ServingEndpoint
from registry.rights import acting, demand
from registry.showing import Shown, show_again


def break_glass(
    *,
    release: Release,
    environment: Environment,
    endpoints: Iterable[ServingEndpoint],
    incident: str,
    hours: int,
    password: Shown | str,
    actor: Person,
    reason: str,
) -> BreakGlass:
    """Let a sealed release into an environment at endpoints, for hours, without a quorum.

    Raises `Refused` with every objection: no wanted role, a hand in the release, more than 72
    hours, no incident, what policy forbids, an overdue review of an earlier one.
    """
    # A password hash takes a quarter of a second: checked before the database is locked.
    shown = show_again(actor, password)
    endpoints = list(endpoints)
    with change(actor=actor, reason=reason) as opened:
        person = acting(opened, actor)
        opened.lock(ModelVersion, release.model_version_id)
        opened.lock(Release, release.pk)
        release = Release.objects.select_related("use_case__team", "model_version__model").get(
            pk=release.pk
        )
        demand(person, "break_glass", release)
        opened.lock(ServingEndpoint, *(one.pk for one in endpoints))
        rows = list(ServingEndpoint.objects.filter(pk__in=[one.pk for one in endpoints]))
        facts = opener(person, release, environment, rows)
        gate = gate_for(environment, release.use_case)
        slots = [slot.role for slot in gate.slots]
        asked = Asked(0, release, environment, tuple(sorted(one.slug for one in rows)))
        reasons = _place_problems(release, rows) + opening_objections(
            facts,
            wanted=slots,
            hours=hours,
            incident=incident,
            forbidden=[one.sentence for one in judged([asked], opened.now)[0].breaches],
            overdue=[f"Break-glass {row.pk}" for row in overdue(release.use_case.team, opened.now)],
        )
        if reasons:
            raise Refused(reasons)
        opened.told[INCIDENT] = incident
        return opened.save(
            BreakGlass(
                release=release,
                environment=environment,
                endpoints=[
                    {"slug": one.slug, "digest": one.digest}
                    for one in sorted(rows, key=lambda one: one.slug)
                ],
                incident=incident.strip(),
                reason=opened.reason,
                hours=hours,
                role=next(role for role in slots if role in facts.roles),
                opened_by=person,
                opened_at=opened.now,
                printed_name=person.name,
                authentication=shown.code,
            ),
            event="breakglass.opened",
            facts={"release": release.digest, "incident": incident.strip(), "hours": hours}
            | shown.told,
        )


def _place_problems(release: Release, endpoints: list[ServingEndpoint]) -> list[Reason]:
    reasons = []
    if release.sealed_at is None:
        sentence = f"Release {release} is a draft. Seal it first."
        reasons.append(Reason("NOT_SEALED", sentence, "release"))
    if not endpoints:
        sentence = "Name at least one endpoint that serves the release."
        reasons.append(Reason("ENDPOINT_MISSING", sentence, "endpoints"))
    reasons += [
        Reason(
            "ENDPOINT_SERVES_ANOTHER",
            f"{one} does not serve {release.model_version}.",
            "endpoints",
        )
        for one in endpoints
        if one.version_id != release.model_version_id
    ]
    return reasons


def end_break_glass(pk: int, *, password: Shown | str, actor: Person, reason: str) -> BreakGlassEnd:
    """End a break-glass before its time; any one risk owner may."""
    shown = show_again(actor, password)
    with change(actor=actor, reason=reason) as opened:
        person, row = lock_break_glass(opened, pk, actor)
        demand(person, "revoke", row.release)
        if BreakGlassEnd.objects.filter(break_glass=row).exists() or row.ends_at <= opened.now:
            raise Conflict(Reason("ENDED_ALREADY", "It has ended already."))
        return opened.save(
            BreakGlassEnd(
                break_glass=row,
                ended_by=person,
                ended_at=opened.now,
                reason=opened.reason,
                authentication=shown.code,
            ),
            event="breakglass.ended",
            facts=shown.told,
        )


def review_break_glass(pk: int, *, outcome: str, actor: Person, reason: str) -> BreakGlassReview:
    """Find a break-glass justified or not, afterwards, by somebody who did not open it."""
    with change(actor=actor, reason=reason) as opened:
        person, row = lock_break_glass(opened, pk, actor)
        demand(person, "review_break_glass", row.release)
        roles = reviewing_roles([person.pk], row.release.use_case.team_id)
        reasons = reviewing_objections(
            PersonFacts(
                person.pk,
                roles.get(person.pk, frozenset()),
                is_person=person.kind == Person.Kind.PERSON,
            ),
            opened_by=row.opened_by_id,
            reviewed=BreakGlassReview.objects.filter(break_glass=row).exists(),
            ends=row.end.ended_at if hasattr(row, "end") else row.ends_at,
            now=opened.now,
        )
        if outcome not in BreakGlassReview.Outcome.values:
            reasons.append(Reason("OUTCOME_UNKNOWN", "Say whether it was justified.", "outcome"))
        if reasons:
            taken = any(one.code == "REVIEWED" for one in reasons)
            raise (Conflict if taken else Refused)(reasons)
        return opened.save(
            BreakGlassReview(
                break_glass=row,
                outcome=outcome,
                opened_by_id=row.opened_by_id,
                reviewed_by=person,
                reviewed_at=opened.now,
                reason=opened.reason,
            ),
            event="breakglass.reviewed",
            facts={"outcome": outcome},
        )


def opener(
    person: Person, release: Release, environment: Environment, endpoints: list[ServingEndpoint]
) -> PersonFacts:
    """Return what the rules know of somebody who would break the glass, roles read afresh."""
    roles = reviewing_roles([person.pk], release.use_case.team_id)
    return PersonFacts(
        id=person.pk,
        roles=roles.get(person.pk, frozenset()),
        ties=ties_of(person, release, environment, endpoints),
        is_person=person.kind == Person.Kind.PERSON,
    )


def lock_break_glass(change: Change, pk: int, actor: Person) -> tuple[Person, BreakGlass]:
    """Lock the actor, the release that was let in, and the break-glass; return actor and it."""
    seen = BreakGlass.objects.select_related("release").get(pk=pk)
    person = acting(change, actor)
    change.lock(ModelVersion, seen.release.model_version_id)
    change.lock(Release, seen.release_id)
    change.lock(BreakGlass, pk)
    return person, BreakGlass.objects.select_related("release__use_case__team", "end").get(pk=pk)
