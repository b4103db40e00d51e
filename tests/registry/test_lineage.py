"""Lineage: every edge from the provider to where a release went, gaps first, on page and API."""

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from registry import lineage, transitions
from registry.completeness import lineage_gaps
from registry.models import Dataset
from registry.roles import Role
from tests import make
from tests.api.reading import reader
from tests.gates.stories import story

pytestmark = pytest.mark.django_db


def edges(graph) -> set[tuple[str, str]]:
    names = {node.key: f"{node.kind}: {node.name}" for node in graph.nodes.values()}
    return {(names[source], names[target]) for source, target in graph.edges}


@pytest.fixture
def told():
    """A release on an adapter of a base version, with a dataset that has no digest."""
    told = story(dataset={"digest": ""})
    told.ask(submit=False)
    return told


def test_every_edge_of_a_release_is_there(told):
    team = told.use_case.team
    base = make.make_model_version(
        team=team, datasets=[(make.make_dataset_version(), "training")], sealed=True
    )
    data = make.make_dataset_version(team=team, digest="")
    tuned = make.make_model_version(
        team=team, base_version=base, fine_tuning="adapter", datasets=[(data, "fine_tuning")]
    )
    template = make.make_prompt(team=team)
    first = make.make_prompt_version(template, text="Be brief.")
    second = transitions.add_prompt_version(
        template.pk, text="Be long.", variables=[], notes="", actor=make.registrar(), reason="New."
    )
    scope = make.make_tool_scope("crm", "write")
    release = make.make_release(
        use_case=told.use_case, version=tuned, prompts=[second], grants=[(scope, "human_approval")]
    )
    graph = lineage.of_release(release, make.registrar())
    me = f"Release: {release}"
    version = f"Model version, {tuned.get_fine_tuning_display()}: {tuned}"
    old = f"Base version: {base}"
    assert edges(graph) >= {
        (version, me),
        (old, version),
        (f"Provider: {base.maker.name}", old),
        (f"Provider: {tuned.maker.name}", version),
        (f"Dataset, training: {base.dataset_links.get().dataset_version}", old),
        (f"Dataset, fine-tuning: {data}", version),
        (f"Prompt version, system: {second}", me),
        (f"Tool grant, human approval per call: {scope}", me),
    }
    if second.parent == first:
        assert (f"Prompt version, system: {first}", f"Prompt version, system: {second}") in edges(
            graph
        )
    assert [node.name for node in graph.gaps] == [str(data)]
    assert len(lineage_gaps(release)) == 1


def test_a_version_leads_to_its_releases_and_where_they_were_asked_for(told):
    graph = lineage.of_version(told.release.model_version, make.registrar())
    promotion = f"Drafted, promotion {told.promotion.pk}: {told.environment.slug}"
    assert edges(graph) >= {
        (f"Model version: {told.release.model_version}", f"Release: {told.release}"),
        (f"Release: {told.release}", promotion),
    }


def test_the_page_names_the_gap_first_and_draws_it_dashed(client, told):
    client.force_login(make.registrar())
    data = told.release.model_version.dataset_links.get().dataset_version
    for url in (told.release.get_absolute_url(), told.release.model_version.get_absolute_url()):
        assert f'href="{url}lineage/"' in client.get(url).text
        page = client.get(f"{url}lineage/")
        assert "Not complete." in page.text
        assert f"{data} (digest not recorded)" in page.text
        first = re.search(r"<tbody.*?</tr>", page.text, re.DOTALL)[0]
        assert str(data) in first and "digest not recorded" in first
        assert len(re.findall(r'<g class="gap">', page.text)) == 1
        assert '<path class="gap"' in page.text or 'class="gap" marker-end' in page.text
        assert len(re.findall(r"<rect ", page.text)) == len(page.context_data["graph"].nodes)
        assert " style=" not in page.text


def test_a_lineage_without_gaps_says_so(client):
    told = story()
    client.force_login(make.registrar())
    page = client.get(f"{told.release.get_absolute_url()}lineage/")
    assert "Complete." in page.text and "Not complete." not in page.text
    assert "All" in page.context_data["finding"] and page.context_data["gaps"] == []


def test_names_are_text_in_the_picture(client):
    told = story()
    provider = make.make_provider(name="<script>alert(1)</script>")
    version = make.make_model_version(team=told.use_case.team, maker=provider)
    client.force_login(make.registrar())
    page = client.get(f"{version.get_absolute_url()}lineage/")
    assert "<script>alert" not in page.text
    assert "&lt;script&gt;alert" in page.text


