"""CycloneDX files: what published ones say, and what becomes of them."""

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from audit.models import Head
from audit.refusals import NotUnderstood
from evidence.imports import cyclonedx
from evidence.models import Score
from registry import transitions
from registry.models import ModelVersion
from registry.roles import Role
from tests import make

HANDOFF = "ml-model-handoff_1.6.json"


def read(shared, name):
    data = (shared / "data" / "cyclonedx" / name).read_bytes()
    said = cyclonedx.read(data, name=name)
    return said, said.models[0], said.models[0].versions[0]


def bom(**component):
    component = {"type": "machine-learning-model", "name": "m", **component}
    document = {"bomFormat": "CycloneDX", "specVersion": "1.6", "components": [component]}
    return json.dumps(document).encode()


def read_version(**component):
    said = cyclonedx.read(bom(**component), name="bom.json")
    return said.models[0].versions[0], said.warnings


def test_a_model_with_datasets_by_reference(shared):
    said, model, version = read(shared, HANDOFF)
    assert len(said.models) == 1 and said.warnings == ()
    assert (model.name, version.name) == ("support-ticket-classifier", "1-0-0")
    assert version.identifier == "pkg:huggingface/example/support-ticket-classifier@1.0.0"
    assert version.makers == ("Example ML Team",)
    assert version.details["task"] == "text-classification"
    assert [(d.name, d.version, d.classification) for d in version.data] == [
        ("support-ticket-training-data", "2026.04", "internal"),
        ("support-ticket-evaluation-data", "2026.04", "internal"),
    ]
    assert version.data[0].source == "https://example.com/datasets/support-tickets/train.jsonl"
    (run,) = version.runs
    assert [(s.metric, s.text, s.subset, s.unit) for s in run.scores] == [
        ("macro-f1", "0.91", "held-out-evaluation", "")
    ]
    assert "## Fairness assessments" in version.card
    assert version.card.count("groupAtRisk") == 1
    assert model.details["dependencies"] == 4 and model.details["workflows"] == [4]


def test_the_next_format_without_an_address(shared):
    _, model, version = read(shared, "model-card-with-dataset_1.7.json")
    assert model.details["serialNumber"] == "urn:uuid:df4f6ec7-6d36-47e6-a15b-640a0af54267"
    assert version.identifier == "support-ticket-classifier"
    assert len(version.data) == 2 and version.runs[0].scores[0].text == "0.91"


def test_energy_is_told_and_a_version_is_not_made_up(shared):
    _, model, version = read(shared, "valid-machine-learning-considerations-env-1.6.json")
    assert (model.name, version.identifier) == ("Llama-2-7b", "meta-llama/Llama-2-7b")
    assert version.makers == ("Hugging Face", "meta", "meta-llama")
    assert version.name == "1"
    assert "**co2CostEquivalent:**" in version.card and "31.22" in version.card
    assert "0.4" in version.card and "kWh" in version.card


def test_what_is_not_json_is_refused_at_its_place(shared):
    with pytest.raises(NotUnderstood, match="line 9, column 5"):
        read(shared, "dataset_1.6_trailing-commas.json")


@pytest.mark.parametrize(
    "document", [{}, {"bomFormat": "SPDX"}, {"bomFormat": "CycloneDX", "specVersion": "9"}]
)
def test_another_format_is_refused(document):
    with pytest.raises(NotUnderstood, match="not a CycloneDX file"):
        cyclonedx.read(json.dumps(document).encode(), name="bom.json")


def test_odd_components_are_read_as_far_as_they_go():
    version, warnings = read_version(
        licenses=[{"expression": "MIT OR Apache-2.0"}, {"license": {"name": "Ours"}}],
        hashes=[{"alg": "SHA-1", "content": "a" * 40}, {"alg": "SHA-256", "content": "AB" * 32}],
        modelCard={
            "modelParameters": {"datasets": [{"ref": "gone"}, {"name": "in place"}, {}, "x"]},
            "quantitativeAnalysis": {
                "performanceMetrics": [
                    {"type": "acc", "value": "91 %"},
                    {"type": "acc", "value": "0.5"},
                    {"type": "f1", "value": "high"},
                    {"value": "1"},
                ]
            },
            "considerations": [],
        },
    )
    assert version.licence == "MIT OR Apache-2.0, Ours"
    assert version.weights_digest == "sha256:" + "ab" * 32
    assert [data.name for data in version.data] == ["in place"]
    assert [(s.metric, s.text, s.unit) for s in version.runs[0].scores] == [("acc", "91", "%")]
    assert len(warnings) == 5


