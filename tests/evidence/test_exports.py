"""Model versions and releases in the words of other tools, and read back by our own importers."""

import json
from html import escape

import pytest
import yaml

from evidence.exports import cards, cyclonedx, missing
from evidence.exports.cards import NUMBER
from evidence.exports.gathering import of_release, of_version
from evidence.exports.words import address, spdx
from evidence.imports import cards as card_import
from evidence.imports import cyclonedx as bom_import
from registry.cards import rendered
from registry.models import ModelUse, RegisteredModel
from registry.roles import Role
from tests import make
from tests.evidence.exported import api, said, valid_bom, valid_card
from tests.gates.stories import Story, story
from tests.portal.world import MARK

pytestmark = pytest.mark.django_db

HOSTILE = "Read <script>alert(1)</script> | [x](javascript:1) # *now*\n\n## Not a heading"


@pytest.fixture
def told() -> Story:
    told = story("production", grants=[(make.make_tool_scope(), "human_approval")])
    told.give_all()
    told.give_run("0.9", release=None, version=told.release.model_version)
    return told


@pytest.fixture
def reader():
    return make.make_person(make.name("reader"), *Role)


def test_a_version_is_a_valid_bom_and_reads_back(told, reader):
    version = told.release.model_version
    content = cyclonedx.written(cyclonedx.bom(of_version(version, reader)))
    bom = valid_bom(content)
    assert content == cyclonedx.written(cyclonedx.bom(of_version(version, reader)))
    assert bom["serialNumber"].startswith("urn:uuid:")
    model = bom["metadata"]["component"]
    assert model["type"] == "machine-learning-model"
    assert model["supplier"]["name"] == version.maker.name
    assert said(model["properties"], "model:digest") == [version.digest]
    assert said(model["properties"], "model:context-window") == [str(version.context_window)]
    (score,) = said(model["modelCard"]["properties"], "score")
    score = json.loads(score)
    assert score["vouched_by"] and score["accepted_by"] and score["standing"]
    (service,) = bom["services"]
    assert said(service["properties"], "endpoint:region:processing")
    assert said(service["properties"], "endpoint:digest") == [told.endpoint.digest]

    read = bom_import.read(content, name="bom.json")
    assert not read.warnings
    (model,) = read.models
    (back,) = model.versions
    assert (model.name, back.name) == (version.model.slug, version.version)
    assert (back.identifier, back.licence) == (version.identifier, version.licence)
    assert back.makers == (version.maker.name,)
    assert [(one.name, one.version) for one in back.data] == [
        (link.dataset_version.dataset.slug, link.dataset_version.version)
        for link in version.dataset_links.all()
    ]
    (run,) = back.runs
    assert [(one.metric, one.text) for one in run.scores] == [(score["metric"], score["value"])]


def test_what_a_version_was_made_from_reads_back(reader):
    base = make.make_model_version(weights_digest=f"sha256:{'ab' * 32}")
    version = make.make_model_version(base_version=base, fine_tuning="adapter")
    bom = cyclonedx.written(cyclonedx.bom(of_version(version, reader)))
    back = bom_import.read(bom, name="bom.json").models[0].versions[0]
    assert back.relation == "adapter"
    (read,) = back.bases
    assert (read.name, read.version) == (base.model.slug, base.version)
    assert (read.identifier, read.weights_digest) == (base.identifier, base.weights_digest)


def test_a_release_says_what_no_standard_has(told, reader):
    release = told.release
    bom = valid_bom(cyclonedx.written(cyclonedx.bom(of_release(release, reader))))
    subject = bom["metadata"]["component"]
    assert (subject["type"], subject["name"]) == ("application", release.use_case.slug)
    assert said(subject["properties"], "release:digest") == [release.digest]
    for name in ("prompt", "tool-grant", "objective", "on-call", "parameters"):
        for one in said(subject["properties"], f"release:{name}"):
            assert json.loads(one)
    assert said(subject["properties"], "release:prompt")
    assert said(subject["properties"], "release:tool-grant")
    assert said(subject["properties"], "release:objective")
    refs = [one["bom-ref"] for one in (subject, *bom["components"], *bom["services"])]
    assert len(refs) == len(set(refs))
    (first, *_) = bom["dependencies"]
    assert first["ref"] == subject["bom-ref"] and set(first["dependsOn"]) <= set(refs)
    read = bom_import.read(json.dumps(bom).encode(), name="bom.json")
    assert [model.name for model in read.models] == [release.model_version.model.slug]


def test_a_card_is_valid_and_reads_back(told, reader):
    version = told.release.model_version
    text = cards.text(of_version(version, reader))
    data = valid_card(text).data
    (result,) = data.eval_results
    (score,) = of_version(version, reader).scores
    assert result.metric_type == score.metric.name
    assert str(result.metric_value) == score.text
    assert result.dataset_type == score.metric.suite_version.suite.slug
    assert "vouched for by" in result.source_name and result.source_url.startswith("urn:uuid:")

    read = card_import.read(text.encode(), name="README.md", version=version.version)
    assert not read.warnings
    (back,) = read.models[0].versions
    assert back.licence.lower() == version.licence.lower()
    (run,) = back.runs
    assert [(one.metric, one.text) for one in run.scores] == [(score.metric.name, score.text)]
    # What was imported goes out again as it came: nothing is there twice.
    version.card = back.card
    assert cards.text(of_version(version, reader)) == text


