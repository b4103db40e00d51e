"""What has to happen without anybody pressing anything: jobs that `manage.py tick` runs.

Apps add theirs to `ticks` in `AppConfig.ready()`. A job is claimed with a lease before it runs, so
several machines may call `tick` at once; one that dies is taken over when its lease ends. Since a
lease can end under a job that is merely slow, every job must also be safe to run twice.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Q

from audit import clock
from audit.kept import position
from audit.models import TickRun

log = logging.getLogger("gatehouse.tick")

#: After this long somebody else may take a job over.
LEASE = timedelta(minutes=15)


@dataclass(frozen=True)
class Tick:
    """One job: its name, and a function that does it and says in a few words what it did."""

    name: str
    run: Callable[[], str]
    #: It is not run again before this long has passed.
    every: timedelta = timedelta(0)
    #: It looks at governed rows alone, so it is left out while none has changed.
    only_after_changes: bool = False


#: The jobs of every app, in the order they run.
ticks: list[Tick] = []


@dataclass(frozen=True)
class Outcome:
    """What became of one job; `failed` when it raised."""

    name: str
    said: str
    failed: bool = False


def run_due(*, everything: bool = False) -> list[Outcome]:
    """Run each job that is due and that nobody else runs; `everything` leaves no time between."""
    return [outcome for job in ticks if (outcome := _run(job, everything)) is not None]


def _run(job: Tick, everything: bool) -> Outcome | None:
    now, number = clock.now(), position()
    if not _claim(job, now, number, everything):
        return None
    try:
        outcome = Outcome(job.name, job.run())
    except Exception as error:
        # One job that fails must not keep the others from running; what failed is in the log.
        log.exception("The job %s failed", job.name)
        outcome = Outcome(job.name, f"failed: {type(error).__name__}", failed=True)
    ours = TickRun.objects.filter(name=job.name, claimed_until=now + LEASE)
    if outcome.failed:
        ours.update(claimed_until=None, started_at=None, said=outcome.said)
    else:
        said = outcome.said[:300]
        ours.update(claimed_until=None, finished_at=clock.now(), said=said, position=number)
    return outcome


def _claim(job: Tick, now: datetime, number: int, everything: bool) -> bool:
    """Take the job, if it is due and free; one UPDATE, so that one of two who try gets it."""
    TickRun.objects.get_or_create(name=job.name)
    rows = TickRun.objects.filter(Q(claimed_until=None) | Q(claimed_until__lte=now), name=job.name)
    if not everything:
        rows = rows.filter(Q(started_at=None) | Q(started_at__lte=now - job.every))
        if job.only_after_changes:
            rows = rows.exclude(position=number)
    return bool(rows.update(claimed_until=now + LEASE, started_at=now))
