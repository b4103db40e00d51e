"""The dry run of a rollback: how recorded requests and kept facts fare before and after."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from audit import clock
from runtime import dry_running, replaying, routing, transitions
from runtime.models import Deployment
from runtime.targets import target_of
from tests import make
from tests.api.reading import reader
from tests.gates.stories import WHY, Story
from tests.runtime.recording import Reporting
from tests.runtime.stories import next_release, operator, place, running

pytestmark = pytest.mark.django_db


@pytest.fixture
def told() -> Story:
    """A use case whose second release took the place of its first, as generations 3 and 4."""
    told = running()
    told.after = next_release(told)
    transitions.remove(Deployment.objects.get().pk, actor=operator(told), reason=WHY)
    place(told.after)
    return told


@pytest.fixture
def caller(told):
    return reader()


@pytest.fixture
def gateway(told) -> Reporting:
    return Reporting(told.environment)


def record(gateway, told, *facts, **changed):
    rows = [gateway.route(told.use_case.slug, facts=one, **changed) for one in facts]
    assert set(gateway.outcomes(*rows)) == {"accepted"}
    return rows


def dry_run(told, generation=2, use_case="", by=None):
    target = target_of(told.environment, generation, use_case)
    return dry_running.dry_run(told.environment, target, by or operator(told))


def counts(found, what="requests"):
    """Return what would become of what was tried, without what there is none of."""
    return {verdict: count for verdict, count in found[what]["counts"].items() if count}


def name(release, told):
    return f"{told.use_case.slug}-{release.number}@{told.endpoint.slug}"


def test_recorded_requests_say_how_many_change_route_and_how_many_would_be_refused(told, gateway):
    served = {"tokens": 10}, {"tokens": 10}, {"tokens": 20}
    rows = record(gateway, told, *served, {"tokens": 10**9})
    record(gateway, told, {"tokens": 10}, attempt=2)
    gateway.told(gateway.outcome(rows[0]))
    back = dry_run(told)
    assert back["replayed"] == "requests"
    assert counts(back) == {"moved": 3, "refused_before": 1}
    assert (back["requests"]["total"], back["requests"]["hidden"]) == (4, 0)
    (moved,) = back["requests"]["rows"]
    assert (moved.before, moved.after) == (name(told.after.release, told), name(told.release, told))
    assert (moved.count, moved.request, moved.reason) == (3, rows[2]["request"], "")
    assert back["requests"]["since"] <= back["requests"]["until"] <= clock.now()
    # The first generation offered nothing.
    empty = dry_run(told, 1)
    assert counts(empty) == {"refused": 3, "refused_before": 1}
    assert [one.reason for one in empty["requests"]["rows"]] == ["NO_ROUTE"]
    assert dry_run(told, 2, told.use_case.slug)["requests"]["counts"] == back["requests"]["counts"]


def test_kept_facts_stand_in_until_there_are_records(told):
    assert dry_run(told)["replayed"] == "nothing"
    transitions.keep_facts(
        told.use_case,
        name="usual",
        facts=routing.Facts(told.use_case.slug),
        expected="routed",
        actor=operator(told),
        reason=WHY,
    )
    found = dry_run(told, 1)
    assert found["replayed"] == "test_facts"
    assert counts(found, "test_facts") == {"refused": 1} and counts(found) == {}
    assert [one.code for one in found["broken"]] == ["REPLAY_REFUSED"]
    record(Reporting(told.environment), told, {})
    found = dry_run(told, 1)
    assert found["replayed"] == "requests" and counts(found) == {"refused": 1}
    # They go on standing in the way.
    assert [one.code for one in found["broken"]] == ["REPLAY_REFUSED"]


def test_only_the_newest_are_tried_and_looked_at(told, gateway, monkeypatch):
    record(gateway, told, *({"tokens": number} for number in range(6)))
    monkeypatch.setattr(replaying, "TRIED", 4)
    assert dry_run(told)["requests"]["total"] == 4
    monkeypatch.setattr(replaying, "LOOKED_AT", 3)
    assert dry_run(told)["requests"]["total"] == 3
    assert dry_run(told, 2, told.use_case.slug)["requests"]["total"] == 3


def test_requests_elsewhere_are_left_out_and_others_are_only_counted(told, gateway):
    record(gateway, told, {})
    other = running()
    record(Reporting(other.environment), other, {})
    assert dry_run(told)["requests"]["total"] == 1
    stranger = make.make_person(make.name("zed"), "operator", team=make.make_team())
    found = dry_run(told, by=stranger)
    assert (found["requests"]["hidden"], counts(found), found["requests"]["rows"]) == (1, {}, [])


def test_as_many_queries_for_many_records_as_for_few(told, gateway):
    def queries():
        with CaptureQueriesContext(connection) as asked:
            dry_run(told, by=ops)
        return len(asked)

    ops = operator(told)
    record(gateway, told, {})
    queries()
    few = queries()
    record(gateway, told, *({"tokens": number} for number in range(20)))
    assert queries() == few


def test_a_page_and_the_api_tell_of_the_dry_run(told, gateway, client, caller):
    slug, use_case = told.environment.slug, told.use_case.slug
    client.force_login(operator(told))
    where = f"/environments/{slug}/roll-back/?generation=2"
    assert "No router has recorded a request here" in client.get(where).content.decode()
    (row,) = record(gateway, told, {})
    text = client.get(where).content.decode()
    assert "The newest 1 request recorded here" in text and f"/requests/{row['request']}/" in text
    offered = caller.get(f"environments/{slug}/rollback-targets/").json()["results"]
    assert [(one["use_case"], one["generation"]) for one in offered] == [
        (use_case, 2),
        (None, 3),
        (None, 2),
        (None, 1),
    ]
    assert offered[0]["coming"] == [name(told.release, told)]
    assert {one["code"] for one in offered[0]["objections"]} == {"NOT_ALLOWED"}
    found = caller.get(f"environments/{slug}/rollback-dry-run/", generation=2, use_case=use_case)
    assert found["Cache-Control"] == "no-store"
    found = found.json()
    assert (found["generation"], found["next"], found["replayed"]) == (2, 5, "requests")
    assert [one["code"] for one in found["changes"]] == ["DEPLOYMENT_REMOVED", "DEPLOYMENT_ADDED"]
    assert [one["number"] for one in found["quarantined"]] == [2]
    assert found["requests"]["counts"]["moved"] == 1
    (moved,) = found["requests"]["rows"]
    assert (moved["verdict"], moved["request"]) == ("moved", row["request"])
    assert found["test_facts"]["rows"] == []


def test_whoever_comes_from_an_incident_need_not_name_it_again(told, client):
    client.force_login(operator(told))
    where = f"/environments/{told.environment.slug}/roll-back/?incident=INC-7"
    text = client.get(where).content.decode()
    assert "?generation=1&amp;incident=INC-7" in text
    assert f"?generation=2&amp;use_case={told.use_case.slug}&amp;incident=INC-7" in text
    assert 'value="INC-7"' in client.get(f"{where}&generation=1").content.decode()


@pytest.mark.parametrize(
    ("given", "status", "field"),
    [
        ({}, 400, "generation"),
        ({"generation": "two"}, 400, "generation"),
        ({"generation": "9" * 12}, 400, "generation"),
        ({"generation": 4}, 404, None),
        ({"generation": 2, "use_case": "nobody"}, 404, None),
        ({"generation": 2, "use_case": "a b"}, 400, "use_case"),
        ({"generation": 2, "usecase": "x"}, 400, "usecase"),
    ],
)
def test_the_api_says_what_is_wrong_with_a_question(told, caller, given, status, field):
    answer = caller.get(f"environments/{told.environment.slug}/rollback-dry-run/", **given)
    assert answer.status_code == status
    if field:
        assert [one["field"] for one in answer.json()["errors"]] == [field]
