"""An incident: a gateway served what nobody approved; it was stopped, mended and looked into."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from portal.demo.people import PASSWORD
from portal.demo.stories.gateways import FIRST, HOUR, MISHAP
from portal.demo.world import World
from registry.models import Environment, Person, Release, UseCase
from runtime import transitions as runtime
from runtime.incidents import transitions
from runtime.models import RequestRecord
from runtime.records.fields import ROUTE, first_id

OPERATOR, LEAD, RISK = "ops.lead", "platform.lead", "risk.owner"
WHERE, SLUG = "production-eu", "code-assistant"


def incidents(world: World) -> Iterator[datetime]:
    """Tell how somebody saw it in the records, what was done, and what follows from it."""
    yield world.day(MISHAP, HOUR + 1)
    environment, use_case = Environment.objects.get(slug=WHERE), UseCase.objects.get(slug=SLUG)
    served = Release.objects.get(use_case=use_case, number=2)
    approved = Release.objects.get(use_case=use_case, number=1)
    wrong = RequestRecord.objects.filter(
        router__slug=FIRST,
        release=served,
        kind=ROUTE,
        id__gte=first_id(world.day(MISHAP, HOUR - 1)),
    ).exclude(unverified="")
    with world.act():
        incident = transitions.open_incident(
            title="The Frankfurt gateway serves a code-assistant release that nobody approved",
            severity=2,
            begins_at=world.day(MISHAP, HOUR - 2),
            detected_at=world.day(MISHAP, HOUR + 1),
            use_case=use_case,
            environment=environment,
            ticket="https://tickets.halden.example/OPS-2291",
            releases=[served],
            requests=[row.request for row in wrong.order_by("id")[:2]],
            actor=world.who(LEAD),
            reason="The overview says so, and two developers sent what they were answered.",
        )
    _write(world, incident, LEAD, "note", "Release 2 is only allowed in the sandbox.")
    _write(
        world, incident, OPERATOR, "decision", "Stop the use case until the gateway is set right."
    )
    by = {"password": PASSWORD, "actor": world.who(OPERATOR)}
    with world.act():
        suspension = runtime.suspend(
            approved,
            environment=environment,
            incident=str(incident.pk),
            reason="Its gateway answers with another release.",
            **by,
        )
    with world.act():
        transitions.step(
            incident.pk, "mitigate", actor=by["actor"], reason="Nothing is served any more."
        )
    yield world.day(MISHAP, HOUR + 3)
    with world.act():
        runtime.lift(suspension.pk, reason="The gateway reads the snapshot again.", **by)
    with world.act() as now:
        transitions.follow_up(
            incident.pk,
            text="Let the gateway refuse a release that its snapshot does not offer.",
            owner=Person.objects.get(username=RISK),
            due_on=(now + timedelta(days=14)).date(),
            actor=by["actor"],
            reason="Nobody saw it before developers did.",
        )
    with world.act():
        transitions.step(
            incident.pk, "resolve", actor=by["actor"], reason="It serves what is approved."
        )


def _write(world: World, incident, who: str, kind: str, text: str) -> None:
    with world.act():
        transitions.write(incident.pk, kind=kind, text=text, actor=world.who(who))
