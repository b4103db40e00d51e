"""What runs, on pages and in the API: placed, explained, suspended and rolled back by hand."""

import json
from urllib.parse import urlencode

import pytest
from django.test import Client
from playwright.sync_api import expect

from audit import clock
from registry.roles import Role
from runtime import transitions
from runtime.models import Deployment, Suspension
from tests import make
from tests.gates.stories import WHY, approved, days
from tests.runtime.stories import generations, next_release, operator, place, running

pytestmark = pytest.mark.django_db


@pytest.fixture
def told():
    return running()


@pytest.fixture
def ops(client, told) -> Client:
    client.force_login(operator(told))
    return client


def caller(told) -> dict:
    token = make.make_token(operator(told))
    return {"headers": {"Authorization": f"Bearer {token}"}}


def api(client, told, path):
    return client.get(f"/api/v1/{path}", **caller(told))


def page_of(told) -> str:
    return told.environment.get_absolute_url()


def test_the_environment_says_what_runs_and_how_it_came(ops, told):
    text = ops.get(page_of(told)).content.decode()
    assert "Generation 2 active" in text and str(told.endpoint.slug) in text
    assert "A release was activated" in text and "The environment began" in text
    assert "Take out…" in text and "Roll back…" in text


def test_a_reader_of_another_team_is_told_how_many_run_and_not_what(client, told):
    client.force_login(make.make_person("vic", Role.VIEWER, team=make.make_team()))
    text = client.get(page_of(told)).content.decode()
    assert "And 1 that you may not see." in text and told.endpoint.slug not in text
    assert "Roll back…" not in text
    token = make.make_token(make.make_person("val", Role.VIEWER, team=make.make_team()))
    answer = client.get(
        f"/api/v1/environments/{told.environment.slug}/active/",
        headers={"Authorization": f"Bearer {token}"},
    )
    assert (answer.json()["deployments"], answer.json()["hidden"]) == ([], 1)


def test_an_approved_release_waits_there_to_be_activated(client):
    told = approved()
    client.force_login(operator(told))
    text = client.get(page_of(told)).content.decode()
    address = f"{page_of(told)}activate/{told.release.pk}/"
    assert "Approved, and offered nowhere" in text and address in text
    posted = {"endpoints": [told.endpoint.pk], "priority": 5, "reason": WHY}
    answer = client.post(address, posted)
    assert (answer.status_code, answer.url) == (302, page_of(told))
    assert Deployment.objects.get().priority == 5
    answer = client.post(address, posted)
    assert answer.status_code == 422 and Deployment.objects.count() == 1
    assert "offered already at every endpoint" in client.get(address).content.decode()


@pytest.mark.parametrize("priority", ["", "-1", "10000", "first"])
def test_a_priority_that_is_none_is_refused_and_all_else_kept(client, priority):
    told = approved()
    client.force_login(operator(told))
    posted = {"endpoints": [told.endpoint.pk], "priority": priority, "reason": "Kept words."}
    answer = client.post(f"{page_of(told)}activate/{told.release.pk}/", posted)
    assert answer.status_code == 422 and "Kept words." in answer.content.decode()
    assert not Deployment.objects.exists()


def test_suspending_and_lifting(ops, told):
    address = f"{page_of(told)}suspend/"
    subject = f"endpoint:{told.endpoint.pk}"
    answer = ops.post(address, {"subject": subject, "password": "wrong", "reason": WHY})
    assert answer.status_code == 422 and "password is not yours" in answer.content.decode()
    assert ops.post(address, {"subject": "x", "password": "y", "reason": WHY}).status_code == 422
    answer = ops.post(
        address, {"subject": subject, "password": make.PASSWORD, "reason": "It lies."}
    )
    assert answer.status_code == 302
    text = ops.get(page_of(told)).content.decode()
    assert "Serves nothing" in text and "It lies." in text
    lift = f"/suspensions/{Suspension.objects.get().pk}/lift/"
    assert lift in text and "It lies." in ops.get(lift).content.decode()
    assert ops.post(lift, {"password": make.PASSWORD, "reason": WHY}).status_code == 302
    assert generations(told.environment)[-1] == (4, "resumed")
    assert ops.get(lift).status_code == 404


