"""The main job in a browser, from nothing: register, prove, sign off, ask.

Everything a person does is done on the pages; only the places and the people are there before.
"""

import json
import re
from urllib.request import Request, urlopen

import pytest
from django.utils import timezone

from audit.verifying import verify
from registry.models import Metric, Release
from registry.roles import Role
from tests import make

pytestmark = pytest.mark.django_db(transaction=True)

WHY = "The November release for claims."


@pytest.fixture
def people():
    """One person for each part of the job, in one team, and what administrators keep."""
    team = make.make_team("claims")
    make.make_provider("heron-labs")
    make.make_region("eu-central-1")
    make.make_environment("production-eu", "production", regions=[make.make_region("eu-west-1")])
    for username, role in {
        "registrar": Role.REGISTRAR,
        "tester": Role.EVIDENCE_CONTRIBUTOR,
        "lead": Role.REQUESTER,
        "reviewer": Role.REVIEWER,
        "owner": Role.RISK_OWNER,
    }.items():
        make.make_person(username, role, team=team)
    pipeline = make.make_service("pipeline", Role.VIEWER, team=team)
    return make.make_token(pipeline)


class Browser:
    """What the story needs of a browser, in the words of the story."""

    def __init__(self, page, url, judge):
        self.page, self.url, self.judge = page, url, judge

    def sign_in(self, username: str) -> None:
        self.page.context.clear_cookies()
        self.page.goto(f"{self.url}/login/")
        self.page.locator("#id_username").fill(username)
        self.page.locator("#id_password").fill(make.PASSWORD)
        self.page.keyboard.press("Enter")
        self.page.wait_for_url(f"{self.url}/")

    def open(self, path: str) -> None:
        self.page.goto(f"{self.url}{path}")

    def follow(self, name: str) -> None:
        self.page.get_by_role("link", name=name, exact=True).first.click()
        self.page.wait_for_load_state()

    def fill(self, **fields: str) -> None:
        """Fill fields by name: text is typed, an option is chosen by its label."""
        for name, value in fields.items():
            field = self.page.locator(f'[name="{name}"]').first
            if field.evaluate("field => field.tagName") == "SELECT":
                field.select_option(label=value)
            else:
                field.fill(value)

    def check(self, **fields: str) -> None:
        """Tick boxes and radio buttons, each by its label, within the fields of one name."""
        for name, label in fields.items():
            boxes = self.page.locator(f'[name="{name}"]')
            for index in range(boxes.count()):
                if label in boxes.nth(index).evaluate("box => box.labels[0].innerText"):
                    boxes.nth(index).check()

    def save(self, **fields: str) -> None:
        """Give the reason and press Save; the answer must not be a refused form."""
        self.fill(reason=WHY, **fields)
        with self.page.expect_response(lambda answer: answer.request.method == "POST") as answer:
            self.page.locator("[name=_save]").click()
        assert answer.value.status == 302, self.page.locator("#content").inner_text()
        self.page.wait_for_load_state()

    def press(self, name: str) -> None:
        with self.page.expect_response(lambda answer: answer.request.method == "POST") as answer:
            self.page.get_by_role("button", name=name, exact=True).click()
        assert answer.value.status == 302, self.page.locator("#content").inner_text()
        self.page.wait_for_load_state()

    def text(self) -> str:
        return self.page.locator("#content").inner_text()


def ask(live_server, token: str, release: Release) -> dict:
    """Ask as a deployment tool does: one GET with a token."""
    address = (
        f"{live_server.url}/api/v1/decision/?release={release.digest}&environment=production-eu"
    )
    with urlopen(Request(address, headers={"Authorization": f"Bearer {token}"})) as answer:
        return json.load(answer)


