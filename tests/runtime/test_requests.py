"""From one id to what served it, why, by whose leave, and what changed since: page and API."""

import json
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from audit import clock
from registry.roles import Role
from runtime import transitions
from runtime.models import RequestRecord
from runtime.records import finding
from runtime.records.fields import first_id
from tests import make
from tests.runtime.recording import KEYED, Reporting, new_id
from tests.runtime.stories import next_release, operator, place, running

pytestmark = pytest.mark.django_db

OTHER = "sha256:" + 64 * "0"
TRACE = 32 * "b"


@pytest.fixture
def told():
    return running()


@pytest.fixture
def router(told):
    return Reporting(told.environment)


def reader(told):
    return make.make_person(make.name("reader"), Role.VIEWER, team=told.use_case.team)


def signed_in(person) -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(person)
    return client


def api(person, name: str):
    client = Client(raise_request_exception=False)
    token = make.make_token(person)
    return client.get(f"/api/v1/requests/{name}/", headers={"Authorization": f"Bearer {token}"})


def test_one_request_is_explained_from_any_of_its_ids(told, router):
    slug = told.use_case.slug
    ids = {"trace": TRACE, "conversation": "chat-1", "user": KEYED}
    route = router.route(slug, facts={"tokens": 10}, **ids)
    outcome = router.outcome(route, latency_ms=120, served_release=_reported(told))
    assert router.outcomes(route, outcome) == 2 * ["accepted"]

    viewer = reader(told)
    said = api(viewer, route["request"]).json()
    (attempt,) = said["attempts"]
    assert attempt["discrepancies"] == []
    assert attempt["replay"]["status"] == "agrees"
    assert attempt["replay"]["answer"]["selected"]["deployment"] == route["deployment"]
    assert attempt["published"]["generation"] == route["generation"]
    assert attempt["served"]["release"]["digest"] == told.release.digest
    assert attempt["served"]["model"]["version"] == told.release.model_version.version
    assert (attempt["route"]["facts"], attempt["outcome"]["latency_ms"]) == ({"tokens": 10}, 120)
    (approval,) = attempt["let_in"]["approvals"]
    assert approval["promotion"] == told.promotion.pk
    assert approval["package"] == told.promotion.decided_package.digest
    assert [one["role"] for one in approval["signed"]] == ["reviewer"]
    assert approval["evidence"] and approval["hidden"] == 0
    assert attempt["since"]["changes"] == []

    for name, found_by in ((TRACE, "trace"), ("chat-1", "conversation"), (route["id"], "request")):
        again = api(viewer, name).json()
        assert (again["found_by"], again["attempts"]) == (found_by, said["attempts"])

    page = signed_in(viewer).get(f"/requests/{route['request']}/")
    text = page.content.decode()
    assert page.status_code == 200
    assert "agrees with what was published" in text and told.release.digest[7:19] in text
    # A user is not told of, not even by the keyed hash.
    assert KEYED not in text and KEYED not in json.dumps(said)


def _reported(told) -> str:
    return told.endpoint.served_release_id or "r-1"


def test_what_changed_since_is_told_and_the_past_stays_as_it_was(told, router):
    route = router.route(told.use_case.slug)
    router.outcomes(route, router.outcome(route))
    after = next_release(told)
    place(after, actor=told.signer(Role.OPERATOR), priority=1)
    transitions.suspend(
        told.release,
        environment=told.environment,
        password=make.PASSWORD,
        actor=operator(told),
        reason="It answered strangely.",
    )
    (attempt,) = api(reader(told), route["request"]).json()["attempts"]
    assert attempt["replay"]["status"] == "agrees"
    codes = {one["code"] for one in attempt["since"]["changes"]}
    assert {"DEPLOYMENT_ADDED", "SUSPENDED"} <= codes
    assert [one["promotion"] for one in attempt["let_in"]["approvals"]] == [told.promotion.pk]
    assert attempt["since"]["generations"][0]["reason"] == "It answered strangely."


def test_what_does_not_agree_is_a_discrepancy(told, router):
    slug = told.use_case.slug
    routes = [
        router.route(slug, facts={"exclude": []}),
        {**router.route(slug), "release": OTHER},
        {**router.route(slug), "facts": {"tokens": 10**9}},
        {**router.route(slug), "engine": "another/2"},
        router.route(slug, facts={"tokens": 10**11}),
    ]
    lone = router.outcome(router.route(slug))
    next(router.numbers)
    router.outcomes(*routes, lone, router.route(slug))
    viewer, table = reader(told), {}
    for one in (*routes, lone):
        (attempt,) = api(viewer, one["request"]).json()["attempts"]
        codes = {said["code"] for said in attempt["discrepancies"]} - {"GAPS"}
        table[one["request"]] = (codes, attempt["replay"]["status"])
    assert list(table.values()) == [
        ({"NO_OUTCOME"}, "agrees"),
        ({"RELEASE_OTHER", "NO_OUTCOME", "REPLAY_DIFFERS"}, "differs"),
        ({"NO_OUTCOME", "REPLAY_DIFFERS"}, "differs"),
        ({"NO_OUTCOME"}, "not_possible"),
        (set(), "agrees"),
        ({"NO_ROUTE_RECORD"}, "not_possible"),
    ]
    text = signed_in(viewer).get(f"/requests/{routes[1]['request']}/").content.decode()
    assert "Something does not agree" in text and "REPLAY_DIFFERS" in text and "GAPS" in text


