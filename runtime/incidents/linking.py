"""What is done because of an incident is linked to it, in the change that does it.

Every verb that stops or lets something tells `INCIDENT` what it is done for. Where that names one
of our own incidents, the rows that the verb wrote are linked to it; any other text stays a text.
"""

from audit import Change, Reason, Refused
from gates.models import BreakGlass, Revocation
from gates.rules.emergencies import INCIDENT
from runtime.incidents.models import Incident, IncidentLink
from runtime.incidents.rules import number_of
from runtime.models import Rollback, Suspension

#: What is linked, by column; of a change that wrote several of these, only the first.
LINKED = {
    "rollback": Rollback,
    "break_glass": BreakGlass,
    "revocation": Revocation,
    "suspension": Suspension,
}


def link_acts(change: Change) -> None:
    """Link what a verb did for one of our incidents to it; a consequence."""
    number = number_of(change.told.get(INCIDENT, ""))
    if number is None or change.user is None:
        return
    found = ((name, change.saved[of]) for name, of in LINKED.items() if of in change.saved)
    wrote = next(found, None)
    seen = Incident.objects.visible_to(change.user)
    if wrote is None or not seen.filter(pk=number).exists():
        return
    incident = change.lock(Incident, number)
    if not incident.holds:
        sentence = f"Incident {number} is reviewed: nothing more is done for it. Open another."
        raise Refused(Reason("INCIDENT_REVIEWED", sentence, "incident"))
    name, keys = wrote
    for pk in sorted(keys):
        change.save(
            IncidentLink(
                incident=incident,
                linked_by=change.user,
                linked_at=change.now,
                **{f"{name}_id": pk},
            ),
            event="incident.acted",
            facts={"act": name},
        )
