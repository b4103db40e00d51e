"""Model cards: what real ones say, what hostile ones get, and what becomes of them."""

import json
from decimal import Decimal
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from audit.models import Entry, Head
from audit.refusals import NotUnderstood
from evidence.imports import cards, front_matter
from evidence.models import EvidenceItem, Score
from registry import transitions
from registry.models import (
    Dataset,
    DatasetVersion,
    EvaluationSuite,
    Metric,
    ModelVersion,
    RegisteredModel,
)
from registry.roles import Role
from tests import make


def read(shared, name, **named):
    path = shared / "data" / "model_cards" / name
    said = cards.read(path.read_bytes(), name=name, **named)
    return said, said.models[0], said.models[0].versions[0]


def scores(version):
    return {
        (run.suite, score.metric, score.filter): score.text
        for run in version.runs
        for score in run.scores
    }


# --- What real cards say -------------------------------------------------------------------------


def test_a_card_without_datasets_groups_its_scores_by_task(shared):
    said, model, version = read(shared, "spacy__en_core_web_sm.md")
    found = scores(version)
    assert (len(version.runs), len(found), version.data) == (5, 9, ())
    assert found["NER", "precision", ""] == "0.8463095057"
    assert found["NER", "recall", ""] == "0.8377904647"
    assert found["NER", "f_score", ""] == "0.8420284384"
    assert found["POS", "accuracy", ""] == "0.9725066923"
    assert (version.licence, version.details["language"]) == ("mit", ["en"])
    assert model.name == "en_core_web_sm" and said.warnings == ()


def test_one_result_with_four_metrics(shared):
    _, _, version = read(shared, "philschmid__distilroberta-base-ner-conll2003.md")
    assert [(run.suite, len(run.scores)) for run in version.runs] == [("conll2003", 4)]
    kinds = [score.metric for score in version.runs[0].scores]
    assert kinds == ["precision", "recall", "f1", "accuracy"]
    assert version.runs[0].scores[0].text == "0.9492923423001218"
    assert [data.name for data in version.data] == ["conll2003"]


def test_scores_stay_as_reported_and_no_unit_is_guessed(shared):
    _, _, version = read(shared, "BEE-spoke-data__smol_llama-220M-GQA.md")
    found = scores(version)
    assert (len(version.runs), len(found)) == (12, 12)
    assert {run.source for run in version.runs} == {"Open LLM Leaderboard"}
    assert found["HellaSwag (10-Shot)", "acc_norm", ""] == "29.76"
    assert found["MMLU (5-Shot)", "acc", ""] == "25.85"
    assert found["TruthfulQA (0-shot)", "mc2", ""] == "44.55"
    assert found["MATH Lvl 5 (4-Shot)", "exact_match", ""] == "0.0"
    assert {score.unit for run in version.runs for score in run.scores} == {""}
    assert not {"widget", "inference"} & version.details.keys()


def test_two_results_on_one_dataset_are_told_apart_by_their_settings(shared):
    _, _, version = read(shared, "hub_fixture_simple_model_index.md")
    plain, split = version.runs
    assert (plain.suite, plain.scores[0].text, plain.scores[0].subset) == ("Beans", "0.9", "")
    assert (split.scores[0].text, split.scores[0].subset) == ("0.66", "default/test")
    assert split.config["dataset"]["args"] == {"date": 20220120}
    assert split.config["dataset"]["revision"] == "5503434ddd753f426f4b38109466949a1217c2bb"
    assert version.details["language"] == "en"


def test_another_licence_an_adapter_and_its_base(shared):
    _, _, version = read(shared, "example-org__claims-triage-router.md")
    found = scores(version)
    assert found == {
        ("Claims hold-out 2026 Q3", "accuracy", ""): "0.9083",
        ("Claims hold-out 2026 Q3", "f1", "macro"): "0.9084",
        ("Policy questions (0-shot)", "exact_match", ""): "76.2",
    }
    told = version.runs[0].config["metrics"]
    assert told[0] == {"type": "accuracy", "name": "Accuracy", "verified": True}
    assert version.runs[1].source == "Internal evaluation record"
    assert version.licence == "example-internal-1.0"
    assert [base.name for base in version.bases] == ["mistralai/Mistral-7B-Instruct-v0.3"]
    assert version.relation == "adapter"
    assert version.details["co2_eq_emissions"]["emissions"] == "1240.5"
    assert version.details["extra_gated_fields"] == {"Company": "text"}


