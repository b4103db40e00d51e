"""Which deployment serves a request, which would be next, and why every other one may not.

One file, standard library only: a router may carry a copy of it. `decide` is a pure function of
a snapshot, the facts of a request and an instant; the same three give the same answer, byte for
byte (`encode`), for as long as `ENGINE` stays the same.

A rule refuses what it cannot judge: a fact that is missing, or a rule that raises, is a reason
against. Fallbacks are what is left when every rule has been asked; none is listed anywhere else.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

ENGINE = "gatehouse.routing/1"
SCHEMA = "gatehouse.snapshot/1"

#: Never relaxed, and never a reason to try again.
HARD = (
    "SUSPENDED",
    "APPROVAL_ENDED",
    "RESIDENCY",
    "RESIDENCY_UNKNOWN",
    "DATA_CLASSIFICATION",
    "USE_CASE_DISALLOWED",
    "USE_CASE_NOT_INTENDED",
    "TOOL_NOT_GRANTED",
    "PROVIDER_DENIED",
    "EVALUATION_ERROR",
)
#: Every other clause of policy refuses as `POLICY_` and its name; hard as well.
POLICY = "POLICY_"
CAPABILITY = ("CONTEXT_WINDOW", "CAPABILITY_MISSING")
SOFT = ("UNHEALTHY", "EXCLUDED", "OUTRANKED")

#: Most open first.
CLASSIFICATIONS = ("public", "internal", "confidential", "restricted")
#: Weakest first.
AUTHORIZATIONS = ("none", "service_account", "user_delegated", "human_approval")
#: Cheapest and fastest first; what is not said comes last.
COSTS = ("low", "medium", "high")
LATENCIES = ("interactive", "standard", "batch")
PURPOSES = ("processing", "storage", "telemetry", "support")


class NotAQuestion(ValueError):
    """The facts cannot be read; nothing was judged. `field` names the one that is wrong."""

    def __init__(self, field: str, sentence: str):
        self.field, self.sentence = field, sentence
        super().__init__(sentence)


@dataclass(frozen=True)
class Facts:
    """One request: what it is for, what it brings and what it needs.

    `regions` are where it may be processed and stored, by its own terms; None leaves that to
    policy alone. `data_classification` None stands for that of the use case. `tokens` is the
    length of prompt and answer together. `health` maps deployments to whether they answer;
    one that is not named does.
    """

    use_case: str
    regions: frozenset[str] | None = None
    data_classification: str | None = None
    tools: frozenset[str] = frozenset()
    capabilities: frozenset[str] = frozenset()
    tokens: int | None = None
    exclude: frozenset[str] = frozenset()
    health: Mapping[str, bool] = field(default_factory=dict)


def read(given: Mapping[str, Any]) -> Facts:
    """Return the facts in `given`. Raises `NotAQuestion` for one that is missing or misread."""
    unknown = sorted(given.keys() - Facts.__dataclass_fields__.keys())
    if unknown:
        raise NotAQuestion(unknown[0], f"There is no fact {unknown[0]!r}.")
    if not isinstance(given.get("use_case"), str) or not given["use_case"]:
        raise NotAQuestion("use_case", "Name the use case.")
    classification = given.get("data_classification")
    if classification is not None and classification not in CLASSIFICATIONS:
        named = ", ".join(CLASSIFICATIONS)
        raise NotAQuestion("data_classification", f"Give one of {named}.")
    tokens = given.get("tokens")
    if tokens is not None and (type(tokens) is not int or not 0 <= tokens < 10**12):
        raise NotAQuestion("tokens", "Give a whole number of tokens, 0 or more.")
    health = given.get("health", {})
    if not isinstance(health, Mapping) or not all(type(up) is bool for up in health.values()):
        raise NotAQuestion("health", "Give true or false for each deployment.")
    regions = given.get("regions")
    return Facts(
        use_case=given["use_case"],
        regions=None if regions is None else _words("regions", regions),
        data_classification=classification,
        tools=_words("tools", given.get("tools", ())),
        capabilities=_words("capabilities", given.get("capabilities", ())),
        tokens=tokens,
        exclude=_words("exclude", given.get("exclude", ())),
        health=dict(health),
    )


def _words(name: str, value: Any) -> frozenset[str]:
    if isinstance(value, str | Mapping) or not isinstance(value, Iterable):
        raise NotAQuestion(name, "Give a list of words.")
    found = frozenset(value)
    if not all(isinstance(word, str) and word for word in found):
        raise NotAQuestion(name, "Give a list of words.")
    return found


@dataclass(frozen=True)
class Against:
    """One reason why a deployment may not serve a request.

    `fact` is what is so, and `clause` the clause of policy that it is against, if it is one.
    """

    code: str
    fact: str
    clause: str = ""


@dataclass(frozen=True)
class _Asked:
    """One deployment asked about: itself, its route, the request and the instant."""

    deployment: Mapping[str, Any]
    route: Mapping[str, Any]
    facts: Facts
    at: datetime

    def clause(self, name: str) -> Any:
        """Return the value of a clause of policy, or None if no pack says anything."""
        return self.route["policy"].get(name)


Rule = Callable[[_Asked], Iterator[Against]]


# The rules. Each yields every reason that it finds; all are asked, of every deployment.


def _suspended(asked: _Asked) -> Iterator[Against]:
    for one in asked.deployment["suspended"]:
        yield Against("SUSPENDED", f"Suspended: {one}")


def _approval(asked: _Asked) -> Iterator[Against]:
    until = asked.deployment["not_after"]
    if until is None:
        yield Against("APPROVAL_ENDED", "No approval covers it.")
    elif instant(until) <= asked.at:
        yield Against("APPROVAL_ENDED", f"Its approval ended at {until}.")


def _residency(asked: _Asked) -> Iterator[Against]:
    regions = asked.deployment["endpoint"]["regions"]
    for purpose in PURPOSES:
        clause = f"residency.{purpose}"
        allowed = asked.clause(clause)
        if allowed is not None:
            yield from _within(purpose, regions[purpose], frozenset(allowed), clause)
    if asked.facts.regions is not None:
        for purpose in ("processing", "storage"):
            yield from _within(purpose, regions[purpose], asked.facts.regions, "")


def _within(
    purpose: str, regions: Iterable[str], allowed: frozenset[str], clause: str
) -> Iterator[Against]:
    here = frozenset(regions)
    if not here:
        yield Against("RESIDENCY_UNKNOWN", f"Its regions of {purpose} are not recorded.", clause)
    elif outside := sorted(here - allowed):
        yield Against("RESIDENCY", f"Its {purpose} is in {', '.join(outside)}.", clause)


def _classification(asked: _Asked) -> Iterator[Against]:
    approved = asked.route["data_classification"]
    wanted = asked.facts.data_classification or approved
    if CLASSIFICATIONS.index(wanted) > CLASSIFICATIONS.index(approved):
        fact = f"The request brings {wanted} data; the use case is approved for {approved}."
        yield Against("DATA_CLASSIFICATION", fact)
    most = asked.clause("data_classification.max")
    if most is not None and CLASSIFICATIONS.index(wanted) > CLASSIFICATIONS.index(most):
        fact = f"The request brings {wanted} data."
        yield Against("DATA_CLASSIFICATION", fact, "data_classification.max")


def _use_case(asked: _Asked) -> Iterator[Against]:
    name, model = asked.facts.use_case, asked.deployment["model"]
    if name in model["disallowed"]:
        yield Against("USE_CASE_DISALLOWED", f"The model must not serve {name}.")
    if name not in model["intended"]:
        yield Against("USE_CASE_NOT_INTENDED", f"The model is not meant for {name}.")
    if _denied(asked.clause("use_cases"), name):
        yield Against("USE_CASE_DISALLOWED", f"The use case is {name}.", "use_cases")


def _provider(asked: _Asked) -> Iterator[Against]:
    said = asked.clause("providers")
    if said is None:
        return
    maker, host = asked.deployment["model"]["maker"], asked.deployment["endpoint"]["host"]
    if not maker:
        yield Against("PROVIDER_DENIED", "Who made the model is not recorded.", "providers")
    elif _denied(said, maker):
        yield Against("PROVIDER_DENIED", f"The model is made by {maker}.", "providers")
    if _denied(said, host):
        yield Against("PROVIDER_DENIED", f"It is hosted by {host}.", "providers")


def _tools(asked: _Asked) -> Iterator[Against]:
    grants = asked.deployment["tools"]
    granted = {one["tool"] for one in grants}
    granted |= {f"{one['tool']}.{one['scope']}" for one in grants}
    for tool in sorted(asked.facts.tools - granted):
        yield Against("TOOL_NOT_GRANTED", f"The release may not call {tool}.")
    said = asked.clause("tools")
    for tool in sorted({one["tool"] for one in grants}):
        if _denied(said, tool):
            yield Against("TOOL_NOT_GRANTED", f"The release may call {tool}.", "tools")


def _authorization(asked: _Asked) -> Iterator[Against]:
    for grant in asked.deployment["tools"]:
        clause = f"tools.authorization.{grant['tool']}"
        least = asked.clause(clause)
        under = grant["authorization"]
        if least is not None and AUTHORIZATIONS.index(under) < AUTHORIZATIONS.index(least):
            fact = f"It calls {grant['tool']}.{grant['scope']} under {under.replace('_', ' ')}."
            yield Against("POLICY_TOOLS_AUTHORIZATION", fact, clause)


def _reports_release(asked: _Asked) -> Iterator[Against]:
    clause = "require.served_release_id"
    if asked.clause(clause) and not asked.deployment["endpoint"]["served_release_id"]:
        fact = "It does not report which release served a request."
        yield Against("POLICY_REQUIRE_SERVED_RELEASE_ID", fact, clause)


def _breaches(asked: _Asked) -> Iterator[Against]:
    """What was against policy when the snapshot was made, and a router cannot see for itself."""
    for one in asked.deployment["breaches"]:
        yield Against(one["code"], one["fact"], one["clause"])


def _window(asked: _Asked) -> Iterator[Against]:
    tokens, window = asked.facts.tokens, asked.deployment["model"]["context_window"]
    if tokens is None:
        return
    if window is None:
        yield Against("CONTEXT_WINDOW", "Its context window is not recorded.")
    elif tokens > window:
        yield Against("CONTEXT_WINDOW", f"It holds {window} tokens; the request needs {tokens}.")


def _capabilities(asked: _Asked) -> Iterator[Against]:
    for name in sorted(asked.facts.capabilities - set(asked.deployment["model"]["capabilities"])):
        yield Against("CAPABILITY_MISSING", f"It cannot do {name}.")


def _health(asked: _Asked) -> Iterator[Against]:
    name = asked.deployment["name"]
    if not asked.facts.health.get(name, True):
        yield Against("UNHEALTHY", "It does not answer now.")
    if name in asked.facts.exclude:
        yield Against("EXCLUDED", "The request leaves it out.")


RULES: tuple[Rule, ...] = (
    _suspended,
    _approval,
    _residency,
    _classification,
    _use_case,
    _provider,
    _tools,
    _authorization,
    _reports_release,
    _breaches,
    _window,
    _capabilities,
    _health,
)


def _denied(said: Mapping[str, Any] | None, name: str) -> bool:
    """Whether a clause with allow and deny keeps `name` out; deny beats allow."""
    if said is None:
        return False
    return name in said.get("deny", ()) or ("allow" in said and name not in said["allow"])


def against(asked: _Asked, rules: Iterable[Rule] = RULES) -> list[Against]:
    """Return every reason against one deployment; a rule that raises is a reason too."""
    found: list[Against] = []
    for rule in rules:
        try:
            found += rule(asked)
        except Exception as error:  # noqa: BLE001 - whatever it is, it refuses
            name = rule.__name__.strip("_")
            found.append(
                Against("EVALUATION_ERROR", f"The rule {name} failed: {type(error).__name__}.")
            )
    return found


# The decision


def decide(
    snapshot: Mapping[str, Any],
    facts: Facts,
    at: datetime,
    *,
    generation: int,
    digest: str,
    rules: Iterable[Rule] = RULES,
) -> dict[str, Any]:
    """Return where the request goes at instant `at`, in which order others follow, and why not.

    `generation` and `digest` name the snapshot and are repeated in the answer. A snapshot of
    another schema is not read: the answer is an error, which routes nothing.
    """
    answer: dict[str, Any] = {
        "engine": ENGINE,
        "environment": None,
        "use_case": facts.use_case,
        "at": instant_text(at),
        "generation": generation,
        "digest": digest,
        "status": "error",
        "reason": "SNAPSHOT_UNKNOWN",
        "retryable": False,
        "selected": None,
        "fallbacks": [],
        "prompts": [],
        "candidates": {"total": 0, "eligible": 0, "refused": []},
    }
    if snapshot.get("schema") != SCHEMA:
        return answer
    answer["environment"] = snapshot["environment"]["slug"]
    route = snapshot["routes"].get(facts.use_case)
    if route is None:
        return answer | {"status": "refused", "reason": "NO_ROUTE"}
    eligible, refused = [], []
    candidates = [one for one in snapshot["deployments"] if one["use_case"] == facts.use_case]
    rules = tuple(rules)
    for one in sorted(candidates, key=_name):
        reasons = against(_Asked(one, route, facts, at), rules)
        if reasons:
            refused.append((one, reasons))
        else:
            eligible.append(one)
    eligible.sort(key=_rank)
    answer["candidates"] = {
        "total": len(candidates),
        "eligible": len(eligible),
        "refused": [
            {"deployment": one["name"], "reasons": [_told(reason) for reason in reasons]}
            for one, reasons in refused
        ],
    }
    if not eligible:
        reason, retryable = _why_nothing(reasons for _, reasons in refused)
        return answer | {"status": "refused", "reason": reason, "retryable": retryable}
    return answer | {
        "status": "routed",
        "reason": "ROUTED",
        "selected": _offer(eligible[0]),
        "fallbacks": [_offer(one) | {"code": "OUTRANKED"} for one in eligible[1:]],
        "prompts": eligible[0]["prompts"],
    }


def _name(deployment: Mapping[str, Any]) -> str:
    return deployment["name"]


def _rank(deployment: Mapping[str, Any]) -> tuple[int, int, int, str]:
    endpoint = deployment["endpoint"]
    return (
        deployment["priority"],
        _place(COSTS, endpoint["cost_class"]),
        _place(LATENCIES, endpoint["latency_class"]),
        deployment["name"],
    )


def _place(order: tuple[str, ...], word: str) -> int:
    return order.index(word) if word in order else len(order)


def _offer(deployment: Mapping[str, Any]) -> dict[str, Any]:
    endpoint, model = deployment["endpoint"], deployment["model"]
    return {
        "deployment": deployment["name"],
        "release": deployment["release"],
        "endpoint": {name: endpoint[name] for name in ("slug", "address", "host")},
        "model": {name: model[name] for name in ("slug", "version", "identifier")},
        "parameters": deployment["parameters"],
        "priority": deployment["priority"],
        "not_after": deployment["not_after"],
    }


def _told(reason: Against) -> dict[str, str]:
    return {"code": reason.code, "fact": reason.fact, "clause": reason.clause}


def _why_nothing(refusals: Iterable[list[Against]]) -> tuple[str, bool]:
    """Return why nothing is left, and whether trying again later may help.

    Only what every rule but the soft ones lets through may be back; policy is not an outage.
    """
    kinds = {_kind(reasons) for reasons in refusals}
    if not kinds:
        return "NOTHING_DEPLOYED", False
    if "soft" in kinds:
        return "UNAVAILABLE", True
    return ("CAPABILITY", False) if "capability" in kinds else ("POLICY", False)


def _kind(reasons: list[Against]) -> str:
    codes = {reason.code for reason in reasons}
    if codes <= set(SOFT):
        return "soft"
    return "capability" if codes <= {*SOFT, *CAPABILITY} else "hard"


# Instants and bytes


def instant(text: str) -> datetime:
    """Return the instant that a snapshot writes as text (RFC 3339)."""
    found = datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise ValueError("An instant needs a time zone.")
    return found


def instant_text(value: datetime) -> str:
    """Return an aware instant as UTC with six decimal places and `Z`."""
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def encode(answer: Mapping[str, Any]) -> bytes:
    """Return the bytes of an answer: keys sorted, no blanks, UTF-8."""
    return json.dumps(
        answer, ensure_ascii=False, separators=(",", ":"), sort_keys=True, allow_nan=False
    ).encode()
