"""Lists that leave as CSV: cells, chunks by key, and what is said of the rest."""

import csv
import io
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from django.utils.html import format_html

from audit import tables
from registry.models import Region
from tests import make


@pytest.mark.parametrize(
    "text", ["=1+1", "+1", "-1", "@x", "\t=1", "\r=1", "\n=1", " =1", "\u00a0-1", "＝1", "＠x"]
)
def test_cells_are_no_formulas(text):
    assert tables.cell(text) == f"'{text}"


def test_a_cell_says_what_the_value_is():
    east = timezone(timedelta(hours=2))
    for value, said in (
        ("req-1", "req-1"),
        (None, ""),
        (-5, "-5"),
        (Decimal("-0.5"), "-0.5"),
        (True, "yes"),
        (datetime(2026, 3, 1, 14, 0, tzinfo=east), "2026-03-01T12:00:00Z"),
        (datetime(2026, 3, 1, 14, 0, 0, 5, tzinfo=UTC), "2026-03-01T14:00:00.000005Z"),
        (date(2026, 3, 1), "2026-03-01"),
        (["a", "b"], "a, b"),
        (format_html("<b>{}</b>\n <i>b</i>", "a & =c"), "a & =c b"),
        (format_html("<b>{}</b>", "=c"), "'=c"),
    ):
        assert tables.cell(value) == said


def test_every_cell_is_quoted():
    assert tables.line(['say "a";', 1]) == '"say ""a"";","1"\r\n'


@pytest.mark.django_db
@pytest.mark.parametrize("by", ["pk", "name"])
def test_rows_are_read_in_chunks_and_what_is_left_out_is_said(
    monkeypatch, django_assert_num_queries, by
):
    made = [make.make_region() for _ in range(5)]
    monkeypatch.setattr(tables, "CHUNK", 2)
    rows = Region.objects.filter(pk__in=[one.pk for one in made])

    def said(chunk):
        return [[getattr(row, by)] for row in chunk]

    expected = sorted((getattr(one, by) for one in made), reverse=True)
    with django_assert_num_queries(7):
        assert [one for (one,) in tables.newest(rows, said, by=by)] == expected
    *listed, (rest,) = tables.newest(rows, said, 3, by)
    assert [one for (one,) in listed] == expected[:3]
    assert rest == "There are more than these 3: narrow the list to have the others."
    assert [one for (one,) in tables.newest(rows, said, 5, by)] == expected
    table = tables.Table(["region"], said(made), rest="And 2 that you may not see.")
    read = list(csv.reader(io.StringIO("".join(tables.lines(table)))))
    assert [read[0], read[-1], len(read)] == [["region"], ["And 2 that you may not see."], 7]
