"""An incident: an older release went first, answered wrongly, and was gone back from.

The gateways report in between, so that the records tell which change the wrong answers share.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

from portal.demo.people import PASSWORD
from portal.demo.world import World
from registry.models import Environment, Person, UseCase
from runtime import transitions as runtime
from runtime.incidents import transitions
from runtime.models import Deployment, RequestRecord
from runtime.records.fields import ROUTE, first_id

OPERATOR, SUPPORT, RISK = "ops.lead", "customer.lead", "risk.owner"
WHERE, SLUG = "production-eu", "customer-chat"
#: The day before now on which it happened, the hours of the change and of the first complaint.
DAY, CHANGED, NOTICED = 2, 15, 18
#: Goes before all that is offered.
FIRST = 5


def incidents(world: World) -> Iterator[datetime]:
    """Tell how answers went wrong, who found out why, and what was done."""
    yield world.day(DAY, CHANGED)
    environment, use_case = Environment.objects.get(slug=WHERE), UseCase.objects.get(slug=SLUG)
    offered = Deployment.objects.filter(
        environment=environment, release__use_case=use_case, removed_at=None
    )
    older = offered.order_by("release__number").first()
    with world.act():
        runtime.rank(
            older.pk,
            priority=FIRST,
            actor=world.who(OPERATOR),
            reason="It costs half as much; it was good enough in spring.",
        )
    yield world.day(DAY, NOTICED)
    wrong = RequestRecord.objects.filter(
        use_case=use_case,
        environment=environment,
        release=older.release,
        kind=ROUTE,
        id__gte=first_id(world.day(DAY, CHANGED)),
    ).order_by("id")
    generation = environment.activations.order_by("-generation").first().generation
    with world.act():
        incident = transitions.open_incident(
            title="Refund answers promise payouts that policy excludes",
            severity=2,
            begins_at=world.day(DAY, CHANGED - 1),
            detected_at=world.day(DAY, NOTICED),
            use_case=use_case,
            environment=environment,
            ticket="https://tickets.halden.example/OPS-2291",
            releases=[older.release],
            requests=[row.request for row in wrong[:2]],
            actor=world.who(SUPPORT),
            reason="Nine complaints since four o'clock, all of them about refunds.",
        )
    _write(world, incident, SUPPORT, "note", "All nine were answered by the older release.")
    _write(
        world, incident, OPERATOR, "decision", "Go back first, look at what the answers say after."
    )
    with world.act():
        runtime.roll_back(
            environment,
            generation - 1,
            use_case=use_case,
            part_of=str(incident.pk),
            password=PASSWORD,
            actor=world.who(OPERATOR),
            reason="The older release promises payouts that policy excludes.",
        )
    with world.act():
        transitions.step(
            incident.pk, "mitigate", actor=world.who(OPERATOR), reason="No new complaint since."
        )
    with world.act() as now:
        transitions.follow_up(
            incident.pk,
            text="Ask for a score on refund answers before a release goes first.",
            owner=Person.objects.get(username=RISK),
            due_on=(now + timedelta(days=12)).date(),
            actor=world.who(OPERATOR),
            reason="Nobody saw it before customers did.",
        )
    yield world.day(1, 9)
    with world.act():
        transitions.step(
            incident.pk, "resolve", actor=world.who(OPERATOR), reason="All nine were called back."
        )


def _write(world: World, incident, who: str, kind: str, text: str) -> None:
    with world.act():
        transitions.write(incident.pk, kind=kind, text=text, actor=world.who(who))
