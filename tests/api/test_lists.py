"""Lists: bounded pages, named filters, and as many queries for a thousand rows as for ten."""

import re

import pytest
from django.db import connection
from django.db.models import UniqueConstraint
from django.test.utils import CaptureQueriesContext

from audit import clock
from config.api_urls import router
from tests import make
from tests.api.reading import assert_problem, reader
from tests.api.rows import LISTS, address, fill
from tests.nouns import multiply

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def one_minute():
    """Hold the clock, so that no new minute is noted between two reads that are compared."""
    with clock.at(clock.now()):
        yield


def test_every_list_is_tried_here():
    registered = (re.sub(r"/\(.*\)", "", prefix) for prefix, _, _ in router.registry)
    assert sorted(registered) == sorted(LISTS)


@pytest.mark.parametrize("name", LISTS)
def test_a_list_takes_as_many_queries_for_a_thousand_rows_as_for_ten(told, name):
    where, caller = address(name, told), reader("auditor")
    fill(where, 10)
    caller.get(where.path)
    with CaptureQueriesContext(connection) as few:
        answer = caller.get(where.path, limit=200)
        ten = len(answer.json()["results"])
    fill(where, 1000, begin=10)
    with CaptureQueriesContext(connection) as many:
        answer = caller.get(where.path, limit=200)
    assert len(answer.json()["results"]) == 200 > ten >= 10
    assert len(many) == len(few), "\n".join(query["sql"] for query in many)


@pytest.mark.parametrize("name", LISTS)
def test_following_next_meets_every_row_once_in_order(told, name):
    where, caller = address(name, told), reader("auditor")
    fill(where, 7)
    whole = caller.get(where.path, limit=200).json()
    assert whole["next"] is None
    rows, following = [], where.path
    while following:
        page = caller.get(following, **({"limit": 3} if following == where.path else {})).json()
        assert len(page["results"]) <= 3
        rows += page["results"]
        following = page["next"]
    assert rows == whole["results"]
    assert len(rows) >= 8


def test_a_narrowed_list_sorts_keys_not_rows(told):
    """Sorting whole rows of a team for one page costs more with every row that the team has."""
    caller = reader("viewer", team=told.use_case.team)
    with CaptureQueriesContext(connection) as queries:
        caller.get("releases/", limit=5)
    statements = [one["sql"] for one in queries if 'FROM "registry_release"' in one["sql"]]
    (sorting,) = (sql for sql in statements if sql.endswith("LIMIT 6"))
    assert re.fullmatch(
        r'SELECT "registry_release"\."id"( AS \S+)?', sorting.partition(" FROM ")[0]
    )
    (listed,) = (sql for sql in statements if '"registry_release"."runbook"' in sql)
    assert re.search(r'WHERE "registry_release"\."id" IN \([\d, ]+\) ORDER BY', listed)


@pytest.mark.parametrize(("everywhere", "asked"), [(True, 0), (False, 2)])
def test_what_rows_name_is_asked_by_their_keys(told, everywhere, asked):
    """A list of all use cases that somebody may see would be made for every request."""
    caller = reader("viewer", team=None if everywhere else told.use_case.team)
    with CaptureQueriesContext(connection) as queries:
        answer = caller.get("models/")
    assert told.use_case.slug in answer.content.decode()
    uses = [one["sql"] for one in queries if 'FROM "registry_modeluse"' in one["sql"]]
    assert not any("IN (SELECT" in sql for sql in uses)
    assert sum("EXISTS(SELECT" in sql for sql in uses) == asked


def test_rows_of_one_instant_are_met_once_each(told):
    """Copies share their `created_at`: the cursor must tell them apart by their keys."""
    where, caller = address("evidence", told), reader("auditor")
    multiply(where.row, 5)
    seen, following = [], f"{where.path}?limit=1"
    while following:
        page = caller.get("/api/v1/" + following if "http" not in following else following).json()
        seen += [row["id"] for row in page["results"]]
        following = page["next"]
    assert len(seen) == len(set(seen)) == where.row.__class__.objects.count()


