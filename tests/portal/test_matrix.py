"""Every door tried by everybody: the table of `tests/portal/matrix.py` against real answers."""

import logging
from collections import Counter

import pytest
from django.conf import settings
from django.db import connection, transaction
from django.test import override_settings
from django.urls import clear_url_caches, path

from config import urls
from tests.portal import world
from tests.portal.knocking import Knocker, routes
from tests.portal.matrix import COLUMNS, MATRIX, ONLY_SHOWN, PUBLIC, READING_ONLY

pytestmark = pytest.mark.django_db

#: Who is told of the other team's rows, and so may read what it calls them.
SEES_ALL = ("administrator", "auditor of all", "policy author of all")


@pytest.fixture(scope="module")
def there(django_db_setup, django_db_blocker, tmp_path_factory):
    """The world, built once: every request is undone."""
    files = {**settings.STORAGES, "evidence": {**settings.STORAGES["evidence"]}}
    # A folder of its own: what lies in the usual one is thrown away after each test.
    files["evidence"]["OPTIONS"] = {"location": str(tmp_path_factory.mktemp("evidence"))}
    with (
        pytest.MonkeyPatch.context() as patch,
        override_settings(STORAGES=files),
        django_db_blocker.unblock(),
        transaction.atomic(),
    ):
        connection.atomic_blocks[-1]._from_testcase = True
        # Every page has the sidebar, which has tests of its own and costs more than most pages.
        patch.setattr("portal.nav.build", lambda site, request: [])
        yield world.build(patch)
        transaction.set_rollback(True)


@pytest.fixture(scope="module")
def knockers(there) -> dict[str, Knocker]:
    assert tuple(there.people) == COLUMNS
    return {who: Knocker(person, there.tokens.get(who)) for who, person in there.people.items()}


@pytest.fixture(autouse=True)
def no_log():
    """Keep thousands of refusals out of the log, whose tracebacks take longer than they do."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


ROWS = [
    pytest.param(group, method, route, id=f"{method} /{route}")
    for group in MATRIX
    for method, route in group.rows()
]


@pytest.mark.parametrize(("group", "method", "route"), ROWS)
def test_everybody_gets_the_answer_of_the_table(there, knockers, group, method, route):
    for whose, side, statuses in (
        ("any", there.own, group.any),
        ("own", there.own, group.own),
        ("foreign", there.foreign, group.foreign),
    ):
        if not statuses:
            continue
        address = world.address(route, side)
        expected = tried(dict(zip(COLUMNS, statuses.split(), strict=True)))
        answers = {who: knockers[who].knock(method, address, group.body) for who in expected}
        found = {who: str(answer.status_code) for who, answer in answers.items()}
        assert found == expected, f"{group.title}, {whose}: {address}"
        for who, answer in answers.items():
            if answer.status_code == 403:
                assert group.says, f"{group.title} says nothing to whoever may not."
                assert group.says in text(answer), (who, address)
            if who not in SEES_ALL:
                assert world.MARK not in text(answer).replace(address, ""), (who, address)


def tried(expected: dict[str, str]) -> dict[str, str]:
    """Return who tries a door: everybody on SQLite, the first for each answer on PostgreSQL.

    Who may what is the same on both; what could differ is whether a page can be made at all.
    """
    if connection.vendor == "sqlite":
        return expected
    return {who: status for status, who in {s: w for w, s in reversed(expected.items())}.items()}


def text(answer) -> str:
    if answer.streaming:
        return ""
    # Redirects name in their address what was asked for; their body is empty.
    # A status of RPC is no text, but holds one.
    return answer.content.decode(errors="replace")


@pytest.mark.parametrize("who", ["anonymous", "registrar", "administrator"])
def test_a_page_that_only_shows_takes_no_post(there, knockers, who):
    for expected, listed in ONLY_SHOWN.items():
        for route in listed:
            answer = knockers[who].knock("POST", world.address(route, there.own))
            wanted = 302 if who == "anonymous" else expected
            assert answer.status_code == wanted, route
    for route in PUBLIC:
        assert knockers[who].knock("POST", world.address(route, there.own)).status_code == 405


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_the_api_takes_no_other_method(there, knockers, method):
    for route in READING_ONLY:
        address = world.address(route, there.own)
        assert knockers["auditor of all"].knock(method, address).status_code == 405, route
        assert knockers["anonymous"].knock(method, address).status_code == 401, route


def test_every_route_has_its_rows_and_no_row_is_about_nothing():
    rows = [row for group in MATRIX for row in group.rows()]
    assert [row for row, times in Counter(rows).items() if times > 1] == []
    asked = {method: set() for method in ("GET", "POST")}
    for method, route in rows:
        asked[method].add(route.partition("?")[0])
    shown = set(PUBLIC).union(*ONLY_SHOWN.values())
    assert not asked["POST"] & shown
    there_are = routes()
    assert asked["GET"] == there_are
    assert asked["POST"] | shown | set(READING_ONLY) == there_are


def test_a_route_that_somebody_adds_is_found(monkeypatch):
    added = path("new/<int:pk>/", lambda request, pk: None)
    before = routes()
    monkeypatch.setattr(urls, "urlpatterns", [added, *urls.urlpatterns])
    clear_url_caches()
    try:
        assert routes() - before == {"new/<pk>/"}
    finally:
        monkeypatch.undo()
        clear_url_caches()
