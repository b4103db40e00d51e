"""Placing a release at its endpoints in an environment, and taking it out."""

from collections.abc import Iterable

from audit import Change, Conflict, Reason, Refused, change
from gates.decisions import decide
from registry.models import Environment, Release, ServingEndpoint
from registry.rights import acting, demand
from runtime.models import Activation, Deployment
from runtime.publishing import TOLD


def activate(
    release: Release,
    environment: Environment,
    endpoints: Iterable[ServingEndpoint],
    *,
    priority: int = 10,
    actor,
    reason: str,
) -> list[Deployment]:
    """Offer an approved release at endpoints that its approval covers; return the deployments.

    The next generation is published with it. Raises `NotAllowed` without the role operator in
    the use case's team, `Refused` for what is not approved there now, with every reason.
    """
    with change(actor=actor, reason=reason) as opened:
        person = acting(opened, actor)
        # What is offered in an environment changes under its lock: a rollback counts on that.
        opened.lock(Environment, environment.pk)
        release = opened.lock(Release, release.pk)
        demand(person, "operate", release)
        wanted = sorted({endpoint.pk for endpoint in endpoints})
        if not wanted:
            sentence = "Name at least one endpoint that its approval covers."
            raise Refused(Reason("ENDPOINT_MISSING", sentence, "endpoints"))
        found = opened.lock(ServingEndpoint, *wanted)
        found = found if isinstance(found, list) else [found]
        refuse_unapproved(release, environment, found)
        placed = [
            _place(opened, person, release, environment, endpoint, priority) for endpoint in found
        ]
        opened.told[TOLD] = (Activation.Cause.PLACED, None)
        return placed


def refuse_unapproved(
    release: Release, environment: Environment, endpoints: Iterable[ServingEndpoint]
) -> None:
    """Raise `Refused` unless an approval of the release holds there and covers each endpoint."""
    answer = decide(release, environment)
    if not answer["allowed"]:
        raise Refused([Reason(one["code"], one["sentence"]) for one in answer["reasons"]])
    covered = set(answer["endpoints"])
    outside = [endpoint.slug for endpoint in endpoints if endpoint.slug not in covered]
    if outside:
        raise Refused(
            Reason(
                "ENDPOINT_NOT_COVERED",
                f"No approval covers {release} at {slug} in {environment.slug}. "
                f"Covered: {', '.join(sorted(covered)) or 'none'}.",
                "endpoints",
            )
            for slug in outside
        )


def _place(
    opened: Change,
    person,
    release: Release,
    environment: Environment,
    endpoint: ServingEndpoint,
    priority: int,
) -> Deployment:
    there = Deployment.objects.filter(
        environment=environment, release=release, endpoint=endpoint, removed_at=None
    )
    if there.exists():
        raise Conflict(
            Reason(
                "THERE_ALREADY",
                f"{release} is offered at {endpoint.slug} in {environment.slug} already.",
                "endpoints",
            )
        )
    return opened.save(
        Deployment(
            environment=environment,
            release=release,
            endpoint=endpoint,
            priority=priority,
            placed_by=person,
            placed_at=opened.now,
        ),
        event="deployment.placed",
    )


def remove(pk: int, *, actor, reason: str) -> Deployment:
    """Take a deployment out; what is left takes its requests from the next generation on."""
    with change(actor=actor, reason=reason) as opened:
        deployment = _lock(opened, pk, actor)
        deployment.removed_at = opened.now
        opened.told[TOLD] = (Activation.Cause.REMOVED, None)
        return opened.save(deployment, event="deployment.removed")


def rank(pk: int, *, priority: int, actor, reason: str) -> Deployment:
    """Give a deployment another priority; the least goes first."""
    with change(actor=actor, reason=reason) as opened:
        deployment = _lock(opened, pk, actor)
        deployment.priority = priority
        return opened.save(deployment, event="deployment.ranked")


def _lock(opened: Change, pk: int, actor) -> Deployment:
    """Return a deployment that is not taken out and that `actor` operates, under its lock."""
    person = acting(opened, actor)
    opened.lock(Environment, Deployment.objects.values_list("environment", flat=True).get(pk=pk))
    deployment = opened.lock(Deployment, pk)
    demand(person, "operate", deployment.release)
    if deployment.removed_at is not None:
        raise Conflict(Reason("REMOVED", f"{deployment} was taken out already."))
    return deployment
