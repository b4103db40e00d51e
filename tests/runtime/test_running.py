"""What runs where, what changed and what a loss would do: on pages and in the API alike."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from audit import clock
from registry.roles import Role
from runtime import transitions
from runtime.models import Deployment
from tests import make
from tests.api.reading import assert_problem, reader
from tests.api.test_schema import assert_as_described, description  # noqa: F401 - a fixture
from tests.gates.stories import WHY, days
from tests.nouns import multiply
from tests.runtime.stories import next_release, operator, place, running
from tests.runtime.test_going_back import keep

pytestmark = pytest.mark.django_db


@pytest.fixture
def told():
    return running()


@pytest.fixture
def caller(told):
    return reader(person=operator(told))


def rows(caller, **asked) -> list[dict]:
    answer = caller.get("running/", **asked)
    assert answer.status_code == 200, answer.content
    return answer.json()["results"]


def instants(told) -> list[str]:
    found = told.environment.activations.select_related("change").order_by("generation")
    return [one.change.at.isoformat().replace("+00:00", "Z") for one in found]


# The matrix


def test_the_matrix_says_what_runs_where_since_and_until_when(told, caller, client):
    (one,) = rows(caller)
    version = told.release.model_version
    assert (one["use_case"], one["environment"]) == (told.use_case.slug, told.environment.slug)
    assert one["release"] == {"number": 1, "digest": told.release.digest}
    assert one["model"]["slug"] == version.model.slug
    assert (one["generation"], one["refused"]) == (2, [])
    assert one["since"] and one["not_after"] and one["regions"]
    for by in ("environment", "provider", "region"):
        client.force_login(operator(told))
        text = client.get(f"/running/?by={by}").content.decode()
        assert f"{told.use_case.slug}" in text and "Nothing wrong" in text
        column = {"provider": one["host"], "region": one["regions"][0]}.get(by, one["environment"])
        assert f">{column}<" in text
    assert "/running/" in client.get("/").content.decode()


def test_filters_take_what_is_asked_for_and_no_more(told, caller, client):
    other = running()
    sees_both = reader("auditor")
    assert len(rows(sees_both)) == 2
    for name, value in (
        ("use_case", told.use_case.slug),
        ("environment", told.environment.slug),
        ("provider", told.endpoint.host.slug),
        ("provider", told.release.model_version.maker.slug),
        ("region", rows(caller)[0]["regions"][0]),
    ):
        assert {one["use_case"] for one in rows(sees_both, **{name: value})} == {told.use_case.slug}
        assert_problem(sees_both.get("running/", **{name: "nowhere"}), 404)
        assert_problem(sees_both.get("running/", **{name: "a b"}), 400, name)
    # What one may not see is counted, and its use case is not there.
    assert caller.get("running/").json()["hidden"] == 1
    assert_problem(caller.get("running/", use_case=other.use_case.slug), 404)
    client.force_login(operator(told))
    assert "And 1 that you may not see." in client.get("/running/").content.decode()
    assert client.get("/running/?by=colour&provider=a b").status_code == 400
    assert client.get("/running/?use_case=nobody").status_code == 404


def test_the_matrix_of_an_instant_and_what_is_wrong_in_words(told, caller, client):
    transitions.suspend(
        told.endpoint,
        environment=told.environment,
        password=make.PASSWORD,
        actor=operator(told),
        reason="It lies.",
    )
    begun, placed, _ = instants(told)
    assert rows(caller, at=begun) == []
    assert rows(caller, at=placed)[0]["refused"] == []
    (one,) = rows(caller)
    assert [reason["code"] for reason in one["refused"]] == ["SUSPENDED"]
    client.force_login(operator(told))
    assert "Suspended: It lies." in client.get("/running/").content.decode()
    assert (
        "Nothing that you may see ran then." in client.get(f"/running/?at={begun}").content.decode()
    )
    assert_problem(caller.get("running/", at="9999-01-01T00:00:00Z"), 400, "at")
    with clock.at(clock.now() + days(1000)):
        client.force_login(operator(told))
        assert "APPROVAL_ENDED" in client.get("/running/").content.decode()


def test_what_is_made_or_hosted_out_of_sight_is_refused_by_code_alone(told, caller):
    person = operator(told)
    transitions.suspend(
        told.endpoint.host,
        environment=None,
        password=make.PASSWORD,
        actor=make.make_person(make.name("ops"), Role.OPERATOR),
        reason="It lies.",
    )
    there = make.make_team()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE registry_servingendpoint SET team_id = %s", [there.pk])
    (one,) = rows(reader(person=person))
    (reason,) = one["refused"]
    assert (reason["code"], reason["sentence"]) == ("SUSPENDED", "Suspended.")
    asked = {"environment": told.environment.slug}
    answer = reader(person=person).get(f"routes/{told.use_case.slug}/explain/", **asked).json()
    assert answer["candidates"]["refused"] == []
    assert answer["candidates"]["hidden"] == {"refused": 1, "codes": {"SUSPENDED": 1}}
    assert "It lies." not in str(answer)
    begun = {**asked, "at": instants(told)[1]}
    answer = reader(person=person).get(f"routes/{told.use_case.slug}/explain/", **begun).json()
    assert answer["selected"]["endpoint"]["address"] == ""
    whole = reader("auditor").get(f"routes/{told.use_case.slug}/explain/", **begun).json()
    assert whole["selected"]["endpoint"]["address"] == told.endpoint.address


def test_a_page_of_use_cases_leads_to_the_next(told, client, monkeypatch):
    other = running()
    monkeypatch.setattr("runtime.matrix.PAGE", 1)
    caller = reader("auditor")
    first = caller.get("running/").json()
    (one,) = first["results"]
    assert first["next"] == one["use_case"]
    second = caller.get("running/", after=first["next"]).json()
    (two,) = second["results"]
    assert {one["use_case"], two["use_case"]} == {told.use_case.slug, other.use_case.slug}
    assert second["next"] == ""
    client.force_login(make.make_person("una", Role.AUDITOR))
    assert f"after={first['next']}" in client.get("/running/?by=region").content.decode()


# What changed


def test_changes_are_told_by_generation_and_all_in_all(told, caller, client):
    transitions.suspend(
        told.endpoint,
        environment=None,
        password=make.PASSWORD,
        actor=operator(told),
        reason="It lies.",
    )
    path = f"environments/{told.environment.slug}/changes/"
    answer = caller.get(path).json()
    assert (answer["from"], answer["to"], answer["earlier"]) == (0, 3, None)
    assert [one["generation"] for one in answer["generations"]] == [3, 2, 1]
    codes = [[said["code"] for said in one["changes"]] for one in answer["generations"]]
    assert codes == [["SUSPENDED"], ["DEPLOYMENT_ADDED"], []]
    newest = answer["generations"][0]
    assert (newest["cause"], newest["reason"]) == ("suspended", "It lies.")
    begun, placed, _ = instants(told)
    by_time = caller.get(path, **{"from": begun, "to": placed}).json()
    assert by_time["changes"] == answer["generations"][1]["changes"]
    assert [one["generation"] for one in by_time["generations"]] == [2]
    stranger = reader("viewer", team=make.make_team()).get(path).json()
    assert stranger["changes"] == [] and stranger["hidden"] == 2
    client.force_login(operator(told))
    where = f"{told.environment.get_absolute_url()}changes/"
    text = client.get(where).content.decode()
    assert f"{told.use_case.slug} release 1 is offered at" in text and "“It lies.”" in text
    assert "is suspended" in client.get(f"{where}?from=2&to=3").content.decode()
    assert client.get(f"{where}?from=x").status_code == 400
    assert client.get(f"{where}?to=2001-01-01T00:00:00Z").status_code == 404


def test_a_page_of_generations_leads_to_earlier_ones(told, caller, monkeypatch):
    monkeypatch.setattr("runtime.changing.PAGE", 1)
    path = f"environments/{told.environment.slug}/changes/"
    answer = caller.get(path, **{"from": "0"}).json()
    assert [one["generation"] for one in answer["generations"]] == [2]
    assert answer["earlier"] == 1
    answer = caller.get(path, **{"from": "0", "to": "1"}).json()
    assert [one["generation"] for one in answer["generations"]] == [1]
    assert (answer["earlier"], answer["changes"]) == (None, [])


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"from": "x"}, "from"),
        ({"to": "99"}, "to"),
        ({"from": "-1"}, "from"),
        ({"from": "2", "to": "1"}, "from"),
        ({"to": "9999-01-01T00:00:00Z"}, "to"),
        ({"to": "9" * 40}, "to"),
    ],
)
def test_ends_that_name_no_state_are_refused(told, caller, asked, field):
    path = f"environments/{told.environment.slug}/changes/"
    assert_problem(caller.get(path, **asked), 400, field)


# The drill


def test_a_drill_says_what_falls_back_and_what_has_nothing(told, caller, client):
    host = told.endpoint.host.slug
    keep(told, tokens=5)
    asked = caller.get("drill/", provider=host)
    assert asked.headers["Cache-Control"] == "no-store"
    (one,) = asked.json()["results"]
    assert (one["verdict"], one["facts"], one["after"]) == ("NOTHING_LEFT", None, None)
    after = next_release(told)
    endpoint = make.make_endpoint(version=told.release.model_version, team=told.endpoint.team)
    after.endpoint = endpoint
    after.ask()
    after.sign_all()
    transitions.activate(
        after.release,
        told.environment,
        [endpoint],
        priority=20,
        actor=operator(told),
        reason=WHY,
    )
    answer = caller.get("drill/", provider=host).json()
    (one,) = answer["results"]
    assert (one["verdict"], answer["untouched"]) == ("FALLS_BACK", 0)
    assert one["after"].endswith(f"@{endpoint.slug}") and one["lost"] == [one["before"]]
    (one,) = caller.get("drill/", provider=endpoint.host.slug).json()["results"]
    assert one["verdict"] == "STAYS"
    maker = told.release.model_version.maker.slug
    assert caller.get("drill/", provider=maker).json()["counts"]["NOTHING_LEFT"] == 1
    region = rows(caller)[0]["regions"][0]
    assert caller.get("drill/", region=region).json()["results"]
    nobody = make.make_provider().slug
    answer = caller.get("drill/", provider=nobody).json()
    assert (answer["results"], answer["untouched"]) == ([], 1)
    client.force_login(operator(told))
    text = client.get(f"/drill/?provider={host}").content.decode()
    assert "Falls back" in text
    assert "Every use case would still be served; 1 would fall back." in text
    assert "Nothing left" in client.get(f"/drill/?provider={maker}").content.decode()
    assert client.get("/drill/").status_code == 200


def test_test_facts_that_fare_worse_than_any_request_are_named(told, caller):
    keep(told, "routed", "long", tokens=5)
    # A second place, which cannot do what the kept facts need.
    keep(told, "refused", "impossible", capabilities=["flying"])
    found = caller.get("drill/", provider=told.endpoint.host.slug).json()["results"]
    assert [(one["facts"], one["verdict"]) for one in found] == [
        (None, "NOTHING_LEFT"),
        ("impossible", "NOTHING_BEFORE"),
    ]


def test_a_drill_counts_use_cases_once_by_the_worst_that_becomes_of_them(told, caller, client):
    keep(told, "refused", "impossible", capabilities=["flying"])
    found = caller.get("drill/", provider=told.endpoint.host.slug).json()
    none = {"FALLS_BACK": 0, "STAYS": 0}
    assert found["counts"] == {"NOTHING_LEFT": 1, "NOTHING_BEFORE": 1, **none}
    assert found["use_cases"] == {"NOTHING_LEFT": 1, "NOTHING_BEFORE": 0, **none}
    client.force_login(operator(told))
    text = client.get(f"/drill/?provider={told.endpoint.host.slug}").content.decode()
    assert "1 use case would have nothing left; none falls back." in text


def test_a_drill_names_what_is_gone_and_hides_what_is_not_seen(told, caller, client):
    assert_problem(caller.get("drill/"), 400, "provider")
    assert_problem(caller.get("drill/", provider="nobody"), 404)
    assert_problem(caller.get("drill/", region="a b"), 400, "region")
    stranger = reader("viewer", team=make.make_team())
    answer = stranger.get("drill/", provider=told.endpoint.host.slug).json()
    assert (answer["results"], answer["hidden"]) == ([], 1)
    client.force_login(operator(told))
    assert client.get(f"/drill/?environment={told.environment.slug}").status_code == 400


# All of them


def test_answers_are_as_described(told, caller, description):  # noqa: F811
    keep(told)
    changed = f"environments/{told.environment.slug}/changes/"
    for path, described, asked in (
        ("running/", "running/", {}),
        ("running/", "running/", {"at": "x"}),
        (changed, "environments/{slug}/changes/", {}),
        (changed, "environments/{slug}/changes/", {"from": "x"}),
        ("drill/", "drill/", {"provider": told.endpoint.host.slug}),
        (f"environments/{told.environment.slug}/active/", "environments/{slug}/active/", {}),
        (
            f"routes/{told.use_case.slug}/explain/",
            "routes/{use_case}/explain/",
            {"environment": told.environment.slug, "tokens": "1000000000"},
        ),
    ):
        assert_as_described(caller.get(path, **asked), description, f"/api/v1/{described}")


def test_as_many_queries_for_many_as_for_few(told, client):
    """Environments, deployments, generations and kept facts are read at once."""
    person = make.make_person("all", *Role)
    client.force_login(person)
    addresses = (
        "/",
        "/running/",
        f"{told.environment.get_absolute_url()}changes/",
        f"/drill/?provider={told.endpoint.host.slug}",
        f"/routes/try/?use_case={told.use_case.slug}&environment={told.environment.slug}",
    )

    def queries():
        found = {}
        with clock.at(clock.now()):
            for address in addresses:
                client.get(address)
                with CaptureQueriesContext(connection) as asked:
                    assert client.get(address).status_code == 200
                found[address] = len(asked)
        return found

    row = keep(told)
    few = queries()
    multiply(row, 30)
    for priority in range(3):
        transitions.rank(
            Deployment.objects.order_by("pk").first().pk,
            priority=priority,
            actor=person,
            reason=WHY,
        )
    place(next_release(told))
    other = running()
    place(next_release(other))
    assert queries() == few