def test_what_was_typed_is_only_said(reader):
    case = make.make_use_case(name="Claims", purpose=HOSTILE)
    model = make.save(
        RegisteredModel,
        {
            "slug": make.name("model"),
            "name": "*Model*",
            "team": case.team,
            "on_call_team": case.team,
        },
        {ModelUse: [{"use_case": case, "stance": "disallowed"}]},
    )
    own = "language: de\npipeline_tag: text-generation\nlicense: wrong"
    version = make.make_model_version(
        model=model,
        licence="Our *own* licence: v1",
        card=f"---\n{own}\n---\n# Own\n\nWords.",
    )
    text = cards.text(of_version(version, reader))
    data = valid_card(text).data
    assert data.language == "de" and data.license == "other"
    assert data.license_name == "Our *own* licence: v1"
    below = text.partition(cards.MARK)[2]
    shown = rendered(below)
    assert "<script" not in shown and "&lt;script&gt;" in shown
    assert "javascript:1" in shown and 'href="javascript' not in shown
    assert "<em>now" not in shown and "Not a heading</h2>" not in shown
    assert text.count("# Own") == 1
    bom = valid_bom(cyclonedx.written(cyclonedx.bom(of_version(version, reader))))
    assert bom["metadata"]["component"]["licenses"] == [
        {"license": {"name": "Our *own* licence: v1"}}
    ]


def test_the_report_names_what_is_missing(reader):
    version = make.make_model_version(licence="", card="", maker=None)
    told = of_version(version, reader)
    bom = valid_bom(cyclonedx.written(cyclonedx.bom(told)))
    assert "licenses" not in bom["metadata"]["component"]
    gaps = {gap.field: gap for gap in missing.of_bom(told, reader)}
    assert gaps["component.licenses"].url and "licence" in gaps["component.licenses"].sentence
    assert gaps["component.supplier"].fix
    assert "modelCard.considerations.ethicalConsiderations" in gaps
    assert "modelCard.quantitativeAnalysis" in gaps
    card = {gap.field: gap.sentence for gap in missing.of_card(told, reader)}
    assert {"license", "model-index", "language", "the text of the card"} <= set(card)
    assert cards.text(told).startswith("---\n{}\n---")


def test_it_says_what_the_reader_may_see(client, told):
    version = told.release.model_version
    stranger = make.make_person(make.name("stranger"), Role.VIEWER, team=make.make_team())
    assert api(stranger, f"model-versions/{version.pk}/cyclonedx/").status_code == 404
    member = make.make_person(make.name("member"), Role.VIEWER, team=told.use_case.team)
    answer = api(member, f"model-versions/{version.pk}/cyclonedx/")
    assert answer["Content-Type"] == "application/vnd.cyclonedx+json; version=1.6"
    assert answer["ETag"]
    bom = valid_bom(answer.content)
    page = of_version(version, member)
    for noun, number in page.hidden.items():
        assert f"{number} {noun}" in said(bom["metadata"]["properties"], "hidden")
    lacking = api(member, f"model-versions/{version.pk}/exports/").json()
    assert set(lacking) == {"cyclonedx", "card"}
    card = api(member, f"model-versions/{version.pk}/card/")
    assert card["Content-Type"] == "text/markdown; charset=utf-8"
    assert api(member, f"releases/{told.release.pk}/cyclonedx/").status_code == 200
    assert set(api(member, f"releases/{told.release.pk}/exports/").json()) == {"cyclonedx"}
    client.force_login(member)
    shown = client.get(f"{version.get_absolute_url()}exports/")
    for gap in shown.context["offers"][0].gaps:
        assert gap.field in shown.content.decode()
    sent = client.get(f"{version.get_absolute_url()}cyclonedx/")
    assert sent.content == answer.content
    assert sent["Content-Disposition"].startswith("attachment")
    assert MARK not in sent.content.decode()


@pytest.mark.parametrize("text", ["- a", "1. a", "+ a", "# a", "> a", "=== a", "a_b_c *d* `e`"])
def test_typed_words_are_a_line_that_says_just_that(text):
    assert f"<p>{escape(text, quote=False)}</p>" in rendered(cards.escaped(text))


@pytest.mark.parametrize(
    ("text", "known"),
    [("apache-2.0", "Apache-2.0"), ("MIT", "MIT"), ("Llama 3.1", ""), ("", "")],
)
def test_a_licence_is_told_by_its_identifier_where_there_is_one(text, known):
    assert spdx(text) == known


@pytest.mark.parametrize(
    ("text", "is_one"),
    [("https://a.example/x", True), ("s3://b/c", True), ("the vault", False), ("a://<b>", False)],
)
def test_only_addresses_are_told_as_such(text, is_one):
    assert bool(address(text)) == is_one


def test_a_dataset_in_two_roles_is_one_component(reader):
    data = make.make_dataset_version(
        source="https://data.example/a.csv", digest=f"sha256:{'a' * 64}"
    )
    version = make.make_model_version(datasets=[(data, "training"), (data, "evaluation")])
    bom = valid_bom(cyclonedx.written(cyclonedx.bom(of_version(version, reader))))
    (component,) = bom["components"]
    assert component["data"][0]["contents"]["url"] == "https://data.example/a.csv"
    assert component["hashes"] == [{"alg": "SHA-256", "content": "a" * 64}]
    assert said(component["properties"], "dataset:role") == ["evaluation", "training"]


@pytest.mark.parametrize(
    ("text", "is_number"),
    [("0.9", True), ("-10", True), ("0", True), ("010", False), ("08", False), ("1_0", False)],
)
def test_a_figure_is_a_number_where_yaml_reads_that_number(text, is_number):
    assert bool(NUMBER.fullmatch(text)) is is_number
    assert not is_number or yaml.safe_load(text) == float(text)