def test_a_conversation_of_several_requests_lists_them(told, router):
    # Ids of one millisecond have no order.
    now = clock.now()
    made = [
        router.route(told.use_case.slug, now + timedelta(milliseconds=n), conversation="chat-2")
        for n in range(3)
    ]
    router.outcomes(*made)
    said = api(reader(told), "chat-2").json()
    assert [one["request"] for one in said["requests"]] == [one["request"] for one in made]
    assert said["attempts"] == []
    page = signed_in(reader(told)).get("/requests/chat-2/")
    assert made[2]["request"] in page.content.decode()


def test_what_belongs_to_others_is_not_there(told, router):
    route = router.route(told.use_case.slug, trace=TRACE)
    nowhere = router.route("no-such-use-case")
    assert nowhere["status"] == "refused"
    assert router.outcomes(route, nowhere) == 2 * ["accepted"]
    stranger = make.make_person(make.name("stranger"), Role.VIEWER, team=make.make_team())
    for name in (route["request"], TRACE, route["id"], "nothing", "%20", nowhere["request"]):
        assert api(stranger, name).status_code == 404, name
        assert signed_in(stranger).get(f"/requests/{name}/").status_code == 404, name
    page = signed_in(stranger).get("/requests/").content.decode()
    assert route["request"] not in page and "No record has come" in page
    everybody = make.make_person(make.name("auditor"), Role.AUDITOR)
    assert api(everybody, nowhere["request"]).status_code == 200
    assert api(reader(told), nowhere["request"]).status_code == 404


def test_the_list_is_narrowed_by_its_address_and_paged(told, router, django_assert_max_num_queries):
    slug, now = told.use_case.slug, clock.now()
    made = [router.route(slug, at=now - timedelta(seconds=200 - one)) for one in range(55)]
    refused = router.route(slug, at=now - timedelta(days=3), facts={"tokens": 10**11})
    doubtful = {**router.route(slug, at=now - timedelta(days=2)), "release": OTHER}
    router.outcomes(*made, refused, doubtful)
    other = Reporting(told.environment)
    lone = other.route(slug)
    other.outcomes(lone)
    client = signed_in(reader(told))

    def shown(query: str = "") -> list[str]:
        response = client.get(f"/requests/{query}")
        assert response.status_code == 200, query
        return [row["request"] for row in response.context["rows"]]

    first = shown()
    assert first[:2] == [lone["request"], made[54]["request"]] and len(first) == 50
    following = client.get("/requests/").context["next_url"]
    rest = shown(following)
    assert rest == [
        *(one["request"] for one in reversed(made[:6])),
        doubtful["request"],
        refused["request"],
    ]
    assert shown(f"?router={other.router.slug}") == [lone["request"]]
    assert shown("?status=refused") == [refused["request"]]
    # Both were made before there was anything to run.
    assert shown("?doubtful=yes") == [doubtful["request"], refused["request"]]
    past = (now - timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert shown(f"?to={past}&environment={told.environment.slug}") == [
        doubtful["request"],
        refused["request"],
    ]
    assert shown(f"?release={told.release.digest}&use_case={slug}&from={past}") == first
    assert shown("?environment=elsewhere") == []
    for query, field in (
        ("?from=yesterday", "from"),
        ("?status=odd", "status"),
        ("?release=14", "release"),
        ("?after=x", "after"),
        ("?router=a b", "router"),
        ("?doubtful=maybe", "doubtful"),
    ):
        response = client.get(f"/requests/{query}")
        assert response.status_code == 400 and field in response.content.decode(), query
    assert client.get("/requests/?id=abc").status_code == 302
    with django_assert_max_num_queries(25):
        shown()


def test_what_ran_without_approval_is_an_alert_with_the_requests_behind_it(told, router):
    slug = told.use_case.slug
    wrong = {**router.route(slug), "release": OTHER}
    router.outcomes(router.route(slug), wrong)
    found = finding.not_approved(reader(told))
    assert [(one.environment, one.router, one.count) for one in found] == [
        (told.environment.slug, router.router.slug, 1)
    ]
    page = signed_in(reader(told)).get("/").content.decode()
    link = f"/requests/?environment={told.environment.slug}&amp;router={router.router.slug}"
    assert link in page and "1 record" in page
    stranger = make.make_person(make.name("stranger"), Role.VIEWER, team=make.make_team())
    assert "/requests/?environment=" not in signed_in(stranger).get("/").content.decode()
    with clock.at(clock.now() + timedelta(days=8)):
        assert finding.not_approved(reader(told)) == []


def test_each_look_up_has_an_index(told, router):
    router.outcomes(router.route(told.use_case.slug, trace=TRACE, conversation="chat-3"))
    viewer = reader(told)
    with CaptureQueriesContext(
        connection,
    ) as queries:
        for name in ("nothing", TRACE, "chat-3"):
            finding.called(name, viewer)
    table = RequestRecord._meta.db_table
    asked = [one["sql"] for one in queries if f'FROM "{table}"' in one["sql"]]
    assert len(asked) >= 6
    for sql in asked:
        with connection.cursor() as cursor:
            if connection.vendor == "sqlite":
                cursor.execute(f"EXPLAIN QUERY PLAN {sql}")
                plan = " ".join(row[3] for row in cursor.fetchall())
                assert f"SCAN {table}" not in plan, (sql, plan)
            else:
                cursor.execute("SET LOCAL enable_seqscan = off")
                cursor.execute(f"EXPLAIN {sql}")
                plan = " ".join(row[0] for row in cursor.fetchall())
                assert f"Seq Scan on {table}" not in plan, (sql, plan)
    assert str(first_id(clock.now())) < new_id(clock.now() + timedelta(seconds=1))