# --- Odd and hostile ones ------------------------------------------------------------------------


def card(settings: str) -> bytes:
    return f"---\n{settings}\n---\n# Card\n".encode()


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ("license: mit\ntags: [a, b\nlanguage: en", "line 4, column 9"),
        ("license: mit\nlicense: other", "“license” stands twice"),
        ("a: &x [1]\nb: *x", "anchors and aliases are not read"),
        ("a: &a [*a]", "anchors and aliases are not read"),
        (f"a: {'[' * 40}{']' * 40}", "more than 32 levels"),
        ("a: !!python/object/apply:os.system ['true']", "could not determine a constructor"),
        (f"a: {'9' * 5000}", "a number that is too long"),
        (f"a: 1{':59' * 5000}", "a number that is too long"),
        (f"a: {2**60}", "beyond 2^53"),
        ('a: "\\0"', "characters that cannot be kept"),
        ("a: \x07", "line 2"),
        ("? [a]\n: b", "a key is a plain text"),
        ("- a\n- b", "not a mapping"),
    ],
)
def test_settings_that_are_not_read_say_why(settings, says):
    with pytest.raises(NotUnderstood) as refused:
        cards.read(card(settings), name="README.md")
    assert says in str(refused.value)


def test_bounds_and_bytes():
    refusals = {
        b"---\nlicense: mit\n": "a line --- is missing",
        b"x" * (cards.LARGEST + 1): "larger than 1 MiB",
        b"x" * (cards.LONGEST_CARD + 1): "longer than 500,000 characters",
        b"one\n\xff": "see line 2",
        b"one\x00": "NUL character in line 1",
        card("a: " + "x" * front_matter.LARGEST): "larger than 256 KiB",
    }
    for data, says in refusals.items():
        with pytest.raises(NotUnderstood) as refused:
            cards.read(data, name="README.md")
        assert says in str(refused.value)


def test_numbers_keep_their_spelling_and_what_is_none_is_left_out():
    metrics = "[{type: a, value: 29.760}, {type: b, value: '76.2%'}, {type: c, value: .nan}, "
    metrics += "{type: d, value: true}, {type: e}, {value: 1e-3, name: f}]"
    said = cards.read(
        card(f"model-index:\n- results:\n  - task: {{type: qa}}\n    metrics: {metrics}"),
        name="odd.md",
    )
    found = {s.metric: (s.text, s.unit) for s in said.models[0].versions[0].runs[0].scores}
    assert found == {"a": ("29.760", ""), "b": ("76.2", "%"), "f": ("1e-3", "")}
    assert len(said.warnings) == 3
    assert said.models[0].name == "odd"


def test_more_figures_than_one_import_takes_are_refused():
    metrics = "\n".join(f"    - {{type: m{place}, value: 1}}" for place in range(1001))
    settings = f"model-index:\n- results:\n  - task: {{type: qa}}\n    metrics:\n{metrics}"
    with pytest.raises(NotUnderstood, match="reports 1,001 figures"):
        cards.read(card(settings), name="README.md")


def test_settings_of_the_wrong_shape_are_left_aside():
    said = cards.read(
        card("license: {a: b}\ndatasets: 3\nbase_model: [null]\nmodel-index: text\ntags: 1"),
        name="x.md",
    )
    version = said.models[0].versions[0]
    assert (version.licence, version.bases, version.runs) == ("", (), ())
    assert [data.name for data in version.data] == ["3"]


# --- What becomes of them ------------------------------------------------------------------------


@pytest.fixture
def team(db):
    return make.make_team("claims")


@pytest.fixture
def importer(team):
    return make.make_person("ines", Role.REGISTRAR, Role.EVIDENCE_CONTRIBUTOR, team=team)


def run(path, *options, username="ines"):
    out = StringIO()
    call_command(
        "import_model_card", str(path), "--team", "claims", "--as", username, *options, stdout=out
    )
    return out.getvalue()


def planned(path, *options, **named):
    return json.loads(run(path, "--plan", "--json", *options, **named))


def verbs(plan):
    return [(step["verb"], step["noun"], step["name"]) for step in plan["steps"]]


