"""Going back as it would be: what is offered to go back to, and what each of that would do.

Nothing is written. Pages and the API tell the same of it, as far as the reader may see.
"""

from collections.abc import Collection, Iterable
from typing import Any

from audit import Reason, clock
from registry.models import Environment, Person
from registry.rights import may
from runtime.changing import seen_use_cases, told
from runtime.differences import differences
from runtime.models import Activation
from runtime.replaying import Alike, Replayed, broken, counted, replay, replay_requests
from runtime.targets import Target, targets_of

#: Rows of a replay that are named: those that change first.
SHOWN = 100
_WORST_FIRST = ("refused", "moved", "refused_before", "same")


def offered(environment: Environment, reader: Person) -> list[dict[str, Any]]:
    """Return what one may go back to, each with what comes, what leaves and why it cannot be.

    First the earlier releases of use cases, then the generations, newest first.
    """
    targets = targets_of(environment)
    slugs = {slug for one in targets for slug in {*_use_cases(one), one.use_case}}
    seen = seen_use_cases(reader, slugs)
    return [
        {
            "title": _title(one),
            "generation": one.activation.generation,
            "use_case": one.use_case,
            "activation": one.activation,
            "objections": _objections(one, reader, seen),
            **_moves(one, seen),
        }
        for one in targets
        # Of a use case that the reader may not see there is no line: it has no name to go by.
        if not one.use_case or one.use_case in seen
    ]


def objections_to(target: Target, reader: Person) -> list[Reason]:
    """Return why the reader cannot choose it now."""
    return _objections(target, reader, seen_use_cases(reader, _use_cases(target)))


def dry_run(environment: Environment, target: Target, reader: Person) -> dict[str, Any]:
    """Return what going back would do: what differs, what is left, and how routes fare.

    Tried are the newest recorded requests and the kept test facts; `replayed` says which of them
    answers how many change: requests, as soon as there are some.
    """
    now, use_case = clock.now(), target.use_case
    found = differences(target.before, target.after)
    requests = replay_requests(environment, target.before, target.after, now, use_case)
    kept = replay(target.before, target.after, now, use_case)
    slugs = {slug for one in found for slug in one.use_cases}
    slugs |= {one.use_case.slug for one in target.left}
    slugs |= {one.use_case for one in (*requests.alike, *kept)}
    seen = seen_use_cases(reader, slugs)
    newest = Activation.objects.filter(environment=environment).order_by("-generation")
    return {
        "generation": target.activation.generation,
        "use_case": use_case,
        "next": newest.values_list("generation", flat=True)[0] + 1,
        **told(found, seen),
        "left": [one for one in target.left if one.use_case.slug in seen],
        "replayed": "requests" if requests.alike else "test_facts" if kept else "nothing",
        "requests": {
            **_tried(requests.alike, seen),
            "since": requests.since,
            "until": requests.until,
        },
        "test_facts": _tried(kept, seen),
        "broken": broken(one for one in kept if one.use_case in seen),
    }


def _tried(found: Iterable[Alike | Replayed], seen: set[str]) -> dict[str, Any]:
    """Return how many fare in which way, and those that change; of what is not seen, how many."""
    shown = [one for one in found if one.use_case in seen]
    total = sum(one.count for one in found)
    rows = sorted(shown, key=lambda one: _WORST_FIRST.index(one.verdict))
    return {
        "total": total,
        "counts": counted(shown),
        "hidden": total - sum(one.count for one in shown),
        "rows": [one for one in rows if one.verdict in ("moved", "refused")][:SHOWN],
    }


def _title(target: Target) -> str:
    if not target.use_case:
        return f"Generation {target.activation.generation}"
    numbers = sorted(
        {
            one["release"]["number"]
            for one in target.after["deployments"]
            if one["use_case"] == target.use_case
        }
    )
    listed = " and ".join(str(number) for number in numbers)
    return f"{target.use_case} to release {listed}" if listed else f"{target.use_case}, as it was"


def _objections(target: Target, reader: Person, seen: Collection[str]) -> list[Reason]:
    """Return why it cannot be chosen; of use cases that are not seen, that it cannot."""
    reasons = []
    for one in target.moved:
        off = may(reader, "operate", one)
        reasons += off if one.use_case.slug in seen else elsewhere(off)
    if not target.moved:
        reasons.append(Reason("NOTHING_TO_DO", "What it offered is offered now."))
    return [*dict.fromkeys(reasons), *target.objections(seen)]


def elsewhere(reasons: list[Reason]) -> list[Reason]:
    """Return the same reasons without the names of teams that the reader may not see."""
    sentence = "This takes the role in the team of every use case that it moves."
    return [Reason(one.code, sentence) for one in reasons]


def _use_cases(target: Target) -> set[str]:
    return {one.use_case.slug for one in target.moved} | {slug for slug, _ in target.against}


def _moves(target: Target, seen: Collection[str]) -> dict[str, Any]:
    """Return what would come and go, as far as the reader may see."""
    rows = (*target.leaving, *target.coming)
    return {
        "coming": sorted(one.name for one in target.coming if one.release.use_case.slug in seen),
        "leaving": sorted(one.name for one in target.leaving if one.release.use_case.slug in seen),
        "hidden": sum(1 for one in rows if one.release.use_case.slug not in seen),
    }