def test_the_model_may_be_what_the_file_is_about():
    document = json.loads(bom())
    document["metadata"] = {"component": document.pop("components")[0]}
    said = cyclonedx.read(json.dumps(document).encode(), name="bom.json")
    assert [model.name for model in said.models] == ["m"]


# --- What becomes of them ------------------------------------------------------------------------


@pytest.fixture
def importer(db):
    team = make.make_team("support")
    return make.make_person("ines", Role.REGISTRAR, Role.EVIDENCE_CONTRIBUTOR, team=team)


def run(path, *options):
    out = StringIO()
    call_command(
        "import_cyclonedx", str(path), "--team", "support", "--as", "ines", *options, stdout=out
    )
    return out.getvalue()


def head():
    row = Head.objects.get()
    return row.position, row.size


def test_it_comes_in_with_its_supplier_and_its_figures_after_the_seal(importer, shared):
    path = shared / "data" / "cyclonedx" / HANDOFF
    make.make_provider("example-ml-team")
    before = head()
    plan = json.loads(run(path, "--plan", "--json", "--jurisdiction", "DE"))
    assert head() == before
    assert plan["counts"] == {"create": 6, "change": 0, "link": 1, "skip": 1, "conflict": 0}
    run(path, "--jurisdiction", "DE")
    version = ModelVersion.objects.get()
    assert version.maker.slug == "example-ml-team" and version.dataset_links.count() == 2
    classes = {link.dataset_version.classification for link in version.dataset_links.all()}
    assert classes == {"internal"}
    transitions.seal_version(version.pk, actor=importer, reason="As handed over.")
    run(path, "--unit", "macro-f1=fraction")
    score = Score.objects.get()
    assert (score.text, score.metric.unit, score.subset) == (
        "0.91",
        "fraction",
        "held-out-evaluation",
    )
    before = head()
    assert "Nothing has changed" in run(path, "--unit", "macro-f1=fraction")
    assert head() == before


def test_a_file_with_a_fault_leaves_nothing(importer, shared):
    before = head()
    with pytest.raises(CommandError, match="line 9, column 5"):
        run(shared / "data" / "cyclonedx" / "dataset_1.6_trailing-commas.json")
    assert head() == before


def handed_over(path, **ancestor):
    """Write a bill of materials of a model that descends from another; return where."""
    ancestor = {"type": "machine-learning-model", "name": "heron", **ancestor}
    tool = {"type": "library", "name": "trainer"}
    data = bom(
        name="heron-support",
        version="1",
        pedigree={"ancestors": [ancestor, tool], "notes": "fine-tuned"},
        properties=[{"name": "gatehouse:model:fine-tuning", "value": "adapter"}],
    )
    (path / "bom.json").write_bytes(data)
    return path / "bom.json"


def steps(path, *options):
    told = json.loads(run(path, "--plan", "--json", *options))["steps"]
    return [(one["verb"], one["name"]) for one in told if one["noun"] == "base version"]


def test_it_comes_in_with_the_version_that_it_descends_from(importer, tmp_path):
    weights = "ab" * 32
    hashes = [{"alg": "SHA-256", "content": weights}]
    assert steps(handed_over(tmp_path, version="7B")) == [("skip", "heron 7B")]
    team = importer.role_grants.first().team
    model = make.make_model("heron", team=team)
    older, base = (
        make.make_model_version(model=model, version=name, weights_digest=digest)
        for name, digest in (("3b", ""), ("7b", f"sha256:{weights}"))
    )
    # Both go by one name of their maker's: our own name tells which.
    assert older.identifier == base.identifier
    path = handed_over(
        tmp_path,
        version="7B",
        hashes=hashes,
        properties=[{"name": "gatehouse:model:identifier", "value": base.identifier}],
    )
    assert steps(path) == [("link", "heron 7b")]
    run(path)
    version = ModelVersion.objects.get(model__slug="heron-support")
    assert (version.base_version, version.fine_tuning) == (base, "adapter")
    other = [{"alg": "SHA-256", "content": "cd" * 32}]
    assert steps(handed_over(tmp_path, version="7B", hashes=other)) == [("conflict", "heron 7b")]
    # It names no version, or one that is not there, and there are two.
    assert steps(handed_over(tmp_path)) == [("skip", "heron")]
    assert steps(handed_over(tmp_path, version="70B")) == [("skip", "heron 70B")]
    # What somebody set differently stays, and is said.
    path = handed_over(tmp_path, version="3b")
    make.save(ModelVersion, {"base_version": base, "licence": "own"}, pk=version.pk)
    told = json.loads(run(path, "--plan", "--json"))["steps"]
    assert ("link", "heron 3b") in [(one["verb"], one["name"]) for one in told]
