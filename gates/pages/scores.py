"""Each demanded score beside that of what is approved there: better, worse, or by chance."""

import json
from dataclasses import dataclass
from decimal import Decimal

from django.db.models import Q, QuerySet

from evidence.history import measured
from evidence.models import Score
from evidence.significance import compare
from gates.approvals import holding
from gates.endings import unended
from gates.models import Promotion
from gates.pages.loaded import WITH, Loaded
from gates.rules.facts import Demand
from gates.rules.progress import Progress, progress
from registry.models import Release

#: Approvals that are judged for the newest that holds: so many at a time, and in all.
AT_A_TIME, MOST = 5, 50
#: Releases of the use case whose approvals are looked at: as many after years.
NEAR = 100


@dataclass(frozen=True)
class Compared:
    """What the scores are compared with, if anything was approved there, and each of them."""

    before: Promotion | None
    scores: list[Progress]


def last_approved(promotion: Promotion) -> Promotion | None:
    """Return what was approved last there, before this one, for the same use case."""
    rows = _approved_there(promotion)
    if promotion.decided_at is not None:
        rows = rows.filter(decided_at__lt=promotion.decided_at)
    return rows.select_related(*WITH).order_by("-decided_at").first()


def last_holding(promotion: Promotion) -> Promotion | None:
    """Return the newest approval there, for the same use case, that holds now."""
    standing = unended(_approved_there(promotion)).order_by("-decided_at")
    keys = list(standing.values_list("pk", flat=True)[:MOST])
    for start in range(0, len(keys), AT_A_TIME):
        some = Promotion.objects.filter(pk__in=keys[start : start + AT_A_TIME])
        if held := holding(some.select_related(*WITH)):
            return max(held, key=lambda one: one.decided_at)
    return None


def _approved_there(promotion: Promotion) -> QuerySet:
    """Return approvals there of the newest releases, or of those around one that is decided."""
    newest = Release.objects.filter(use_case=promotion.release.use_case_id).order_by("-number")
    near = [newest]
    if promotion.decided_at is not None:
        number = promotion.release.number
        near = [
            newest.filter(number__lte=number),
            newest.filter(number__gt=number).order_by("number"),
        ]
    return Promotion.objects.filter(
        release__in=[pk for rows in near for pk in rows.values_list("pk", flat=True)[:NEAR]],
        environment=promotion.environment_id,
        state=Promotion.State.APPROVED,
    ).exclude(pk=promotion.pk)


def approved_there(loaded: Loaded) -> Promotion | None:
    """Return what a promotion is compared with: until it is decided, an approval that holds.

    Where none holds, and for what is decided, it is the one that was approved last before it.
    """
    promotion = loaded.promotion
    held = last_holding(promotion) if promotion.decided_at is None else None
    return held or last_approved(promotion)


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
