"""Keeping which runs wait to be accepted: in the change that gives, accepts or withdraws one.

A pipeline that measures each night gives runs that nobody accepts one by one, and of those that
measure the same only the newest counts. Kept are those that would count if they were accepted, now
or once a newer one has expired, so that a queue costs by what waits and not by what was ever given.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from audit import Change
from evidence.models import EvaluationRun, OpenRun, RunAcceptance, Withdrawal

#: What a run is measured on: one of the two.
ABOUT = ("item__release", "item__version")


@dataclass(frozen=True)
class Ran:
    """A run, as far as it is compared with those that measure the same."""

    pk: int
    ran_at: datetime
    expires_at: datetime
    created_at: datetime
    given_by: int
    complete: bool
    accepted: bool


def not_passed_over(runs: Iterable[Ran]) -> list[Ran]:
    """Return the runs to accept: without those that a newer complete one makes idle.

    That one holds as long, and it was accepted already or given by the same person: what one
    reader gave hides nothing, because that reader may accept the older one alone.
    """
    longest: dict[int | None, datetime] = {}  # by giver; None: of those that were accepted
    kept = []
    for run in sorted(runs, key=lambda run: (run.ran_at, run.pk), reverse=True):
        passed = any(
            longest[who] >= run.expires_at for who in (None, run.given_by) if who in longest
        )
        if not (run.accepted or passed):
            kept.append(run)
        if run.complete:
            who = None if run.accepted else run.given_by
            longest[who] = max(longest.get(who, run.expires_at), run.expires_at)
    return kept


def keep_open_runs(change: Change) -> None:
    """Write anew which runs wait, of each measure that the change touched; a consequence.

    Whoever gives, accepts or withdraws holds the release or version: nobody else does meanwhile.
    """
    runs = EvaluationRun._base_manager.order_by()
    touched: set[tuple] = set()
    for model, path in (
        (EvaluationRun, "pk__in"),
        (RunAcceptance, "acceptance__pk__in"),
        (Withdrawal, "item__withdrawal__pk__in"),
    ):
        if keys := change.saved.get(model):
            touched |= set(runs.filter(**{path: keys}).values_list("suite_version", *ABOUT))
    for suite, release, version in touched:
        OpenRun.objects.filter(suite_version=suite, release=release, version=version).delete()
        rows = open_runs(EvaluationRun, OpenRun, (suite, release, version), change.now)
        OpenRun.objects.bulk_create(rows)


def open_runs(runs: Any, row: type, of: tuple, now: datetime) -> list:
    """Return a `row` for each run of the model `runs` that waits at `now`, of one measure.

    `of` is the suite version, the release and the model version: one of the last two is None.
    """
    suite, release, version = of
    found = runs._base_manager.filter(
        suite_version=suite,
        item__release=release,
        item__version=version,
        item__withdrawal=None,
        item__expires_at__gt=now,
    ).values_list(
        "pk", "ran_at", "item__expires_at", "created_at", "given_by", "completeness", "acceptance"
    )
    ran = (
        Ran(*known, complete=how == "complete", accepted=acceptance is not None)
        for *known, how, acceptance in found
    )
    return [
        row(
            run_id=one.pk,
            suite_version_id=suite,
            release_id=release,
            version_id=version,
            given_by_id=one.given_by,
            complete=one.complete,
            ran_at=one.ran_at,
            created_at=one.created_at,
            expires_at=one.expires_at,
        )
        for one in not_passed_over(ran)
    ]
