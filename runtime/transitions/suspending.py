"""The kill switch: what is suspended serves nothing from the next generation on."""

from audit import Conflict, Reason, change
from gates.rules.emergencies import INCIDENT
from registry.models import Environment, ModelVersion, Provider, Release, ServingEndpoint
from registry.rights import acting, demand
from registry.showing import Shown, show_again
from runtime.models import Activation, Suspension
from runtime.publishing import TOLD

#: What can be suspended, by the name of the column that holds it.
NOUNS = {
    "release": Release,
    "version": ModelVersion,
    "endpoint": ServingEndpoint,
    "provider": Provider,
}


def suspend(
    subject: Release | ModelVersion | ServingEndpoint | Provider,
    *,
    environment: Environment | None,
    incident: str = "",
    password: Shown | str,
    actor,
    reason: str,
) -> Suspension:
    """Stop a release, model version, endpoint or whole provider, in one environment or everywhere.

    The reason given is what every refused route says; `incident` names what it is done for, if
    anything. Raises `NotAllowed` without the role operator in the team that owns it, for all teams
    if it is a provider; `Refused` for a wrong password, `Conflict` when it is suspended already.
    """
    shown = show_again(actor, password)
    noun = next(name for name, model in NOUNS.items() if isinstance(subject, model))
    with change(actor=actor, reason=reason) as opened:
        person = acting(opened, actor)
        demand(person, "operate", subject)
        standing = Suspension.objects.filter(
            **{noun: subject}, environment=environment, lifted_at=None
        )
        if standing.exists():
            raise Conflict(Reason("SUSPENDED_ALREADY", f"{subject} is suspended there already."))
        opened.told[TOLD] = (Activation.Cause.SUSPENDED, None)
        opened.told[INCIDENT] = incident
        return opened.save(
            Suspension(
                **{noun: subject},
                environment=environment,
                why=opened.reason,
                suspended_by=person,
                suspended_at=opened.now,
            ),
            event="suspension.begun",
            facts=({"incident": incident.strip()} if incident.strip() else {}) | shown.told,
        )


def lift(pk: int, *, password: Shown | str, actor, reason: str) -> Suspension:
    """Let what was suspended serve again, if nothing else keeps it from that."""
    shown = show_again(actor, password)
    with change(actor=actor, reason=reason) as opened:
        person = acting(opened, actor)
        suspension = opened.lock(Suspension, pk)
        demand(person, "operate", suspension.subject)
        if suspension.lifted_at is not None:
            raise Conflict(Reason("LIFTED", "This suspension was lifted already."))
        suspension.lifted_at, suspension.lifted_by = opened.now, person
        opened.told[TOLD] = (Activation.Cause.RESUMED, None)
        return opened.save(suspension, event="suspension.lifted", facts=shown.told)
