"""The gates' pages in a browser: what a refusal does to the keyboard, and what axe finds."""

import pytest

from registry.roles import Role
from tests import make
from tests.gates.stories import approved, story


@pytest.fixture
def enter(page, live_server, client):
    """Return a function that opens an address as somebody."""

    def open_as(person, address: str):
        client.force_login(person)
        cookie = client.cookies["sessionid"]
        page.context.clear_cookies()
        page.context.add_cookies(
            [{"name": "sessionid", "value": cookie.value, "url": live_server.url}]
        )
        page.goto(f"{live_server.url}{address}")
        return page

    return open_as


def test_a_refused_signature_takes_the_focus_to_the_answer(enter, transactional_db):
    told = story()
    told.give_all()
    told.ask()
    page = enter(told.signer("reviewer"), f"/promotions/{told.promotion.pk}/?verdict=approve")
    page.get_by_label("Reason").fill("Read in full.")
    page.get_by_label("Your password again").fill("not mine")
    page.get_by_role("button", name="Sign: approve").click()
    page.wait_for_selector("#answer:focus")
    assert "Not signed." in page.inner_text("#answer")
    assert page.get_by_label("Reason").input_value() == "Read in full."
    page.get_by_label("Your password again").fill(make.PASSWORD)
    page.get_by_role("button", name="Sign: approve").click()
    page.wait_for_selector("text=Approved until")


def test_axe_finds_nothing_on_the_pages_of_the_gates(
    enter, assert_accessible, transactional_db, live_server
):
    told = story("production")
    told.give("safety_check", verdict="fail")
    told.ask()
    done = approved()
    mona = make.make_person(make.name("mona"), Role.REVIEWER, Role.RISK_OWNER, Role.REQUESTER)
    for address in (
        "/",
        "/gates/promotion/",
        "/gates/gateversion/",
        f"/promotions/{told.promotion.pk}/",
        f"/promotions/{told.promotion.pk}/?verdict=reject",
        f"/promotions/{done.promotion.pk}/",
        f"/promotions/{done.promotion.pk}/?view=print",
        "/promotions/ask/",
        f"/promotions/ask/?release={told.release.pk}",
        f"/gates/promotion/add/?release={told.release.pk}&environment={done.environment.pk}",
        f"/gates/promotion/{told.promotion.pk}/change/",
        f"/gates/promotion/{told.promotion.pk}/withdraw/",
    ):
        page = enter(mona, address)
        assert_accessible()
        page.set_viewport_size({"width": 360, "height": 800})
        width = page.evaluate("document.documentElement.scrollWidth")
        assert width <= 360, f"{address} scrolls sideways at 360 px: {width}"
        page.set_viewport_size({"width": 1280, "height": 800})
