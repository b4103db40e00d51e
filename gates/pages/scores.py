"""Each demanded score beside that of what is approved there: better, worse, or by chance."""

import json
from dataclasses import dataclass
from decimal import Decimal

from django.db.models import Q

from evidence.history import measured
from evidence.models import Score
from evidence.significance import compare
from gates.models import Promotion
from gates.pages.loaded import WITH, Loaded
from gates.rules.facts import Demand
from gates.rules.progress import Progress, progress

#: Approvals of a use case in an environment that are looked at, the newest.
MOST = 50


@dataclass(frozen=True)
class Compared:
    """What the scores are compared with, if anything was approved there, and each of them."""

    before: Promotion | None
    scores: list[Progress]


def last_approved(promotion: Promotion, holding: frozenset[str] | None = None) -> Promotion | None:
    """Return what was approved last there, before this one, for the same use case.

    With `holding`, digests of the other releases whose approval holds there now: of these the
    last, if there is any.
    """
    rows = Promotion.objects.filter(
        environment=promotion.environment_id,
        release__use_case=promotion.release.use_case_id,
        state=Promotion.State.APPROVED,
    ).exclude(pk=promotion.pk)
    if promotion.decided_at is not None:
        rows = rows.filter(decided_at__lt=promotion.decided_at)
    rows = rows.select_related(*WITH).order_by("-decided_at")
    if holding is None:
        return rows.first()
    found = list(rows.defer("release__content")[:MOST])
    held = (
        row
        for row in found
        if row.release_id == promotion.release_id or row.release.digest in holding
    )
    return next(held, found[0] if found else None)


def approved_there(loaded: Loaded) -> Promotion | None:
    """Return what a promotion is compared with: until it is decided, an approval that holds."""
    undecided = loaded.promotion.decided_at is None
    holding = loaded.package.gathered.facts.approved_releases if undecided else None
    return last_approved(loaded.promotion, holding)


def compared(loaded: Loaded) -> Compared:
    """Return the scores of a promotion beside those of what is approved there."""
    before = approved_there(loaded)
    document = json.loads(before.decided_package.content) if before else {}
    return Compared(before, compared_scores(document, loaded.document))


def compared_scores(before: dict, now: dict) -> list[Progress]:
    """Return each score that a package demands beside that of an earlier one: one query."""
    earlier, current = _by_metric(before), _by_metric(now)
    rows = _rows([*earlier.values(), *current.values()])
    return [
        _progress(one, earlier.get(one["metric"]), current.get(one["metric"]), rows)
        for one in now["demands"]
    ]


def _progress(demanded: dict, before: dict | None, now: dict | None, rows: dict) -> Progress:
    demand = Demand(
        metric=demanded["metric"],
        name=demanded["name"],
        threshold=Decimal(demanded["threshold"]),
        higher_is_better=demanded["higher_is_better"],
    )
    was, is_now = (rows.get((one["run"], one["metric"])) if one else None for one in (before, now))
    chance = ""
    if was and is_now:
        chance = compare(
            measured(was),
            measured(is_now),
            higher_is_better=demand.higher_is_better,
            unit=is_now.metric.unit,
        ).words
    return progress(demand, *(one["text"] if one else "" for one in (before, now)), chance)


def _by_metric(document: dict) -> dict[int, dict]:
    return {
        score["metric"]: score for rest in document.get("rests_on", ()) for score in rest["scores"]
    }


def _rows(told: list[dict]) -> dict[tuple[int, int], Score]:
    """Return the rows of the scores that packages tell, for what their samples say."""
    runs = {one["run"] for one in told}
    if not runs:
        return {}
    found = Score.objects.filter(
        Q(run__in=runs, metric__in={one["metric"] for one in told}), filter="", subset=""
    )
    return {(row.run_id, row.metric_id): row for row in found.select_related("metric")}
