"""From one request to its archive, in a browser: a bad prompt, who finds it and goes back."""

import subprocess
import zipfile

import pytest
from playwright.sync_api import expect

from runtime.client import Router
from runtime.models import Incident, RequestRecord
from tests import make
from tests.runtime.stories import next_release, operator, place, running

WIDE, NARROW = {"width": 1280, "height": 800}, {"width": 360, "height": 800}
GOOD = "State the refund window; if the order is excluded, say so."
BAD = "State the refund window in one short sentence."


class Wrong(Exception):
    """What the caller makes of an answer that promises too much."""


def answers(offer, answer):
    return "an answer"


def fails(offer, answer):
    raise Wrong


@pytest.mark.django_db(transaction=True)
def test_an_investigator_finds_what_changed_goes_back_and_exports(
    page, live_server, assert_accessible, tmp_path
):
    told, url = running(), live_server.url
    ops, slug = operator(told), told.use_case.slug
    row = make.make_router(told.environment)
    token = make.make_token(make.make_service(), scope="router", router=row)
    router = Router(url, told.environment.slug, token, tmp_path / "router")
    router.refresh()
    for _ in range(2):
        router.serve({"use_case": slug}, answers)

    before = told.release.prompt_links.get().prompt_version
    bad = next_release(told, prompts=[make.make_prompt_version(before.template, text=BAD)])
    place(bad, priority=1, actor=ops)
    router.refresh()
    for _ in range(3):
        with pytest.raises(Wrong):
            router.serve({"use_case": slug}, fails)
    router.report()
    assert RequestRecord.objects.count() == 10
    request = RequestRecord.objects.filter(status="failed").first().request

    def fits_and_is_accessible():
        assert_accessible()
        page.set_viewport_size(NARROW)
        width = page.evaluate("document.documentElement.scrollWidth")
        assert width <= NARROW["width"], f"{page.url} scrolls sideways: {width}"
        page.set_viewport_size(WIDE)

    page.set_viewport_size(WIDE)
    page.goto(f"{url}/login/")
    page.locator("#id_username").fill(ops.username)
    page.locator("#id_password").fill(make.PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(f"{url}/")

    # One id is all that there is.
    page.goto(f"{url}/requests/")
    page.get_by_label("Id of a request, trace or conversation").fill(request)
    page.get_by_role("button", name="Find it").click()
    page.get_by_role("link", name="Open an incident…").click()
    fits_and_is_accessible()
    page.locator("#id_title").fill("Answers promise payouts")
    page.locator("#id_reason").fill("Nine complaints.")
    page.get_by_role("button", name="Open the incident").click()
    incident = Incident.objects.get()
    page.wait_for_url(f"{url}{incident.get_absolute_url()}")
    expect(page.get_by_text(f"The linked request was served by {bad.release}")).to_be_visible()

    # What changed: the activation touched all that failed, and its prompt differs word by word.
    first = page.locator("#changed tbody tr").first
    expect(first).to_contain_text(f"Generation {router.generation}")
    expect(first).to_contain_text("100.0 %")
    expect(page.locator("#changed table.diff")).to_contain_text(BAD)
    fits_and_is_accessible()

    page.get_by_role("link", name="Roll back…").click()
    page.get_by_role("link", name=f"Look at going back: {slug} to release").first.click()
    page.get_by_label("Your password again").fill(make.PASSWORD)
    page.locator("#id_reason").fill("The prompt drops the sentence on excluded orders.")
    page.get_by_role("button", name="Roll back").click()
    page.wait_for_url(f"{url}{told.environment.get_absolute_url()}")
    router.refresh()
    assert router.decide({"use_case": slug})["selected"]["release"]["digest"] == told.release.digest

    page.goto(f"{url}{incident.get_absolute_url()}")
    expect(page.locator("#links")).to_contain_text("was rolled back to what generation")
    page.get_by_role("link", name="Mitigated…").click()
    page.locator("#id_reason").fill("No more complaints.")
    page.get_by_role("button", name="Mitigated").click()
    expect(page.locator(".subtitle")).to_contain_text("Mitigated")
    with page.expect_download() as caught:
        page.get_by_role("link", name="Export").click()
    archive = tmp_path / "incident.zip"
    caught.value.save_as(archive)
    with zipfile.ZipFile(archive) as opened:
        opened.extractall(tmp_path / "archive")
    checked = subprocess.run(
        ["sha256sum", "--strict", "--quiet", "-c", "SHA256SUMS"], cwd=tmp_path / "archive"
    )
    assert checked.returncode == 0
    assert request in (tmp_path / "archive" / "records.ndjson").read_text()

    for address in (
        "/incidents/",
        f"/incidents/{incident.pk}/follow-up/",
        f"/timeline/?environment={told.environment.slug}",
        f"/environments/{told.environment.slug}/active-at/",
        f"/requests/{request}/",
    ):
        page.goto(f"{url}{address}")
        fits_and_is_accessible()
    router.close()
