"""Evidence by hand in a browser, with the policy, the keyboard and axe looking on."""

import pytest
from playwright.sync_api import expect

from evidence.models import EvidenceItem
from registry.roles import Role
from tests.evidence.make import reviewer
from tests.make import (
    PASSWORD,
    make_person,
    make_release,
    make_suite_version,
    make_team,
    make_use_case,
)


@pytest.mark.django_db(transaction=True)
def test_an_item_is_given_with_a_file_and_a_run_and_accepted_by_somebody_else(
    page, live_server, assert_accessible, tmp_path
):
    team = make_team()
    release = make_release(use_case=make_use_case("claims-triage", team=team))
    suite = make_suite_version()
    make_person("gina", Role.EVIDENCE_CONTRIBUTOR, team=team)
    reviewer()
    report = tmp_path / "report.json"
    report.write_text('{"accuracy": 0.91}')

    def sign_in(username):
        page.context.clear_cookies()
        page.goto(f"{live_server.url}/login/")
        page.locator("#id_username").fill(username)
        page.locator("#id_password").fill(PASSWORD)
        page.keyboard.press("Enter")
        page.wait_for_url(f"{live_server.url}/")

    sign_in("gina")
    page.goto(live_server.url + release.get_absolute_url())
    page.get_by_role("link", name="Give evidence…").click()
    assert_accessible()
    page.get_by_label("Benchmark.").check()
    page.get_by_label("Scores of a suite").select_option(str(suite))
    page.get_by_role("button", name="Go on").click()

    page.get_by_label("Title").fill("Claims benchmark of November")
    page.get_by_role("button", name="Give this evidence").click()
    expect(page.locator("#answer")).to_be_focused()
    assert page.get_by_label("Title").input_value() == "Claims benchmark of November"
    assert_accessible()

    page.get_by_label("pass").check()
    page.get_by_label("Who vouches").fill("Evaluation team")
    page.get_by_label("How was it run?").fill("Five shots, seed 42.")
    page.locator("#id_files").set_input_files(report)
    page.get_by_label("Source").fill("harness 1.0")
    page.get_by_label("accuracy (fraction, more is better)").fill("0.91")
    page.locator("#id_reason").fill("For the November release.")
    page.get_by_role("button", name="Give this evidence").click()

    expect(page.get_by_role("button", name="Accept…")).to_be_disabled()
    item = EvidenceItem.objects.get()
    assert page.url == live_server.url + item.get_absolute_url()
    assert_accessible()
    with page.expect_download() as download:
        page.get_by_role("link", name="report.json").click()
    assert download.value.path().read_text() == '{"accuracy": 0.91}'

    sign_in("rita")
    page.goto(live_server.url + item.get_absolute_url())
    page.get_by_role("link", name="Accept…").click()
    page.locator("#id_reason").fill("The log agrees with the figures.")
    page.get_by_role("button", name="Accept").click()
    expect(page.get_by_text("Accepted by rita")).to_be_visible()
    assert page.url.endswith(f"#run-{item.runs.get().pk}")
