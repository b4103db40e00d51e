"""How other pages speak of incidents: which there are, and the way to open one from there."""

from urllib.parse import urlencode

from django.db.models import Q
from django.urls import reverse

from runtime.incidents.models import Incident

#: How states of an incident are drawn.
STATES = {
    "open": ("not_approved", "Open"),
    "mitigated": ("changes_requested", "Mitigated"),
    "resolved": ("wanted", "Resolved, review wanted"),
    "reviewed": ("met", "Reviewed"),
}
#: Incidents that a page of something else names.
SHOWN = 10


def open_link(**known: str) -> str:
    """Return the address that opens an incident with what is known filled in."""
    given = {name: value for name, value in known.items() if value}
    return f"{reverse('admin:incident_open')}?{urlencode(given)}"


def incidents_of(user, condition: Q) -> list[Incident]:
    """Return the newest incidents that a page of something else links to."""
    rows = Incident.objects.visible_to(user).filter(condition).select_related("use_case")
    return list(rows.order_by("-pk")[:SHOWN])
