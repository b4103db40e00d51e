"""What may run where, and who is on call for it: by approvals that hold, at what they cover."""

import pytest
from django.db import connection
from django.http import Http404
from django.test.utils import CaptureQueriesContext

from gates.may_run import Filters, may_run, on_call, read
from registry.models import EndpointRegion, RegisteredModel, Release, ServingEndpoint, Team
from registry.roles import Role
from tests import make
from tests.api.reading import assert_problem, reader
from tests.evidence.exported import api
from tests.gates.stories import Story, approved

pytestmark = pytest.mark.django_db


def found(person=None, **filters):
    return may_run(Filters(**filters), person or make.registrar())


def names(result) -> list[str]:
    return [str(row.release) for row in result.rows]


@pytest.fixture
def told() -> Story:
    return approved()


def test_each_filter_finds_it_and_another_value_does_not(told):
    other = approved()
    endpoint, mine = told.endpoint, [str(told.release)]
    region = endpoint.region_links.first().region
    elsewhere = make.make_region(country="US", jurisdictions=["US"])
    assert set(names(found())) == {str(told.release), str(other.release)}
    for filters, expected in (
        ({"provider": endpoint.host.slug}, mine),
        ({"provider": endpoint.version.maker.slug}, mine),
        ({"provider": other.endpoint.host.slug}, [str(other.release)]),
        ({"provider": make.make_provider().slug}, []),
        ({"region": region.slug}, mine),
        ({"region": elsewhere.slug}, []),
        ({"provider": endpoint.host.slug, "jurisdiction": "EU"}, mine),
        ({"provider": endpoint.host.slug, "jurisdiction": "US"}, []),
        ({"jurisdiction": "nowhere"}, []),
        ({"use_case": told.use_case.slug}, mine),
        ({"environment": told.environment.slug}, mine),
        ({"environment": other.environment.slug, "use_case": told.use_case.slug}, []),
        ({"team": told.use_case.team.slug}, mine),
    ):
        assert names(found(**filters)) == expected, filters


def test_what_an_endpoint_does_outside_is_said(told):
    away = make.make_region(country="US", jurisdictions=["US"])
    links = [
        {"purpose": one.purpose, "region": one.region} for one in told.endpoint.region_links.all()
    ]
    endpoint = make.make_endpoint(version=told.release.model_version)
    links.append({"purpose": "support", "region": away})
    make.save(ServingEndpoint, {}, {EndpointRegion: links}, pk=endpoint.pk)
    told.environment, told.endpoint = make.make_environment(), endpoint
    told.ask()
    told.sign_all()
    (row,) = found(jurisdiction="EU", environment=told.environment.slug).rows
    (where,) = row.endpoints
    assert where.outside == (f"support access in {away.slug}",)
    assert found(environment=told.environment.slug).rows[0].endpoints[0].outside == ()


def test_a_model_of_others_is_not_named(told, client):
    version = told.release.model_version
    values = {"team": make.make_team(), "shared": False, "on_call_team": make.make_team()}
    make.save(RegisteredModel, values, pk=version.model_id)
    viewer = make.make_person(make.name("viewer"), Role.VIEWER, team=told.use_case.team)
    client.force_login(viewer)
    (one,) = [one for one in on_call(found(viewer).rows) if one.places]
    assert one.models == ()
    model = str(version.model)
    for page in ("/may-run/", "/on-call/", "/may-run.csv", "/on-call.csv"):
        answer = client.get(page)
        text = (answer.getvalue() if answer.streaming else answer.content).decode()
        assert told.use_case.slug in text and model not in text, page
    assert "a model version that you may not see" in client.get("/may-run/").content.decode()
    (row,) = api(viewer, "may-run/").json()["results"]
    assert row["model_version"] is None


def test_an_endpoint_that_changed_is_no_longer_where_it_may_run(told):
    make.save(ServingEndpoint, {"address": "https://new.example.org/"}, pk=told.endpoint.pk)
    assert found().rows == ()


def test_what_is_only_asked_for_may_not_run():
    from tests.gates.stories import story

    asked = story()
    asked.give_all()
    asked.ask()
    assert found(use_case=asked.use_case.slug).rows == ()


def test_who_is_on_call_for_releases_and_for_their_models(told):
    nobody = approved(on_call_team=None)
    model = nobody.release.model_version.model
    first, *teams = on_call(found().rows)
    assert first.team is None and [str(row.release) for row in first.places] == [
        str(nobody.release)
    ]
    by_team = {one.team: one for one in teams}
    mine = by_team[told.use_case.team]
    assert [str(row.release) for row in mine.places] == [str(told.release)]
    assert mine.models == (told.release.model_version.model.slug,)
    assert names(found(team=model.on_call_team.slug)) == [str(nobody.release)]
    assert by_team[model.on_call_team].places == ()


def test_other_teams_are_counted_and_not_named(told, client):
    other = approved()
    viewer = make.make_person("", Role.VIEWER, team=told.use_case.team)
    result = found(viewer)
    assert (names(result), result.hidden) == ([str(told.release)], 1)
    client.force_login(viewer)
    for page in ("/may-run/", "/on-call/"):
        text = client.get(page).text
        assert "And 1 that you may not see." in text and other.use_case.slug not in text
    caller = reader(person=make.make_service("", Role.VIEWER, team=told.use_case.team))
    for path in ("may-run/", "on-call/"):
        answer = caller.get(path)
        assert answer.json()["hidden"] == 1
        assert other.use_case.slug not in answer.content.decode()
    with pytest.raises(Http404):
        found(viewer, use_case=other.use_case.slug)
    assert found(make.make_person()).hidden == 0


@pytest.mark.parametrize("query", ["provider=a b", "environment=%00", "team=" + "x" * 61])
def test_what_cannot_be_read_is_told(client, query):
    client.force_login(make.registrar())
    name = query.partition("=")[0]
    assert client.get(f"/may-run/?{query}").status_code == 400
    caller = reader()
    answer = caller.client.get(f"/api/v1/may-run/?{query}", headers=caller.headers)
    assert_problem(answer, 400, name)


def test_names_that_are_not_there_are_404(client):
    client.force_login(make.registrar())
    for name in ("provider", "region", "use_case", "environment", "team"):
        assert client.get(f"/may-run/?{name}=nobody").status_code == 404
        assert_problem(reader().get("may-run/", **{name: "nobody"}), 404)
    assert_problem(reader().get("on-call/", provider="x"), 400, "provider")


def test_filters_are_read_by_name():
    filters, reasons = read({"provider": "a", "other": "b"})
    assert filters == Filters(provider="a") and not reasons


def test_the_pages_say_when_nothing_may_run(client):
    client.force_login(make.registrar())
    assert "Nothing that you may see may run now." in client.get("/may-run/").text
    assert "nobody is on call" in client.get("/on-call/").text


def test_it_costs_the_same_for_one_and_for_several():
    person = make.registrar()
    assert person.grants
    sizes = []
    for number in (1, 3):
        for _ in range(number):
            told = approved()
            make.save(Team, {"contact": "rota"}, pk=told.use_case.team_id, actor=make.admin())
        with CaptureQueriesContext(connection) as asked:
            result = found(person, jurisdiction="EU")
            on_call(result.rows)
        sizes.append(len(asked))
    assert sizes[0] == sizes[1]
    assert Release.objects.count() == len(result.rows)
