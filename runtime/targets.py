"""Where one can go back to, in all or for one use case, each target judged by the rules of today.

All targets are compiled as one document, of which each is a part: as many queries for twenty as
for one.
"""

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from audit import Reason, clock
from registry.models import Environment, Release, ServingEndpoint
from runtime import routing
from runtime.compiling import document, running
from runtime.models import Activation, Deployment

#: Generations that a page offers to go back to, and earlier releases of use cases.
OFFERED, RELEASES_OFFERED = 20, 50

#: (digest of a release, slug of an endpoint)
Key = tuple[str, str]
#: What was offered: (use case, priority)
Offers = Mapping[Key, tuple[str, int]]


@dataclass(frozen=True)
class Target:
    """An earlier state: what would leave, what would come, and why it cannot be chosen.

    With a use case, only what serves that goes back; all else stays as it is.
    """

    activation: Activation
    use_case: str
    leaving: tuple[Deployment, ...]
    staying: tuple[Deployment, ...]
    #: Rows that are not saved yet.
    coming: tuple[Deployment, ...]
    #: What stands against it, each with the use case that it is about.
    against: tuple[tuple[str, Reason], ...]
    #: The environment's document now, and as it would be.
    before: Mapping[str, Any]
    after: Mapping[str, Any]

    @property
    def left(self) -> tuple[Release, ...]:
        """The releases that nothing offers any more afterwards."""
        kept = {one.release_id for one in (*self.staying, *self.coming)}
        left = {one.release_id: one.release for one in self.leaving}
        return tuple(release for pk, release in left.items() if pk not in kept)

    @property
    def moved(self) -> tuple[Release, ...]:
        """The releases that something changes for, each once."""
        rows = (*self.leaving, *self.coming)
        return tuple({one.release_id: one.release for one in rows}.values())

    def objections(self, seen: Collection[str]) -> list[Reason]:
        """Return what stands against it; of use cases that are not seen, that something does."""
        told = [reason for slug, reason in self.against if slug in seen]
        if len(told) < len(self.against):
            sentence = "Something stands against what you may not see."
            told.append(Reason("AGAINST_OTHERS", sentence))
        return told


@dataclass(frozen=True)
class _Wish:
    """An earlier state to judge, with the offers that it would make."""

    activation: Activation
    use_case: str
    wanted: Offers


def target_of(environment: Environment, generation: int, use_case: str = "") -> Target | None:
    """Return what going back to a generation would do, or None for one that is not in the past.

    With the slug of a use case, none either where the generation offered nothing for it.
    """
    rows = Activation.objects.filter(environment=environment).select_related("snapshot")
    last = rows.order_by("-generation").first()
    activation = rows.filter(generation=generation).first()
    if activation is None or last is None or generation >= last.generation:
        return None
    now = running(environment)
    wanted = _made_by(activation)
    if use_case and not _for(use_case, wanted):
        return None
    return _judged(environment, now, [_wish(activation, use_case, wanted, now)])[0]


def targets_of(environment: Environment) -> list[Target]:
    """Return the earlier releases of each use case, then the earlier generations, newest first.

    A release is offered as the newest of the generations that offered it did.
    """
    rows = Activation.objects.filter(environment=environment).order_by("-generation")
    earlier = list(rows.select_related("snapshot", "change")[1 : OFFERED + 1])
    now = running(environment)
    made = [(one, _made_by(one)) for one in earlier]
    wishes = [
        *_of_use_cases(now, made)[:RELEASES_OFFERED],
        *(_Wish(one, "", wanted) for one, wanted in made),
    ]
    return _judged(environment, now, wishes)


def _of_use_cases(now: list[Deployment], made: Iterable[tuple[Activation, Offers]]) -> list[_Wish]:
    """Return for each use case the newest state of each other set of releases that served it."""
    here = {_offer(one): (_slug(one), one.priority) for one in now}
    told = {(slug, _releases(_for(slug, here))) for slug, _ in here.values()}
    found = []
    for activation, wanted in made:
        for slug in sorted({slug for slug, _ in wanted.values()}):
            state = (slug, _releases(_for(slug, wanted)))
            if state not in told:
                told.add(state)
                found.append(_wish(activation, slug, wanted, now))
    return sorted(found, key=lambda one: one.use_case)


def _wish(activation: Activation, use_case: str, wanted: Offers, now: list[Deployment]) -> _Wish:
    """Return the wish for a state, in all or, all else as it is, for one use case."""
    if use_case:
        others = {_offer(one): (_slug(one), one.priority) for one in now if _slug(one) != use_case}
        wanted = {**others, **_for(use_case, wanted)}
    return _Wish(activation, use_case, wanted)


