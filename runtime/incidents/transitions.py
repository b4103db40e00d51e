"""The verbs of incidents: opening, widening, linking, writing down, ending, following up."""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

from audit import Change, Conflict, Reason, Refused, change
from audit.refusals import NotAllowed
from registry.models import Environment, Person, Release, Team, UseCase
from registry.rights import acting, demand, may
from runtime.incidents.models import (
    FollowUp,
    Incident,
    IncidentLink,
    IncidentNote,
    IncidentParticipant,
)
from runtime.incidents.rules import (
    Facts,
    follow_up_problems,
    step_objections,
    ticket_problem,
    window_problems,
)
from runtime.records.fields import ID
from runtime.records.models import RequestRecord

#: Verbs of `registry.rights` for the steps of an incident.
RIGHTS = {
    "mitigate": "handle_incident",
    "resolve": "handle_incident",
    "reopen": "handle_incident",
    "review": "review_incident",
}


def owner_for(release: Release | None, use_case: UseCase | None) -> Team | None:
    """Return who owns an incident if nobody says: the release's on-call team, or the use case's."""
    if release is not None and release.on_call_team_id is not None:
        return release.on_call_team
    use_case = use_case or (release and release.use_case)
    return use_case.team if use_case is not None else None


def open_incident(
    *,
    title: str,
    severity: int,
    begins_at: datetime,
    ends_at: datetime | None = None,
    detected_at: datetime | None = None,
    use_case: UseCase | None = None,
    environment: Environment | None = None,
    owner: Team | None = None,
    ticket: str = "",
    releases: Iterable[Release] = (),
    requests: Iterable[str] = (),
    actor: Person,
    reason: str,
) -> Incident:
    """Open an incident over a window; the records of the window are held from now on.

    Without an owner it is the on-call team of the first release, or the team of the use case.
    Raises `NotAllowed` without a working role there, `Refused` with every problem.
    """
    releases, requests = list(releases), [one.strip() for one in requests]
    with change(actor=actor, reason=reason) as opened:
        person = acting(opened, actor)
        _hold(opened, environment)
        owner = owner or owner_for(releases[0] if releases else None, use_case)
        detected_at = detected_at or opened.now
        problems = window_problems(begins_at, ends_at, detected_at, opened.now)
        if problem := ticket_problem(ticket.strip()):
            problems.append(Reason("TICKET", problem, "ticket"))
        if owner is None:
            sentence = "Name the team that deals with it."
            problems.append(Reason("MISSING", sentence, "owner"))
        problems += _link_problems(releases, requests, person, use_case)
        demand(person, "open_incident", use_case or owner)
        if problems:
            raise Refused(problems)
        row = opened.save(
            Incident(
                title=title.strip(),
                severity=severity,
                use_case=use_case,
                environment=environment,
                owner=owner,
                ticket=ticket.strip(),
                begins_at=begins_at,
                ends_at=ends_at,
                detected_at=detected_at,
                opened_by=person,
                opened_at=opened.now,
            ),
            event="incident.opened",
            facts={"severity": severity, "title": title.strip()},
        )
        for release in releases:
            _link(opened, row, person, release=release)
        for request in requests:
            _link(opened, row, person, request=request)
        opened.save(
            IncidentParticipant(incident=row, person=person, added_by=person, added_at=opened.now),
            event="incident.joined",
        )
    return row


def _hold(opened: Change, environment: Environment | None) -> None:
    """Wait for whoever prunes records there right now: they read afresh what is held."""
    keys = [environment.pk] if environment else Environment.objects.values_list("pk", flat=True)
    if keys:
        opened.lock(Environment, *keys)


def widen(
    pk: int,
    *,
    begins_at: datetime,
    ends_at: datetime | None,
    detected_at: datetime,
    severity: int,
    ticket: str,
    actor: Person,
    reason: str,
) -> Incident:
    """Amend what is said of an incident; its window only grows."""
    with change(actor=actor, reason=reason) as opened:
        _, row = _locked(opened, pk, actor, "handle_incident", hold=True)
        problems = window_problems(
            begins_at, ends_at, detected_at, opened.now, (row.begins_at, row.ends_at)
        )
        if problem := ticket_problem(ticket.strip()):
            problems.append(Reason("TICKET", problem, "ticket"))
        if ends_at is None and row.state not in (Incident.State.OPEN, Incident.State.MITIGATED):
            problems.append(Reason("MISSING", "It is over: say when its window ends.", "ends_at"))
        if problems:
            raise Refused(problems)
        row.begins_at, row.ends_at, row.detected_at = begins_at, ends_at, detected_at
        row.severity, row.ticket = severity, ticket.strip()
        return opened.save(row, event="incident.amended")


