"""Which records are kept whatever policy says: those of incidents that nobody reviewed yet."""

from datetime import datetime

from django.db.models import Exists, OuterRef, Q

from runtime.incidents.models import Incident, IncidentLink
from runtime.records.fields import first_id

#: Incidents that keep records.
HOLDING = ~Q(state=Incident.State.REVIEWED)


def in_window(begins_at: datetime, ends_at: datetime | None) -> Q:
    """Return the records whose ids were made in a window; without an end it goes on."""
    found = Q(id__gte=first_id(begins_at))
    return found & Q(id__lt=first_id(ends_at)) if ends_at else found


def scope_of(incident: Incident) -> Q:
    """Return the records that an incident is about: its environment, use case and window."""
    found = in_window(incident.begins_at, incident.ends_at)
    if incident.environment_id is not None:
        found &= Q(environment=incident.environment_id)
    if incident.use_case_id is not None:
        found &= Q(use_case=incident.use_case_id)
    return found


def held_by(incident: Incident) -> Q:
    """Return the records that an incident keeps: its scope, and the requests linked to it."""
    linked = incident.links.exclude(request=None).values_list("request", flat=True)
    return scope_of(incident) | Q(request__in=list(linked))


def held(environment: int, use_case: int | None) -> Q:
    """Return which records of one route incidents hold; two queries, none for each record."""
    rows = Incident.objects.filter(
        HOLDING,
        Q(environment=None) | Q(environment=environment),
        Q(use_case=None) | Q(use_case=use_case),
    )
    found = Q(pk__in=[])
    for begins_at, ends_at in rows.values_list("begins_at", "ends_at"):
        found |= in_window(begins_at, ends_at)
    linked = IncidentLink.objects.filter(
        request=OuterRef("request"), incident__in=Incident.objects.filter(HOLDING).values("pk")
    )
    return found | Q(Exists(linked))
