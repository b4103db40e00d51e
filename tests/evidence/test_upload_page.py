"""Several files given by hand: picked, dropped, taken out, sent with progress, kept after a no."""

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from evidence.models import EvidenceItem
from registry.roles import Role
from tests.make import PASSWORD, make_person, make_release, make_team

pytestmark = pytest.mark.django_db(transaction=True)

DROP = """([names, selector]) => {
  const dropped = new DataTransfer();
  for (const name of names) dropped.items.add(new File(["dropped " + name], name));
  document.querySelector(selector).dispatchEvent(
    new DragEvent("drop", { dataTransfer: dropped, bubbles: true, cancelable: true }));
}"""


@pytest.fixture
def address(live_server):
    team = make_team()
    release = make_release(team=team)
    make_person("gina", Role.EVIDENCE_CONTRIBUTOR, team=team)
    add = reverse("admin:evidence_evidenceitem_add")
    return f"{live_server.url}{add}?kind=safety_check&release={release.pk}"


def sign_in(page, live_server) -> None:
    page.goto(f"{live_server.url}/login/")
    page.locator("#id_username").fill("gina")
    page.locator("#id_password").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(f"{live_server.url}/")


def fill(page) -> None:
    page.get_by_label("Title").fill("Files by hand")
    page.get_by_label("pass").check()
    page.get_by_label("Who vouches").fill("Safety team")
    page.locator("#id_reason").fill("For November.")


def files(*names: str) -> list[dict]:
    return [
        {"name": name, "mimeType": "text/plain", "buffer": f"in {name}".encode()} for name in names
    ]


def test_files_are_picked_dropped_taken_out_and_kept_after_a_no(
    page, live_server, address, assert_accessible, settings
):
    sign_in(page, live_server)
    page.goto(address)
    page.locator("#id_files").set_input_files(files("one.txt", "two.txt"))
    page.locator("#id_files").set_input_files(files("three.txt"))
    page.evaluate(DROP, [["four.txt", "page.html"], "form[data-upload]"])
    listed = page.locator(".picked li")
    expect(listed).to_have_count(5)
    page.get_by_role("button", name="Take out two.txt").click()
    expect(listed).to_have_count(4)
    expect(page.get_by_role("button", name="Take out three.txt")).to_be_focused()
    page.get_by_label("Title").fill("Files by hand")
    assert_accessible()

    # Refused: what was typed and chosen is still there, and the answer is focused.
    page.get_by_role("button", name="Give this evidence").click()
    expect(page.locator("#answer")).to_be_focused()
    expect(page.get_by_text("“page.html” is of a type that is not taken.")).to_be_visible()
    assert page.get_by_label("Title").input_value() == "Files by hand"
    expect(listed).to_have_count(4)
    expect(page.get_by_text("Choose the files again")).to_have_count(0)
    assert_accessible()

    fill(page)
    page.get_by_role("button", name="Take out page.html").click()
    page.get_by_role("button", name="Give this evidence").click()
    page.wait_for_url(f"{live_server.url}/evidence/*-*/")
    expect(page.get_by_text("“Files by hand” is given.")).to_be_visible()
    item = EvidenceItem.objects.get()
    names = sorted(file.name for file in item.files.all())
    assert names == ["four.txt", "one.txt", "three.txt"]


def test_what_is_too_large_is_said_before_it_is_sent(page, live_server, address, settings):
    settings.EVIDENCE_FILE_MAX_BYTES = 3 * 1024
    sign_in(page, live_server)
    page.goto(address)
    large = {"name": "large.txt", "mimeType": "text/plain", "buffer": b"x" * 5000}
    page.locator("#id_files").set_input_files([large])
    expect(page.locator(".told")).to_contain_text("“large.txt” is larger than 3 KiB")
    fill(page)
    page.get_by_role("button", name="Give this evidence").click()
    expect(page.locator(".told")).to_contain_text("Not sent.")
    assert not EvidenceItem.objects.exists()


def test_a_long_one_tells_how_far_it_is_and_can_be_stopped(page, live_server, address):
    sign_in(page, live_server)
    page.goto(address)
    fill(page)
    long = {"name": "long.txt", "mimeType": "text/plain", "buffer": b"a line of it\n" * 200_000}
    page.locator("#id_files").set_input_files([long])
    line = page.context.new_cdp_session(page)
    slow = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": 300_000}
    line.send("Network.enable")
    line.send("Network.emulateNetworkConditions", slow)
    page.get_by_role("button", name="Give this evidence").click()
    bar = page.get_by_role("progressbar", name="Sent")
    expect(bar).to_be_visible()
    expect(page.get_by_role("button", name="Give this evidence")).to_be_disabled()
    expect(page.get_by_role("status")).to_contain_text("of 2.5 MiB sent.")
    page.wait_for_function("document.querySelector('progress').value > 0")
    page.get_by_role("button", name="Stop sending").click()
    expect(page.get_by_role("status")).to_contain_text("Stopped; nothing was given.")
    expect(bar).to_be_hidden()
    assert not EvidenceItem.objects.exists()
    line.send("Network.emulateNetworkConditions", {**slow, "uploadThroughput": -1})
    page.get_by_role("button", name="Give this evidence").click()
    page.wait_for_url(f"{live_server.url}/evidence/*-*/")


def test_a_connection_that_breaks_loses_nothing_that_was_typed(page, live_server, address):
    sign_in(page, live_server)
    page.goto(address)
    fill(page)
    page.locator("#id_files").set_input_files(files("one.txt"))
    page.route(
        "**/evidence/evidenceitem/add/**",
        lambda route: route.fulfill(
            status=413, content_type="text/html", body="<p id=sentence>There is no room.</p>"
        ),
    )
    page.get_by_role("button", name="Give this evidence").click()
    expect(page.locator(".told")).to_contain_text("There is no room. What you typed and chose")
    assert page.get_by_label("Title").input_value() == "Files by hand"
    page.unroute("**/evidence/evidenceitem/add/**")
    page.get_by_role("button", name="Give this evidence").click()
    page.wait_for_url(f"{live_server.url}/evidence/*-*/")


def test_a_session_that_ended_loses_nothing_that_was_typed(page, live_server, address):
    sign_in(page, live_server)
    page.goto(address)
    fill(page)
    page.locator("#id_files").set_input_files(files("one.txt"))
    page.context.clear_cookies(name="sessionid")
    page.get_by_role("button", name="Give this evidence").click()
    expect(page.locator(".told")).to_contain_text("You are signed out.")
    assert page.get_by_label("Title").input_value() == "Files by hand"


def test_without_script_the_same_form_does_the_same(browser, live_server, address):
    page = browser.new_context(java_script_enabled=False).new_page()
    sign_in(page, live_server)
    page.goto(address)
    page.locator("#id_files").set_input_files(files("one.txt", "page.html"))
    page.get_by_label("Title").fill("Files by hand")
    page.get_by_role("button", name="Give this evidence").click()
    expect(page.get_by_text("Choose the files again")).to_be_visible()
    assert page.get_by_label("Title").input_value() == "Files by hand"
    fill(page)
    page.locator("#id_files").set_input_files(files("one.txt", "two.txt"))
    page.get_by_role("button", name="Give this evidence").click()
    assert EvidenceItem.objects.get().files.count() == 2
    page.context.close()
