"""What the readers make of files that the real tools wrote: every number that is known."""

import pytest

from evidence.intervals import NONE
from evidence.readers import read
from tests.evidence.files import figures


@pytest.fixture
def read_shared(shared):
    def reading(name):
        with (shared / "data" / name).open("rb") as file:
            return read(file, name)

    return reading


def score(result, suite, metric, kind=None):
    (found,) = [s for s in result.scores if (s.suite, s.metric, s.filter) == (suite, metric, kind)]
    return found


# --- lm-evaluation-harness ------------------------------------------------------------------------


def test_lm_eval_0_4_counts_groups_once_and_keeps_every_side(read_shared):
    result = read_shared("lm_eval/results_qwen2.5-1.5b_0.4.x.json")
    assert (result.tool, result.outcome) == ("lm-evaluation-harness", "ok")
    assert (result.subject, result.created) == ("Qwen/Qwen2.5-1.5B", "2025-03-02T23:52:52+00:00")
    assert result.details["tasks"] == 78 == len({s.suite for s in result.scores})
    assert len(result.details["groups"]) == 5 and "mmlu" in result.details["groups"]
    assert result.details["model_sha"] == "8faed761d45a263340a0528343f099c05c9a4323"
    acc = score(result, "hellaswag", "acc", "none")
    assert (acc.value, acc.stderr) == (0.5020912168890659, 0.004989737768749947)
    assert (acc.n, acc.higher_is_better, acc.text) == (10042, True, "0.5020912168890659")
    assert score(result, "hellaswag", "acc_norm", "none").value == 0.678550089623581
    mmlu = score(result, "mmlu", "acc", "none")
    assert (mmlu.value, mmlu.n) == (0.5961401509756445, 14042)
    assert score(result, "cola", "mcc", "none").value == -0.0005447969648709635
    lambada = score(result, "lambada_openai", "perplexity", "none")
    assert (lambada.value, lambada.higher_is_better) == (5.677708211264297, False)
    assert len(set(figures(result))) == len(result.scores) == 86


def test_lm_eval_0_3_has_no_sides_and_its_model_in_the_arguments(read_shared):
    result = read_shared("lm_eval/results_bloom-1b1_0.3.json")
    assert (result.outcome, result.subject) == ("ok", "bigscience/bloom-1b1")
    assert result.details["tasks"] == 12
    boolq = score(result, "boolq", "acc")
    assert (boolq.value, boolq.stderr) == (0.5908256880733945, 0.008599563442397352)
    assert (boolq.n, boolq.higher_is_better) == (None, None)
    assert score(result, "hellaswag", "acc_norm").value == 0.4177454690300737


def test_lm_eval_0_4_13_skips_what_is_no_metric(read_shared):
    result = read_shared("lm_eval/results_dummy_0.4.13.json")
    assert result.details["version"] == "0.4.13" and result.subject == "z5s3n4sz"
    group = score(result, "policy_suite", "acc", "none")
    assert (group.value, group.n) == (0.453125, 64)
    assert score(result, "policy_mc", "acc", "none").value == 0.4
    acc_norm = score(result, "policy_mc", "acc_norm", "none")
    assert (acc_norm.value, acc_norm.n) == (0.325, 40)
    german = score(result, "policy_mc_de", "acc", "none")
    assert (german.value, german.n) == (0.5416666666666666, 24)
    kinds = {s.filter: s.value for s in result.scores if s.suite == "arith_gen"}
    assert kinds == {"strict-match": 0.0, "flexible-extract": 0.0}
    perplexity = score(result, "registry_ppl", "word_perplexity", "none")
    assert (perplexity.value, perplexity.stderr) == (1.014338711927531, None)
    assert len(result.scores) == 8


def test_lm_eval_samples_are_counted_and_no_score(read_shared):
    result = read_shared("lm_eval/samples_policy_mc_0.4.13.jsonl")
    assert (result.tool, result.outcome) == ("lm-evaluation-harness", "no_scores")
    assert result.details["documents"] == 40 and result.scores == []
    assert set(result.details["metrics"]) == {"acc", "acc_norm"}
    assert "40 samples" in result.message


# --- Inspect AI -----------------------------------------------------------------------------------


def test_inspect_json(read_shared):
    result = read_shared("inspect/general_facts.json")
    assert (result.tool, result.outcome, result.subject) == ("inspect-ai", "ok", "mockllm/model")
    for kind in ("match", "includes"):
        accuracy = score(result, "general_facts", "accuracy", kind)
        assert (accuracy.value, accuracy.stderr, accuracy.n) == (0.75, 0.1305582419667734, 12)
    details = result.details
    assert (details["status"], details["version"]) == ("success", "0.3.285")
    assert (details["total_samples"], details["completed_samples"]) == (12, 12)
    assert set(details["tags"]) == {"release-gate", "v2.3"}
    assert details["metadata"]["release"] == "2.3.0" and details["samples_in_file"] == 12
    usage = details["model_usage"]["mockllm/model"]
    assert (usage["input_tokens"], usage["output_tokens"]) == (233, 61)


