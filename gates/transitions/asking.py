"""Asking: a promotion from draft to review, and back out of it."""

from collections.abc import Iterable
from datetime import date

from audit import Change, Conflict, Reason, Refused, change
from audit.kept import position
from audit.refusals import NotAllowed
from gates.models import Promotion, PromotionEndpoint
from gates.packages import live
from gates.transitions.locking import lock_promotion
from gates.transitions.writing import write_package
from registry import lifecycle
from registry.models import Environment, ModelVersion, Person, Release, ServingEndpoint
from registry.rights import acting, demand, may
from registry.standing import retired_reasons

NOTHING_ASKED = Reason(
    "ENDPOINT_MISSING", "Name at least one endpoint that serves the release.", "endpoints"
)


def request(
    *,
    release: Release,
    environment: Environment,
    endpoints: Iterable[ServingEndpoint],
    purpose: str,
    wanted_by: date | None = None,
    actor: Person,
    reason: str,
) -> Promotion:
    """Open a draft promotion of a sealed release into an environment at named endpoints.

    Raises `NotAllowed` without the role requester in the use case's team, `Refused` for an
    unsealed release or endpoints that serve something else, `Conflict` when one is open already.
    """
    with change(actor=actor, reason=reason) as opened:
        person = acting(opened, actor)
        opened.lock(ModelVersion, release.model_version_id)
        release = opened.lock(Release, release.pk)
        demand(person, "request", release)
        if release.sealed_at is None:
            raise Refused(
                Reason("NOT_SEALED", f"Release {release} is a draft. Seal it first.", "release")
            )
        undecided = Promotion.objects.filter(
            release=release, environment=environment, state__in=Promotion.UNDECIDED
        ).first()
        if undecided:
            raise Conflict(
                Reason(
                    "OPEN_ALREADY",
                    f"Promotion {undecided.pk} of this release into {environment} is open already.",
                )
            )
        promotion = opened.save(
            Promotion(
                release=release,
                environment=environment,
                purpose=purpose,
                wanted_by=wanted_by,
                requested_by=person,
                created_at=opened.now,
            ),
            event="promotion.requested",
        )
        _set_endpoints(opened, promotion, endpoints, person)
        return promotion


def renew(pk: int, *, actor: Person, reason: str) -> Promotion:
    """Open a draft that asks anew for what an approval let in, with nothing else to fill in.

    Endpoints that serve another version by now are left out. Raises what `request` raises, and
    `Conflict` for what was never approved.
    """
    promotion = Promotion.objects.select_related("release__use_case__team", "environment").get(
        pk=pk
    )
    if reasons := may(actor, "request", promotion.release, fresh=True):
        raise NotAllowed(reasons)
    if promotion.state != Promotion.State.APPROVED:
        sentence = f"The promotion is {promotion.get_state_display()}; there is nothing to renew."
        raise Conflict(Reason("NOT_APPROVED", sentence))
    links = promotion.endpoint_links.select_related("endpoint")
    return request(
        release=promotion.release,
        environment=promotion.environment,
        endpoints=[
            link.endpoint
            for link in links
            if link.endpoint.version_id == promotion.release.model_version_id
        ],
        purpose=f"Renewal of promotion {promotion.pk}: {promotion.purpose}",
        actor=actor,
        reason=reason,
    )


def amend(
    pk: int,
    *,
    endpoints: Iterable[ServingEndpoint],
    purpose: str,
    wanted_by: date | None,
    actor: Person,
    reason: str,
) -> Promotion:
    """Change what an undecided promotion asks for; in review, signatures then stop counting."""
    with change(actor=actor, reason=reason) as opened:
        person, promotion = lock_promotion(opened, pk, actor)
        demand(person, "request", promotion.release)
        _refuse_decided(promotion)
        promotion.purpose, promotion.wanted_by = purpose, wanted_by
        opened.save(promotion, event="promotion.amended")
        _set_endpoints(opened, promotion, endpoints, person)
        return promotion


def submit(pk: int, *, actor: Person, reason: str) -> Promotion:
    """Put a draft, or one whose changes were requested, into review.

    Takes in all evidence given so far and writes the package. What is missing does not stop
    it: the findings say so, and approving stays off until they are met.
    """
    with change(actor=actor, reason=reason) as opened:
        person, promotion = lock_promotion(opened, pk, actor)
        demand(person, "request", promotion.release)
        if promotion.state not in (Promotion.State.DRAFT, Promotion.State.CHANGES_REQUESTED):
            raise Conflict(
                Reason("NOT_A_DRAFT", f"The promotion is {promotion.get_state_display()}.")
            )
        if not promotion.endpoint_links.exists():
            raise Refused(NOTHING_ASKED)
        promotion.state = Promotion.State.IN_REVIEW
        promotion.submission += 1
        promotion.submitted_at = opened.now
        promotion.evidence_up_to = position()
        opened.save(promotion, event="promotion.submitted")
        write_package(opened, live(promotion, opened.now))
        return promotion


def take_in(pk: int, *, actor: Person, reason: str) -> Promotion:
    """Rest the promotion on all evidence given and accepted so far."""
    with change(actor=actor, reason=reason) as opened:
        person, promotion = lock_promotion(opened, pk, actor)
        demand(person, "request", promotion.release)
        if promotion.state != Promotion.State.IN_REVIEW:
            raise Conflict(
                Reason(
                    "NOT_IN_REVIEW",
                    f"The promotion is {promotion.get_state_display()}; "
                    "evidence is taken in while it is in review.",
                )
            )
        promotion.evidence_up_to = position()
        opened.save(promotion, event="promotion.evidence_taken_in")
        return promotion


def withdraw(pk: int, *, actor: Person, reason: str) -> Promotion:
    """Take an undecided promotion back for good."""
    with change(actor=actor, reason=reason) as opened:
        person, promotion = lock_promotion(opened, pk, actor)
        demand(person, "request", promotion.release)
        _refuse_decided(promotion)
        promotion.state = Promotion.State.WITHDRAWN
        promotion.decided_at = opened.now
        return opened.save(promotion, event="promotion.withdrawn")


def _refuse_decided(promotion: Promotion) -> None:
    if not promotion.is_undecided:
        raise Conflict(
            Reason("DECIDED", f"The promotion is {promotion.get_state_display()} already.")
        )


def _set_endpoints(
    opened: Change, promotion: Promotion, endpoints: Iterable[ServingEndpoint], person: Person
) -> None:
    """Make `endpoints` what is asked for; each must be seen by the actor and serve the release."""
    wanted = {endpoint.pk for endpoint in endpoints}
    found = list(ServingEndpoint.objects.visible_to(person).filter(pk__in=wanted))
    reasons = [
        Reason(
            "ENDPOINT_SERVES_ANOTHER",
            f"{endpoint} does not serve the model version of {promotion.release}.",
            "endpoints",
        )
        for endpoint in found
        if endpoint.version_id != promotion.release.model_version_id
    ]
    there = set(promotion.endpoint_links.values_list("endpoint_id", flat=True))
    fresh = [("endpoints", one) for one in found if one.pk not in there]
    reasons += retired_reasons(lifecycle.out_of_use(fresh, person))
    if len(found) < len(wanted):
        reasons.append(Reason("ENDPOINT_UNKNOWN", "Choose endpoints from the list.", "endpoints"))
    if not found:
        reasons.append(NOTHING_ASKED)
    if reasons:
        raise Refused(reasons)
    opened.sync_parts(
        promotion, PromotionEndpoint, [{"endpoint": one} for one in sorted(found, key=str)]
    )