@pytest.mark.parametrize("limit", ["0", "201", "-1", "1.5", "ten", "１０", "9" * 5000, "1e2", "+5"])
def test_a_limit_out_of_bounds_is_refused(db, limit):
    assert_problem(reader().get("models/", limit=limit), 400, "limit")


def test_a_page_holds_fifty_rows_unless_told(db):
    multiply(make.make_model(), 60)
    answer = reader().get("models/").json()
    assert len(answer["results"]) == 50
    assert answer["next"].startswith("http://testserver/api/v1/models/?cursor=")


@pytest.mark.parametrize("cursor", ["x", "a:b", "W10:x", "é", "%00", "WzFd:" + "A" * 1990])
def test_a_cursor_that_was_not_made_here_is_refused(db, cursor):
    assert_problem(reader().get("models/", cursor=cursor), 400, "cursor")


def test_a_cursor_of_another_list_is_refused(db):
    multiply(make.make_model(), 2)
    caller = reader()
    [_, cursor] = caller.get("models/", limit=1).json()["next"].split("cursor=")
    assert caller.get("models/?cursor=" + cursor.split("&")[0]).status_code == 200
    assert_problem(caller.get("use-cases/?cursor=" + cursor.split("&")[0]), 400, "cursor")


FILTERS = [
    ("models", "slug", lambda told: told.release.model_version.model.slug),
    ("models", "team", lambda told: told.use_case.team.slug),
    ("model-versions", "model", lambda told: told.release.model_version.model.slug),
    ("model-versions", "version", lambda told: told.release.model_version.version),
    ("model-versions", "maker", lambda told: told.release.model_version.maker.slug),
    ("model-versions", "digest", lambda told: told.release.model_version.digest),
    ("prompts", "team", lambda told: told.use_case.team.slug),
    ("tools", "slug", lambda told: told.release.tool_grants.get().scope.tool.slug),
    ("use-cases", "slug", lambda told: told.use_case.slug),
    ("environments", "slug", lambda told: told.environment.slug),
    ("releases", "use_case", lambda told: told.use_case.slug),
    ("releases", "model_version", lambda told: told.release.model_version.pk),
    ("releases", "digest", lambda told: told.release.digest),
    ("evidence", "kind", lambda told: "privacy_review"),
    ("evidence", "release", lambda told: told.release.digest),
    ("evidence", "author", lambda told: told.contributor.username),
    ("evaluation-runs", "suite", lambda told: told.suite.suite.slug),
    ("evaluation-runs", "release", lambda told: told.release.digest),
    ("evaluation-runs", "given_by", lambda told: told.contributor.username),
    ("promotions", "release", lambda told: told.release.digest),
    ("promotions", "environment", lambda told: told.environment.slug),
    ("promotions", "state", lambda told: "approved"),
    ("promotions", "requested_by", lambda told: told.requester.username),
    ("audit/entries", "event", lambda told: "promotion.approved"),
    ("audit/entries", "about", lambda told: told.promotion.key),
    ("audit/entries", "row", lambda told: told.release.key),
]


@pytest.mark.parametrize(("name", "filtered", "value"), FILTERS)
def test_a_filter_keeps_what_fits_and_nothing_else(told, name, filtered, value):
    other = {"kind": "red_team", "state": "rejected"}.get(filtered, "0")
    caller, wanted = reader("auditor"), value(told)
    kept = caller.get(f"{name}/", **{filtered: wanted}).json()["results"]
    everything = caller.get(f"{name}/", limit=200).json()["results"]
    assert kept
    assert [row for row in everything if row in kept] == kept
    both = caller.get(f"{name}/", **{filtered: f"{wanted},{other}"})
    if (name, filtered) != ("audit/entries", "about"):
        assert both.json()["results"] == kept
    assert not caller.get(f"{name}/", **{filtered: other}).json()["results"]


def test_the_log_is_followed_from_a_number_on(told):
    caller = reader("auditor")
    rows = caller.get("audit/entries/").json()["results"]
    later = caller.get("audit/entries/", after=rows[4]["seq"]).json()["results"]
    assert later[0] == rows[5]


