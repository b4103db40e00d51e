"""Whether what a router says ran was published so: values in, the code of a doubt out. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
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
    "RELEASE_NOT_OFFERED": "Its generation did not offer its release for this use case.",
    "RELEASE_NOT_ACTIVE": "Its release was not active in the environment when it ran.",
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
    """One snapshot: its deployments by name, and the policy of each route.

    `packs` are those versions of packs, by the policy's digest, that make a clause what it is.
    """

    offered: Mapping[str, Offered]
    policies: Mapping[str, str]
    packs: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


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
        packs={
            one["policy_digest"]: tuple(
                sorted({pack for packs in one["policy_origins"].values() for pack in packs})
            )
            for one in document["routes"].values()
        },
    )


def doubt(values: Mapping[str, Any], generation: Generation | None) -> str:
    """Return the code of what does not agree with what was published, or an empty string."""
    if values.get("generation") is None:
        return ""  # a refusal by a router that held nothing
    # What comes from a trace may name a generation without its snapshot, and no deployment.
    of_trace = values.get("router_seq") is None
    digest = values.get("snapshot_digest")
    if generation is None or (generation.digest != digest and not (of_trace and digest is None)):
        return "GENERATION_UNKNOWN"
    if values["occurred_at"] < generation.at - AHEAD:
        return "GENERATION_LATER"
    if code := _of_deployment(values, generation.published):
        return code
    policy = generation.published.policies.get(values["route"])
    if values.get("policy_digest", policy) != policy:
        return "POLICY_OTHER"
    return ""


def doubt_of_release(values: Mapping[str, Any], active: Iterable[Generation]) -> str:
    """Return what does not agree of a call that names a release, and no generation.

    `active` are the generations that were active around the instant of the call, newest first: it
    is enough that one of them offers what is named.
    """
    codes = [_of_deployment(values, one.published) for one in active]
    if "" in codes:
        return ""
    plain = [code for code in codes if code in ("SUSPENDED", "APPROVAL_ENDED")]
    return plain[0] if plain else "RELEASE_NOT_ACTIVE"


def _of_deployment(values: Mapping[str, Any], said: Published) -> str:
    """Judge the deployment that is named, or every one of the release that is."""
    if deployment := values.get("deployment"):
        offered = said.offered.get(deployment)
        if offered is None or offered.use_case != (values["route"] or offered.use_case):
            return "DEPLOYMENT_UNKNOWN"
        return _of_offer(values, offered)
    if release := values.get("release_digest"):
        codes = [
            _of_offer(values, one)
            for one in said.offered.values()
            if one.release == release and one.use_case == (values["route"] or one.use_case)
        ]
        return "" if "" in codes else next(iter(codes), "RELEASE_NOT_OFFERED")
    return ""


def _of_offer(values: Mapping[str, Any], offered: Offered) -> str:
    if offered.release != values.get("release_digest", offered.release):
        return "RELEASE_OTHER"
    if offered.suspended:
        return "SUSPENDED"
    # What began in time may end later.
    began = values["occurred_at"] if values["kind"] == ROUTE else values.get("began_at")
    if began is not None and (offered.not_after is None or began >= offered.not_after):
        return "APPROVAL_ENDED"
    if tuple(sorted(values.get("prompts", offered.prompts))) != offered.prompts:
        return "PROMPTS_OTHER"
    return ""
