"""Where one can go back to: earlier generations, each judged by the rules of today."""

import json
from dataclasses import dataclass

from audit import Reason, clock
from registry.models import Environment, Release, ServingEndpoint
from runtime import routing
from runtime.compiling import document, running
from runtime.models import Activation, Deployment

#: Generations that a page offers to go back to.
OFFERED = 20


@dataclass(frozen=True)
class Target:
    """An earlier generation: what would leave, what would come, and why it cannot be chosen."""

    activation: Activation
    leaving: tuple[Deployment, ...]
    staying: tuple[Deployment, ...]
    #: Rows that are not saved yet.
    coming: tuple[Deployment, ...]
    against: tuple[Reason, ...]

    @property
    def left(self) -> tuple[Release, ...]:
        """The releases that nothing offers any more afterwards."""
        kept = {one.release_id for one in (*self.staying, *self.coming)}
        left = {one.release_id: one.release for one in self.leaving}
        return tuple(release for pk, release in left.items() if pk not in kept)


def target_of(environment: Environment, generation: int) -> Target | None:
    """Return what going back to a generation would do, or None for one that is not in the past."""
    rows = Activation.objects.filter(environment=environment).select_related("snapshot")
    last = rows.order_by("-generation").first()
    activation = rows.filter(generation=generation).first()
    if activation is None or last is None or generation >= last.generation:
        return None
    return _judged(environment, activation)


def _judged(environment: Environment, activation: Activation) -> Target:
    offered = json.loads(activation.snapshot.content)["deployments"]
    wanted = {
        (one["release"]["digest"], one["endpoint"]["slug"]): one["priority"] for one in offered
    }
    now = running(environment)
    here = {(one.release.digest, one.endpoint.slug): one for one in now}
    leaving = tuple(one for key, one in here.items() if wanted.get(key) != one.priority)
    missing = {
        key: priority
        for key, priority in wanted.items()
        if key not in here or here[key].priority != priority
    }
    coming, broken = _rows(environment, missing)
    staying = [one for one in now if one not in leaving]
    reasons = [*broken, *_against(environment, [*staying, *coming])]
    return Target(activation, leaving, tuple(staying), tuple(coming), tuple(reasons))


def _rows(
    environment: Environment, missing: dict[tuple[str, str], int]
) -> tuple[list[Deployment], list[Reason]]:
    """Return the rows that would be placed, and what of them is no longer there."""
    found = Release.objects.filter(digest__in=[digest for digest, _ in missing])
    releases = {one.digest: one for one in found.select_related("use_case", "model_version__model")}
    slugs = [slug for _, slug in missing]
    endpoints = ServingEndpoint.objects.select_related("host").in_bulk(slugs, field_name="slug")
    rows, broken = [], []
    for (digest, slug), priority in sorted(missing.items()):
        if digest in releases and slug in endpoints:
            rows.append(
                Deployment(
                    environment=environment,
                    release=releases[digest],
                    endpoint=endpoints[slug],
                    priority=priority,
                )
            )
        else:
            broken.append(Reason("BROKEN_REFERENCE", f"{slug} or its release is not there."))
    return rows, broken


def _against(environment: Environment, deployments: list[Deployment]) -> list[Reason]:
    """Return what of today's hard rules stands against each deployment, whatever is asked of it."""
    made = document(environment, deployments)
    found = []
    for use_case in sorted(made["routes"]):
        answer = routing.decide(
            made,
            routing.Facts(use_case=use_case),
            clock.now(),
            generation=0,
            digest="",
        )
        found += [
            Reason(reason["code"], f"{refused['deployment']}: {reason['fact']}")
            for refused in answer["candidates"]["refused"]
            for reason in refused["reasons"]
        ]
    return found
