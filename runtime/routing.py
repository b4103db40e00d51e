"""Which deployment serves a request, which would be next, and why every other one may not.

One file, standard library only: a router may carry a copy of it. `decide` is a pure function of
a snapshot, the facts of a request and an instant; the same three give the same answer, byte for
byte (`encode`), for as long as `ENGINE` stays the same. Whoever asks one snapshot many times keeps
a `Table` of it.

A rule refuses what it cannot judge: a fact that is missing, or a rule that raises, is a reason
against. Fallbacks are what is left when every rule has been asked; none is listed anywhere else.
"""

import json
from bisect import bisect_right
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


@dataclass(frozen=True)
class Reads:
    """What a rule reads beside its route: what is alike in all of that is judged alike.

    `parts` are paths into a deployment; without any, deployments are never alike. `facts` are of
    the request; `time` says that it compares the end of an approval with the instant. `named` says
    that it finds nothing against a deployment that none of those facts names.
    """

    parts: tuple[str, ...] = ()
    facts: tuple[str, ...] | None = ()
    time: bool = False
    named: bool = False


#: Of a rule that does not say what it reads: it is asked of every deployment, every time.
READS_ALL = Reads(facts=None)


def _reads(*parts: str, **more: Any) -> Callable[[Rule], Rule]:
    def told(rule: Rule) -> Rule:
        rule.reads = Reads(parts, **more)
        return rule

    return told


# The rules. Each yields every reason that it finds; all are asked, of every deployment.


@_reads("suspended")
def _suspended(asked: _Asked) -> Iterator[Against]:
    for one in asked.deployment["suspended"]:
        yield Against("SUSPENDED", f"Suspended: {one}")


@_reads("not_after", time=True)
def _approval(asked: _Asked) -> Iterator[Against]:
    until = asked.deployment["not_after"]
    if until is None:
        yield Against("APPROVAL_ENDED", "No approval covers it.")
    elif instant(until) <= asked.at:
        yield Against("APPROVAL_ENDED", f"Its approval ended at {until}.")


@_reads("endpoint.regions", facts=("regions",))
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


@_reads("use_case", facts=("data_classification",))
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


@_reads("model.intended", "model.disallowed")
def _use_case(asked: _Asked) -> Iterator[Against]:
    name, model = asked.facts.use_case, asked.deployment["model"]
    if name in model["disallowed"]:
        yield Against("USE_CASE_DISALLOWED", f"The model must not serve {name}.")
    if name not in model["intended"]:
        yield Against("USE_CASE_NOT_INTENDED", f"The model is not meant for {name}.")
    if _denied(asked.clause("use_cases"), name):
        yield Against("USE_CASE_DISALLOWED", f"The use case is {name}.", "use_cases")


@_reads("model.maker", "endpoint.host")
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


@_reads("tools", facts=("tools",))
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


@_reads("tools")
def _authorization(asked: _Asked) -> Iterator[Against]:
    for grant in asked.deployment["tools"]:
        clause = f"tools.authorization.{grant['tool']}"
        least = asked.clause(clause)
        under = grant["authorization"]
        if least is not None and AUTHORIZATIONS.index(under) < AUTHORIZATIONS.index(least):
            fact = f"It calls {grant['tool']}.{grant['scope']} under {under.replace('_', ' ')}."
            yield Against("POLICY_TOOLS_AUTHORIZATION", fact, clause)


@_reads("endpoint.served_release_id")
def _reports_release(asked: _Asked) -> Iterator[Against]:
    clause = "require.served_release_id"
    if asked.clause(clause) and not asked.deployment["endpoint"]["served_release_id"]:
        fact = "It does not report which release served a request."
        yield Against("POLICY_REQUIRE_SERVED_RELEASE_ID", fact, clause)


@_reads("breaches")
def _breaches(asked: _Asked) -> Iterator[Against]:
    """What was against policy when the snapshot was made, and a router cannot see for itself."""
    for one in asked.deployment["breaches"]:
        yield Against(one["code"], one["fact"], one["clause"])


@_reads("model.context_window", facts=("tokens",))
def _window(asked: _Asked) -> Iterator[Against]:
    tokens, window = asked.facts.tokens, asked.deployment["model"]["context_window"]
    if tokens is None:
        return
    if window is None:
        yield Against("CONTEXT_WINDOW", "Its context window is not recorded.")
    elif tokens > window:
        yield Against("CONTEXT_WINDOW", f"It holds {window} tokens; the request needs {tokens}.")


