"""What a release lacks for an environment's gate, before anybody asks; and the drafts' preview."""

import html

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from gates.packages import live
from gates.readiness import readiness
from registry.models import Release
from registry.roles import Role
from tests import make
from tests.api.reading import assert_problem, reader
from tests.gates.stories import approved, story

pytestmark = pytest.mark.django_db


def test_it_finds_what_a_promotion_finds():
    told = story("production", risk_tier="limited")
    told.give("safety_check", verdict="fail")
    told.give("data_boundary")
    make.make_policy(require__red_team=True)
    before = readiness(told.release, told.environment)
    promotion = told.ask()
    after = live(promotion)
    assert [(one.code, one.status) for one in before.findings] == [
        (one.code, one.status) for one in after.findings
    ]
    assert before.gate.name == "production" and not before.complete


def test_a_draft_is_judged_too_and_the_tier_decides_the_gate():
    told = story("production", risk_tier="high")
    draft = make.make_release(
        use_case=told.use_case, version=told.release.model_version, sealed=False
    )
    found = readiness(draft, told.environment)
    assert found.gate.name == "regulated"
    assert "high risk" in found.gate.why


def test_page_and_api_say_the_same(client):
    told = story("regulated")
    found = readiness(told.release, told.environment)
    client.force_login(make.registrar())
    address = f"{told.release.get_absolute_url()}readiness/"
    assert address in client.get(told.release.get_absolute_url()).text
    choose = client.get(address)
    assert "Choose an environment." in choose.text and told.environment.slug in choose.text
    page = html.unescape(client.get(f"{address}?environment={told.environment.slug}").text)
    body = (
        reader().get("readiness/", release=told.release.pk, environment=told.environment.slug)
    ).json()
    assert body["gate"] == "regulated" and body["complete"] is False
    assert [one["code"] for one in body["in_the_way"]] == [one.code for one in found.in_the_way]
    for one in body["in_the_way"]:
        assert one["sentence"] in page and one["fix"] in page
    assert body["slots"] == [slot.role for slot in found.gate.slots]


def test_what_lacks_nothing_says_so(client):
    told = approved()
    client.force_login(make.registrar())
    address = f"{told.release.get_absolute_url()}readiness/?environment={told.environment.slug}"
    assert "Nothing is incomplete for the sandbox gate." in client.get(address).text


def test_what_is_not_seen_is_not_there(client):
    told = story()
    stranger = make.make_person("", Role.VIEWER, team=make.make_team())
    client.force_login(stranger)
    address = f"{told.release.get_absolute_url()}readiness/"
    assert client.get(address).status_code == 404
    caller = reader("viewer", team=make.make_team())
    question = {"release": told.release.pk, "environment": told.environment.slug}
    assert_problem(caller.get("readiness/", **question), 404)
    client.force_login(make.registrar())
    for environment in ("nowhere", "%00", "x" * 100):
        assert client.get(f"{address}?environment={environment}").status_code == 404
    assert_problem(reader().get("readiness/", release="x", environment="a b"), 400, *question)


def test_more_evidence_and_endpoints_take_no_more_queries():
    told = story("production")
    rows = Release.objects.select_related("use_case", "model_version")
    sizes = []
    for number in (1, 4):
        for _ in range(number):
            told.give("safety_check")
            make.make_endpoint(version=told.release.model_version)
        release = rows.get(pk=told.release.pk)
        with CaptureQueriesContext(connection) as asked:
            readiness(release, told.environment)
        sizes.append(len(asked))
    assert sizes[0] == sizes[1]


# The preview of a draft in the API


def test_the_preview_in_the_api_names_what_may_be_seen_and_counts_the_rest():
    told, other = approved(), approved()
    draft = make.make_policy_draft(data_classification__max="public")
    caller = reader("viewer", team=told.use_case.team)
    answer = caller.get("policy-preview/", pack=draft.pack.slug, version=draft.number)
    body = answer.json()
    assert body["headline"].startswith("It would break 2 approvals")
    (effect,) = body["effects"]
    assert effect["promotion"] == told.promotion.pk and effect["approved"]
    assert [one["code"] for one in effect["broken"]] == ["DATA_CLASSIFICATION"]
    assert effect["team"] == told.use_case.team.slug
    assert body["hidden"] == 1 and other.use_case.slug not in answer.content.decode()
    (change,) = body["changes"]
    assert (change["state"], change["name"]) == ("added", "data_classification.max")
    assert (change["after"], change["effect"]) == ("public", "stricter")


def test_only_drafts_have_a_preview():
    published = make.make_policy(retention_days=9)
    caller = reader()
    assert_problem(
        caller.get("policy-preview/", pack=published.pack.slug, version=published.number), 404
    )
    assert_problem(caller.get("policy-preview/", pack="a b", version="x"), 400, "pack", "version")
