"""A snapshot as it would be now: all that is deployed in an environment, with what routes need.

A fixed number of queries for any number of deployments.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Q

from audit import clock
from gates.approvals import approvals
from gates.emergencies import standings
from gates.models import BreakGlass, Promotion
from gates.policy import Asked, judged
from registry.effective import InForce, in_force
from registry.models import Environment, ModelUse, ModelVersion, Release, ServingEndpoint
from runtime.models import Deployment, Suspension
from runtime.routing import SCHEMA, instant_text

#: Clauses that a router judges for itself; what other clauses find is written into the snapshot.
JUDGED_THERE = (
    "residency",
    "data_classification",
    "providers",
    "use_cases",
    "tools",
    "require.served_release_id",
)


@dataclass(frozen=True)
class Supposing:
    """What a preview takes to be so, though it is not: a policy, revocations, suspensions."""

    force: InForce | None = None
    #: Keys of promotions.
    revoked: frozenset[int] = frozenset()
    #: Rows that are not saved.
    suspensions: tuple[Suspension, ...] = ()


AS_IT_IS = Supposing()


def empty(slug: str, stage: str, jurisdiction: str, regions: Iterable[str]) -> dict[str, Any]:
    """Return the document of an environment in which nothing is deployed."""
    return {
        "schema": SCHEMA,
        "environment": {
            "slug": slug,
            "stage": stage,
            "jurisdiction": jurisdiction,
            "regions": sorted(regions),
        },
        "routes": {},
        "deployments": [],
    }


def running(environment: Environment) -> list[Deployment]:
    """Return what is deployed in an environment now, with what its document says of it."""
    rows = Deployment.objects.filter(environment=environment, removed_at=None)
    found = list(rows.order_by("pk"))
    # Apart: many deployments are of one release, whose documents are long.
    releases = Release.objects.select_related("use_case__team", "model_version__model").in_bulk(
        {one.release_id for one in found}
    )
    endpoints = ServingEndpoint.objects.in_bulk({one.endpoint_id for one in found})
    for one in found:
        one.environment = environment
        one.release, one.endpoint = releases[one.release_id], endpoints[one.endpoint_id]
    return found


def document(
    environment: Environment, deployments: list[Deployment], supposing: Supposing = AS_IT_IS
) -> dict[str, Any]:
    """Return what a snapshot of `environment` with these deployments says (would say) now."""
    regions = environment.region_links.values_list("region__slug", flat=True)
    found = empty(environment.slug, environment.stage, environment.jurisdiction, regions)
    if not deployments:
        return found
    ends = _ends(environment, deployments, supposing)
    breaches = _breaches(environment, deployments, supposing)
    uses = _uses(deployments)
    suspended = _suspended(environment, deployments, supposing)
    found["routes"] = _routes(environment, deployments, supposing)
    written = _Written()
    found["deployments"] = sorted(
        (
            _deployment(one, uses, written)
            | {
                "not_after": ends.get((one.release_id, one.endpoint.slug)),
                "breaches": breaches[one.name],
                "suspended": suspended[one.name],
            }
            for one in deployments
        ),
        key=lambda one: one["name"],
    )
    return found


class _Written(dict):
    """The sealed documents of releases and model versions, each read once."""

    def __missing__(self, row: Release | ModelVersion) -> dict[str, Any]:
        self[row] = json.loads(row.content)
        return self[row]


def _deployment(
    one: Deployment, uses: dict[int, dict[str, list[str]]], written: _Written
) -> dict[str, Any]:
    """Return what never changes of a deployment: release and endpoint as they are recorded."""
    version = one.release.model_version
    release, endpoint = written[one.release], json.loads(one.endpoint.content)
    return {
        "name": one.name,
        "use_case": release["use_case"],
        "priority": one.priority,
        "release": {"number": release["number"], "digest": one.release.digest},
        "endpoint": {
            "slug": endpoint["endpoint"],
            "digest": one.endpoint.digest,
            **{
                name: endpoint[name]
                for name in (
                    "address",
                    "host",
                    "latency_class",
                    "cost_class",
                    "served_release_id",
                    "regions",
                )
            },
        },
        "model": {
            "slug": version.model.slug,
            "version": version.version,
            "identifier": version.identifier,
            "digest": version.digest,
            "maker": written[version]["maker"],
            "context_window": version.context_window,
            "output_limit": version.output_limit,
            "capabilities": sorted(version.capabilities),
            **uses[version.model_id],
        },
        "prompts": release["prompts"],
        "tools": release["tool_grants"],
        "parameters": release["parameters"],
    }


def _ends(
    environment: Environment, deployments: list[Deployment], supposing: Supposing
) -> dict[tuple[int, str], str]:
    """Return until when each release is, or was, let in at each endpoint: the minute it ends.

    By approval or by broken glass. What neither covers is left out, and what ended for no recorded
    instant: it would be another one at every look.
    """
    where = {"environment": environment, "release__in": {one.release_id for one in deployments}}
    promotions = Promotion.objects.filter(**where).exclude(pk__in=supposing.revoked)
    glasses = BreakGlass.objects.filter(**where)
    force = supposing.force
    let_in = [
        *((one.promotion.release_id, one) for one in approvals(promotions, force=force)),
        *((one.row.release_id, one) for one in standings(glasses, force=force)),
    ]
    latest: dict[tuple[int, str], datetime] = {}
    for release, one in let_in:
        if one.until != one.at:
            for slug in one.facts.covered:
                latest[release, slug] = max(latest.get((release, slug), one.until), one.until)
    return {
        key: instant_text(until.replace(second=0, microsecond=0)) for key, until in latest.items()
    }


def _breaches(
    environment: Environment, deployments: list[Deployment], supposing: Supposing
) -> dict[str, list[dict[str, str]]]:
    """Return by deployment what is against clauses that a router cannot judge."""
    asked = [Asked(one.name, one.release, environment, (one.endpoint.slug,)) for one in deployments]
    return {
        name: [
            {"code": breach.code, "clause": breach.clause, "fact": breach.sentence}
            for breach in said.breaches
            if not _judged_there(breach.clause)
        ]
        for name, said in judged(asked, clock.now(), force=supposing.force).items()
    }


def _judged_there(clause: str) -> bool:
    return any(clause == one or clause.startswith(f"{one}.") for one in JUDGED_THERE)


def _uses(deployments: list[Deployment]) -> dict[int, dict[str, list[str]]]:
    """Return by model the use cases that it is meant for, and those that it must not serve."""
    models = {one.release.model_version.model_id for one in deployments}
    found = {model: {"intended": [], "disallowed": []} for model in models}
    rows = ModelUse.objects.filter(model__in=models).order_by("use_case__slug")
    for model, stance, slug in rows.values_list("model_id", "stance", "use_case__slug"):
        found[model][stance].append(slug)
    return found


def _suspended(
    environment: Environment, deployments: list[Deployment], supposing: Supposing
) -> dict[str, list[str]]:
    """Return by deployment why it is suspended: the reasons that were given."""
    here = Q(environment=environment) | Q(environment=None)
    standing = list(Suspension.objects.filter(here, lifted_at=None))
    standing += [
        one for one in supposing.suspensions if one.environment_id in (None, environment.pk)
    ]
    whys: dict[tuple[str, int], set[str]] = {}
    for said in standing:
        for noun in Suspension.SUBJECTS:
            if (pk := getattr(said, f"{noun}_id")) is not None:
                whys.setdefault((noun, pk), set()).add(said.why)
    return {
        one.name: sorted(set().union(*(whys.get(key, ()) for key in _subjects(one))))
        for one in deployments
    }


def _subjects(one: Deployment) -> tuple[tuple[str, int | None], ...]:
    """Return what a suspension stops it by."""
    version = one.release.model_version
    return (
        ("release", one.release_id),
        ("version", version.pk),
        ("endpoint", one.endpoint_id),
        ("provider", version.maker_id),
        ("provider", one.endpoint.host_id),
    )


def _routes(
    environment: Environment, deployments: list[Deployment], supposing: Supposing
) -> dict[str, Any]:
    """Return each use case that something is deployed for, with its policy and where it is from."""
    force, found = supposing.force or in_force(), {}
    for use_case in {one.release.use_case for one in deployments}:
        policy = force.of(use_case.slug, environment.jurisdiction)
        found[use_case.slug] = {
            "data_classification": use_case.data_classification,
            "policy": {key: held.value for key, held in policy.clauses.items()},
            "policy_digest": policy.digest,
            "policy_origins": {
                key: [str(origin) for origin in held.set_by] for key, held in policy.clauses.items()
            },
        }
    return found