def test_beyond_what_is_readable_origins_without_gaps_wait_behind_a_link(client):
    team = make.make_team()
    datasets = [make.make_dataset_version(team=team) for _ in range(30)]
    gap = make.make_dataset_version(team=team, digest="")
    older = make.make_model_version(team=team, datasets=[(gap, "training")])
    base = make.make_model_version(
        team=team, base_version=older, datasets=[(one, "training") for one in datasets]
    )
    version = make.make_model_version(team=team, base_version=base)
    client.force_login(make.registrar())
    url = f"{version.get_absolute_url()}lineage/"
    page = client.get(url)
    boxes = [box["node"].name for box in page.context_data["boxes"]]
    assert page.context_data["folded"] >= 30
    assert str(gap) in boxes and str(older) in boxes and str(datasets[0]) not in boxes
    assert "Draw all of them" in page.text
    assert str(datasets[0]) in page.text, "The table names them all."
    assert len(client.get(f"{url}?all=1").context_data["boxes"]) == len(
        page.context_data["graph"].nodes
    )


def test_of_many_that_stand_alike_one_box_stands_for_all_but_the_first(client):
    team = make.make_team()
    datasets = [make.make_dataset_version(team=team) for _ in range(30)]
    gap = make.make_dataset_version(team=team, digest="")
    links = [(one, "fine_tuning") for one in (*datasets, gap)]
    version = make.make_model_version(team=team, datasets=links)
    client.force_login(make.registrar())
    page = client.get(f"{version.get_absolute_url()}lineage/")
    boxes = [box["node"].name for box in page.context_data["boxes"]]
    assert boxes.count("27 more") == 1 and len(boxes) < 10
    assert str(datasets[2]) in boxes and str(datasets[3]) not in boxes and str(gap) in boxes
    assert page.context_data["folded"] == 27
    assert page.context_data["height"] < 600
    assert "27 that lack nothing are not drawn one by one" in page.text
    assert str(datasets[29]) in page.text, "The table names them all."
    assert len(page.context_data["arrows"]) == len(boxes) - 1


def test_what_another_team_holds_is_counted_not_named(client):
    own, foreign = make.make_team(), make.make_team()
    data = make.make_dataset_version(team=foreign)
    base = make.make_model_version(team=foreign)
    version = make.make_model_version(
        team=own, base_version=base, datasets=[(data, "training")], sealed=False
    )
    viewer = make.make_person("", Role.VIEWER, team=own)
    graph = lineage.of_version(version, viewer)
    assert graph.hidden == 2
    client.force_login(viewer)
    page = client.get(f"{version.get_absolute_url()}lineage/")
    assert "And 2 that you may not see." in page.text
    assert str(data) not in page.text and str(base) not in page.text
    stranger = make.make_person("", Role.VIEWER, team=make.make_team())
    client.force_login(stranger)
    assert client.get(f"{version.get_absolute_url()}lineage/").status_code == 404


def test_more_parts_take_no_more_queries(told):
    reader = make.registrar()
    assert reader.grants
    team = told.use_case.team

    def asked(number: int) -> int:
        data = [(make.make_dataset_version(team=team), "training") for _ in range(number)]
        version = make.make_model_version(team=team, datasets=data)
        prompts = [make.make_prompt_version(make.make_prompt(team=team)) for _ in range(number)]
        release = make.make_release(use_case=told.use_case, version=version, prompts=prompts)
        release = type(release).objects.select_related("use_case").get(pk=release.pk)
        with CaptureQueriesContext(connection) as queries:
            graph = lineage.of_release(release, reader)
        assert len(graph.nodes) > 2 * number
        return len(queries)

    assert asked(1) == asked(6)


def test_shared_datasets_are_named_to_everybody():
    own = make.make_team()
    data = make.make_dataset_version()
    make.save(Dataset, {"shared": True}, pk=data.dataset_id)
    version = make.make_model_version(team=own, datasets=[(data, "training")])
    graph = lineage.of_version(version, make.make_person("", Role.VIEWER, team=own))
    assert graph.hidden == 0 and str(data) in {node.name for node in graph.nodes.values()}


def test_the_api_says_the_same(told):
    caller, auditor = reader("auditor"), make.make_person("", Role.AUDITOR)
    release, version = told.release, told.release.model_version
    for path, graph in [
        (f"releases/{release.pk}/lineage/", lineage.of_release(release, auditor)),
        (f"model-versions/{version.pk}/lineage/", lineage.of_version(version, auditor)),
    ]:
        answer = caller.get(path)
        assert answer.status_code == 200
        body = answer.json()
        assert body["subject"] == graph.subject
        assert {node["key"]: node["gap"] for node in body["nodes"]} == {
            node.key: node.gap for node in graph.nodes.values()
        }
        assert [(edge["source"], edge["target"]) for edge in body["edges"]] == graph.edges
    stranger = reader("viewer", team=make.make_team())
    assert stranger.get(f"releases/{release.pk}/lineage/").status_code == 404
