"""Lists in the portal: how far they count, how they narrow by date, and in which order they are."""

import re
from datetime import UTC, datetime

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from audit.admin import filters, lists
from tests import make
from tests.nouns import multiply

LIST = "/registry/modelversion/"


@pytest.fixture
def reader(client, db):
    client.force_login(make.registrar())
    return client


def dated(*days: tuple[int, int, int]) -> None:
    """Write sealed versions, one for each day."""
    row = make.make_model_version(sealed=True)
    for place, day in enumerate(days):
        multiply(row, 1, begin=place, sealed_at=datetime(*day, 12, tzinfo=UTC))


def choices(page) -> list[str]:
    return [choice["title"] for choice in page.context_data["cl"].dates["choices"]]


def test_a_long_list_says_that_it_is_longer_than_its_pages(reader, monkeypatch):
    monkeypatch.setattr(lists, "COUNTED", 120)
    team = make.make_team()
    row = make.make_use_case("falcon", team=team)
    multiply(row, 118)
    page = reader.get("/registry/usecase/")
    assert "<span>119 use cases</span>" in page.text
    multiply(row, 10, begin=118)
    page = reader.get("/registry/usecase/")
    assert "<span>more than 120 use cases</span>" in page.text
    assert "?p=3" in page.text and "?p=4" not in page.text
    assert len(reader.get("/registry/usecase/?p=3").context_data["cl"].result_list) == 20


def test_a_narrowed_list_sorts_keys_not_rows(client, db):
    """Sorting whole rows of a team for one page costs more with every row that the team has."""
    team = make.make_team()
    made = make.make_release(use_case=make.make_use_case("falcon", team=team))
    other = make.make_release()
    multiply(made, 60)
    client.force_login(make.make_person("mia", "viewer", team=team))
    with CaptureQueriesContext(connection) as queries:
        page = client.get("/registry/release/?p=2")
    listed = [row.pk for row in page.context_data["cl"].result_list]
    assert len(listed) == 11 and listed == sorted(listed, reverse=True) and listed[-1] == made.pk
    assert other.pk not in listed
    statements = [one["sql"] for one in queries if 'FROM "registry_release"' in one["sql"]]
    (sorting,) = (sql for sql in statements if sql.endswith("LIMIT 11 OFFSET 50"))
    assert "," not in sorting.partition(" FROM ")[0]
    (asked,) = (sql for sql in statements if '"registry_release"."runbook"' in sql)
    assert re.search(r'"registry_release"."id" IN \((\d+, ){10}\d+\)', asked)


def test_the_box_of_a_list_finds_what_the_search_page_finds(reader):
    team = make.make_team()
    for number in range(3):
        make.make_use_case(f"falcon-{number}", team=team, purpose="Seen from afar.")
    for asked, number in [("FALCON", 3), ("falcon 2", 1), ("afa", 3), ("alcon", 0), ("2", 1)]:
        listed = reader.get("/registry/usecase/", {"q": asked}).context_data["cl"]
        assert listed.result_count == number, asked
    assert reader.get("/registry/usecase/", {"q": "%"}).context_data["cl"].result_count == 0
    assert reader.get("/registry/person/", {"q": "hea"}).context_data["cl"].result_count == 1


def test_years_months_and_days_lead_to_what_was_sealed_then(reader):
    dated((2023, 3, 9), (2025, 2, 3), (2025, 4, 5), (2025, 4, 7))
    assert choices(reader.get(LIST))[:3] == ["2023", "2024", "2025"]
    year = reader.get(LIST, {"sealed_at__year": 2025})
    assert choices(year) == ["February 2025", "March 2025", "April 2025"]
    assert year.context_data["cl"].result_count == 3
    month = {"sealed_at__year": 2025, "sealed_at__month": 4}
    page = reader.get(LIST, month)
    assert choices(page) == ["5 April", "6 April", "7 April"]
    assert page.context_data["cl"].dates["back"]["title"] == "2025"
    day = reader.get(LIST, {**month, "sealed_at__day": 7})
    assert choices(day) == ["7 April"]
    assert day.context_data["cl"].result_count == 1
    assert reader.get(LIST, {**month, "sealed_at__day": 6}).context_data["cl"].dates is None
    for odd in ({"sealed_at__year": "x"}, {"sealed_at__year": 2025, "sealed_at__month": 13}):
        assert reader.get(LIST, odd).status_code in (200, 302)


def test_lists_without_a_dated_row_have_no_dates(reader):
    make.make_model_version()
    assert reader.get(LIST).context_data["cl"].dates is None
    assert "toplinks" not in reader.get(LIST).text


def test_dates_are_read_from_the_two_ends(reader):
    dated(*[(2024, month, 1) for month in range(1, 13)])
    with CaptureQueriesContext(connection) as queries:
        page = reader.get(LIST, {"sealed_at__year": 2024})
    assert len(choices(page)) == 12
    said = [query["sql"] for query in queries]
    assert not [sql for sql in said if "MIN(" in sql or "DISTINCT" in sql]
    ends = [sql for sql in said if sql.startswith('SELECT "registry_modelversion"."sealed_at" AS')]
    assert len(ends) == 2 and all(sql.endswith("LIMIT 1") for sql in ends)


def test_the_newest_version_stands_first(reader):
    model = make.make_model("falcon")
    made = [make.make_model_version(model=model) for _ in range(3)]
    make.make_model_version(model=make.make_model("albatross"))
    listed = reader.get(LIST).context_data["cl"].result_list
    assert [row.pk for row in listed][1:] == [row.pk for row in reversed(made)]


def test_a_filter_of_many_rows_names_the_first_and_says_so(reader, monkeypatch):
    monkeypatch.setattr(filters, "LONGEST", 2)
    for slug in ("ant", "bee"):
        make.make_release(use_case=make.make_use_case(slug))
    assert "search finds the others" not in reader.get("/registry/release/").text
    make.make_release(use_case=make.make_use_case("cow"))
    page = reader.get("/registry/release/").text
    assert "use case: the first 2, search finds the others" in page
    assert "?use_case__id__exact=" in page and ">cow</a>" not in page
