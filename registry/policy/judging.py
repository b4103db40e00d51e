"""An effective policy judged against the facts of a release at its endpoints."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from registry.policy.clauses import AUTHORIZATIONS, CLASSIFICATIONS, REQUIREMENTS
from registry.policy.merging import Effective, Held


@dataclass(frozen=True)
class EndpointFacts:
    """Where a release would be served; a purpose without regions is unknown."""

    slug: str
    host: str
    regions: Mapping[str, frozenset[str]] = field(default_factory=dict)
    reports_release: bool = False


@dataclass(frozen=True)
class Measured:
    """The accepted score of a metric that is rested on, and the evidence item it stands in.

    `newest` is the newest score of all, which can speak against but not for; `text` is empty
    while none is rested on.
    """

    text: str
    item: str = ""
    newest: str = ""


@dataclass(frozen=True)
class Facts:
    """All that a policy is judged by. `passing` maps kinds of evidence to an item that passes."""

    use_case: str
    data_classification: str
    maker: str | None = None
    endpoints: tuple[EndpointFacts, ...] = ()
    #: (tool, scope, authorisation) of each grant.
    grants: tuple[tuple[str, str, str], ...] = ()
    scores: Mapping[tuple[str, str], Measured] = field(default_factory=dict)
    passing: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Breach:
    """One way in which the facts are against a clause; `endpoint` is empty for the release.

    `missing` tells a fact that nobody recorded from one that is against the clause.
    """

    code: str
    clause: str
    sentence: str
    packs: tuple[str, ...]
    endpoint: str = ""
    missing: bool = False


@dataclass(frozen=True)
class Verdict:
    """One clause judged: its breaches, or in `fact` why it is met, and what it rests on."""

    held: Held
    breaches: tuple[Breach, ...]
    fact: str
    rests_on: tuple[str, ...] = ()


def judge(effective: Effective, facts: Facts) -> list[Breach]:
    """Return every breach of every clause, in the order of the clauses."""
    return [breach for verdict in judgements(effective, facts) for breach in verdict.breaches]


def judgements(effective: Effective, facts: Facts) -> list[Verdict]:
    """Return each clause that speaks of releases and endpoints, judged.

    Periods are not among them: they shape how long an approval or a record lasts.
    """
    found = []
    for held in effective.clauses.values():
        for prefix, judged in _JUDGES.items():
            if held.key == prefix or held.key.startswith(f"{prefix}."):
                found.append(judged(held, facts))
                break
    return found


def _breach(held: Held, code: str, fact: str, endpoint: str = "", missing: bool = False) -> Breach:
    packs = tuple(str(origin) for origin in held.set_by)
    named = " and ".join(packs)
    return Breach(
        code,
        held.key,
        f"{fact} The clause {held.key} of {named} says: {held.words}.",
        packs,
        endpoint,
        missing,
    )


def _residency(held: Held, facts: Facts) -> Verdict:
    purpose = held.key.partition(".")[2]
    word = "support access" if purpose == "support" else purpose
    allowed, breaches = set(held.value), []
    for endpoint in facts.endpoints:
        regions = endpoint.regions.get(purpose, frozenset())
        if not regions:
            said = f"The regions of {word} at {endpoint.slug} are not recorded."
            breaches.append(_breach(held, "RESIDENCY_UNKNOWN", said, endpoint.slug, True))
        elif outside := sorted(regions - allowed):
            said = f"{endpoint.slug} does its {word} in {', '.join(outside)}."
            breaches.append(_breach(held, "RESIDENCY", said, endpoint.slug))
    if not facts.endpoints:
        breaches.append(_breach(held, "RESIDENCY_UNKNOWN", "No endpoint is named.", missing=True))
    return Verdict(held, tuple(breaches), f"Every endpoint keeps to {held.words}.")


def _classification(held: Held, facts: Facts) -> Verdict:
    breaches = ()
    if CLASSIFICATIONS.index(facts.data_classification) > CLASSIFICATIONS.index(held.value):
        said = f"The use case {facts.use_case} handles {facts.data_classification} data."
        breaches = (_breach(held, "DATA_CLASSIFICATION", said),)
    return Verdict(held, breaches, f"The use case handles {facts.data_classification} data.")


def _denied(held: Held, slug: str) -> bool:
    value = held.value
    return slug in value.get("deny", ()) or ("allow" in value and slug not in value["allow"])


def _providers(held: Held, facts: Facts) -> Verdict:
    breaches = []
    if facts.maker is None:
        said = "Who made the model is not recorded."
        breaches.append(_breach(held, "PROVIDER_DENIED", said, missing=True))
    elif _denied(held, facts.maker):
        breaches.append(_breach(held, "PROVIDER_DENIED", f"The model is made by {facts.maker}."))
    breaches += [
        _breach(held, "PROVIDER_DENIED", f"{one.slug} is hosted by {one.host}.", endpoint=one.slug)
        for one in facts.endpoints
        if _denied(held, one.host)
    ]
    return Verdict(held, tuple(breaches), "Maker and hosts are allowed.")


def _use_cases(held: Held, facts: Facts) -> Verdict:
    breaches = ()
    if _denied(held, facts.use_case):
        said = f"The use case is {facts.use_case}."
        breaches = (_breach(held, "USE_CASE_DISALLOWED", said),)
    return Verdict(held, breaches, f"The use case {facts.use_case} is allowed.")


def _tools(held: Held, facts: Facts) -> Verdict:
    denied = sorted({tool for tool, _, _ in facts.grants if _denied(held, tool)})
    breaches = tuple(
        _breach(held, "TOOL_NOT_GRANTED", f"The release may call {tool}.") for tool in denied
    )
    return Verdict(held, breaches, "Every tool that the release may call is allowed.")


def _authorization(held: Held, facts: Facts) -> Verdict:
    tool = held.key.removeprefix("tools.authorization.")
    wanted = AUTHORIZATIONS.index(held.value)
    breaches = tuple(
        _breach(
            held,
            "POLICY_TOOLS_AUTHORIZATION",
            f"The release calls {tool}.{scope} under {how.replace('_', ' ')}.",
        )
        for name, scope, how in facts.grants
        if name == tool and AUTHORIZATIONS.index(how) < wanted
    )
    return Verdict(held, breaches, f"No call to {tool} is under less.")


def _safety(held: Held, facts: Facts) -> Verdict:
    (suite, metric), bound = held.kind.parts(held.key), held.key.rpartition(".")[2]
    measured = facts.scores.get((suite, metric))
    code = f"POLICY_SAFETY_{bound.upper()}"
    if measured is None:
        said = f"{suite} {metric} was not measured."
        return Verdict(held, (_breach(held, code, said, missing=True),), "")
    limit = Decimal(held.value)
    for text in filter(None, (measured.newest, measured.text)):
        if Decimal(text) < limit if bound == "min" else Decimal(text) > limit:
            return Verdict(held, (_breach(held, code, f"{suite} {metric} is {text}."),), "")
    if not measured.text:
        said = f"{suite} {metric} was measured after this was submitted."
        return Verdict(held, (_breach(held, code, said, missing=True),), "")
    rests_on = (measured.item,) if measured.item else ()
    return Verdict(held, (), f"{suite} {metric} is {measured.text}.", rests_on)


def _required(held: Held, facts: Facts) -> Verdict:
    name = held.key.partition(".")[2]
    code = f"POLICY_REQUIRE_{name.upper()}"
    if name == "served_release_id":
        breaches = tuple(
            _breach(
                held,
                code,
                f"{one.slug} does not report which release served a request.",
                endpoint=one.slug,
            )
            for one in facts.endpoints
            if not one.reports_release
        )
        return Verdict(held, breaches, REQUIREMENTS[name])
    if name in facts.passing:
        return Verdict(held, (), REQUIREMENTS[name], (facts.passing[name],))
    said = f"No {name.replace('_', ' ')} passes."
    return Verdict(held, (_breach(held, code, said, missing=True),), "")


#: The longer key before the one it begins with.
_JUDGES: dict[str, Callable[[Held, Facts], Verdict]] = {
    "residency": _residency,
    "data_classification": _classification,
    "providers": _providers,
    "use_cases": _use_cases,
    "tools.authorization": _authorization,
    "tools": _tools,
    "safety": _safety,
    "require": _required,
}