@pytest.fixture
def router(shared):
    return shared / "data" / "model_cards" / "example-org__claims-triage-router.md"


DATA = ("--classification", "internal", "--jurisdiction", "DE")


def head():
    row = Head.objects.get()
    return row.position, row.size


def test_a_plan_says_all_and_writes_nothing(importer, router):
    before = head()
    plan = planned(router, *DATA)
    assert verbs(plan) == [
        ("create", "model", "claims-triage-router"),
        ("skip", "base version", "mistralai/Mistral-7B-Instruct-v0.3"),
        ("create", "dataset", "example-org-claims-train-2026"),
        ("create", "dataset version", "example-org-claims-train-2026 unnamed"),
        ("create", "model version", "claims-triage-router 1"),
        ("skip", "evaluation run", "Claims hold-out 2026 Q3"),
        ("skip", "evaluation run", "Policy questions (0-shot)"),
    ]
    assert "Seal it and run this again" in plan["steps"][5]["because"]
    assert plan["steps"][4]["details"]["library_name"] == "transformers"
    assert head() == before
    assert not RegisteredModel.objects.exists() and not Dataset.objects.exists()


def test_it_comes_in_as_one_change_that_names_its_source(importer, router):
    position, size = head()
    run(router, *DATA)
    version = ModelVersion.objects.get()
    assert head()[0] == position + 1
    assert version.licence == "example-internal-1.0" and version.card == router.read_text()
    link = version.dataset_links.get()
    assert (str(link.dataset_version), link.role) == (
        "example-org-claims-train-2026 unnamed",
        "fine_tuning",
    )
    assert link.dataset_version.digest == ""
    reasons = {json.loads(e.body)["reason"] for e in Entry.objects.filter(seq__gte=size)}
    assert len(reasons) == 1
    assert "Import of model card example-org__claims-triage-router.md (sha256:" in reasons.pop()
    before = head()
    assert "Nothing has changed" in run(router, *DATA)
    assert head() == before


def test_without_classification_the_dataset_version_waits(importer, router):
    plan = planned(router)
    assert ("skip", "dataset version", "example-org-claims-train-2026") in verbs(plan)
    run(router)
    assert Dataset.objects.count() == 1 and not DatasetVersion.objects.exists()
    run(router, *DATA)
    assert ModelVersion.objects.get().dataset_links.count() == 1


def sealed(importer):
    version = ModelVersion.objects.get()
    maker = make.make_provider("example-org")
    values = {"maker": maker, "identifier": version.identifier}
    make.save(ModelVersion, values, pk=version.pk, actor=importer)
    return transitions.seal_version(version.pk, actor=importer, reason="As it is.")


def test_scores_are_given_once_the_version_is_sealed(importer, router):
    run(router)
    sealed(importer)
    out = run(router, "--unit", "exact_match=%", "--ran-at", "2026-09-01")
    item = EvidenceItem.objects.get()
    assert (item.kind, item.standing, item.verdict) == ("benchmark", "self_reported", "noted")
    assert "sha256:" in item.answers["setup"]
    figures = {
        (s.metric.name, s.filter, s.subset): (s.text, s.metric.unit, s.value)
        for s in Score.objects.select_related("metric")
    }
    assert figures == {
        ("accuracy", "", "default/test"): ("0.9083", "", Decimal("0.9083")),
        ("f1", "macro", "default/test"): ("0.9084", "", Decimal("0.9084")),
        ("exact_match", "", ""): ("76.2", "%", Decimal("76.2")),
    }
    assert "0.9083 (unit not said)" in out and "76.2 %" in out
    assert {run.given_by for run in item.runs.all()} == {importer}
    assert not any(hasattr(run, "acceptance") for run in item.runs.all())
    before = head()
    assert "Nothing has changed" in run(router)
    assert head() == before


def test_a_unit_that_is_confirmed_later_gives_the_figures_anew(importer, router):
    run(router)
    sealed(importer)
    run(router)
    run(router, "--unit", "Policy questions (0-shot)/exact_match=%")
    assert EvidenceItem.objects.count() == 2
    suite = EvaluationSuite.objects.get(slug="policy-questions-0-shot")
    assert list(suite.versions.order_by("number").values_list("number", flat=True)) == [1, 2]
    assert [m.unit for m in Metric.objects.filter(suite_version__suite=suite).order_by("pk")] == [
        "",
        "%",
    ]


