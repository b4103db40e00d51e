"""What of a release ran where and when: offers, what stopped them, and emergencies."""

from datetime import datetime
from typing import Any

from django.db.models import Q

from audit.naming import seen_keys
from gates.models import BreakGlass, Promotion
from registry.models import Person, ServingEndpoint
from registry.past import rows_at
from runtime.models import Activation, Deployment, Suspension
from runtime.packs.telling import Told, View


def tell_ran(told: Told, promotion: Promotion, view: View) -> dict[str, Any]:
    """Return where the release was offered in that environment, and what stood against it."""
    release, environment = promotion.release, promotion.environment
    rows = rows_at(
        Deployment, view.number, release=promotion.release_id, environment=environment.pk
    )
    told.note(rows)
    endpoints = {one.endpoint_id for one in rows}
    stops = Q(release=release.pk) | Q(version=release.model_version_id) | Q(endpoint__in=endpoints)
    return {
        "environment": environment.slug,
        "release": str(release),
        "deployments": _deployments(rows, view),
        "suspensions": tell_suspensions(told, view, stops, environment.pk),
        "break_glasses": tell_break_glasses(
            told, view, BreakGlass.objects.filter(release=release, environment=environment)
        ),
    }


def _deployments(rows: list[Deployment], view: View) -> list[dict[str, Any]]:
    keys = [one.pk for one in rows]
    history = Deployment.history.filter(id__in=keys, change__number__lte=view.number)
    moved: dict[int, list] = {}
    for pk, change in history.order_by("history_id").values_list("id", "change"):
        moved.setdefault(pk, []).append(change)
    wanted = {change for changes in moved.values() for change in changes}
    generations = dict(
        Activation.objects.filter(
            change__in=wanted, environment__in={one.environment_id for one in rows}
        ).values_list("change", "generation")
    )
    endpoints = dict(
        ServingEndpoint.objects.filter(pk__in={one.endpoint_id for one in rows}).values_list(
            "pk", "slug"
        )
    )
    people = dict(
        Person.objects.filter(pk__in={one.placed_by_id for one in rows}).values_list(
            "pk", "username"
        )
    )
    return [
        {
            "endpoint": endpoints[one.endpoint_id],
            "priority": one.priority,
            "placed_at": one.placed_at,
            "placed_by": people[one.placed_by_id],
            "from_generation": generations.get(moved[one.pk][0]),
            "removed_at": one.removed_at,
            "until_generation": generations.get(moved[one.pk][-1]) if one.removed_at else None,
        }
        for one in rows
    ]


def tell_suspensions(
    told: Told, view: View, stops: Q, environment: int, since: datetime | None = None
) -> list[dict[str, Any]]:
    """Return what was stopped there or everywhere by then, of what the reader may see."""
    here = Q(environment=environment) | Q(environment=None)
    if since is not None:
        here &= Q(lifted_at=None) | Q(lifted_at__gte=since)
    keys = list(Suspension.objects.filter(stops & here).values_list("pk", flat=True))
    found = []
    subjects = Suspension.objects.filter(pk__in=keys).select_related(
        "release__use_case", "version__model", "endpoint", "provider", "suspended_by", "lifted_by"
    )
    named = {one.pk: one for one in subjects}
    for one in rows_at(Suspension, view.number, id__in=keys):
        now = named[one.pk]
        if not seen_keys(type(now.subject), [now.subject.pk], view.reader):
            continue
        told.note([one])
        found.append(
            {
                "id": one.pk,
                "subject": str(now.subject),
                "everywhere": one.environment_id is None,
                "quarantine": one.quarantine,
                "why": one.why,
                "by": now.suspended_by.username,
                "at": one.suspended_at,
                "lifted_at": one.lifted_at,
                "lifted_by": now.lifted_by.username if one.lifted_at and now.lifted_by else None,
            }
        )
    return found


def tell_break_glasses(told: Told, view: View, rows) -> list[dict[str, Any]]:
    """Return the emergencies by then, with how each ended and what its review found."""
    rows = view.known(rows.all()).select_related(
        "release__use_case",
        "end__change",
        "end__ended_by",
        "review__change",
        "review__reviewed_by",
    )
    found = []
    for one in rows.order_by("pk"):
        told.note([one])
        end, review = getattr(one, "end", None), getattr(one, "review", None)
        end, review = end if view.knows(end) else None, review if view.knows(review) else None
        found.append(
            {
                "id": one.pk,
                "release": str(one.release),
                "incident": one.incident,
                "reason": one.reason,
                "hours": one.hours,
                "by": one.printed_name,
                "at": one.opened_at,
                "ends_at": one.ends_at,
                "ended": end
                and {"by": end.ended_by.username, "at": end.ended_at, "reason": end.reason},
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
