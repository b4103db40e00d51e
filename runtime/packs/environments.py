"""What a pack says of an environment over a period: what ran there, and all that let it in."""

from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q

from audit import Reason
from audit.naming import seen_keys
from gates.models import BreakGlass, Promotion
from registry.models import Environment, EnvironmentRegion, Region, Release
from registry.past import row_at, rows_at
from runtime.changing import seen_use_cases
from runtime.differences import Difference
from runtime.incidents.models import Incident
from runtime.models import Rollback, Snapshot
from runtime.packs.promotions import WITH, NotThere, tell_promotion
from runtime.packs.ran import tell_break_glasses, tell_suspensions
from runtime.packs.telling import Told, View
from runtime.timeline.activations import MOST as MOST_GENERATIONS
from runtime.timeline.activations import Step, walk
from runtime.timeline.scopes import Scope

#: Promotions of one pack: those of what ran, newest first.
MOST = 100
#: Incidents of one pack.
INCIDENTS = 500


def tell_environment(environment: Environment, since: datetime, view: View) -> Told:
    """Return all that a pack says of an environment from `since` on. Raises `NotThere`."""
    then = row_at(environment, view.number)
    if then is None:
        sentence = "This environment was not there by then. Give a later instant."
        raise NotThere(Reason("NOT_THERE_YET", sentence, "as_of"))
    told = Told()
    told.keys.add(environment.key)
    # An end is not part of its window; the instant that a pack is of is.
    until = view.at + timedelta(microseconds=1)
    walked = walk(Scope((environment,), None, since, until))
    if not walked.whole:
        told.leave_out(
            f"Generations before the newest {MOST_GENERATIONS}", "Ask for a shorter period."
        )
    told.documents["environment"] = _environment(environment, then, since, view)
    told.documents["generations"] = _generations(told, walked.steps, view)
    told.documents["suspensions"] = tell_suspensions(told, view, Q(), environment.pk, since)
    told.documents["rollbacks"] = _rollbacks(told, environment, since, view)
    opened = BreakGlass.objects.visible_to(view.reader).filter(
        environment=environment, opened_at__gte=since
    )
    told.documents["break_glasses"] = tell_break_glasses(told, view, opened)
    told.documents["incidents"] = _incidents(told, environment, since, view)
    told.documents["promotions"] = _promotions(told, environment, walked.steps, since, view)
    return told


def _environment(
    environment: Environment, then: Environment, since: datetime, view: View
) -> dict[str, Any]:
    links = rows_at(EnvironmentRegion, view.number, environment=environment.pk)
    regions = Region.objects.filter(pk__in=[one.region_id for one in links])
    return {
        "slug": then.slug,
        "stage": then.stage,
        "jurisdiction": then.jurisdiction,
        "regions": sorted(regions.values_list("slug", flat=True)),
        "since": since,
        "until": view.at,
    }


def _generations(told: Told, steps: list[Step], view: View) -> list[dict[str, Any]]:
    slugs = {slug for one in steps for said in one.changed or () for slug in said.use_cases}
    seen = seen_use_cases(view.reader, slugs)
    digests = {one["release"]["digest"] for step in steps for one in step.document["deployments"]}
    releases = set(
        Release.objects.visible_to(view.reader)
        .filter(digest__in=digests)
        .values_list("digest", flat=True)
    )
    snapshots = Snapshot.objects.in_bulk({step.row.snapshot_id for step in steps})
    found = []
    for step in steps:
        snapshot = snapshots[step.row.snapshot_id]
        if view.reader.sees_all:
            # A snapshot names what every team runs: whoever does not see all gets the rest.
            told.seal("snapshots", snapshot.digest, snapshot.content)
            told.note([snapshot])
        offered = step.document["deployments"]
        shown = [one for one in offered if one["release"]["digest"] in releases]
        found.append(
            {
                "generation": step.row.generation,
                "snapshot": snapshot.digest,
                "at": step.row.change.at,
                "cause": step.row.cause,
                "restored": step.row.restored,
                "by": step.row.change.actor_name,
                "reason": step.row.change.reason,
                "before_the_period": step.changed is None,
                "changes": _changes(step.changed, seen),
                "offered": [
                    {
                        "name": one["name"],
                        "use_case": one["use_case"],
                        "release": one["release"]["digest"],
                        "endpoint": one["endpoint"]["slug"],
                        "priority": one["priority"],
                    }
                    for one in shown
                ],
                "hidden": len(offered) - len(shown),
            }
        )
    return found