def test_rolling_back_shows_what_moves_and_asks_for_the_password(ops, told):
    after = next_release(told)
    transitions.remove(Deployment.objects.get().pk, actor=operator(told), reason=WHY)
    place(after)
    address = f"{page_of(told)}roll-back/"
    text = ops.get(address).content.decode()
    assert "?generation=2" in text and "Comes" in text and "Leaves" in text
    shown = ops.get(f"{address}?generation=2").content.decode()
    assert "a dry run" in shown and f"{told.use_case.slug} release 1 is offered" in shown
    answer = ops.post(address, {"generation": 2, "password": "wrong", "reason": WHY})
    assert answer.status_code == 422
    answer = ops.post(address, {"generation": 2, "password": make.PASSWORD, "reason": WHY})
    assert answer.status_code == 302
    assert generations(told.environment)[-1] == (5, "rolled_back")
    for wrong in ("99", "0", "x", "²", "9" * 30):
        assert ops.get(f"{address}?generation={wrong}").status_code == 404


def test_active_at_an_instant(client, told):
    path = f"environments/{told.environment.slug}/active/"
    now = api(client, told, path)
    assert now.status_code == 200 and now.headers["ETag"]
    (one,) = now.json()["deployments"]
    assert (one["endpoint"], one["refused"]) == (told.endpoint.slug, [])
    rows = told.environment.activations.select_related("change").order_by("generation")
    begun, placed = (row.change.at.isoformat().replace("+00:00", "Z") for row in rows)
    assert api(client, told, f"{path}?at={begun}").json()["generation"] == 1
    assert api(client, told, f"{path}?at={placed}").json()["generation"] == 2
    assert api(client, told, f"{path}?at=2001-01-01T00:00:00Z").status_code == 404
    assert api(client, told, f"{path}?at=9999-01-01T00:00:00Z").status_code == 400
    assert api(client, told, f"{path}?at=yesterday").status_code == 400


def explained(client, told, **asked):
    query = "&".join(f"{name}={value}" for name, value in asked.items())
    path = f"routes/{told.use_case.slug}/explain/?environment={told.environment.slug}&{query}"
    return api(client, told, path.rstrip("&"))


def test_what_does_not_answer_is_a_fact_too(ops, told):
    name = f"{told.use_case.slug}-1@{told.endpoint.slug}"
    asked = {"environment": told.environment.slug, "unhealthy": f" {name},other"}
    path = f"routes/{told.use_case.slug}/explain/?{urlencode(asked)}"
    found = api(Client(), told, path).json()
    (refused,) = found["candidates"]["refused"]
    assert [one["code"] for one in refused["reasons"]] == ["UNHEALTHY"]
    assert (found["reason"], found["retryable"]) == ("UNAVAILABLE", True)
    page = ops.get("/routes/try/", {"use_case": told.use_case.slug, **asked}).content.decode()
    assert "UNHEALTHY" in page and f'value=" {name},other"' in page
    kept = f"/routes/keep/?use_case={told.use_case.slug}&environment={asked['environment']}"
    posted = {"name": "down", "expected": "refused", "reason": WHY}
    assert ops.post(f"{kept}&unhealthy={name}", posted).status_code == 302
    page = ops.get("/routes/try/", {"use_case": told.use_case.slug, **asked}).content.decode()
    assert "As expected" in page and f"{urlencode({'unhealthy': name})}" in page


def test_a_route_is_explained_the_same_to_tools_and_people(ops, told):
    answer = explained(ops, told)
    assert answer.status_code == 200 and answer.headers["Cache-Control"] == "no-store"
    assert answer.json()["selected"]["endpoint"]["slug"] == told.endpoint.slug
    refused = explained(ops, told, tokens=10**9, tools="crm").json()
    (one,) = refused["candidates"]["refused"]
    assert {reason["code"] for reason in one["reasons"]} == {"TOOL_NOT_GRANTED", "CONTEXT_WINDOW"}
    assert all(reason["remedy"] for reason in one["reasons"])
    text = ops.get(
        f"/routes/try/?use_case={told.use_case.slug}&environment={told.environment.slug}"
        f"&tokens={10**9}&tools=crm"
    ).content.decode()
    assert "Refused: no deployment may serve this." in text
    for reason in one["reasons"]:
        assert reason["code"] in text and reason["sentence"] in text
    # A group of refusals says what would mend its first reason.
    assert any(reason["remedy"] in text for reason in one["reasons"])


def test_a_clause_is_told_with_its_packs_and_value(ops, told):
    region = make.make_region()
    pack = make.make_pack("only-there")
    make.make_policy(pack, **{"residency.processing": [region.slug]})
    (one,) = explained(ops, told).json()["candidates"]["refused"]
    reason = next(reason for reason in one["reasons"] if reason["code"] == "RESIDENCY")
    assert (reason["packs"], reason["value"]) == (["only-there v1"], [region.slug])
    text = ops.get(
        f"/routes/try/?use_case={told.use_case.slug}&environment={told.environment.slug}"
    ).content.decode()
    assert "only-there v1" in text and region.slug in text