def register(browser: Browser) -> Release:
    """Suite, use case, model, version, endpoint, prompt and release, sealed at the end."""
    browser.sign_in("registrar")
    browser.open("/registry/evaluationsuite/add/")
    browser.save(slug="triage", name="Triage")
    browser.open("/registry/suiteversion/add/")
    browser.fill(suite="triage")
    browser.save(**{"metrics-0-name": "accuracy", "metrics-0-unit": "fraction"})
    browser.open("/registry/usecase/add/")
    browser.judge()
    browser.fill(
        slug="claims-triage",
        name="Claims triage",
        purpose="Sorts incoming claims; a person decides.",
        team="claims",
        risk_tier="limited",
        data_classification="confidential",
    )
    browser.save(
        **{
            "score_demands-0-metric": "triage v1 accuracy",
            "score_demands-0-threshold": "0.9",
        }
    )
    browser.open("/registry/registeredmodel/add/")
    browser.fill(slug="heron", name="Heron", team="claims", on_call_team="claims")
    browser.save(**{"uses-0-use_case": "claims-triage", "uses-0-stance": "intended"})
    browser.open("/registry/dataset/add/")
    browser.save(slug="claims-notes", name="Claims notes", team="claims")
    browser.open("/registry/datasetversion/add/")
    browser.fill(dataset="claims-notes", version="7", classification="internal")
    browser.save(jurisdiction="EU", digest=f"sha256:{'7' * 64}")
    browser.open("/registry/modelversion/add/")
    browser.judge()
    browser.fill(
        model="heron",
        version="7b",
        identifier="heron-7b-2026-03",
        maker="heron-labs",
        licence="Apache-2.0",
        context_window="32768",
        output_limit="4096",
        input_modalities="text",
        output_modalities="text",
        capabilities="tool use",
        card="# Heron\n\nSorts short texts.",
    )
    browser.check(no_retirement_announced="")
    browser.save(
        **{
            "dataset_links-0-dataset_version": "claims-notes 7",
            "dataset_links-0-role": "training",
        }
    )
    browser.open("/registry/servingendpoint/add/")
    browser.fill(
        slug="heron-frankfurt",
        version="heron 7b",
        host="heron-labs",
        team="claims",
        address="https://heron.example.org/v1",
    )
    for purpose in ("processing", "storage", "telemetry", "support"):
        browser.check(**{purpose: "eu-central-1"})
    browser.save()
    browser.open("/registry/prompttemplate/add/")
    browser.save(slug="triage-system", name="Triage", team="claims")
    browser.open("/registry/promptversion/add/")
    browser.fill(template="triage-system", text="Name one queue for {{ claim }}.")
    browser.save(variables="claim")
    browser.open("/registry/release/add/")
    browser.judge()
    browser.fill(
        use_case="claims-triage",
        model_version="heron 7b",
        parameters='{"temperature": 0}',
        on_call_team="claims",
        runbook="https://runbooks.example.org/claims-triage",
    )
    browser.save(
        **{
            "prompt_links-0-prompt_version": "triage-system v1",
            "objectives-0-metric": "answered within 2 s",
            "objectives-0-objective": "≥ 99 %",
            "objectives-0-window": "30 days",
        }
    )
    browser.open("/releases/claims-triage/1/")
    browser.judge()
    browser.follow("Seal…")
    browser.judge()
    browser.fill(reason=WHY)
    browser.press("Seal")
    return Release.objects.get()


def give(browser: Browser, kind: str, **fields: str) -> None:
    """Open the form of a kind from the release, fill it in, and give the evidence."""
    release = Release.objects.get()
    suite = f"&suite_version={Metric.objects.get().suite_version_id}" if kind == "benchmark" else ""
    browser.open(f"/evidence/evidenceitem/add/?kind={kind}&release={release.pk}{suite}")
    browser.fill(title=f"{kind} of November", vouched_by="Evaluation team", reason=WHY)
    browser.check(verdict="pass")
    for area in browser.page.locator("textarea[name^='answers.']").all():
        area.fill("As the report says.")
    browser.fill(**fields)
    browser.press("Give this evidence")


