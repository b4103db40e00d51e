"""What runs in an environment and how it routes, for people and tools alike, at any instant."""

import json
from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from audit import clock
from audit.rules import instant_text
from registry.effective import number_for
from registry.models import (
    Environment,
    Person,
    RegisteredModel,
    Release,
    ServingEndpoint,
    UseCase,
)
from runtime import routing
from runtime.models import Activation
from runtime.publishing import current

#: What would make a refused deployment eligible, by code.
REMEDIES = {
    "SUSPENDED": "An operator lifts the suspension.",
    "APPROVAL_ENDED": "A new promotion of the release is approved.",
    "RESIDENCY": "The endpoint keeps to these regions, or the request allows more of them.",
    "RESIDENCY_UNKNOWN": "The registrar records the endpoint's regions.",
    "DATA_CLASSIFICATION": "The request brings less closely held data.",
    "USE_CASE_DISALLOWED": "The use case is served by another model.",
    "USE_CASE_NOT_INTENDED": "The model's owner names the use case as intended.",
    "TOOL_NOT_GRANTED": "A new release is made with tools that are granted and allowed.",
    "PROVIDER_DENIED": "A release of an allowed provider is approved.",
    "EVALUATION_ERROR": "The snapshot's facts are put right; until then it is refused.",
    "CONTEXT_WINDOW": "The request is shortened, or a model with a larger window is approved.",
    "CAPABILITY_MISSING": "A model that can do it is approved.",
    "UNHEALTHY": "It answers again.",
    "EXCLUDED": "The request no longer leaves it out.",
}
#: What refused deployments have in common, by code.
TITLES = {
    "SUSPENDED": "Suspended",
    "APPROVAL_ENDED": "Not approved any more",
    "RESIDENCY": "Outside the allowed regions",
    "RESIDENCY_UNKNOWN": "Regions not recorded",
    "DATA_CLASSIFICATION": "Data too closely held",
    "USE_CASE_DISALLOWED": "Use case disallowed",
    "USE_CASE_NOT_INTENDED": "Use case not intended",
    "TOOL_NOT_GRANTED": "Tools not granted",
    "PROVIDER_DENIED": "Provider denied",
    "EVALUATION_ERROR": "Could not be judged",
    "CONTEXT_WINDOW": "Context window too small",
    "CAPABILITY_MISSING": "Capability missing",
    "UNHEALTHY": "Not answering",
    "EXCLUDED": "Left out by the request",
}
POLICY_TITLE = "Against policy"
POLICY_REMEDY = "A release that meets the clause is approved."

#: The first line of an answer, by its reason.
HEADLINES = {
    "NO_ROUTE": "Refused: nothing is deployed for this use case.",
    "NOTHING_DEPLOYED": "Refused: nothing is deployed for this use case.",
    "POLICY": "Refused: no deployment may serve this.",
    "CAPABILITY": "Refused: no deployment can serve this.",
    "UNAVAILABLE": "Refused: what may serve this is not there now.",
    "SNAPSHOT_UNKNOWN": "Not judged: the snapshot is of another schema.",
}
LEADS = {
    "NO_ROUTE": "An operator activates an approved release first.",
    "NOTHING_DEPLOYED": "An operator activates an approved release first.",
    "POLICY": "This is policy, not an outage; trying again will not help.",
    "CAPABILITY": "Another request may be served; trying this one again will not help.",
    "UNAVAILABLE": "Trying again may help.",
    "SNAPSHOT_UNKNOWN": "Read it with the engine that it was made for.",
}


def active(environment: Environment, reader: Person, at: datetime | None = None) -> dict | None:
    """Return what is (was) active in an environment, or None before its first generation.

    Deployments of releases that the reader may not see are counted, not named.
    """
    activation = current(environment, number_for(at))
    if activation is None:
        return None
    snapshot = json.loads(activation.snapshot.content)
    rows = snapshot["deployments"]
    digests = [one["release"]["digest"] for one in rows]
    seen = set(
        Release.objects.visible_to(reader)
        .filter(digest__in=digests)
        .values_list("digest", flat=True)
    )
    shown = [one for one in rows if one["release"]["digest"] in seen]
    reasons = against(snapshot, {one["use_case"] for one in shown}, at or clock.now())
    in_sight = in_sight_of(reader, shown)
    return {
        "environment": environment.slug,
        "at": instant_text(at) if at else None,
        **line(activation),
        "deployments": [
            _running(one, as_seen(reasons.get(one["name"], []), one["name"] in in_sight))
            for one in shown
        ],
        "hidden": len(rows) - len(shown),
    }


def line(activation: Activation) -> dict:
    """Return one generation in short: since when, by whom and why."""
    change = activation.change
    return {
        "generation": activation.generation,
        "snapshot": activation.snapshot.digest,
        "since": instant_text(change.at),
        "cause": activation.cause,
        "restored": activation.restored,
        "by": change.actor_name,
        "reason": change.reason,
    }


def _running(one: dict, reasons: list[dict]) -> dict:
    return {
        "name": one["name"],
        "use_case": one["use_case"],
        "release": one["release"],
        "model": f"{one['model']['slug']} {one['model']['version']}",
        "endpoint": one["endpoint"]["slug"],
        "host": one["endpoint"]["host"],
        "priority": one["priority"],
        "not_after": one["not_after"],
        "refused": reasons,
    }