def test_a_route_as_it_was(ops, told):
    with clock.at(clock.now() + days(1)):
        transitions.remove(Deployment.objects.get().pk, actor=operator(told), reason=WHY)
    with clock.at(clock.now() + days(2)):
        token = make.make_token(operator(told))
        asked = f"/api/v1/routes/{told.use_case.slug}/explain/"
        asked += f"?environment={told.environment.slug}"
        headers = {"Authorization": f"Bearer {token}"}
        assert ops.get(asked, headers=headers).json()["reason"] == "NO_ROUTE"
        activation = told.environment.activations.get(generation=2)
        then = activation.change.at.isoformat().replace("+00:00", "Z")
        answer = ops.get(f"{asked}&at={then}", headers=headers).json()
        assert (answer["status"], answer["generation"]) == ("routed", 2)


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"tokens": "many"}, "tokens"),
        ({"tokens": "9" * 40}, "tokens"),
        ({"data_classification": "secret"}, "data_classification"),
        ({"at": "then"}, "at"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_question_that_cannot_be_read_names_the_fact(ops, told, asked, field):
    answer = explained(ops, told, **asked)
    assert answer.status_code == 400
    assert [error["field"] for error in answer.json()["errors"]] == [field]
    if field != "colour":
        query = "&".join(f"{name}={value}" for name, value in asked.items())
        shown = ops.get(
            f"/routes/try/?use_case={told.use_case.slug}"
            f"&environment={told.environment.slug}&{query}"
        )
        assert shown.status_code == 400 and "Nothing was asked." in shown.content.decode()


def test_what_may_run_says_where_it_runs(ops, told):
    query = f"provider={told.endpoint.host.slug}"
    (row,) = api(ops, told, f"may-run/?{query}").json()["results"]
    assert row["runs_at"] == [told.endpoint.slug]
    assert "Runs" in ops.get(f"/may-run/?{query}").content.decode()
    transitions.remove(Deployment.objects.get().pk, actor=operator(told), reason=WHY)
    (row,) = api(ops, told, f"may-run/?{query}").json()["results"]
    assert row["runs_at"] == []


def test_names_are_text_wherever_they_stand(ops, told):
    text = ops.get(
        f"/routes/try/?use_case={told.use_case.slug}&environment={told.environment.slug}"
        "&tools=<script>x</script>"
    ).content.decode()
    assert "<script>x" not in text and "&lt;script&gt;x" in text


def test_the_same_number_of_statements_for_many_deployments(
    ops, told, django_assert_max_num_queries
):
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    def statements():
        with CaptureQueriesContext(connection) as queries:
            assert (
                api(ops, told, f"environments/{told.environment.slug}/active/").status_code == 200
            )
            assert ops.get(page_of(told)).status_code == 200
        return len(queries)

    statements()
    few = statements()
    for _ in range(3):
        place(next_release(told))
    statements()
    assert statements() <= few
    assert len(json.loads(explained(ops, told).content)["fallbacks"]) == 3


@pytest.mark.django_db(transaction=True)
def test_an_operator_activates_suspends_and_goes_back_in_a_browser(
    page, live_server, assert_accessible
):
    told = approved()
    ops = operator(told)
    page.goto(f"{live_server.url}/login/")
    page.locator("#id_username").fill(ops.username)
    page.locator("#id_password").fill(make.PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(f"{live_server.url}/")
    page.goto(live_server.url + page_of(told))
    page.get_by_role("link", name="Activate").click()
    assert_accessible()
    page.locator("#id_reason").fill(WHY)
    page.get_by_role("button", name="Activate").click()
    expect(page.get_by_text("Generation 2 active")).to_be_visible()
    assert_accessible()
    page.get_by_role("link", name=told.use_case.slug, exact=True).first.click()
    expect(page.get_by_text(f"Routed to {told.endpoint.slug}")).to_be_visible()
    assert_accessible()
    page.goto(f"{live_server.url}{page_of(told)}suspend/")
    assert_accessible()
    page.get_by_role("radio", name=f"The serving endpoint {told.endpoint.slug}").check()
    page.get_by_label("Your password again").fill(make.PASSWORD)
    page.locator("#id_reason").fill("It lies.")
    page.get_by_role("button", name="Suspend").click()
    expect(page.get_by_text("Generation 3 active")).to_be_visible()
    page.get_by_role("link", name="Roll back…").click()
    assert_accessible()
    page.get_by_role("link", name="Look at going back: Generation 1").click()
    assert_accessible()
    page.get_by_label("Your password again").fill(make.PASSWORD)
    page.locator("#id_reason").fill("Nothing is better than this.")
    page.set_viewport_size({"width": 360, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    page.get_by_role("button", name="Roll back").click()
    expect(page.get_by_text("Generation 4 active")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
