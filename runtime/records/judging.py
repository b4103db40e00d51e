"""Whether what a router says ran was published so: values in, the code of a doubt out. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from runtime import routing
from runtime.records.fields import AHEAD, ROUTE

#: What each doubt says, by its code.
DOUBTS = {
    "GENERATION_UNKNOWN": "The environment never had this generation with this snapshot.",
    "GENERATION_LATER": "It happened before its generation was published.",
    "DEPLOYMENT_UNKNOWN": "Its generation offered no such deployment for this use case.",
    "RELEASE_OTHER": "Its generation offered another release under this deployment.",
    "SUSPENDED": "Its deployment was suspended in its generation.",
    "APPROVAL_ENDED": "No approval covered its deployment at that instant.",
    "PROMPTS_OTHER": "Its release has other prompt versions.",
    "POLICY_OTHER": "Another policy was in force in its generation.",
}


@dataclass(frozen=True)
class Offered:
    """What a snapshot says of one deployment that a record can be held against."""

    use_case: str
    release: str
    prompts: tuple[str, ...]
    not_after: datetime | None
    suspended: bool


@dataclass(frozen=True)
class Published:
    """One snapshot: its deployments by name, and the policy's digest of each route."""

    offered: Mapping[str, Offered]
    policies: Mapping[str, str]


@dataclass(frozen=True)
class Generation:
    """A generation as it was published: when, and which snapshot."""

    at: datetime
    digest: str
    published: Published


def published(document: Mapping[str, Any]) -> Published:
    """Return what records are held against of a snapshot's document."""
    return Published(
        offered={
            one["name"]: Offered(
                use_case=one["use_case"],
                release=one["release"]["digest"],
                prompts=tuple(sorted(prompt["digest"] for prompt in one["prompts"])),
                not_after=routing.instant(one["not_after"]) if one["not_after"] else None,
                suspended=bool(one["suspended"]),
            )
            for one in document["deployments"]
        },
        policies={slug: one["policy_digest"] for slug, one in document["routes"].items()},
    )


def doubt(values: Mapping[str, Any], generation: Generation | None) -> str:
    """Return the code of what does not agree with what was published, or an empty string."""
    if values.get("generation") is None:
        return ""  # a refusal by a router that held nothing
    if generation is None or generation.digest != values.get("snapshot_digest"):
        return "GENERATION_UNKNOWN"
    if values["occurred_at"] < generation.at - AHEAD:
        return "GENERATION_LATER"
    if deployment := values.get("deployment"):
        offered = generation.published.offered.get(deployment)
        if offered is None or offered.use_case != values["route"]:
            return "DEPLOYMENT_UNKNOWN"
        if code := _of_offer(values, offered):
            return code
    policy = generation.published.policies.get(values["route"])
    if values.get("policy_digest", policy) != policy:
        return "POLICY_OTHER"
    return ""


def _of_offer(values: Mapping[str, Any], offered: Offered) -> str:
    if offered.release != values["release_digest"]:
        return "RELEASE_OTHER"
    if offered.suspended:
        return "SUSPENDED"
    # What began in time may end later.
    if values["kind"] == ROUTE and (
        offered.not_after is None or values["occurred_at"] >= offered.not_after
    ):
        return "APPROVAL_ENDED"
    if tuple(sorted(values.get("prompts", offered.prompts))) != offered.prompts:
        return "PROMPTS_OTHER"
    return ""
