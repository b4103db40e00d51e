"""What differs between two snapshots, as people say it. Pure: no Django, no queries, no clock.

Two documents in, differences out, each with the use cases it is about. A part of a document that
this does not know by name is compared as it is written, so that nothing is passed over in silence.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from registry.policy.comparing import clause_changes

ADDED, REMOVED, CHANGED = "added", "removed", "changed"
#: The order in which differences are read.
CODES = (
    "ENVIRONMENT",
    "DEPLOYMENT_REMOVED",
    "DEPLOYMENT_ADDED",
    "SUSPENDED",
    "RESUMED",
    "APPROVAL",
    "PRIORITY",
    "POLICY",
    "POLICY_PACK",
    "POLICY_BREACH",
    "REGIONS",
    "ENDPOINT",
    "USE_CASES",
    "DATA_CLASSIFICATION",
    "OTHER",
)
#: Parts of a deployment that are told in words of their own, or follow from others.
_TOLD = {
    "name",
    "use_case",
    "priority",
    "not_after",
    "suspended",
    "breaches",
    "endpoint.digest",
    "endpoint.slug",
}
_PURPOSES = {
    "processing": "processing",
    "storage": "storage",
    "telemetry": "telemetry",
    "support": "support access",
}


@dataclass(frozen=True)
class Difference:
    """One thing that differs: `state` is added, removed or changed.

    `use_cases` are those it matters for, none if it is about the environment itself; `effect` says
    of policy whether it asks for more.
    """

    code: str
    state: str
    sentence: str
    use_cases: tuple[str, ...] = ()
    effect: str = ""


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Difference]:
    """Return all that differs from one snapshot of an environment to another.

    What is so for several use cases is told once.
    """
    merged: dict[tuple[str, str, str, str], set[str]] = {}
    for one in _all(before, after):
        key = (one.code, one.state, one.sentence, one.effect)
        merged.setdefault(key, set()).update(one.use_cases)
    found = [
        Difference(code, state, sentence, tuple(sorted(use_cases)), effect)
        for (code, state, sentence, effect), use_cases in merged.items()
    ]
    return sorted(found, key=lambda one: (CODES.index(one.code), one.sentence))


def _all(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Difference]:
    yield from _environment(before["environment"], after["environment"])
    for slug in before["routes"].keys() & after["routes"].keys():
        yield from _route(slug, before["routes"][slug], after["routes"][slug])
    was = {one["name"]: one for one in before["deployments"]}
    now = {one["name"]: one for one in after["deployments"]}
    for name in was.keys() - now.keys():
        yield _of(was[name], "DEPLOYMENT_REMOVED", REMOVED, f"{_offer(was[name])} no longer.")
    for name in now.keys() - was.keys():
        priority = now[name]["priority"]
        sentence = f"{_offer(now[name])}, priority {priority}."
        yield _of(now[name], "DEPLOYMENT_ADDED", ADDED, sentence)
        # What is new and stopped already would seem to serve.
        yield from _stops({"suspended": (), "breaches": ()}, now[name])
    for name in was.keys() & now.keys():
        if was[name] != now[name]:
            yield from _deployment(was[name], now[name])


def _offer(one: Mapping[str, Any]) -> str:
    where = one["endpoint"]["slug"]
    return f"{one['use_case']} release {one['release']['number']} is offered at {where}"


def _of(one: Mapping[str, Any], code: str, state: str, sentence: str) -> Difference:
    return Difference(code, state, sentence, (one["use_case"],))


def _environment(was: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[Difference]:
    for part in sorted(was.keys() | now.keys()):
        old, new = was.get(part), now.get(part)
        if part == "regions":
            for sentence in _came_and_went("The environment", old or (), new or (), "regions"):
                yield Difference("ENVIRONMENT", CHANGED, sentence)
        elif old != new:
            sentence = f"The environment's {part}: {_said(old)} → {_said(new)}."
            yield Difference("ENVIRONMENT", CHANGED, sentence)


def _route(slug: str, was: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[Difference]:
    old, new = was["data_classification"], now["data_classification"]
    if old != new:
        sentence = f"{slug} is approved for {new} data; before, for {old}."
        yield Difference("DATA_CLASSIFICATION", CHANGED, sentence, (slug,))
    told = set()
    for change in clause_changes(_clauses(was), _clauses(now)):
        moved = _moved(was, now, change.key)
        told |= set(moved)
        sentence = f"{', '.join(moved) or 'Policy'}: {change.sentence}."
        yield Difference("POLICY", change.state, sentence, (slug,), change.effect)
    # A version that binds nothing otherwise is said too: what is signed names it.
    for key in was["policy_origins"].keys() & now["policy_origins"].keys():
        for one in _moved(was, now, key):
            if one not in told:
                told.add(one)
                sentence = f"{one}: it asks for the same here."
                yield Difference("POLICY_PACK", CHANGED, sentence, (slug,))


def _clauses(route: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    return {key: {"value": value, "why": ""} for key, value in route["policy"].items()}


def _moved(was: Mapping[str, Any], now: Mapping[str, Any], key: str) -> list[str]:
    """Return the packs that set a clause, with the version that took another's place."""
    old, new = (_packs(route["policy_origins"].get(key, ())) for route in (was, now))
    if was["policy"].get(key) != now["policy"].get(key):
        packs = sorted(old.keys() | new.keys())
    else:
        packs = sorted(pack for pack in old.keys() & new.keys() if old[pack] != new[pack])
    return [_version(pack, old.get(pack), new.get(pack)) for pack in packs]