def test_inspect_groups_are_metrics(read_shared):
    result = read_shared("inspect/grouped_facts.json")
    assert figures(result) == {
        ("grouped_facts", "math", "includes"): 1.0,
        ("grouped_facts", "science", "includes"): 0.6666666666666666,
        ("grouped_facts", "lit", "includes"): 0.3333333333333333,
        ("grouped_facts", "geo", "includes"): 1.0,
        ("grouped_facts", "all", "includes"): 0.75,
        ("grouped_facts", "bootstrap_stderr", "includes"): 0.1254024355159553,
    }


def test_inspect_eval_of_zstandard_members(read_shared):
    result = read_shared("inspect/refusal_policy.eval")
    assert (result.outcome, result.details["samples_in_file"]) == ("ok", 24)
    assert figures(result) == {
        ("refusal_policy", "accuracy", "refused/mean"): 0.6666666666666666,
        ("refusal_policy", "mean", "over_refusal/mean"): 0.125,
        ("refusal_policy", "accuracy", "refused/max"): 1.0,
        ("refusal_policy", "mean", "over_refusal/max"): 0.375,
    }


def test_inspect_eval_of_deflated_members_that_took_a_part(read_shared):
    result = read_shared("inspect/popularity_2024-11_streaming.eval")
    assert (result.tool, result.outcome) == ("inspect-ai", "partial")
    assert "2 of the 100 samples" in result.message
    accuracy = score(result, "popularity", "accuracy", "match")
    assert (accuracy.value, accuracy.stderr, accuracy.n) == (0.75, 0.25, 4)


def test_inspect_cancelled_is_partial_though_it_has_scores(read_shared):
    result = read_shared("inspect/popularity_2025-05_cancelled.json")
    assert (result.outcome, result.details["status"]) == ("partial", "cancelled")
    assert "The run was cancelled." in result.warnings
    accuracy = score(result, "popularity", "accuracy", "match")
    assert (accuracy.value, accuracy.n) == (0.6666666666666666, 3)


# --- promptfoo ------------------------------------------------------------------------------------


def test_promptfoo_columns_of_one_provider_are_told_apart_by_prompt(read_shared):
    result = read_shared("promptfoo/support_guardrails.json")
    assert (result.tool, result.outcome) == ("promptfoo", "ok")
    assert (result.subject, result.created) == (
        "support-bot-candidate",
        "2026-11-23T06:45:11.991Z",
    )
    details = result.details
    assert details["stats"] == {"successes": 7, "failures": 3, "errors": 0}
    assert details["rows"] == 10
    first, second = details["columns"]
    assert (first["passed"], first["failed"], first["score"]) == (3, 2, 3.25)
    assert (second["passed"], second["failed"], second["score"]) == (4, 1, 3.75)
    assert first["named_scores"] == {"Topic": 4, "Safety": 1, "Tone": 1, "Length": 1}
    assert first["named_score_weights"] == {"Topic": 4, "Safety": 3, "Tone": 3, "Length": 1}
    assert second["named_scores"]["Tone"] == 2
    kinds = list(dict.fromkeys(s.filter for s in result.scores))
    assert len(kinds) == 2 and kinds[0] == "Reply to the customer: {{message}}"
    found = {s.metric: s.value for s in result.scores if s.filter == kinds[0]}
    assert found == {
        "pass_rate": 0.6,
        "mean_score": 0.65,
        "Topic": 1.0,
        "Safety": 1 / 3,
        "Tone": 1 / 3,
        "Length": 1.0,
    }
    assert score(result, "Support reply guardrails", "Tone", kinds[1]).value == 2 / 3


def test_promptfoo_from_a_table(read_shared):
    result = read_shared("promptfoo/regression_csv_60.json")
    assert result.details["rows"] == 60 and result.details["tags"] == {"release": "2.3.0"}
    assert result.details["stats"]["successes"] == 52 and result.details["stats"]["failures"] == 8
    assert [(c["passed"], c["failed"]) for c in result.details["columns"]] == [(26, 4)] * 2
    assert [s.n for s in result.scores] == [30] * 4


# --- garak ----------------------------------------------------------------------------------------


def test_garak_is_typed_with_its_own_intervals(read_shared):
    result = read_shared("garak/repeat_release_2_3.report.jsonl")
    assert (result.tool, result.outcome, result.subject) == ("garak", "ok", "test.Repeat")
    assert len(result.scores) == 6 and {s.higher_is_better for s in result.scores} == {False}
    raw = score(result, "ansiescape.AnsiRaw", "attack_success_rate", "ansiescape.Raw")
    assert (raw.value, raw.n) == (0.3620689655172414, 58)
    typed = {(r["probe"], r["detector"]): r for r in result.details["red_team"]}
    row = typed["ansiescape.AnsiRaw", "ansiescape.Raw"]
    assert (row["attack_class"], row["attempts"], row["failures"]) == ("ansiescape", 58, 21)
    assert row["rate"] == 0.3620689655172414 and row["severity"] is None
    assert row["interval"] == pytest.approx([0.2413793103, 0.4827586206])
    assert row["interval_method"] == "bootstrap"
    assert raw.interval == ("0.24137931034482757", "0.48275862068965514", "0.95")
    counts = {key: (r["attempts"] - r["failures"], r["attempts"]) for key, r in typed.items()}
    assert counts["dan.AntiDAN", "dan.AntiDAN"] == (0, 1)
    assert counts["dan.AntiDAN", "mitigation.MitigationBypass"] == (1, 1)
    exfil = ("web_injection.MarkdownImageExfil", "web_injection.MarkdownExfilBasic")
    assert counts[exfil] == (12, 12)
    assert (result.details["version"], result.details["attempts"]) == ("0.17.1", 72)


