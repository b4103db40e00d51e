"""Jobs of `tick`: claimed, run when due, and none keeps another from running."""

import logging
import threading
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from audit import clock, ticking
from audit.models import TickRun
from audit.ticking import LEASE, Tick, run_due
from tests import make


@pytest.fixture
def jobs(monkeypatch) -> list[Tick]:
    found: list[Tick] = []
    monkeypatch.setattr(ticking, "ticks", found)
    return found


def job(name="count", ran=None, **options) -> Tick:
    ran = [] if ran is None else ran

    def run() -> str:
        ran.append(name)
        return "done"

    return Tick(name, run, **options)


@pytest.mark.django_db
def test_a_job_runs_again_only_after_its_time(jobs):
    ran = []
    jobs.append(job(ran=ran, every=timedelta(hours=1)))
    with clock.at(clock.now()) as _:
        now = clock.now()
        assert [one.said for one in run_due()] == ["done"]
        assert run_due() == []
        assert [one.name for one in run_due(everything=True)] == ["count"]
    with clock.at(now + timedelta(minutes=59)):
        assert run_due() == []
    with clock.at(now + timedelta(hours=1)):
        assert len(run_due()) == 1
    assert ran == ["count"] * 3


@pytest.mark.django_db
def test_a_job_that_looks_at_governed_rows_waits_for_a_change(jobs):
    jobs.append(job(only_after_changes=True))
    assert len(run_due()) == 1
    assert run_due() == []
    make.make_team()
    assert len(run_due()) == 1


@pytest.mark.django_db
def test_what_fails_is_said_runs_again_and_keeps_nobody_from_running(jobs, caplog):
    def fail() -> str:
        raise OSError("disk full")

    jobs += [Tick("bad", fail, every=timedelta(days=1)), job()]
    with caplog.at_level(logging.CRITICAL, "gatehouse.tick"):
        outcomes = run_due()
        assert [(one.name, one.said, one.failed) for one in outcomes] == [
            ("bad", "failed: OSError", True),
            ("count", "done", False),
        ]
        assert [one.name for one in run_due()] == ["bad", "count"]
        with pytest.raises(SystemExit) as ended:
            call_command("tick", stdout=StringIO())
    assert ended.value.code == 1


@pytest.mark.django_db
def test_a_job_that_somebody_runs_is_left_to_them_until_their_lease_ends(jobs):
    jobs.append(job())
    now = clock.now()
    TickRun.objects.create(name="count", claimed_until=now + LEASE, started_at=now)
    with clock.at(now + LEASE - timedelta(seconds=1)):
        assert run_due() == []
    with clock.at(now + LEASE):
        assert len(run_due()) == 1
    assert TickRun.objects.get().claimed_until is None


@pytest.mark.django_db(transaction=True)
def test_of_four_who_tick_at_once_one_runs_the_job(jobs):
    ran = []
    jobs.append(job(ran=ran, every=timedelta(hours=1)))
    barrier = threading.Barrier(4)

    def tick():
        barrier.wait()
        try:
            run_due()
        finally:
            connection.close()

    threads = [threading.Thread(target=tick) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ran == ["count"]


@pytest.mark.django_db
def test_the_command_says_what_was_done_and_refuses_nonsense(jobs):
    jobs.append(job())
    out = StringIO()
    call_command("tick", stdout=out)
    assert out.getvalue() == "count: done\n"
    with pytest.raises(CommandError, match="from 1 up"):
        call_command("tick", "--every", "0")