def _changes(changed: tuple[Difference, ...] | None, seen: set[str]) -> list[dict[str, Any]]:
    return [asdict(one) for one in changed or () if not one.use_cases or set(one.use_cases) <= seen]


def _rollbacks(told: Told, environment: Environment, since: datetime, view: View) -> list[dict]:
    rows = view.known(Rollback.objects.filter(environment=environment, rolled_back_at__gte=since))
    rows = rows.select_related("rolled_back_by", "review__change", "review__reviewed_by")
    found = []
    for one in rows.order_by("pk"):
        told.note([one])
        review = getattr(one, "review", None)
        review = review if view.knows(review) else None
        found.append(
            {
                "id": one.pk,
                "to_what_generation_offered": one.generation,
                "emergency": one.emergency,
                "incident": one.incident,
                "reason": one.reason,
                "by": one.rolled_back_by.username,
                "at": one.rolled_back_at,
                "review": review
                and {
                    "outcome": review.outcome,
                    "by": review.reviewed_by.username,
                    "at": review.reviewed_at,
                    "reason": review.reason,
                },
            }
        )
    return found


def _incidents(told: Told, environment: Environment, since: datetime, view: View) -> list[dict]:
    rows = Incident.objects.visible_to(view.reader).filter(environment=environment)
    # Windows are moved and incidents opened again: what counts is the window as it was then.
    found = [
        one
        for one in rows_at(Incident, view.number, id__in=list(rows.values_list("pk", flat=True)))
        if one.begins_at <= view.at and (one.ends_at is None or one.ends_at >= since)
    ]
    if len(found) > INCIDENTS:
        told.leave_out(f"Incidents before the newest {INCIDENTS}", "Ask for a shorter period.")
        found = found[-INCIDENTS:]
    told.note(found)
    return [
        {
            "id": one.pk,
            "title": one.title,
            "severity": one.severity,
            "state": one.state,
            "begins_at": one.begins_at,
            "ends_at": one.ends_at,
        }
        for one in found
    ]


def _promotions(
    told: Told, environment: Environment, steps: list[Step], since: datetime, view: View
) -> list[dict[str, Any]]:
    """Tell of each promotion that was decided in the period, or let in what was offered then."""
    offered = {one["release"]["digest"] for step in steps for one in step.document["deployments"]}
    decided = Q(decided_at__gte=since, decided_at__lte=view.at)
    let_in = Q(state=Promotion.State.APPROVED, release__digest__in=offered)
    rows = view.known(Promotion.objects.filter(decided | let_in, environment=environment))
    every = list(rows.order_by("-decided_at", "-pk").values_list("pk", flat=True))
    seen = seen_keys(Promotion, every, view.reader)
    if hidden := len(every) - len(seen):
        told.leave_out(f"{hidden} promotions", "Whoever built the pack may not see them.")
    keys = [pk for pk in every if pk in seen]
    for pk in keys[MOST:]:
        told.leave_out(f"Promotion {pk}", f"A pack has the newest {MOST}. Ask for its own pack.")
    found = []
    for promotion in (
        Promotion.objects.filter(pk__in=keys[:MOST]).select_related(*WITH).order_by("pk")
    ):
        one = tell_promotion(promotion, view)
        for name, document in one.documents.items():
            told.documents[f"promotions/{promotion.pk}/{name}"] = document
        told.sealed |= one.sealed
        told.items |= one.items
        told.keys |= one.keys
        told.left_out += [
            {**left, "what": f"Of promotion {promotion.pk}: {left['what']}"}
            for left in one.left_out
        ]
        said = one.documents["promotion"]
        found.append(
            {name: said[name] for name in ("id", "question", "state", "decided_at", "package")}
            | {"documents": f"documents/promotions/{promotion.pk}/"}
        )
    return found