def sign(browser: Browser, promotion: str, username: str) -> None:
    browser.sign_in(username)
    browser.judge()
    browser.follow("Sign claims-triage 1 into production-eu")
    browser.judge()
    browser.open(f"{promotion}?verdict=approve")
    browser.judge()
    assert "Approve is off" not in browser.text()
    browser.page.locator("#decide [name=meaning]").first.check()
    browser.page.locator("#decide [name=reason]").fill("Read in full.")
    browser.page.locator("#decide [name=password]").fill(make.PASSWORD)
    browser.press("Sign: approve")


def test_register_prove_sign_off_ask(page, live_server, assert_accessible, people):
    browser = Browser(page, live_server.url, assert_accessible)
    release = register(browser)
    assert [one["code"] for one in ask(live_server, people, release)["reasons"]] == [
        "NEVER_REQUESTED"
    ]

    browser.sign_in("lead")
    browser.open(release.get_absolute_url())
    browser.judge()
    browser.follow("Ask for a promotion…")
    browser.judge()
    browser.follow("production-eu")
    browser.judge()
    browser.check(endpoints="heron-frankfurt")
    browser.save(purpose="Claims wait two days less.")
    promotion = re.search(r"/promotions/\d+/", page.url)[0]
    browser.judge()
    browser.follow("Submit for review…")
    browser.fill(reason=WHY)
    browser.press("Submit")

    # What is missing is said on the page and to the tool, in the same words.
    browser.open(promotion)
    browser.judge()
    answer = ask(live_server, people, release)
    assert not answer["allowed"]
    missing = [one for one in answer["reasons"] if one["code"] == "FINDING_MISSING"]
    shown = browser.text()
    assert "Cannot be approved yet." in shown
    assert len(missing) >= 7
    for reason in missing:
        assert reason["sentence"].split(".")[0] in shown

    browser.sign_in("tester")
    for kind in (
        "safety_check",
        "data_boundary",
        "privacy_review",
        "operational_readiness",
        "red_team",
    ):
        give(browser, kind)
    give(
        browser,
        "rollback_plan",
        **{"answers.target": "Nothing: this is the first release, it is switched off"},
    )
    give(
        browser,
        "benchmark",
        **{
            "runs.0.source": "harness 1.0",
            f"runs.0.score.{Metric.objects.get().pk}.text": "0.94",
            "runs.0.ran_at": timezone.now().strftime("%Y-%m-%dT00:00"),
        },
    )
    browser.judge()

    browser.sign_in("reviewer")
    run = release.evidence.get(kind="benchmark").runs.get()
    browser.follow(f"Accept run {run.pk} of triage v1 on claims-triage 1")
    browser.judge()
    browser.follow("Accept…")
    browser.fill(reason="The settings are those of the suite.")
    browser.press("Accept")

    browser.sign_in("lead")
    browser.open(promotion)
    browser.follow("Take in newer evidence…")
    browser.fill(reason=WHY)
    browser.press("Take in")

    sign(browser, promotion, "reviewer")
    answer = ask(live_server, people, release)
    assert [one["code"] for one in answer["reasons"]] == ["IN_REVIEW", "SIGN_OFF_WANTED"]
    sign(browser, promotion, "owner")

    browser.open(promotion)
    browser.judge()
    assert "Approved until" in browser.text()
    answer = ask(live_server, people, release)
    assert answer["allowed"] is True
    assert answer["endpoints"] == ["heron-frankfurt"]

    browser.sign_in("tester")
    item = release.evidence.get(kind="safety_check")
    browser.open(item.get_absolute_url())
    browser.judge()
    browser.follow("Withdraw…")
    browser.judge()
    browser.fill(reason="The tool had a fault.")
    browser.press("Withdraw")
    answer = ask(live_server, people, release)
    assert answer["allowed"] is False
    assert answer["reasons"][0]["code"] == "EVIDENCE_WITHDRAWN"
    browser.open(promotion)
    assert "Ended on" in browser.text()
    assert verify("evidence").found == []
