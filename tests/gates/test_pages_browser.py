"""The gates' pages in a browser: what a refusal does to the keyboard, and what axe finds."""

import pytest

from gates import transitions
from gates.notices.telling import tell_all
from registry.roles import Role
from tests import make
from tests.gates.stories import WHY, approved, make_webhook, story


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


@pytest.mark.look
def test_axe_finds_nothing_on_the_pages_of_the_gates(
    enter, assert_accessible, transactional_db, live_server, settings
):
    settings.SECOND_FACTOR = True
    told = story("production")
    told.give("safety_check", verdict="fail")
    told.ask()
    done, ended = approved(), approved()
    transitions.revoke(
        ended.promotion.pk, actor=ended.signer(Role.RISK_OWNER), reason=WHY, password=make.PASSWORD
    )
    thread = transitions.comment(
        told.promotion.pk, text="Is it the same set?", actor=told.signer(Role.REVIEWER)
    ).thread
    transitions.resolve(thread.pk, actor=told.signer(Role.REVIEWER), reason="It is.")
    transitions.comment(told.promotion.pk, text="And Dutch?", actor=told.signer(Role.REVIEWER))
    mona = make.make_person(make.name("mona"), Role.REVIEWER, Role.RISK_OWNER, Role.REQUESTER)
    for address in (
        "/",
        "/ended/",
        "/gates/promotion/",
        "/gates/gateversion/",
        f"/promotions/{told.promotion.pk}/",
        f"/promotions/{told.promotion.pk}/?verdict=reject",
        f"/promotions/{done.promotion.pk}/",
        f"/promotions/{done.promotion.pk}/?view=print",
        f"/promotions/{told.promotion.pk}/ask/",
        f"/promotions/{told.promotion.pk}/assign/",
        "/notices/",
        "/second-factor/",
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


@pytest.mark.look
def test_axe_finds_nothing_on_the_pages_of_webhooks(
    enter, assert_accessible, transactional_db, live_server
):
    hook, _ = make_webhook()
    transitions.try_out(hook.pk, actor=make.admin(), reason=WHY)
    tell_all()
    for address in (
        "/gates/webhook/",
        "/gates/webhook/add/",
        f"/gates/webhook/{hook.pk}/change/",
        f"/gates/webhook/{hook.pk}/renew-secret/",
        f"/webhooks/{hook.pk}/deliveries/",
    ):
        page = enter(make.admin(), address)
        assert_accessible()
        page.set_viewport_size({"width": 360, "height": 800})
        width = page.evaluate("document.documentElement.scrollWidth")
        assert width <= 360, f"{address} scrolls sideways at 360 px: {width}"
        page.set_viewport_size({"width": 1280, "height": 800})


def test_a_thread_is_opened_and_resolved_by_keyboard_alone(enter, transactional_db):
    told = story()
    told.ask()
    page = enter(told.signer("reviewer"), f"/promotions/{told.promotion.pk}/")
    page.get_by_text("Begin a thread").focus()
    page.keyboard.press("Enter")
    page.get_by_label("Your comment").focus()
    page.keyboard.type("Why this endpoint?")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_selector(".thread >> text=Why this endpoint?")
    page.get_by_text("Answer or resolve").focus()
    page.keyboard.press("Enter")
    page.get_by_label("Your comment, or how it was settled").focus()
    page.keyboard.type("It is the only one.")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_selector(".thread >> text=Resolved")


def tab_to(page, selector: str) -> None:
    """Press Tab until the element has the focus, and see that one sees it."""
    for _ in range(150):
        page.keyboard.press("Tab")
        if page.evaluate("s => document.activeElement.matches(s)", selector):
            shown = page.evaluate(
                "() => { const e = document.activeElement, s = getComputedStyle(e);"
                " return s.outlineStyle !== 'none' || s.boxShadow !== 'none'; }"
            )
            assert shown, f"{selector} has the focus and does not look like it"
            return
    raise AssertionError(f"Tab never comes to {selector}")


def test_index_and_review_page_work_by_keyboard_alone_and_at_200_percent(
    enter, transactional_db, live_server
):
    told = story()
    told.give_all()
    told.ask()
    there = f"/promotions/{told.promotion.pk}/"
    page = enter(told.signer("reviewer"), "/")
    # 1280 pixels at 200 % are 640 of CSS.
    page.set_viewport_size({"width": 640, "height": 400})
    assert page.evaluate("document.documentElement.scrollWidth") <= 640
    tab_to(page, f"#content a[href^='{there}']")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**{there}**")
    assert page.evaluate("document.documentElement.scrollWidth") <= 640
    tab_to(page, "a[href*='verdict=approve'][href$='#decide']")
    page.keyboard.press("Enter")
    page.wait_for_selector("#sign_reason")
    assert page.evaluate("document.documentElement.scrollWidth") <= 640
    tab_to(page, "input[name=meaning]")
    page.keyboard.press("Space")
    tab_to(page, "#sign_reason")
    page.keyboard.type("Read in full.")
    tab_to(page, "#sign_password")
    page.keyboard.type(make.PASSWORD)
    tab_to(page, "form.act button[type=submit]")
    page.keyboard.press("Enter")
    page.wait_for_selector("text=Approved until")


def test_many_are_reminded_of_on_a_narrow_screen_too(enter, transactional_db):
    told = story()
    told.give_all()
    told.ask()
    told.signer("reviewer")
    page = enter(told.requester, "/gates/promotion/")
    page.set_viewport_size({"width": 360, "height": 800})
    assert "<input" not in page.locator("#result_list td.action-checkbox").evaluate(
        "cell => getComputedStyle(cell, '::before').content"
    )
    go = page.get_by_role("button", name="Go")
    box = go.bounding_box()
    assert box["x"] + box["width"] <= 344  # inside the box, which has a margin of 16
    page.check("[name=_selected_action]")
    page.select_option("select[name=action]", label="Remind whoever is to sign")
    go.click()
    assert "Reminders of 1 promotion go out." in page.inner_text("body")


def test_a_review_prints_to_what_an_auditor_would_file(enter, transactional_db, live_server):
    told = approved("production")
    row = told.promotion.people.filter(kind="signer").first()
    for address in (f"/promotions/{told.promotion.pk}/", "/promotions/{}/?view=print"):
        page = enter(told.signer("reviewer"), address.format(told.promotion.pk))
        page.emulate_media(media="print", color_scheme="dark")
        # A4 with margins of two centimetres is 640 pixels wide.
        page.set_viewport_size({"width": 640, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") <= 640
        ink = "getComputedStyle(document.body)"
        assert page.evaluate(f"{ink}.backgroundColor") in ("rgb(255, 255, 255)", "rgba(0, 0, 0, 0)")
        for gone in ("#nav-sidebar", "#user-tools", "button", "form input:not([type=hidden])"):
            assert not [one for one in page.locator(gone).all() if one.is_visible()], gone
        text = page.inner_text("body")
        for said in ("password re-entered", "UTC", row.reason, "production.full_metadata"):
            assert said in text, (address, said)
        # Said once, and nothing of what the reader may not do.
        assert "more: " not in text and "NOT_ALLOWED" not in text, address
    # The page for the file names its reader like everybody else, and the digest in full.
    assert row.printed_name in text and "(you)" not in text
    assert row.package_digest in text
    assert page.pdf(format="A4").count(b"/Type /Page") > 1
    page.emulate_media(media="screen", color_scheme="light")