def _made_by(activation: Activation) -> Offers:
    """Return what a generation offered."""
    return {
        (one["release"]["digest"], one["endpoint"]["slug"]): (one["use_case"], one["priority"])
        for one in json.loads(activation.snapshot.content)["deployments"]
    }


def _for(use_case: str, offers: Offers) -> Offers:
    return {key: made for key, made in offers.items() if made[0] == use_case}


def _releases(offers: Offers) -> frozenset[str]:
    return frozenset(digest for digest, _ in offers)


def _slug(one: Deployment) -> str:
    return one.release.use_case.slug


def _offer(one: Deployment) -> Key:
    return one.release.digest, one.endpoint.slug


def _judged(environment: Environment, now: list[Deployment], wishes: list[_Wish]) -> list[Target]:
    here = {_offer(one): one for one in now}
    missing = {offer for wish in wishes for offer in wish.wanted if offer not in here}
    rows = {**_rows(environment, missing), **here}
    whole = document(environment, list(rows.values()))
    parts = {one["name"]: one for one in whole["deployments"]}
    before = _part(whole, parts, now)
    return [_target(environment, here, rows, wish, whole, parts, before) for wish in wishes]


def _rows(
    environment: Environment, missing: set[tuple[str, str]]
) -> dict[tuple[str, str], Deployment]:
    """Return a row, not saved, of each offer whose release and endpoint are there."""
    found = Release.objects.filter(digest__in={digest for digest, _ in missing})
    releases = {
        one.digest: one for one in found.select_related("use_case__team", "model_version__model")
    }
    slugs = {slug for _, slug in missing}
    endpoints = ServingEndpoint.objects.select_related("host").in_bulk(slugs, field_name="slug")
    return {
        (digest, slug): Deployment(
            environment=environment, release=releases[digest], endpoint=endpoints[slug]
        )
        for digest, slug in sorted(missing)
        if digest in releases and slug in endpoints
    }


def _target(
    environment: Environment,
    here: Mapping[Key, Deployment],
    rows: Mapping[Key, Deployment],
    wish: _Wish,
    whole: Mapping[str, Any],
    parts: Mapping[str, Any],
    before: Mapping[str, Any],
) -> Target:
    wanted = wish.wanted
    staying = [one for key, one in here.items() if wanted.get(key) == (_slug(one), one.priority)]
    leaving = [one for one in here.values() if one not in staying]
    coming: list[Deployment] = []
    against: list[tuple[str, Reason]] = []
    for (digest, slug), (use_case, priority) in sorted(wanted.items()):
        row = rows.get((digest, slug))
        if row is None:
            sentence = f"{slug} or its release is not there."
            against.append((use_case, Reason("BROKEN_REFERENCE", sentence)))
        elif row not in staying:
            coming.append(
                Deployment(
                    environment=environment,
                    release=row.release,
                    endpoint=row.endpoint,
                    priority=priority,
                )
            )
    after = _part(whole, parts, [*staying, *coming])
    judged = {wish.use_case} if wish.use_case else set(after["routes"])
    return Target(
        activation=wish.activation,
        use_case=wish.use_case,
        leaving=tuple(leaving),
        staying=tuple(staying),
        coming=tuple(coming),
        against=(*against, *_against(after, judged & after["routes"].keys())),
        before=before,
        after=after,
    )


def _part(
    whole: Mapping[str, Any], parts: Mapping[str, Any], deployments: Iterable[Deployment]
) -> dict[str, Any]:
    """Return the document of some of the deployments that `whole` is about."""
    chosen = [{**parts[one.name], "priority": one.priority} for one in deployments]
    slugs = {one["use_case"] for one in chosen}
    return {
        **whole,
        "routes": {slug: route for slug, route in whole["routes"].items() if slug in slugs},
        "deployments": sorted(chosen, key=lambda one: one["name"]),
    }


def _against(made: Mapping[str, Any], use_cases: Iterable[str]) -> list[tuple[str, Reason]]:
    """Return what of today's hard rules stands against each deployment, whatever is asked of it."""
    found = []
    for use_case in sorted(use_cases):
        facts = routing.Facts(use_case=use_case)
        answer = routing.decide(made, facts, clock.now(), generation=0, digest="")
        found += [
            (use_case, Reason(reason["code"], f"{refused['deployment']}: {reason['fact']}"))
            for refused in answer["candidates"]["refused"]
            for reason in refused["reasons"]
        ]
    return found
