"""Every row of the API goes through `visible_to`: a foreign team's rows are not there."""

import pytest

from evidence import transitions as evidence
from registry.models import EndpointRegion, ServingEndpoint
from tests import make
from tests.api.reading import Reader, assert_problem, reader
from tests.api.rows import LISTS, address
from tests.gates.stories import answers

pytestmark = pytest.mark.django_db

#: Nouns that everybody with a role sees.
COMMON = ("tools", "environments", "environments/routers", "policy-packs")
#: Lists of what is below a row that the address, or the parameter, names: without sight of it, 404.
BELOW = ("prompts/versions", "datasets/versions", "environments/routers", "audit/entries")


@pytest.fixture
def own(told) -> Reader:
    return reader("viewer", team=told.use_case.team)


@pytest.fixture
def foreign(told) -> Reader:
    return reader("viewer", "registrar", "operator", "auditor", team=make.make_team())


@pytest.fixture
def nobody(told) -> Reader:
    return Reader(make.make_token(make.make_service(make.name("idle"))))


def keys(answer) -> list:
    assert answer.status_code == 200, answer.content
    return answer.json()["results"]


# A pack is its builder's alone: tests/runtime/test_packs.py.
@pytest.mark.parametrize("name", [name for name in LISTS if name != "packs"])
def test_a_team_sees_its_own_rows_and_a_stranger_none(told, own, foreign, nobody, name):
    where = address(name, told)
    about = {"about": told.release.key} if name == "audit/entries" else {}
    assert own.get(where.one).status_code == 200
    assert keys(own.get(where.path, **about))
    if name in COMMON:
        assert foreign.get(where.one).status_code == 200
        assert keys(foreign.get(where.path))
    else:
        assert_problem(foreign.get(where.one), 404)
        listed = foreign.get(where.path, **about)
        if name in BELOW:
            assert_problem(listed, 404)
        else:
            assert keys(listed) == []
    assert_problem(nobody.get(where.one), 404)
    if name not in BELOW:
        assert keys(nobody.get(where.path)) == []


@pytest.mark.parametrize("name", LISTS)
def test_a_role_for_all_teams_sees_all(told, name):
    where, caller = address(name, told), reader("viewer")
    about = {"about": told.release.key} if name == "audit/entries" else {}
    assert caller.get(where.one).status_code == 200
    assert keys(caller.get(where.path, **about))


def test_a_filter_does_not_tell_what_is_there(told, foreign):
    for path, parameters in [
        ("releases/", {"digest": told.release.digest}),
        ("evidence/", {"release": told.release.digest}),
        ("promotions/", {"environment": told.environment.slug}),
        ("models/", {"team": told.use_case.team.slug}),
    ]:
        assert keys(foreign.get(path, **parameters)) == []
    for name, value in [
        ("release", told.release.digest),
        ("version", told.release.model_version_id),
        ("model", told.release.model_version.model.slug),
    ]:
        assert_problem(foreign.get("evaluation-runs/latest/", **{name: value}), 404)


# The log


def test_the_whole_log_is_for_auditors_of_all_teams(told, own, foreign):
    assert keys(reader("auditor").get("audit/entries/"))
    keeper = make.make_person(make.name("keeper"), "administrator")
    for caller in (own, foreign, reader(person=keeper), reader("viewer")):
        body = assert_problem(caller.get("audit/entries/"), 403, "about")
        assert "auditor" in body["detail"]


@pytest.mark.parametrize(
    "about", ["x", ":", "registry.release:", "registry.release:x", "auth.group:1", "a.b:1", "é:1"]
)
def test_a_timeline_of_nothing_is_not_there(told, own, about):
    assert_problem(own.get("audit/entries/", about=about), 404)
    assert_problem(own.get("audit/entries/", about=f"registry.release:{'9' * 30}"), 404)


def test_a_row_that_nobody_owns_has_no_timeline_for_everybody(told, own):
    assert_problem(own.get("audit/entries/", about="audit.verification:1"), 404)
    assert_problem(own.get("audit/entries/", about="audit.head:1"), 404)


def test_tokens_of_others_are_not_in_any_timeline_that_a_viewer_reads(told, own):
    row, _ = make.make_token_row(make.make_person("sable", "viewer"))
    assert_problem(own.get("audit/entries/", about=row.key), 404)


# What hangs on a row is seen by its own right


def test_use_cases_of_other_teams_are_not_named_on_a_shared_model(told):
    other = make.make_use_case()
    model = make.make_model(
        shared=True,
        uses=[
            {"use_case": told.use_case, "stance": "intended"},
            {"use_case": other, "stance": "disallowed"},
        ],
    )
    caller = reader("viewer", team=other.team)
    assert caller.get(f"models/{model.slug}/").json()["uses"] == [
        {"use_case": other.slug, "stance": "disallowed"}
    ]


def test_an_endpoint_of_another_team_is_not_on_our_versions_page(told, own):
    version = told.release.model_version
    region = make.make_region()
    foreign = make.save(
        ServingEndpoint,
        {
            "slug": make.name("endpoint"),
            "version": version,
            "host": make.make_provider(),
            "team": make.make_team(),
            "address": "https://models.example.org/",
        },
        {EndpointRegion: [{"purpose": "processing", "region": region}]},
    )
    shown = own.get(f"model-versions/{version.pk}/").json()["endpoints"]
    assert told.endpoint.slug in [one["slug"] for one in shown]
    assert foreign.slug not in [one["slug"] for one in shown]
    whole = reader("viewer").get(f"model-versions/{version.pk}/").json()["endpoints"]
    assert foreign.slug in [one["slug"] for one in whole]


def test_evidence_on_a_shared_model_is_seen_with_it(told):
    model = make.make_model(shared=True)
    version = make.make_model_version(model=model, sealed=True)
    item = evidence.give(
        version=version,
        kind="safety_check",
        title="Seen with its model",
        verdict="pass",
        vouched_by="The laboratory",
        answers=answers("safety_check"),
        actor=make.make_person("giver", "evidence_contributor", team=model.team),
        reason=make.WHY,
    )
    stranger = reader("viewer", team=make.make_team())
    assert stranger.get(f"evidence/{item.pk}/").status_code == 200
    assert [row["id"] for row in keys(stranger.get("evidence/"))] == [str(item.pk)]
