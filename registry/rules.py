"""What must be true of the nouns, as judgements. Pure: values in, reasons out; time is given."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from audit.refusals import Reason
from audit.rules import listed as with_hidden

# Documents inside rows


def list_problem(value: Any) -> str:
    """Return what is wrong with a list of short, different names, or nothing."""
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        return 'Give a list of texts, such as ["text", "image"].'
    if any(not item.strip() or item != item.strip() or len(item) > 100 for item in value):
        return "Give each name without blanks around it, in 1 to 100 characters."
    if len(set(value)) != len(value):
        return "Name each only once."
    return ""


def object_problem(value: Any) -> str:
    """Return what is wrong with a JSON object, or nothing."""
    return "" if isinstance(value, dict) else 'Give a JSON object, such as {"temperature": "0.2"}.'


# Saving


def set_once_problems(
    before: Mapping[str, Any], after: Mapping[str, Any], labels: Mapping[str, str]
) -> list[Reason]:
    """Judge fields that keep their first value: addresses, packages and digests name it."""
    return [
        Reason(
            "SET_ONCE",
            f"The {labels[name]} keeps the value it was given first. Make a new one instead.",
            name,
        )
        for name in before
        if before[name] not in (None, "") and after[name] != before[name]
    ]


# Lineage


def circle(start: str, base_of: Mapping[str, str | None]) -> list[str]:
    """Return the path from `start` over base versions back to itself, or nothing.

    `base_of` names the base of each version; a version that is not in it has none.
    """
    path, here = [start], base_of.get(start)
    while here is not None and here not in path:
        path.append(here)
        here = base_of.get(here)
    return [*path, start] if here == start else []


def circle_reasons(path: list[str]) -> list[Reason]:
    """Return the refusal of a lineage that comes back to itself."""
    if not path:
        return []
    return [
        Reason(
            "LINEAGE_CIRCLE",
            f"A version cannot come from itself: {' ← '.join(path)}. Name another base version.",
            "base_version",
        )
    ]


# Sealing


def version_seal_problems(
    *,
    name: str,
    identifier: str,
    maker: str,
    base: str,
    base_sealed: bool,
    lineage_circle: list[str],
) -> list[Reason]:
    """Judge whether a model version can be sealed; gates judge what else it should say."""
    reasons = []
    if not identifier:
        reasons.append(
            Reason(
                "IDENTIFIER_MISSING",
                f"Model version {name} has no identifier. Give the maker's own name for it.",
                "identifier",
            )
        )
    if not maker:
        reasons.append(
            Reason(
                "MAKER_MISSING", f"Model version {name} has no maker. Name who made it.", "maker"
            )
        )
    reasons += circle_reasons(lineage_circle)
    if base and not base_sealed and not lineage_circle:
        reasons.append(
            Reason(
                "BASE_NOT_SEALED",
                f"The base version {base} of {name} is a draft and has no digest yet. "
                "Seal it first.",
                "base_version",
            )
        )
    return reasons


def release_seal_problems(*, templates: Iterable[str], use_case: str) -> list[Reason]:
    """Judge whether a release can be sealed, its model version aside."""
    seen, twice = set(), set()
    for template in templates:
        (twice if template in seen else seen).add(template)
    return [
        Reason(
            "PROMPT_TWICE",
            f"The release of {use_case} names two versions of the prompt {template}. Keep one.",
            "prompt_version",
        )
        for template in sorted(twice)
    ]


# People

LONGEST_TOKEN = timedelta(days=365)


def grant_problems(
    *, role: str, label: str, for_team: bool, active: bool, service: bool, signs: bool
) -> list[Reason]:
    """Judge a role grant; that nobody grants to themselves is a right and a constraint."""
    reasons = []
    if not active:
        reasons.append(
            Reason("INACTIVE", "This person is deactivated. Reactivate them first.", "person")
        )
    if role == "administrator" and for_team:
        reasons.append(
            Reason(
                "ADMINISTRATOR_FOR_ALL",
                "An administrator is one for all teams. Leave the team empty.",
                "team",
            )
        )
    if service and (signs or role == "administrator"):
        reasons.append(
            Reason(
                "SERVICE_ACCOUNT",
                f"A service account has no password to sign with and cannot be {label}.",
                "role",
            )
        )
    return reasons


def token_problems(
    *, now: datetime, expires_at: datetime | None, owner_active: bool
) -> list[Reason]:
    """Judge the life and the owner of a new token."""
    reasons = []
    if not owner_active:
        reasons.append(Reason("INACTIVE", "The owner is deactivated.", "user"))
    if expires_at is None or expires_at <= now:
        reasons.append(Reason("TOKEN_ENDED", "Give an end that lies in the future.", "expiry"))
    elif expires_at - now > LONGEST_TOKEN:
        reasons.append(
            Reason(
                "TOKEN_TOO_LONG",
                f"A token lives {LONGEST_TOKEN.days} days at most. Give an earlier end.",
                "expiry",
            )
        )
    return reasons


def last_administrator_problems(*, others: int, doing: str) -> list[Reason]:
    """Judge what would leave nobody to administer; `others` counts those who would remain."""
    if others:
        return []
    return [
        Reason(
            "LAST_ADMINISTRATOR",
            f"Nobody would be left to administer. Grant the role to somebody else before {doing}.",
        )
    ]


# Failures against one key (an account, an address, a signer)

LOCKED_AFTER = 5
LOCKED_FOR = timedelta(minutes=15)


@dataclass(frozen=True)
class Count:
    """Failures so far: how many, since when, and until when the key is locked."""

    failures: int = 0
    first_at: datetime | None = None
    locked_until: datetime | None = None


def is_locked(count: Count, now: datetime) -> bool:
    """Whether the key is locked at this moment."""
    return count.locked_until is not None and now < count.locked_until


def after_failure(count: Count, now: datetime, allowed: int = LOCKED_AFTER) -> Count:
    """Return the count after one more failure; the `allowed`-th within 15 minutes locks.

    Failures older than that, or from before a lock that ran out, are forgotten.
    """
    if is_locked(count, now):
        return count
    stale = count.first_at is None or now - count.first_at >= LOCKED_FOR
    if stale or count.locked_until is not None:
        count = Count(0, now)
    failures = count.failures + 1
    return Count(failures, count.first_at, now + LOCKED_FOR if failures >= allowed else None)


# Completeness: what is recorded of a release and its model version, gate by gate


@dataclass(frozen=True)
class Asked:
    """One fact of the minimum metadata: its name, the gate that first asks, where it is told.

    `told_on` is the row it is recorded on: "version", "model", "endpoint" or "release".
    """

    label: str
    gate: str
    told_on: str
    fix: str


#: Code -> what is asked. Requirements of the gates name these codes; they never change.
ASKED: dict[str, Asked] = {
    "identifier": Asked("Identifier", "sandbox", "version", "Give the maker's name for it."),
    "maker": Asked("Maker", "sandbox", "version", "Name the provider that made it."),
    "region": Asked("Region", "sandbox", "endpoint", "Say where the endpoint processes data."),
    "intended_use": Asked(
        "Intended use", "sandbox", "model", "List the use case as intended on the model."
    ),
    "context_window": Asked("Context window", "production", "version", "Give it in tokens."),
    "output_limit": Asked("Output limit", "production", "version", "Give it in tokens."),
    "modalities": Asked(
        "Modalities", "production", "version", "List what goes in and what comes out."
    ),
    "capabilities": Asked("Capabilities", "production", "version", "List what it can do."),
    "licence": Asked("Licence", "production", "version", "Name the licence or the terms of use."),
    "lineage": Asked(
        "Base version and method",
        "production",
        "version",
        "Say by which method it was made from its base version.",
    ),
    "datasets": Asked(
        "Datasets by role",
        "production",
        "version",
        "List the dataset versions it was trained, tuned or evaluated on.",
    ),
    "retirement": Asked(
        "Retirement date",
        "production",
        "version",
        "Give the date, or say that none is announced.",
    ),
    "card": Asked("Model card", "production", "version", "Write or paste the model card."),
    "endpoints": Asked(
        "Serving endpoints",
        "production",
        "endpoint",
        "Give each endpoint its regions for processing, storage, telemetry and support access.",
    ),
    "served_release_id": Asked(
        "Served release id",
        "production",
        "endpoint",
        "Record what the provider reports, or that it exposes nothing.",
    ),
    "prompts_digest": Asked("Prompt versions", "production", "release", "Add prompt versions."),
    "tools": Asked("Tool grants", "production", "release", "Say which tools it may use."),
    "parameters": Asked("Generation parameters", "production", "release", "Give them as JSON."),
    "objectives": Asked(
        "Service level objectives", "production", "release", "Promise one objective at least."
    ),
    "on_call": Asked("On-call team", "production", "release", "Name the team that is woken."),
    "runbook": Asked("Runbook", "production", "release", "Link to what to do when it misbehaves."),
}


def lineage_said(base: str, method: str) -> str:
    """Return the base version with the method in words, or nothing while the method is unsaid."""
    if not base:
        return "no base version of ours"
    return f"{method} of {base}" if method else ""


def datasets_said(method: str, listed: Iterable[tuple[str, str]]) -> str:
    """Return the datasets by role, or nothing when one must be missing.

    `listed` are (role, dataset version); one that the reader may not see has no name. What was
    tuned was tuned on something.
    """
    pairs = sorted(listed)
    roles = {role for role, _ in pairs}
    if method in TUNES_ON_DATA and not roles & {"training", "fine_tuning"}:
        return ""
    named = [f"{name} ({role.replace('_', '-')})" for role, name in pairs if name]
    return with_hidden(named, len(pairs) - len(named))


#: Methods that take data; quantising and merging do not.
TUNES_ON_DATA = ("full", "adapter", "preference", "distilled")


def intended_said(
    use_case: str | None, stances: Mapping[str, str], hidden: Iterable[str] = ()
) -> str:
    """Return the intended use; of a release, whether its own use case is listed as intended.

    Use cases in `hidden` are counted, not named.
    """
    if use_case is not None:
        return use_case if stances.get(use_case) == "intended" else ""
    intended = {name for name, stance in stances.items() if stance == "intended"}
    unseen = intended & set(hidden)
    return with_hidden(sorted(intended - unseen), len(unseen))


#: What an endpoint does with what it is sent; each needs its regions.
PURPOSES = ("processing", "storage", "telemetry", "support")


def processing_said(endpoints: Mapping[str, Mapping[str, Iterable[str]]]) -> str:
    """Return the regions that process, or nothing if any endpoint names none, or there is none."""
    regions = [set(by_purpose.get("processing", ())) for by_purpose in endpoints.values()]
    return ", ".join(sorted(set().union(*regions))) if regions and all(regions) else ""


def endpoints_said(
    endpoints: Mapping[str, Mapping[str, Iterable[str]]], hidden: Iterable[str] = ()
) -> str:
    """Return the endpoints, or nothing if there is none or one leaves a purpose without region.

    Those in `hidden` are judged and counted, not named.
    """
    if any(not by_purpose.get(each) for by_purpose in endpoints.values() for each in PURPOSES):
        return ""
    unseen = set(hidden)
    return with_hidden(sorted(endpoints.keys() - unseen), len(unseen & endpoints.keys()))
