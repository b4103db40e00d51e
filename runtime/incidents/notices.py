"""What people and systems are told of incidents, activations, suspensions and rollbacks.

A consequence of every change: the notice is written with what it tells, and sent by the outbox.
"""

from collections.abc import Callable, Iterable

from audit import Change
from gates.notices.writing import note
from runtime.incidents.models import FollowUp, Incident, IncidentLink
from runtime.models import Deployment, Rollback, Suspension
from runtime.transitions.rolling import moved_by

#: Event of an incident -> how the news begins.
MOVED = {
    "incident.mitigated": "Mitigated",
    "incident.resolved": "Resolved",
    "incident.reopened": "Opened again",
    "incident.reviewed": "Reviewed",
}


def note_runtime(change: Change) -> None:
    """Write a notice for each event of the change that people are told of; a consequence."""
    told: dict[str, list[int]] = {}
    for event, row, _ in change.events:
        if event in TELLERS:
            told.setdefault(event, []).append(int(row.rpartition(":")[2]))
    rolled_back = "rollback.done" in told
    for event, keys in told.items():
        # What a rollback takes out, puts back and quarantines is told as a rollback, once.
        if not rolled_back or event not in ("deployment.placed", "suspension.begun"):
            TELLERS[event](change, event, keys)


def _say(
    change: Change, kind: str, teams: Iterable[int], title: str, text: str, path: str, people=()
) -> None:
    facts = {
        "teams": sorted(set(teams)),
        "people": sorted(set(people)),
        "title": title,
        "headline": f"{title}.",
        "text": text,
        "path": path,
    }
    note(change, kind, facts=facts, once=f"{kind}:{path}:{change.id}")


def _teams_of(incident: Incident) -> list[int]:
    teams = [incident.owner_id]
    return [*teams, incident.use_case.team_id] if incident.use_case else teams


def _where(incident: Incident) -> str:
    named = (incident.use_case and incident.use_case.slug, incident.environment)
    return " in ".join(str(one) for one in named if one)


def _opened(change: Change, event: str, keys: list[int]) -> None:
    for row in Incident.objects.filter(pk__in=keys).select_related("use_case", "environment"):
        _say(
            change,
            "incident.opened",
            _teams_of(row),
            f"Incident {row.pk} opened, severity {row.severity}: {row.title}",
            f"{_where(row)}. {change.reason}",
            row.get_absolute_url(),
            row.participants.values_list("person", flat=True),
        )


def _moved(change: Change, event: str, keys: list[int]) -> None:
    for row in Incident.objects.filter(pk__in=keys).select_related("use_case", "environment"):
        _say(
            change,
            "incident.moved",
            _teams_of(row),
            f"{MOVED[event]}: incident {row.pk}, {row.title}",
            f"{change.actor.name}: “{change.reason}”",
            row.get_absolute_url(),
            row.participants.values_list("person", flat=True),
        )


def _followed(change: Change, event: str, keys: list[int]) -> None:
    rows = FollowUp.objects.filter(pk__in=keys).select_related("incident__use_case")
    for row in rows:
        _say(
            change,
            "follow_up.set",
            _teams_of(row.incident),
            f"To do by {row.due_on.day} {row.due_on:%b %Y} after incident {row.incident_id}",
            f"{change.actor.name} asks you: “{row.text}”",
            row.get_absolute_url(),
            [row.owner_id],
        )


def _activated(change: Change, event: str, keys: list[int]) -> None:
    rows = Deployment.objects.filter(pk__in=keys).select_related(
        "environment", "release__use_case", "endpoint"
    )
    for environment, release in sorted(
        {(one.environment, one.release) for one in rows}, key=lambda pair: pair[1].pk
    ):
        _say(
            change,
            "runtime.activated",
            [release.use_case.team_id],
            f"{release} runs in {environment}",
            f"{change.actor.name} activated it: “{change.reason}”",
            environment.get_absolute_url(),
        )


def _suspended(change: Change, event: str, keys: list[int]) -> None:
    rows = Suspension.objects.filter(pk__in=keys).select_related(
        "environment", "release__use_case", "version__model", "endpoint", "provider"
    )
    for row in rows:
        _say(
            change,
            "runtime.suspended",
            _owners(row),
            f"Suspended {row.environment or 'everywhere'}: {row.subject}"
            if row.environment is None
            else f"Suspended in {row.environment}: {row.subject}",
            f"{change.actor.name}: “{row.why}”",
            row.environment.get_absolute_url() if row.environment else "/running/",
        )


def _owners(row: Suspension) -> list[int]:
    """Return the teams that own what is suspended; of a provider there are none."""
    if row.release is not None:
        return [row.release.use_case.team_id]
    if row.version is not None:
        return [row.version.model.team_id]
    return [row.endpoint.team_id] if row.endpoint is not None else []


def _rolled_back(change: Change, event: str, keys: list[int]) -> None:
    for row in Rollback.objects.filter(pk__in=keys).select_related("environment"):
        moved = moved_by(row)
        what = ", ".join(one.slug for one in moved) or "nothing"
        _say(
            change,
            "runtime.rolled_back",
            [one.team_id for one in moved],
            f"Rolled back{' in an emergency' if row.emergency else ''}: {row.environment}",
            f"{change.actor.name} went back to what generation {row.generation} offered: {what}. "
            f"“{row.reason}”",
            row.get_absolute_url(),
        )


TELLERS: dict[str, Callable[[Change, str, list[int]], None]] = {
    "incident.opened": _opened,
    **dict.fromkeys(MOVED, _moved),
    "incident.follow_up_set": _followed,
    "deployment.placed": _activated,
    "suspension.begun": _suspended,
    "rollback.done": _rolled_back,
}


def acts_of(incident: Incident) -> list[IncidentLink]:
    """Return what was done because of an incident, oldest first."""
    rows = incident.links.filter(release=None, request=None).select_related(
        "rollback__environment",
        "suspension__environment",
        "suspension__release__use_case",
        "suspension__version__model",
        "suspension__endpoint",
        "suspension__provider",
        "revocation__promotion__release__use_case",
        "revocation__promotion__environment",
        "break_glass__release__use_case",
        "break_glass__environment",
    )
    return list(rows.order_by("pk"))
