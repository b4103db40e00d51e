"""What is deprecated or retired is told wherever it is read: answers, lineage, search, pages."""

import pytest

from audit import Refused
from gates import transitions as gates
from registry import lineage, transitions
from registry.roles import Role
from tests import make
from tests.api.reading import assert_problem, reader
from tests.gates.stories import story
from tests.registry.test_retiring import deprecate, retire

pytestmark = pytest.mark.django_db


@pytest.fixture
def team():
    return make.make_team("claims")


def test_answers_say_how_a_row_stands_and_what_to_take_instead(team):
    old, new = make.make_model("heron-1", team=team), make.make_model("heron-2", team=team)
    version = make.make_model_version(model=old)
    retire(old, new)
    caller = reader("viewer")
    said = caller.get("models/heron-1/").json()["lifecycle"]
    assert said["state"] == "retired"
    assert (said["reason"], said["by"], said["through"]) == ("Its maker ends it.", "rhea", "")
    assert said["successor"] == {"id": new.pk, "name": "heron-2", "retired": False}
    assert caller.get("models/heron-2/").json()["lifecycle"]["state"] == "in_use"
    said = caller.get(f"model-versions/{version.pk}/").json()["lifecycle"]
    assert (said["state"], said["through"]) == ("retired", "the registered model heron-1")


def test_a_successor_of_another_team_has_no_name_in_answers(client, team):
    old, new = make.make_prompt(team=team), make.make_prompt()
    retire(old, new)
    said = reader("viewer", team=team).get(f"prompts/{old.slug}/").json()["lifecycle"]
    assert said["successor"] == {
        "id": None,
        "name": "a prompt template that you may not see",
        "retired": False,
    }
    client.force_login(make.make_person("", Role.VIEWER, team=team))
    page = client.get(f"/registry/prompttemplate/{old.pk}/change/")
    assert "Take a prompt template that you may not see instead." in page.text
    assert new.slug not in page.text


@pytest.mark.parametrize(
    ("path", "make_one"),
    [
        ("models/", lambda team: make.make_model(team=team)),
        ("model-versions/", lambda team: make.make_model_version(team=team)),
        ("prompts/", lambda team: make.make_prompt(team=team)),
        ("datasets/", lambda team: make.make_dataset_version(team=team).dataset),
        ("tools/", lambda team: make.make_tool_scope().tool),
        ("use-cases/", lambda team: make.make_use_case(team=team)),
    ],
)
def test_lists_are_narrowed_by_it(team, path, make_one):
    used, old, gone = (make_one(team) for _ in range(3))
    deprecate(old)
    retire(gone)
    caller = reader("viewer")

    def names(**parameters):
        rows = caller.get(path, **parameters).json()["results"]
        return {row.get("slug", row.get("version")) for row in rows}

    of = {row: getattr(row, "slug", getattr(row, "version", "")) for row in (used, old, gone)}
    assert names(lifecycle="retired") == {of[gone]}
    assert names(lifecycle="deprecated,retired") == {of[old], of[gone]}
    assert of[used] in names(lifecycle="in_use") and of[gone] not in names(lifecycle="in_use")
    assert_problem(caller.get(path, lifecycle="lost"), 400, "lifecycle")


def test_lineage_comparison_and_search_say_it(client, team):
    base = make.make_model_version(team=team, sealed=True)
    version = make.make_model_version(
        model=base.model, base_version=base, fine_tuning="adapter", identifier="heron-7b-ours"
    )
    retire(base, version)
    auditor = make.make_person("", Role.AUDITOR)
    graph = lineage.of_version(version, auditor)
    node = graph.nodes[f"version:{base.pk}"]
    assert (node.state, node.standing) == ("retired", f"Take {version} instead.")
    client.force_login(auditor)
    shown = client.get(f"{version.get_absolute_url()}lineage/")
    assert f"Take {version} instead." in shown.text and "Retired" in shown.text
    question = {"kind": "model-version", "a": base.pk, "b": version.pk}
    said = reader("viewer").get("compare/", **question).json()["standings"]
    assert said == [f"The model version {base} is retired. Take {version} instead."]
    assert said[0] in client.get("/compare/", question).text
    found = client.get(f"/search/?q={base.model.slug}")
    assert "Retired" in found.text


def test_an_approved_release_goes_on_and_its_pages_say_what_it_rests_on(client):
    told = story()
    told.give("safety_check")
    told.give("data_boundary")
    told.ask()
    told.promotion = told.sign_all()
    retire(told.release.model_version)
    caller = reader("viewer")
    question = {"release": told.release.digest, "environment": told.environment.slug}
    assert caller.get("decision/", **question).json()["allowed"] is True
    client.force_login(make.make_person("", Role.AUDITOR))
    for row in (told.release, told.promotion):
        page = client.get(row.get_absolute_url())
        assert "Rests on what is deprecated or retired" in page.text, row


def test_nobody_asks_for_a_retired_endpoint(client):
    told = story()
    retire(told.endpoint)
    with pytest.raises(Refused, match="is retired"):
        told.ask(submit=False)
    # What was asked for before stays asked for while something else is amended.
    endpoint = told.endpoint
    reason = {"actor": make.registrar(), "reason": make.WHY}
    transitions.reinstate(type(endpoint), endpoint.pk, **reason)
    told.ask(submit=False)
    retire(told.endpoint)
    gates.amend(
        told.promotion.pk,
        endpoints=[told.endpoint],
        purpose="The same, said better.",
        wanted_by=None,
        actor=told.requester,
        reason=make.WHY,
    )