def step(
    pk: int, verb: str, *, trigger: str = "", learnt: str = "", actor: Person, reason: str
) -> Incident:
    """Mitigate, resolve, reopen or review an incident.

    Mitigated counts from the first thing done because of it, if anything was. Resolved, its window
    ends now unless it ended before. Reviewed, it is sealed, and its records are held no longer.
    """
    with change(actor=actor, reason=reason) as opened:
        person, row = _locked(opened, pk, actor, RIGHTS[verb])
        facts = Facts(row.state, row.resolved_by_id, unreviewed(row))
        if reasons := step_objections(verb, facts, person=person.pk, trigger=trigger):
            taken = any(one.code == "NOT_NOW" for one in reasons)
            raise (Conflict if taken else Refused)(reasons)
        _take(row, verb, person, opened.now)
        if verb == "review":
            row.trigger, row.learnt = trigger.strip(), learnt.strip()
        return opened.save(row, event=f"incident.{row.state}" if verb != "reopen" else REOPENED)


REOPENED = "incident.reopened"


def _take(row: Incident, verb: str, person: Person, now: datetime) -> None:
    if verb in ("mitigate", "resolve") and row.mitigated_at is None:
        row.mitigated_at = acted_at(row) or now
    if verb == "mitigate":
        row.state = Incident.State.MITIGATED
    elif verb == "resolve":
        row.state, row.resolved_at, row.resolved_by = Incident.State.RESOLVED, now, person
        row.ends_at = row.ends_at or now
    elif verb == "reopen":
        row.state, row.resolved_at, row.resolved_by = Incident.State.OPEN, None, None
        row.mitigated_at = row.ends_at = None
    else:
        row.state, row.reviewed_at, row.reviewed_by = Incident.State.REVIEWED, now, person


def acted_at(incident: Incident) -> datetime | None:
    """Return when the first thing was done because of an incident that stopped something."""
    acts = incident.links.filter(release=None, request=None, break_glass=None)
    times = acts.values_list(
        "rollback__rolled_back_at", "suspension__suspended_at", "revocation__revoked_at"
    )
    return min((at for row in times for at in row if at is not None), default=None)


def unreviewed(incident: Incident) -> int:
    """Return how many emergency rollbacks of an incident nobody reviewed yet."""
    rows = incident.links.filter(rollback__emergency=True, rollback__review=None)
    return rows.count()


def add_link(
    pk: int, *, release: Release | None = None, request: str = "", actor: Person, reason: str
) -> IncidentLink:
    """Say that an incident is about a release or a request, whose records are held with it."""
    with change(actor=actor, reason=reason) as opened:
        person, row = _locked(opened, pk, actor, "note_incident", hold=True)
        releases = [release] if release else []
        requests = [] if release else [request.strip()]
        if problems := _link_problems(releases, requests, person, row.use_case):
            raise Refused(problems)
        return _link(opened, row, person, release=release, request=request.strip() or None)


def _link(opened: Change, incident: Incident, person: Person, **what: Any) -> IncidentLink:
    row = IncidentLink(incident=incident, linked_by=person, linked_at=opened.now, **what)
    return opened.save(row, event="incident.linked")


def _link_problems(
    releases: list[Release], requests: list[str], person: Person, use_case: UseCase | None
) -> list[Reason]:
    reasons = []
    for release in releases:
        if use_case is not None and release.use_case_id != use_case.pk:
            sentence = f"{release} is of another use case than the incident."
            reasons.append(Reason("OTHER_USE_CASE", sentence, "release"))
    seen = RequestRecord.objects.visible_to(person)
    for request in requests:
        if not ID.fullmatch(request) or not seen.filter(request=request).exists():
            sentence = "There is no record of such a request that you may see."
            reasons.append(Reason("NO_SUCH_REQUEST", sentence, "request"))
    return reasons


