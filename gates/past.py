"""The gate and every finding at a past instant, from what was known then.

Known then is what changes up to that instant wrote: evidence given, runs accepted, items
withdrawn, waivers granted, gates and packs published, rows as they stood. Sealed rows are as they
are. Number and instant come from the log, never from a row's own times.
"""

import copy
from dataclasses import dataclass
from datetime import datetime

from audit import clock
from gates.assessing import findings_of
from gates.facts import Gate, gate_for, gather
from gates.models import Promotion, PromotionEndpoint
from gates.policy import Asked, judged
from gates.rules import Finding
from registry.effective import number_at
from registry.models import EndpointRegion, Environment, Region, ServingEndpoint, UseCase
from registry.past import row_at, rows_at


@dataclass(frozen=True)
class Assessment:
    """All findings about a promotion at an instant, with the gate that they were judged by."""

    at: datetime
    gate: Gate
    findings: tuple[Finding, ...]


def assess(promotion: Promotion, at: datetime | None = None) -> Assessment | None:
    """Return every finding about what a promotion asks, now or at a past instant.

    None before the promotion was made. What it asked for and took in is as it was then.
    """
    now = clock.now()
    at = at or now
    number = None if at >= now else number_at(at)
    if number is None:
        endpoints = [
            link.endpoint
            for link in promotion.endpoint_links.select_related(
                "endpoint__version__model", "endpoint__host"
            ).order_by("endpoint__slug")
        ]
        return _assess(promotion, promotion, promotion.environment, endpoints, at, None)
    then = row_at(promotion, number)
    environment = row_at(promotion.environment, number)
    use_case = row_at(promotion.release.use_case, number)
    if then is None or environment is None or use_case is None:
        return None
    links = rows_at(PromotionEndpoint, number, promotion=promotion.pk)
    endpoints = endpoints_at([link.endpoint_id for link in links], number)
    then.release = copy.copy(promotion.release)
    then.release.use_case = use_case
    return _assess(then, promotion, environment, endpoints, at, number)


def _assess(then, promotion, environment, endpoints, at, number) -> Assessment | None:
    release = then.release
    gate = gate_for(environment, release.use_case, number=number)
    if gate is None:
        return None
    gathered = gather(release, environment, endpoints, then.evidence_up_to, gate, at, number)
    asked = Asked(promotion.pk, release, environment, tuple(one.slug for one in endpoints))
    policy = judged([asked], at, number, up_to=then.evidence_up_to)[promotion.pk]
    return Assessment(at, gate, findings_of(gate, gathered, policy, at))


def endpoints_at(pks: list[int], number: int) -> list[ServingEndpoint]:
    """Return serving endpoints with their regions as they were; two queries and one for names."""
    found = rows_at(ServingEndpoint, number, id__in=pks)
    places = rows_at(EndpointRegion, number, endpoint__in=pks)
    regions = Region.objects.in_bulk({place.region_id for place in places})
    for place in places:
        place.region = regions[place.region_id]
    for endpoint in found:
        own = [place for place in places if place.endpoint_id == endpoint.pk]
        endpoint._prefetched_objects_cache = {"region_links": own}
    return sorted(found, key=lambda endpoint: endpoint.slug)


def gate_at(
    environment: Environment, use_case: UseCase, at: datetime
) -> tuple[Gate | None, UseCase, Environment]:
    """Return the effective gate at a past instant, with use case and environment as they were.

    The gate is None before one of the two was there, or before a gate was published.
    """
    number = number_at(at)
    place, purpose = row_at(environment, number), row_at(use_case, number)
    if place is None or purpose is None:
        return None, use_case, environment
    return gate_for(place, purpose, number=number), purpose, place