@_reads("model.capabilities", facts=("capabilities",))
def _capabilities(asked: _Asked) -> Iterator[Against]:
    for name in sorted(asked.facts.capabilities - set(asked.deployment["model"]["capabilities"])):
        yield Against("CAPABILITY_MISSING", f"It cannot do {name}.")


@_reads("name", facts=("health", "exclude"), named=True)
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
    return Table(snapshot, rules).decide(facts, at, generation=generation, digest=digest)


class Table:
    """A snapshot made ready to be asked often: each rule is asked once of what it sees as alike.

    Answers share parts with one another: read them, copy what is to be changed. Any number of
    threads may ask.
    """

    def __init__(self, snapshot: Mapping[str, Any], rules: Iterable[Rule] = RULES):
        self.snapshot = snapshot
        self._rules = tuple(rules)
        self._candidates: dict[str, _Candidates] = {}

    def decide(self, facts: Facts, at: datetime, *, generation: int, digest: str) -> dict[str, Any]:
        """Answer as `decide` does."""
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
        if self.snapshot.get("schema") != SCHEMA:
            return answer
        answer["environment"] = self.snapshot["environment"]["slug"]
        if facts.use_case not in self.snapshot["routes"]:
            return answer | {"status": "refused", "reason": "NO_ROUTE"}
        return answer | self._of(facts.use_case).judge(facts, at)

    def _of(self, use_case: str) -> "_Candidates":
        if use_case not in self._candidates:
            rows = [one for one in self.snapshot["deployments"] if one["use_case"] == use_case]
            route = self.snapshot["routes"][use_case]
            self._candidates[use_case] = _Candidates(route, sorted(rows, key=_name), self._rules)
        return self._candidates[use_case]


#: Some deployments of a route, by their places, and what is against all of them, as answers say it.
_Group = tuple[tuple[int, ...], list[dict[str, str]]]
#: A deployment, and the places of all that a rule cannot tell from it.
_Kind = tuple[Mapping[str, Any], tuple[int, ...]]


class _Candidates:
    """The deployments of one route, by name, and what each rule sees of them."""

    def __init__(
        self,
        route: Mapping[str, Any],
        rows: list[Mapping[str, Any]],
        rules: tuple[Rule, ...],
    ):
        self._rows, self._names = rows, [one["name"] for one in rows]
        self._judges = [_Judge(rule, route, rows) for rule in rules]
        self._unfit: list[_Group] = []
        self._offers: list[dict[str, Any]] = [{}] * len(rows)
        ranks: list[tuple[tuple[int, int, int, str], int]] = []
        for place, one in enumerate(rows):
            try:
                rank, self._offers[place], _ = _rank(one), _offer(one), one["prompts"]
            except Exception as error:  # noqa: BLE001 - whatever it is, it refuses
                self._unfit.append(((place,), [_told(_unfit(error))]))
            else:
                ranks.append((rank, place))
        self._order = [place for _, place in sorted(ranks)]

    def judge(self, facts: Facts, at: datetime) -> dict[str, Any]:
        """Return what an answer says beyond who was asked, about what, and when."""
        found: list[list[dict[str, str]]] = [[]] * len(self._rows)
        for judge in self._judges:
            for places, reasons in judge.against(facts, at):
                for place in places:
                    found[place] = found[place] + reasons if found[place] else reasons
        for (place,), reasons in self._unfit:
            found[place] = found[place] or reasons
        eligible = [place for place in self._order if not found[place]]
        candidates = {
            "total": len(self._rows),
            "eligible": len(eligible),
            "refused": [
                {"deployment": name, "reasons": reasons}
                for name, reasons in zip(self._names, found, strict=True)
                if reasons
            ],
        }
        if not eligible:
            reason, retryable = _why_nothing(found)
            said = {"status": "refused", "reason": reason, "retryable": retryable}
            return said | {"candidates": candidates}
        return {
            "status": "routed",
            "reason": "ROUTED",
            "selected": self._offers[eligible[0]],
            "fallbacks": [self._offers[place] | {"code": "OUTRANKED"} for place in eligible[1:]],
            "prompts": self._rows[eligible[0]]["prompts"],
            "candidates": candidates,
        }