def _packs(origins: Iterable[str]) -> dict[str, str]:
    """Return the version of each pack, of origins such as “eu-strict v3”."""
    return {pack: version for pack, _, version in (one.rpartition(" ") for one in origins)}


def _version(pack: str, old: str | None, new: str | None) -> str:
    if old and new and old != new:
        return f"Policy pack {pack} {old} → {new}"
    return f"Policy pack {pack} {new or old}"


def _deployment(was: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[Difference]:
    name = now["name"]
    if was["priority"] != now["priority"]:
        sentence = f"{name}: priority {was['priority']} → {now['priority']}."
        yield _of(now, "PRIORITY", CHANGED, sentence)
    if was["not_after"] != now["not_after"]:
        old, new = _until(was["not_after"]), _until(now["not_after"])
        state = REMOVED if now["not_after"] is None else CHANGED
        yield _of(now, "APPROVAL", state, f"{name}: approved {old} → {new}.")
    yield from _stops(was, now)
    yield from _places(was, now)
    model = f"{now['model']['slug']} {now['model']['version']}"
    for part, words in (("intended", "intended for"), ("disallowed", "disallowed for")):
        old, new = (set(one["model"].get(part, ())) for one in (was, now))
        for slug in sorted(new - old):
            yield _of(now, "USE_CASES", ADDED, f"{model} is {words} {slug} now.")
        for slug in sorted(old - new):
            yield _of(now, "USE_CASES", REMOVED, f"{model} is no longer {words} {slug}.")
    yield from _others(was, now)


def _until(instant: str | None) -> str:
    return f"until {instant[:16].replace('T', ' ')} UTC" if instant else "no more"


def _stops(was: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[Difference]:
    """Tell what stops a deployment since, and what stops it no longer."""
    name = now["name"]
    old, new = set(was["suspended"]), set(now["suspended"])
    for why in sorted(new - old):
        yield _of(now, "SUSPENDED", ADDED, f"{name} is suspended: “{why}”")
    for why in sorted(old - new):
        yield _of(now, "RESUMED", REMOVED, f"{name} is no longer suspended: “{why}”")
    facts = [{(one["clause"], one["fact"]) for one in two["breaches"]} for two in (was, now)]
    for clause, fact in sorted(facts[1] - facts[0]):
        yield _of(now, "POLICY_BREACH", ADDED, f"{name} is against {clause}: {fact}")
    for clause, fact in sorted(facts[0] - facts[1]):
        yield _of(now, "POLICY_BREACH", REMOVED, f"{name} is no longer against {clause}: {fact}")


def _places(was: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[Difference]:
    endpoint = f"Endpoint {now['endpoint']['slug']}"
    old, new = was["endpoint"]["regions"], now["endpoint"]["regions"]
    for purpose in sorted(old.keys() | new.keys()):
        words = f"of {_PURPOSES.get(purpose, purpose)}"
        for sentence in _came_and_went(
            endpoint, old.get(purpose, ()), new.get(purpose, ()), f"regions {words}"
        ):
            yield _of(now, "REGIONS", CHANGED, sentence)


def _came_and_went(
    subject: str, old: Iterable[str], new: Iterable[str], words: str
) -> Iterator[str]:
    was, now = set(old), set(new)
    if gone := sorted(was - now):
        yield f"{subject} lost {', '.join(gone)} from its {words}."
    if came := sorted(now - was):
        yield f"{subject} gained {', '.join(came)} in its {words}."


def _others(was: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[Difference]:
    """Tell of every other part by its path."""
    old, new = dict(_leaves("", was)), dict(_leaves("", now))
    for path in sorted(old.keys() | new.keys()):
        if old.get(path) == new.get(path):
            continue
        part, _, rest = path.partition(".")
        subject, name = now["name"], path
        if part == "endpoint":
            subject, name = f"Endpoint {now['endpoint']['slug']}", rest
        sentence = (
            f"{subject}: {name.replace('_', ' ')} {_said(old.get(path))} → {_said(new.get(path))}."
        )
        yield _of(now, "ENDPOINT" if part == "endpoint" else "OTHER", CHANGED, sentence)


def _leaves(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    if path in _TOLD or path in ("endpoint.regions", "model.intended", "model.disallowed"):
        return
    if isinstance(value, Mapping):
        for name, part in value.items():
            yield from _leaves(f"{path}.{name}" if path else name, part)
    else:
        yield path, value


def _said(value: Any) -> str:
    if value in (None, "", [], {}):
        return "none"
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)
