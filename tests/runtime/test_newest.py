"""The newest records: by the hours that hold them, whatever lies between."""

import re
import uuid
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from audit import clock
from registry.roles import Role
from runtime.models import RequestRecord
from runtime.records import fields, finding, newest, partitions, pruning
from tests import make
from tests.runtime.recording import Reporting
from tests.runtime.stories import next_release, running

HOUR = timedelta(hours=1)


@pytest.fixture
def told(db):
    """A release that ran in three hours ten days ago, and the one that has run since."""
    told = running()
    router = Reporting(told.environment)
    since = clock.now() - timedelta(days=10)

    def send(hours: float, number: int, release: str) -> None:
        with clock.at(since + hours * HOUR):
            made = [
                router.route(told.use_case.slug, at=clock.now(), release=release)
                for _ in range(number)
            ]
            assert set(router.outcomes(*made)) == {"accepted"}

    told.first = told.release.digest
    for hours, number in ((0, 3), (1.5, 2), (40, 4)):
        send(hours, number, told.first)
    told.after = next_release(told).release.digest
    for hours in range(50, 68, 3):
        send(hours, 3, told.after)
    told.reader = make.make_person(make.name("auditor"), Role.AUDITOR)
    return told


@pytest.fixture
def pages(told, monkeypatch):
    """Return a function that reads all pages of a list, each of so many records."""

    def read(size: int, **given) -> list[list[str]]:
        monkeypatch.setattr(newest, "PAGE", size)
        filters, reasons = finding.read(given)
        assert not reasons
        found, after = [], ""
        while True:
            rows, after, _ = newest.page_of(filters, told.reader, after)
            found.append([str(row.pk) for row in rows])
            if not after:
                return found

    return read


def keys(told, **given) -> list[str]:
    rows = finding.matching(finding.read(given)[0], told.reader)
    return [str(row.pk) for row in rows]


@pytest.mark.parametrize("size", [1, 2, 4, 5, 50])
def test_pages_hold_every_record_once_newest_first(told, pages, size):
    for given in ({}, {"release": told.first}, {"release": told.after}, {"status": "refused"}):
        wanted = keys(told, **given)
        found = pages(size, **given)
        assert [one for page in found for one in page] == wanted
        assert all(len(page) == size for page in found[:-1])
    assert len(keys(told, release=told.first)) == 9


def test_a_span_that_begins_and_ends_within_an_hour(told, pages):
    middle = RequestRecord.objects.order_by("-id").values_list("id", flat=True)[5]
    at = fields.made_at(middle)
    given = {"from": (at - 7 * HOUR).isoformat(), "to": (at + HOUR / 2).isoformat()}
    wanted = keys(told, **given)
    assert 0 < len(wanted) < RequestRecord.objects.count()
    assert [one for page in pages(2, **given) for one in page] == wanted


def test_hours_whose_records_are_pruned_are_passed(told, pages):
    """What retention takes away stays counted: a page goes on where there is something left."""
    make.make_policy(retention_days=9)
    assert pruning.prune() == "5 records pruned"
    assert [len(page) for page in pages(3, release=told.first)] == [3, 1]
    pack = make.make_pack("domain", "domain")
    make.make_policy(pack, use_cases=[told.use_case], retention_days=8)
    assert pruning.prune() == "4 records pruned"
    assert pages(3, release=told.first) == [[]]


def test_many_hours_without_records_cost_few_statements(told, monkeypatch):
    """Ten times as many counts are read each time, or years of pruned hours would be walked."""
    make.make_policy(retention_days=9)
    pruning.prune()
    filters, _ = finding.read({"release": told.first})
    monkeypatch.setattr(newest, "MOST", 1)
    with CaptureQueriesContext(connection) as queries:
        assert len(newest.newest(filters, told.reader, 5)) == 4
    assert len([one for one in queries if partitions.TABLE in one["sql"]]) == 3


def test_what_is_read_is_bounded_by_hours(told):
    """A database that expects the release everywhere would walk back through all since."""
    filters, _ = finding.read({"release": told.first})
    with CaptureQueriesContext(connection) as queries:
        assert len(newest.newest(filters, told.reader, 3)) == 3
    (read,) = (one["sql"] for one in queries if f'FROM "{partitions.TABLE}"' in one["sql"])
    named = re.findall(r'"id" >= \'?([0-9a-f-]{32,36})', read)
    assert len(named) == 1
    since = fields.made_at(uuid.UUID(named[0]))
    newest_of = RequestRecord.objects.filter(release__digest=told.first).latest("id")
    assert fields.made_at(newest_of.pk) - since < HOUR