class _Judge:
    """One rule and what it sees as alike among the deployments of a route."""

    #: Answers that are kept, to different facts.
    MOST = 256

    def __init__(self, rule: Rule, route: Mapping[str, Any], rows: list[Mapping[str, Any]]):
        self._rule, self._route = rule, route
        self._reads: Reads = getattr(rule, "reads", READS_ALL)
        alike: dict[Any, list[int]] = {}
        for place, one in enumerate(rows):
            alike.setdefault(_seen(one, self._reads.parts, place), []).append(place)
        #: One of each kind, and the places of all of its kind.
        self._kinds = [(rows[places[0]], tuple(places)) for places in alike.values()]
        self._by_name = {one["name"]: (one, places) for one, places in self._kinds}
        self._ends = _ends(rows) if self._reads.time else []
        self._known: dict[Any, list[_Group]] = {}

    def against(self, facts: Facts, at: datetime) -> list[_Group]:
        """Return which deployments this rule refuses, and with what reasons."""
        if self._reads.named:
            return self._ask(self._named(facts), facts, at)
        key = self._key(facts, at)
        if key is None:
            return self._ask(self._kinds, facts, at)
        found = self._known.get(key)
        if found is None:
            if len(self._known) >= self.MOST:
                self._known.clear()
            found = self._known[key] = self._ask(self._kinds, facts, at)
        return found

    def _key(self, facts: Facts, at: datetime) -> Any:
        """Return what the answer depends on, or None if that cannot be told."""
        if self._reads.facts is None:
            return None
        try:
            # Between two ends of approvals, time changes nothing.
            passed = bisect_right(self._ends, at)
            key = (passed, *(getattr(facts, name) for name in self._reads.facts))
            hash(key)
        except TypeError:
            return None
        return key

    def _named(self, facts: Facts) -> list[_Kind]:
        named = {name for fact in self._reads.facts or () for name in getattr(facts, fact)}
        return [self._by_name[name] for name in named & self._by_name.keys()]

    def _ask(self, kinds: Iterable[_Kind], facts: Facts, at: datetime) -> list[_Group]:
        groups = []
        for one, places in kinds:
            if reasons := against(_Asked(one, self._route, facts, at), (self._rule,)):
                groups.append((places, [_told(reason) for reason in reasons]))
        return groups


def _seen(deployment: Mapping[str, Any], parts: tuple[str, ...], place: int) -> Any:
    """Return what a rule that reads `parts` sees: equal for two that it cannot tell apart.

    It is written out, since 1, 1.0 and True are equal and read differently. What lacks a part is
    like nothing else.
    """
    if not parts:
        return place
    found = []
    for part in parts:
        value: Any = deployment
        for step in part.split("."):
            if not isinstance(value, Mapping) or step not in value:
                return place
            value = value[step]
        found.append(repr(value))
    return tuple(found)


def _ends(rows: Iterable[Mapping[str, Any]]) -> list[datetime]:
    """Return when approvals end, soonest first; what is no instant refuses at any time."""
    found = set()
    for one in rows:
        try:
            found.add(instant(one["not_after"]))
        except (KeyError, TypeError, ValueError):
            continue
    return sorted(found)


def _unfit(error: Exception) -> Against:
    return Against("EVALUATION_ERROR", f"It cannot be offered: {type(error).__name__}.")


def _name(deployment: Mapping[str, Any]) -> str:
    return deployment["name"]


def _rank(deployment: Mapping[str, Any]) -> tuple[int, int, int, str]:
    endpoint, priority = deployment["endpoint"], deployment["priority"]
    if type(priority) is not int:
        raise TypeError("A priority is a whole number.")
    return (
        priority,
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


def _why_nothing(refusals: Iterable[list[dict[str, str]]]) -> tuple[str, bool]:
    """Return why nothing is left, and whether trying again later may help.

    Only what every rule but the soft ones lets through may be back; policy is not an outage.
    """
    kinds = {_kind(reasons) for reasons in refusals}
    if not kinds:
        return "NOTHING_DEPLOYED", False
    if "soft" in kinds:
        return "UNAVAILABLE", True
    return ("CAPABILITY", False) if "capability" in kinds else ("POLICY", False)


def _kind(reasons: list[dict[str, str]]) -> str:
    codes = {reason["code"] for reason in reasons}
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