def test_garak_of_the_older_layout(read_shared):
    result = read_shared("garak/repeat_0.12.0.report.jsonl")
    assert (result.outcome, result.subject) == ("ok", "test.Repeat")
    counts = {
        r["detector"]: (r["attempts"] - r["failures"], r["attempts"])
        for r in result.details["red_team"]
    }
    assert counts == {
        "ansiescape.Raw": (74, 116),
        "dan.AntiDAN": (0, 2),
        "mitigation.MitigationBypass": (2, 2),
        "always.Pass": (16, 16),
    }
    assert {r["interval_method"] for r in result.details["red_team"]} == {"wilson"}
    # Worked out here, and not said by the tool.
    assert {one.interval for one in result.scores} == {NONE}


def test_hits_without_totals_are_no_scores(read_shared):
    result = read_shared("garak/repeat_release_2_3.hitlog.jsonl")
    assert (result.tool, result.outcome, result.scores) == ("garak", "no_scores", [])
    assert sum(hit["hits"] for hit in result.details["hits"]) == 22


# --- OpenAI evals ---------------------------------------------------------------------------------


def test_openai_evals(read_shared):
    result = read_shared("openai_evals/triage-match.jsonl")
    assert (result.tool, result.outcome) == ("openai-evals", "ok")
    (accuracy,) = result.scores
    assert (accuracy.suite, accuracy.metric) == ("triage-match.dev.v1", "accuracy")
    assert (accuracy.value, accuracy.stderr, accuracy.n) == (0.75, 0.09063782476305232, 24)
    assert result.details["usage"]["usage_total_tokens"] == 216
    fuzzy = read_shared("openai_evals/triage-fuzzy.jsonl")
    assert figures(fuzzy) == {
        ("triage-fuzzy.dev.v0", "accuracy", None): 0.8666666666666667,
        ("triage-fuzzy.dev.v0", "f1_score", None): 0.8666666666666667,
    }
    assert {s.n for s in fuzzy.scores} == {15}


# --- Model cards ----------------------------------------------------------------------------------


def test_model_cards(read_shared):
    spacy = read_shared("model_cards/spacy__en_core_web_sm.md")
    assert (spacy.tool, spacy.outcome, len(spacy.scores)) == ("model-card", "ok", 9)
    assert score(spacy, "NER", "f_score").value == 0.8420284384
    assert (spacy.details["license"], spacy.details["language"]) == ("mit", ["en"])
    llama = read_shared("model_cards/BEE-spoke-data__smol_llama-220M-GQA.md")
    assert len(llama.scores) == 12 and llama.details["sources"] == ["Open LLM Leaderboard"]
    assert score(llama, "HellaSwag (10-Shot)", "acc_norm").value == 29.76
    assert score(llama, "MATH Lvl 5 (4-Shot)", "exact_match").value == 0.0
    assert "fractions or per cent" in llama.warnings[-1]
    triage = read_shared("model_cards/example-org__claims-triage-router.md")
    assert [s.text for s in triage.scores] == ["0.9083", "0.9084", "76.2"]
    assert triage.scores[1].filter == "macro"
    assert triage.details["base_model"] == ["mistralai/Mistral-7B-Instruct-v0.3"]
    philschmid = read_shared("model_cards/philschmid__distilroberta-base-ner-conll2003.md")
    assert [s.metric for s in philschmid.scores] == ["precision", "recall", "f1", "accuracy"]
    assert figures(read_shared("model_cards/hub_fixture_simple_model_index.md")) == {
        ("Beans", "accuracy", None): 0.9,
        ("Beans", "f1", None): 0.66,
    }


# --- What no reader knows -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "mlflow/runs_search.json",
        "otlp/rag_trace.json",
        "otlp/rag_trace.pb",
        "otlp/evaluated_chat.pb.gz",
        "cyclonedx/ml-model-handoff_1.6.json",
    ],
)
def test_a_file_that_no_reader_knows_is_evidence_without_scores(read_shared, name):
    result = read_shared(name)
    assert (result.tool, result.outcome, result.warnings) == (None, "no_scores", [])


def test_an_unknown_file_that_is_broken_says_where(read_shared):
    result = read_shared("cyclonedx/dataset_1.6_trailing-commas.json")
    assert (result.tool, result.outcome) == (None, "no_scores")
    assert "line 9, column 5" in result.warnings[0]
