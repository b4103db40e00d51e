"""Waiving: an exception asked for by one person and granted, or refused, by another."""

from datetime import datetime

from audit import Change, Conflict, Refused, change
from gates.facts import gate_for
from gates.models import Requirement, Waiver, WaiverAnswer
from gates.review import reviewing_roles
from gates.rules import PersonFacts
from gates.rules.waivers import answering_objections, asking_objections
from gates.ties import ties_of
from gates.waivers import open_for
from registry.models import Environment, ModelVersion, Person, Release
from registry.rights import acting, demand
from registry.showing import Shown, show_again


def ask_waiver(
    *,
    release: Release,
    environment: Environment,
    gate: str,
    code: str,
    compensating_control: str,
    ends_at: datetime,
    actor: Person,
    reason: str,
) -> Waiver:
    """Ask for an exception to requirement `gate`.`code` for a release in an environment.

    Nothing is waived until a risk owner grants it. Raises `NotAllowed` without the role
    requester in the use case's team, and `Refused` with every reason at once.
    """
    with change(actor=actor, reason=reason) as opened:
        person = acting(opened, actor)
        opened.lock(ModelVersion, release.model_version_id)
        opened.lock(Release, release.pk)
        release = Release.objects.select_related("use_case__team").get(pk=release.pk)
        demand(person, "request", release)
        asked = gate_for(environment, release.use_case)
        found = next(
            (one for one in asked.requirements if (one.gate, one.code) == (gate, code)), None
        )
        waits = open_for(found, release, environment) if found else 0
        if reasons := asking_objections(found, ends_at, opened.now, waits):
            raise Refused(reasons)
        row = Requirement.objects.get(
            gate_version__in=[one.pk for one in asked.versions if one.gate == gate], code=code
        )
        return opened.save(
            Waiver(
                release=release,
                environment=environment,
                requirement=row,
                compensating_control=compensating_control.strip(),
                ends_at=ends_at,
                asked_by=person,
                asked_at=opened.now,
                reason=opened.reason,
            ),
            event="waiver.asked",
            facts={"requirement": f"{gate}.{code}", "release": release.digest},
        )


def grant_waiver(pk: int, *, password: Shown | str, actor: Person, reason: str) -> WaiverAnswer:
    """Grant a waiver: from now until its end it stands in for the requirement."""
    return _answer(pk, WaiverAnswer.Verdict.GRANTED, password, actor, reason)


def refuse_waiver(pk: int, *, password: Shown | str, actor: Person, reason: str) -> WaiverAnswer:
    """Refuse a waiver for good; asking again takes a new one."""
    return _answer(pk, WaiverAnswer.Verdict.REFUSED, password, actor, reason)


def _answer(
    pk: int, verdict: str, password: Shown | str, actor: Person, reason: str
) -> WaiverAnswer:
    # A password hash takes a quarter of a second: checked before the database is locked.
    shown = show_again(actor, password)
    with change(actor=actor, reason=reason) as opened:
        person, waiver = lock_waiver(opened, pk, actor)
        demand(person, "waive", waiver.release)
        reasons = answering_objections(
            answerer(person, waiver),
            asked_by=waiver.asked_by_id,
            answered=WaiverAnswer.objects.filter(waiver=waiver).exists(),
            ends_at=waiver.ends_at,
            now=opened.now,
        )
        if reasons:
            taken = any(one.code == "ANSWERED" for one in reasons)
            raise (Conflict if taken else Refused)(reasons)
        return opened.save(
            WaiverAnswer(
                waiver=waiver,
                verdict=verdict,
                asked_by_id=waiver.asked_by_id,
                answered_by=person,
                answered_at=opened.now,
                reason=opened.reason,
                authentication=shown.code,
            ),
            event=f"waiver.{verdict}",
            facts={"requirement": waiver.code, "ends_at": waiver.ends_at.isoformat()} | shown.told,
        )


def lock_waiver(change: Change, pk: int, actor: Person) -> tuple[Person, Waiver]:
    """Lock the actor, the release that a waiver is for, and the waiver; return actor, waiver."""
    seen = Waiver.objects.select_related("release").get(pk=pk)
    person = acting(change, actor)
    change.lock(ModelVersion, seen.release.model_version_id)
    change.lock(Release, seen.release_id)
    change.lock(Waiver, pk)
    waiver = Waiver.objects.select_related(
        "release__use_case__team", "environment", "requirement__gate_version"
    ).get(pk=pk)
    return person, waiver


def answerer(person: Person, waiver: Waiver) -> PersonFacts:
    """Return what the rules know of somebody who would answer a waiver, roles read afresh."""
    roles = reviewing_roles([person.pk], waiver.release.use_case.team_id)
    return PersonFacts(
        id=person.pk,
        roles=roles.get(person.pk, frozenset()),
        ties=ties_of(person, waiver.release, waiver.environment),
        is_person=person.kind == Person.Kind.PERSON,
    )
