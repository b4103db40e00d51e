"""Who is behind and since when: what routers reported against what was published."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from audit import clock
from registry.models import RouterReport
from registry.roles import Role
from runtime import reports, transitions
from runtime.routers import (
    STATES,
    TOGETHER,
    Report,
    acknowledgements,
    held,
    standings,
    state,
)
from tests import make
from tests.gates.stories import WHY
from tests.runtime.stories import operator, running

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)


def seconds(count: float) -> datetime:
    return NOW + timedelta(seconds=count)


def said(generation: int, first: float, last: float) -> Report:
    return Report(generation, seconds(first), seconds(last))


@pytest.mark.parametrize(
    ("reports", "holds"),
    [
        ([], None),
        ([said(5, 0, 600)], 5),
        # One process: once it says 6, it says no more of 5, whatever was noted a minute late.
        ([said(5, 0, 60), said(6, 90, 90)], 6),
        ([said(5, 0, 90), said(6, 90, 90)], 6),
        # Two processes: 5 is said again after another has taken 6.
        ([said(5, 0, 100), said(6, 90, 90)], 5),
        ([said(5, 0, 300), said(6, 90, 290)], 5),
        ([said(4, 0, 300), said(5, 10, 300), said(6, 90, 290)], 4),
        # The one that was behind has gone.
        ([said(5, 0, 100), said(6, 90, 300)], 6),
        # It began anew from an older state, and what it held before is long past.
        ([said(9, 0, 100), said(5, 400, 460)], 5),
    ],
)
def test_what_a_router_holds(reports, holds):
    found = held(reports)
    assert (found and found.generation) == holds
    assert held(reversed(reports)) == found


@pytest.mark.parametrize(
    ("is_active", "holds", "heard_ago", "word"),
    [
        (True, 7, 10, "current"),
        (True, 6, 10, "behind"),
        (True, 8, 10, "ahead"),
        (True, 7, 301, "silent"),
        (True, 6, 301, "silent"),
        (True, None, None, "never_heard"),
        (False, 7, 10, "off"),
    ],
)
def test_how_it_stands(is_active, holds, heard_ago, word):
    heard_at = None if heard_ago is None else seconds(-heard_ago)
    found = state(is_active=is_active, holds=holds, heard_at=heard_at, generation=7, now=NOW)
    assert found == word
    assert word in STATES


def report(router, generation: int, first: datetime, last: datetime | None = None) -> None:
    RouterReport.objects.create(
        router=router, generation=generation, first_seen_at=first, last_seen_at=last or first
    )


@pytest.fixture
def told(db):
    """An environment with generations 1 and 2, and four routers that took part in it or not."""
    told = running()
    place = told.environment
    for name in ("quick", "slow", "mute", "off"):
        setattr(told, name, make.make_router(place, slug=make.name(name)))
    first, second = place.activations.order_by("generation")
    told.published_at = second.change.at
    at = told.published_at
    report(told.quick, 1, first.change.at, at)
    report(told.quick, 2, at + timedelta(seconds=4), at + timedelta(seconds=70))
    report(told.slow, 1, first.change.at, at + timedelta(seconds=60))
    # Never before heard from: that it took a minute says nothing of the publication.
    told.late = make.make_router(place, slug=make.name("zz-late"))
    report(told.late, 2, at + timedelta(seconds=60))
    make.save(type(told.off), {"is_active": False}, actor=make.admin(), pk=told.off.pk)
    with clock.at(at + timedelta(seconds=75)):
        yield told


def test_who_is_behind_and_since_when(told):
    rows = {one.router: one for one in standings(told.environment, told.environment.routers.all())}
    found = {router: (one.state, one.holds, one.behind_since) for router, one in rows.items()}
    assert found == {
        told.quick: ("current", 2, None),
        told.late: ("current", 2, None),
        told.slow: ("behind", 1, told.published_at),
        told.mute: ("never_heard", None, None),
        told.off: ("off", None, None),
    }
    assert rows[told.quick].since == told.published_at + timedelta(seconds=4)
    with clock.at(told.published_at + timedelta(minutes=10)):
        late = standings(told.environment, [told.slow])[0]
    # Out of hearing, and behind besides.
    assert (late.state, late.behind_since) == ("silent", told.published_at)
    transitions.remove(told.environment.deployments.get().pk, actor=operator(told), reason=WHY)
    third = told.environment.activations.latest("generation")
    again = standings(told.environment, [told.quick, told.slow])
    # Since when is since the first generation that it missed, not since the last.
    assert [one.behind_since for one in again] == [third.change.at, told.published_at]


def test_how_long_each_took(told):
    first, second = told.environment.activations.order_by("generation")
    found = {one.router: (one.at, one.took) for one in acknowledgements(second)}
    at, quick = told.published_at, timedelta(seconds=4)
    assert found == {
        told.quick: (at + quick, quick),
        told.slow: (None, None),
        told.mute: (None, None),
        told.late: (at + timedelta(seconds=60), None),
    }
    # Somebody who claims what was not published has not taken up what is, later on.
    report(told.mute, 900, at - timedelta(days=1))
    assert {one.router: (one.at, one.took) for one in acknowledgements(second)} == found
    words = {one.router: one.took_words for one in acknowledgements(second)}
    assert words[told.quick] == "4 s"
    # A later generation acknowledges the one before as well.
    assert {one.router for one in acknowledgements(first) if one.at} == {
        told.quick,
        told.slow,
        told.late,
    }


def test_looking_costs_the_same_for_many(told):
    def asked() -> int:
        with CaptureQueriesContext(connection) as queries:
            standings(told.environment, told.environment.routers.all())
            acknowledgements(told.environment.activations.latest("generation"))
        return len(queries)

    few = asked()
    for number in range(20):
        router = make.make_router(told.environment, team=told.quick.team)
        report(router, 1, told.published_at, told.published_at + number * TOGETHER / 20)
    assert asked() == few


def test_the_api_says_it_to_whoever_sees_the_environment(told):
    token = make.make_token(make.make_service("", Role.VIEWER))
    client = Client(headers={"authorization": f"Bearer {token}"})
    rows = client.get(f"/api/v1/environments/{told.environment.slug}/routers/").json()["results"]
    found = {
        one["slug"]: (one["state"], one["generation"], one["behind"], one["behind_since"])
        for one in rows
    }
    since = told.published_at.isoformat().replace("+00:00", "Z")
    assert found[told.slow.slug] == ("behind", 1, True, since)
    assert found[told.quick.slug] == ("current", 2, False, None)
    assert found[told.mute.slug] == ("never_heard", None, False, None)
    assert len(found) == 5
    elsewhere = make.make_environment()
    one = f"/api/v1/environments/{elsewhere.slug}/routers/{told.slow.slug}/"
    assert client.get(one).status_code == 404


def test_the_pages_say_it(told, client):
    client.force_login(make.make_person("vic", Role.VIEWER))
    page = client.get(told.environment.get_absolute_url()).content.decode()
    panel = page[page.index('id="routers"') :]
    # Those that need looking after come first.
    places = [panel.index(f">{one.slug}</a>") for one in (told.slow, told.mute, told.quick)]
    assert max(places[:2]) < places[2]
    assert "generation 2 is active; what it holds was replaced 1 minute ago" in panel
    assert told.off.slug not in panel
    assert "Register a router" not in panel
    own = client.get(f"/registry/router/{told.slow.pk}/change/").content.decode()
    assert "It decides from an older generation. It holds generation 1" in own
    client.force_login(make.admin())
    page = client.get(told.environment.get_absolute_url()).content.decode()
    assert f"/registry/router/add/?environment={told.environment.pk}" in page


def test_a_router_that_claims_anything_fills_no_table(told):
    token, _ = make.make_token_row(make.make_service(), scope="router", router=told.mute)
    claims = [*range(900, 900 + 2 * reports.REMEMBERED)]
    for generation in claims:
        reports.note(token, generation, 2)
    kept = RouterReport.objects.filter(router=told.mute)
    # Within a minute it is not even listened to for so long.
    assert [one.generation for one in kept] == [900 + reports.REMEMBERED - 1]
    (stands,) = standings(told.environment, [told.mute])
    assert stands.state == "ahead"
    with clock.at(clock.now() + timedelta(minutes=1)):
        for generation in (2, 7):
            reports.note(token, generation, 2)
    assert {one.generation for one in kept.all()} == {2, 7}


def test_an_administrator_registers_a_router_and_issues_its_token(db, client):
    client.force_login(make.admin())
    place, robot = make.make_environment(), make.make_service()
    posted = {
        "slug": "gateway",
        "name": "Gateway",
        "environment": place.pk,
        "team": make.make_team().pk,
        "is_active": "on",
        "reason": WHY,
    }
    assert client.post("/registry/router/add/", posted).status_code == 302
    router = place.routers.get()
    day = (clock.now() + timedelta(days=30)).date().isoformat()
    values = {"user": robot.pk, "name": "gw", "scope": "router", "expiry": day, "reason": WHY}
    refused = client.post("/registry/apitoken/add/", values)
    assert refused.status_code == 422
    assert "Say which router the token is for." in refused.content.decode()
    issued = client.post("/registry/apitoken/add/", {**values, "router": router.pk})
    assert issued.status_code == 200
    token = router.tokens.get()
    assert (token.environment, token.scope) == (place, "router")
    # Its environment was given to its tokens with it: another is another router.
    elsewhere = make.make_environment()
    moved = client.post(
        f"/registry/router/{router.pk}/change/", {**posted, "environment": elsewhere.pk}
    )
    router.refresh_from_db()
    assert router.environment == place, moved.status_code
    # Switched off, it is given no further token.
    off = {name: value for name, value in posted.items() if name != "is_active"}
    assert client.post(f"/registry/router/{router.pk}/change/", off).status_code == 302
    again = client.post("/registry/apitoken/add/", {**values, "router": router.pk})
    assert (again.status_code, router.tokens.count()) == (422, 1)