def against(snapshot: dict, use_cases: Iterable[str], at: datetime) -> dict[str, list[dict]]:
    """Return by deployment what stands against it whatever a request asks."""
    found = {}
    for use_case in sorted(use_cases):
        facts = routing.Facts(use_case=use_case)
        answer = routing.decide(snapshot, facts, at, generation=0, digest="")
        for refused in told(answer, snapshot)["candidates"]["refused"]:
            found[refused["deployment"]] = refused["reasons"]
    return found


def in_sight_of(reader: Person, deployments: Iterable[dict]) -> set[str]:
    """Return the deployments whose model and endpoint the reader may see; two queries."""
    deployments = list(deployments)
    endpoints, models = (
        set(
            noun.objects.visible_to(reader)
            .filter(slug__in={one[part]["slug"] for one in deployments})
            .values_list("slug", flat=True)
        )
        for noun, part in ((ServingEndpoint, "endpoint"), (RegisteredModel, "model"))
    )
    return {
        one["name"]
        for one in deployments
        if one["endpoint"]["slug"] in endpoints and one["model"]["slug"] in models
    }


def as_seen(reasons: list[dict], in_sight: bool) -> list[dict]:
    """Return reasons in full, or, of what is not in sight, each code once with its title."""
    if in_sight:
        return reasons
    return [
        {
            "code": code,
            "sentence": f"{TITLES.get(code, POLICY_TITLE)}.",
            "clause": None,
            "value": None,
            "packs": [],
            "remedy": "",
        }
        for code in dict.fromkeys(reason["code"] for reason in reasons)
    ]


def explain(
    use_case: UseCase,
    environment: Environment,
    facts: routing.Facts,
    reader: Person,
    at: datetime | None = None,
) -> dict[str, Any] | None:
    """Return where a request would go (would have gone), with every candidate and its reasons.

    Of refused candidates whose model or endpoint the reader may not see there are codes and
    counts, and of offers no addresses. None before the environment's first generation.
    """
    activation = current(environment, number_for(at))
    if activation is None:
        return None
    snapshot = json.loads(activation.snapshot.content)
    answer = routing.decide(
        snapshot,
        facts,
        at or clock.now(),
        generation=activation.generation,
        digest=activation.snapshot.digest,
    )
    return as_told(answer, snapshot, reader)


def as_told(answer: dict[str, Any], snapshot: dict[str, Any], reader: Person) -> dict[str, Any]:
    """Return an answer in words, as far as the reader may see what it is about."""
    asked = [one for one in snapshot["deployments"] if one["use_case"] == answer["use_case"]]
    return _seen(told(answer, snapshot), in_sight_of(reader, asked))


def _seen(answer: dict[str, Any], in_sight: set[str]) -> dict[str, Any]:
    """Return an answer without what is not in sight."""
    refused = answer["candidates"]["refused"]
    hidden = [one for one in refused if one["deployment"] not in in_sight]
    codes = Counter(code for one in hidden for code in {said["code"] for said in one["reasons"]})
    offers = {
        "selected": answer["selected"] and _offer_seen(answer["selected"], in_sight),
        "fallbacks": [_offer_seen(one, in_sight) for one in answer["fallbacks"]],
    }
    candidates = {
        "refused": [one for one in refused if one["deployment"] in in_sight],
        "hidden": {"refused": len(hidden), "codes": dict(sorted(codes.items()))},
    }
    return {**answer, **offers, "candidates": {**answer["candidates"], **candidates}}


def _offer_seen(offer: dict[str, Any], in_sight: set[str]) -> dict[str, Any]:
    if offer["deployment"] in in_sight:
        return offer
    endpoint = {**offer["endpoint"], "address": "", "host": ""}
    return {**offer, "endpoint": endpoint, "model": {**offer["model"], "identifier": ""}}


def told(answer: dict[str, Any], snapshot: dict[str, Any]) -> dict[str, Any]:
    """Return an answer with each reason in words: its clause, where that is from, what would help.

    The sentences are made of the codes; nothing is judged here.
    """
    route = snapshot.get("routes", {}).get(answer["use_case"], {})
    candidates = answer["candidates"]
    return answer | {
        "headline": _headline(answer),
        "lead": LEADS.get(answer["reason"], ""),
        "candidates": candidates
        | {
            "refused": [
                one | {"reasons": [_in_words(reason, route) for reason in one["reasons"]]}
                for one in candidates["refused"]
            ]
        },
    }


def _headline(answer: dict[str, Any]) -> str:
    if answer["status"] != "routed":
        return HEADLINES[answer["reason"]]
    chosen = answer["selected"]
    return f"Routed to {chosen['endpoint']['slug']}, release {chosen['release']['number']}."


def _in_words(reason: dict[str, str], route: dict[str, Any]) -> dict[str, Any]:
    clause = reason["clause"]
    return {
        "code": reason["code"],
        "sentence": reason["fact"],
        "clause": clause or None,
        "value": route.get("policy", {}).get(clause) if clause else None,
        "packs": route.get("policy_origins", {}).get(clause, []),
        "remedy": REMEDIES.get(reason["code"], POLICY_REMEDY),
    }


def generations(environment: Environment, most: int = 20) -> list[Activation]:
    """Return the newest generations of an environment with their changes, newest first."""
    rows = Activation.objects.filter(environment=environment).select_related("change__actor")
    return list(rows.order_by("-generation")[:most])
