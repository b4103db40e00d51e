"""What differs between two packages, in sentences. Pure: two documents in, differences out.

A signature that no longer counts is explained by this and by nothing else: the package's digest
is taken over the document, so whatever made the digest another one is in the list.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any


@dataclass(frozen=True)
class Difference:
    """One thing that differs: `state` is added, removed or changed; `about` names the thing.

    `about` is (what, which), such as ("evidence", its id) or ("endpoint", its slug), for pages
    that know more of it: who changed it, and when.
    """

    state: str
    sentence: str
    about: tuple[str, str] = ("", "")


#: Named parts of a document that are compared as wholes: where, and what to call them.
_PLAIN = (
    ("release", "digest", "The release"),
    ("environment", "stage", "The environment's stage gate"),
    ("environment", "jurisdiction", "The environment's jurisdiction"),
    ("gate", "effective", "The effective gate"),
    ("use_case", "risk_tier", "The use case's risk tier"),
    ("use_case", "data_classification", "The use case's data classification"),
)


def differences(
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    named: Callable[[str], str] = lambda pk: f"item {pk}",
) -> list[Difference]:
    """Return all that differs from one package document to a later one of the same promotion.

    `named` gives an evidence item's name for its id. Two documents that are not equal always
    give at least one difference.
    """
    found = [
        *_submission(before, after),
        *_plain(before, after),
        *_endpoints(before, after),
        *_regions(before, after),
        *_gate_versions(before, after),
        *_slots(before, after),
        *_demands(before, after),
        *_evidence(before, after, named),
        *_scores(before, after),
        *_rest(before, after),
        *_waivers(before, after),
        *_people(before, after),
    ]
    if not found and before != after:
        found.append(Difference("changed", "The package was made anew.", ("package", "")))
    return found


def _submission(before, after) -> Iterable[Difference]:
    if before["submission"] != after["submission"]:
        yield Difference(
            "changed",
            f"It was submitted anew, as submission {after['submission']}.",
            ("submission", ""),
        )


def _plain(before, after) -> Iterable[Difference]:
    for part, field, name in _PLAIN:
        old, new = before[part][field], after[part][field]
        if old != new:
            yield Difference("changed", f"{name} was {old} and is {new}.", (part, field))


def _endpoints(before, after) -> Iterable[Difference]:
    old = {one["slug"]: one["digest"] for one in before["endpoints"]}
    new = {one["slug"]: one["digest"] for one in after["endpoints"]}
    for slug in sorted(old.keys() | new.keys()):
        told = partial(Difference, about=("endpoint", slug))
        if slug not in old:
            yield told("added", f"Endpoint {slug} is asked for as well.")
        elif slug not in new:
            yield told("removed", f"Endpoint {slug} is no longer asked for.")
        elif old[slug] != new[slug]:
            yield told("changed", f"Endpoint {slug} changed.")


def _regions(before, after) -> Iterable[Difference]:
    old, new = set(before["environment"]["regions"]), set(after["environment"]["regions"])
    for slug in sorted(new - old):
        yield Difference("added", f"The environment spans {slug} as well.", ("environment", slug))
    for slug in sorted(old - new):
        yield Difference("removed", f"The environment left {slug}.", ("environment", slug))


def _gate_versions(before, after) -> Iterable[Difference]:
    old = {one["gate"]: one for one in before["gate"]["versions"]}
    new = {one["gate"]: one for one in after["gate"]["versions"]}
    for gate in sorted(old.keys() | new.keys()):
        told = partial(Difference, about=("gate", gate))
        if gate not in old:
            yield told("added", f"The {gate} gate applies as well.")
        elif gate not in new:
            yield told("removed", f"The {gate} gate no longer applies.")
        elif old[gate] != new[gate]:
            numbers = old[gate]["number"], new[gate]["number"]
            yield told(
                "changed", f"The {gate} gate went from version {numbers[0]} to {numbers[1]}."
            )


def _slots(before, after) -> Iterable[Difference]:
    old, new = set(before["gate"]["slots"]), set(after["gate"]["slots"])
    for slot in sorted(new - old):
        yield Difference(
            "added", f"A sign-off by a {_role(slot)} is wanted as well.", ("slot", slot)
        )
    for slot in sorted(old - new):
        yield Difference(
            "removed", f"A sign-off by a {_role(slot)} is no longer wanted.", ("slot", slot)
        )


def _role(slot: str) -> str:
    return slot.partition(":")[0].replace("_", " ")


def _demands(before, after) -> Iterable[Difference]:
    old = {one["metric"]: one for one in before["demands"]}
    new = {one["metric"]: one for one in after["demands"]}
    for metric in sorted(old.keys() | new.keys()):
        told = partial(Difference, about=("demand", str(metric)))
        if metric not in old:
            yield told("added", f"The use case demands {_bound(new[metric])} as well.")
        elif metric not in new:
            yield told("removed", f"The use case no longer demands {_bound(old[metric])}.")
        elif old[metric] != new[metric]:
            yield told(
                "changed",
                f"The use case demanded {_bound(old[metric])} and demands {_bound(new[metric])}.",
            )


def _bound(demand) -> str:
    side = "at least" if demand["higher_is_better"] else "at most"
    threshold = str(demand["threshold"])
    if "." in threshold:
        threshold = threshold.rstrip("0").rstrip(".")
    return f"{demand['name']} {side} {threshold}"


def _items(document) -> dict[str, dict]:
    return {one["id"]: one for rest in document["rests_on"] for one in rest["evidence"]}


def _evidence(before, after, named) -> Iterable[Difference]:
    old, new = _items(before), _items(after)
    for pk in sorted(old.keys() | new.keys()):
        told = partial(Difference, about=("evidence", pk))
        if pk not in old:
            yield told("added", f"It rests on the evidence “{named(pk)}” as well.")
        elif pk not in new:
            yield told("removed", f"It no longer rests on the evidence “{named(pk)}”.")
        elif old[pk] != new[pk]:
            yield told("changed", f"The evidence “{named(pk)}” counts until another time.")


def _scores(before, after) -> Iterable[Difference]:
    def of(document):
        names = {one["metric"]: one["name"] for one in document["demands"]}
        return {
            one["metric"]: (names.get(one["metric"], f"metric {one['metric']}"), one)
            for rest in document["rests_on"]
            for one in rest["scores"]
        }

    old, new = of(before), of(after)
    for metric in sorted(old.keys() & new.keys()):
        (_, was), (name, now) = old[metric], new[metric]
        if was != now:
            yield Difference(
                "changed",
                f"{name} was {was['text']} by run {was['run']} "
                f"and is {now['text']} by run {now['run']}.",
                ("run", str(now["run"])),
            )
    for metric in sorted(new.keys() - old.keys()):
        name, now = new[metric]
        yield Difference(
            "added", f"{name} is {now['text']} by run {now['run']}.", ("run", str(now["run"]))
        )
    for metric in sorted(old.keys() - new.keys()):
        name, was = old[metric]
        yield Difference(
            "removed", f"{name} by run {was['run']} no longer counts.", ("run", str(was["run"]))
        )


def _rest(before, after) -> Iterable[Difference]:
    asked = {one["requirement"] for one in before["rests_on"]}
    asks = {one["requirement"] for one in after["rests_on"]}
    for code in sorted(asks - asked):
        yield Difference("added", f"The requirement {code} applies as well.", ("requirement", code))
    for code in sorted(asked - asks):
        yield Difference(
            "removed", f"The requirement {code} no longer applies.", ("requirement", code)
        )
    if before["effective_policy"] != after["effective_policy"]:
        yield Difference("changed", "The policy in force changed.", ("policy", ""))
    if before["rollback"] != after["rollback"]:
        yield Difference("changed", "What is put back on a rollback changed.", ("rollback", ""))


def _waivers(before, after) -> Iterable[Difference]:
    old = {one["id"]: one for one in before["waivers"]}
    new = {one["id"]: one for one in after["waivers"]}
    for pk in sorted(old.keys() | new.keys()):
        told = partial(Difference, about=("waiver", str(pk)))
        one = new.get(pk) or old[pk]
        if pk not in old:
            yield told("added", f"Waiver {pk} stands in for {one['requirement']}.")
        elif pk not in new:
            yield told("removed", f"Waiver {pk} no longer stands in for {one['requirement']}.")
        elif old[pk] != new[pk]:
            yield told("changed", f"Waiver {pk} of {one['requirement']} is another one.")


def _people(before, after) -> Iterable[Difference]:
    old = {one["id"]: one for one in before["involved"]}
    new = {one["id"]: one for one in after["involved"]}
    for pk in sorted(old.keys() | new.keys()):
        name = (new.get(pk) or old[pk])["name"]
        told = partial(Difference, about=("person", name))
        if pk not in old:
            yield told("added", f"{name} had a hand in it since.")
        elif pk not in new:
            yield told("removed", f"{name} no longer has a hand in it.")
        elif old[pk]["ties"] != new[pk]["ties"]:
            yield told("changed", f"{name} had another hand in it.")