def test_a_suite_that_keeps_another_unit_is_not_guessed_at(importer, router):
    metric = {"name": "exact_match", "unit": "fraction", "higher_is_better": True}
    suite = make.save(EvaluationSuite, {"slug": "policy-questions-0-shot", "name": "Questions"})
    transitions.publish_suite_version(
        suite.pk, metrics=[metric], actor=make.registrar(), reason="Kept before."
    )
    run(router)
    sealed(importer)
    plan = planned(router)
    why = next(s["because"] for s in plan["steps"] if s["name"].startswith("Policy"))
    assert "Confirm the unit" in why
    plan = planned(router, "--unit", "exact_match=%")
    assert ("conflict", "evaluation run", "Policy questions (0-shot)") in verbs(plan)


def test_scores_need_the_role_that_gives_evidence(importer, team, router):
    run(router)
    sealed(importer)
    make.make_person("rita", Role.REGISTRAR, team=team)
    plan = planned(router, username="rita")
    why = [s["because"] for s in plan["steps"] if s["noun"] == "evaluation run"]
    assert len(why) == 2 and all("evidence contributor" in sentence for sentence in why)


def test_a_base_that_is_registered_is_linked(importer, router):
    base = make.make_model_version(identifier="mistralai/Mistral-7B-Instruct-v0.3")
    transitions.save_row(
        RegisteredModel,
        base.model_id,
        values={"shared": True},
        actor=make.registrar(),
        reason="All build on it.",
    )
    run(router)
    version = ModelVersion.objects.get(model__slug="claims-triage-router")
    assert (version.base_version, version.fine_tuning) == (base, "adapter")


def test_what_changed_at_the_source_follows_and_what_people_wrote_stays(importer, tmp_path):
    path = tmp_path / "README.md"
    path.write_bytes(card("license: mit\nmodel-index: [{name: tagger}]"))
    run(path)
    path.write_bytes(card("license: apache-2.0\nmodel-index: [{name: tagger}]"))
    assert ("change", "model version", "tagger 1") in verbs(planned(path))
    run(path)
    version = ModelVersion.objects.get()
    assert version.licence == "apache-2.0"
    make.save(ModelVersion, {"licence": "ours"}, pk=version.pk, actor=importer)
    path.write_bytes(card("license: bsd\nmodel-index: [{name: tagger}]"))
    plan = planned(path)
    assert ("conflict", "model version", "tagger 1") in verbs(plan)
    run(path)
    version.refresh_from_db()
    assert version.licence == "ours" and "license: bsd" in version.card


def test_a_sealed_version_stays_as_it_is(importer, tmp_path):
    path = tmp_path / "README.md"
    path.write_bytes(card("license: mit\nmodel-index: [{name: tagger}]"))
    run(path)
    sealed(importer)
    path.write_bytes(card("license: bsd\nmodel-index: [{name: tagger}]"))
    plan = planned(path)
    assert [step["verb"] for step in plan["steps"]] == ["link", "conflict"]
    assert "sealed" in plan["steps"][1]["because"]
    run(path, "--model-version", "2")
    assert ModelVersion.objects.get(version="2").licence == "bsd"


def test_a_name_of_another_team_is_a_conflict(importer, router):
    make.make_model("claims-triage-router")
    before = head()
    assert verbs(planned(router)) == [("conflict", "model", "claims-triage-router")]
    run(router)
    assert head() == before


def test_who_may_not_register_imports_nothing(team, router):
    make.make_person("vic", Role.VIEWER, team=team)
    before = head()
    for options in ((), ("--plan",)):
        with pytest.raises(CommandError, match="registrar"):
            run(router, *options, username="vic")
    with pytest.raises(CommandError, match="nobody named"):
        run(router, username="nobody")
    assert head() == before


def test_a_card_that_cannot_be_read_leaves_nothing(importer, tmp_path):
    path = tmp_path / "README.md"
    path.write_bytes(card("license: [mit"))
    before = head()
    with pytest.raises(CommandError, match="line 3"):
        run(path)
    with pytest.raises(CommandError, match="cannot be read"):
        run(tmp_path / "none.md")
    with pytest.raises(CommandError, match="is no unit"):
        run(path, "--unit", "accuracy")
    assert head() == before