def write(pk: int, *, kind: str, text: str, actor: Person) -> IncidentNote:
    """Write down a note or a decision; it is part of the record for good."""
    if not text.strip():
        raise Refused(Reason("MISSING", "Write something.", "text"))
    with change(actor=actor, reason=text) as opened:
        person, row = _locked(opened, pk, actor, "note_incident")
        return opened.save(
            IncidentNote(
                incident=row,
                kind=kind,
                text=text.strip(),
                written_by=person,
                written_at=opened.now,
            ),
            event=f"incident.{kind}",
        )


def join(pk: int, *, person: Person, actor: Person, reason: str) -> IncidentParticipant:
    """Name somebody who takes part, and so is told of what becomes of it."""
    with change(actor=actor, reason=reason) as opened:
        someone, added = acting(opened, actor, person.pk)
        row = opened.lock(Incident, pk)
        _demand(someone, "note_incident", row)
        _not_sealed(row)
        if not Incident.objects.visible_to(added).filter(pk=pk).exists():
            sentence = f"{added.username} may not see this incident. An administrator grants that."
            raise Refused(Reason("NOT_SEEN", sentence, "person"))
        return opened.save(
            IncidentParticipant(incident=row, person=added, added_by=someone, added_at=opened.now),
            event="incident.joined",
        )


def follow_up(
    pk: int, *, text: str, owner: Person, due_on: date, actor: Person, reason: str
) -> FollowUp:
    """Set something that somebody does by a day, so that it does not happen again."""
    with change(actor=actor, reason=reason) as opened:
        person, named = acting(opened, actor, owner.pk)
        row = opened.lock(Incident, pk)
        _demand(person, "handle_incident", row)
        _not_sealed(row)
        reasons = follow_up_problems(text, due_on, opened.now.date())
        if not Incident.objects.visible_to(named).filter(pk=pk).exists():
            sentence = f"{named.username} may not see this incident. Choose somebody who does."
            reasons.append(Reason("NOT_SEEN", sentence, "owner"))
        if reasons:
            raise Refused(reasons)
        return opened.save(
            FollowUp(
                incident=row,
                text=text.strip(),
                owner=named,
                due_on=due_on,
                set_by=person,
                set_at=opened.now,
            ),
            event="incident.follow_up_set",
            facts={"due_on": due_on.isoformat()},
        )


def finish_follow_up(pk: int, *, actor: Person, reason: str) -> FollowUp:
    """Say that a follow-up is done, and how; its owner does, or whoever deals with incidents."""
    incident = FollowUp.objects.values_list("incident", flat=True).get(pk=pk)
    with change(actor=actor, reason=reason) as opened:
        person = acting(opened, actor)
        parent = opened.lock(Incident, incident)
        row = opened.lock(FollowUp, pk)
        if row.owner_id != person.pk and (off := may_on(person, "handle_incident", parent)):
            raise NotAllowed(off)
        if row.done_at is not None:
            raise Conflict(Reason("DONE", "It is done already."))
        row.done_at, row.done_by, row.outcome = opened.now, person, opened.reason
        return opened.save(row, event="incident.follow_up_done")


def may_on(person: Person, verb: str, incident: Incident) -> list[Reason]:
    """Return why somebody may not do a verb on an incident: a role in either of its teams does."""
    off = may(person, verb, incident.use_case or incident.owner)
    return off and may(person, verb, incident.owner) and off


def _locked(
    opened: Change, pk: int, actor, verb: str, *, hold: bool = False
) -> tuple[Person, Incident]:
    """Lock the actor and the incident; with `hold`, whoever prunes records is waited for first."""
    person = acting(opened, actor)
    if hold:
        # A linked request may be anywhere.
        _hold(opened, None)
    row = opened.lock(Incident, pk)
    _demand(person, verb, row)
    _not_sealed(row)
    return person, row


def _demand(person: Person, verb: str, row: Incident) -> None:
    if off := may_on(person, verb, row):
        raise NotAllowed(off)


def _not_sealed(row: Incident) -> None:
    if row.reviewed_at is not None:
        sentence = "The incident is reviewed: what is said of it stays as it is."
        raise Conflict(Reason("REVIEWED", sentence))