@pytest.mark.parametrize(
    ("path", "parameters", "fields"),
    [
        ("models/", {"nmae": "x"}, ["nmae"]),
        ("models/", {"format": "json"}, ["format"]),
        ("models/", {"name__regex": "(a+)+$", "team__name": "x"}, ["name__regex", "team__name"]),
        ("models/", {"team": ["a", "b"]}, ["team"]),
        ("models/", {"team": ""}, ["team"]),
        ("models/", {"team": " "}, ["team"]),
        ("models/", {"team": "a,,b"}, ["team"]),
        ("models/", {"team": "x" * 201}, ["team"]),
        ("models/", {"team": "x" * 2001}, ["team"]),
        ("models/", {"team": ",".join("ab" for _ in range(51))}, ["team"]),
        ("models/", {"team": "a\x00b"}, ["team"]),
        ("model-versions/", {"base_version": "one"}, ["base_version"]),
        ("model-versions/", {"base_version": "-1"}, ["base_version"]),
        ("model-versions/", {"base_version": str(2**63)}, ["base_version"]),
        ("model-versions/", {"base_version": f"1,{'9' * 1000}"}, ["base_version"]),
        ("evidence/", {"kind": "vibes"}, ["kind"]),
        ("evaluation-runs/", {"item": "1"}, ["item"]),
        ("promotions/", {"state": "approved,active"}, ["state"]),
        ("audit/entries/", {"change": "y", "after": "x"}, ["change", "after"]),
        ("audit/entries/", {"after": str(2**63)}, ["after"]),
        ("evaluation-runs/latest/", {}, ["release"]),
        ("evaluation-runs/latest/", {"limit": "1"}, ["limit"]),
        ("evaluation-runs/latest/", {"model": "a", "version": "1"}, ["model"]),
        ("evaluation-runs/latest/", {"version": "9" * 30}, ["version"]),
        ("evaluation-runs/latest/", {"version": "٣"}, ["version"]),
        ("schema/", {"format": "json"}, ["format"]),
    ],
)
def test_what_cannot_be_read_is_named(db, path, parameters, fields):
    assert_problem(reader("auditor").get(path, **parameters), 400, *fields)


def test_a_row_takes_no_parameters(told):
    caller = reader("auditor")
    assert_problem(caller.get(address("models", told).one, team="x"), 400, "team")


def test_a_filter_is_never_a_pattern(told):
    slug = told.use_case.slug
    for pattern in (slug[:-1] + "%", slug[:-1] + "_", f"^{slug}$", slug[:-1] + "*", slug.upper()):
        assert reader().get("use-cases/", slug=pattern).json()["results"] == []


# Indexes


def leads_an_index(model, column: str, *, place: int = 0) -> bool:
    """Whether an index of the model's table has `column` in that place, first unless told."""
    field = model._meta.pk if column == "pk" else model._meta.get_field(column)
    if field.primary_key or field.unique or field.db_index:
        return True
    indexed = [[name for name, _ in index.fields_orders] for index in model._meta.indexes]
    indexed += [
        constraint.fields
        for constraint in model._meta.constraints
        if isinstance(constraint, UniqueConstraint)
    ]
    return field.name in [columns[place] for columns in indexed if len(columns) > place]


@pytest.mark.parametrize(("prefix", "view"), [(one[0], one[1]) for one in router.registry])
def test_every_filter_and_every_order_has_an_index_behind_it(prefix, view):
    # The rows of a sub-list are found by their parent, which stands first in their index.
    place = 1 if "(" in prefix else 0
    assert leads_an_index(view.model, view.order[0].lstrip("-"), place=place)
    filters = view.filterset_class.base_filters if view.filterset_class else {}
    for name, one in filters.items():
        model = view.model
        *through, column = one.field_name.split("__")
        for step in through:
            assert leads_an_index(model, step), (name, step)
            model = model._meta.get_field(step).related_model
        assert leads_an_index(model, column, place=place), name
