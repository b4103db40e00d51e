"""Readers against the traps that files of real tools hold, each with a small file of its own."""

import json

import pytest

from evidence.intervals import NONE
from evidence.readers.red_team import wilson
from tests.evidence.files import (
    DONE,
    INIT,
    SETUP,
    column,
    eval_log,
    figures,
    garak,
    garak_eval,
    inspect,
    lines,
    lm_eval,
    openai_evals,
    promptfoo,
    reading,
    scorer,
    zipped,
)

# --- lm-evaluation-harness ------------------------------------------------------------------------


def test_groups_are_counted_once_and_get_the_samples_of_their_tasks():
    row = {"alias": "suite", "acc,none": 0.5}
    result = reading(
        lm_eval(
            {"a": {"acc,none": 0.4}, "b": {"acc,none": 0.6}, "suite": row},
            groups={"suite": row, "lonely": {"acc,none": 0.9}},
            group_subtasks={"suite": ["a", "b"], "a": [], "lonely": ["missing"]},
            **{"n-samples": {"a": {"original": 4, "effective": 4}, "b": {"effective": 6}}},
        )
    )
    assert figures(result) == {
        ("a", "acc", "none"): 0.4,
        ("b", "acc", "none"): 0.6,
        ("suite", "acc", "none"): 0.5,
        ("lonely", "acc", "none"): 0.9,
    }
    assert [s.n for s in result.scores] == [4, 6, 10, None]
    assert (result.outcome, result.warnings) == ("ok", [])


def test_a_group_that_differs_from_its_row_is_said():
    result = reading(lm_eval({"g": {"acc,none": 0.5}}, groups={"g": {"acc,none": 0.7}}))
    assert figures(result) == {("g", "acc", "none"): 0.5}
    assert "g: the group's figures differ" in result.warnings[0]


def test_groups_in_a_ring_end():
    subtasks = {"a": ["b"], "b": ["a"]}
    result = reading(lm_eval({"a": {"acc,none": 0.5}}, group_subtasks=subtasks))
    assert result.scores[0].n is None


def test_a_group_without_figures_and_keys_that_are_none():
    row = {" ": " ", "alias": " - group", "name": "group", "sample_len": 3, "note": "text"}
    assert reading(lm_eval({"group": row})).outcome == "no_scores"


@pytest.mark.parametrize("absent", ["N/A", None, ""])
def test_a_standard_error_that_is_not_there_is_none_and_no_trouble(absent):
    result = reading(lm_eval({"t": {"ppl,none": 1.5, "ppl_stderr,none": absent}}))
    assert (result.scores[0].stderr, result.warnings) == (None, [])


@pytest.mark.parametrize("spelt", ["NaN", "Infinity", "-Infinity", "1e999", '"N/A"', "null"])
def test_a_score_that_is_no_number_is_empty_with_a_warning(spelt):
    text = json.dumps(lm_eval({"t": {"acc,none": 0.125, "f1,none": 0.5}})).replace("0.125", spelt)
    result = reading(text)
    assert figures(result) == {("t", "acc", "none"): None, ("t", "f1", "none"): 0.5}
    assert (result.outcome, result.scores[0].text) == ("ok", "")
    assert "t acc none" in result.warnings[0] and "is no number" in result.warnings[0]


def test_a_standard_error_that_is_no_number_is_said():
    text = json.dumps(lm_eval({"t": {"acc,none": 0.5, "acc_stderr,none": 0.125}}))
    result = reading(text.replace("0.125", "NaN"))
    assert result.scores[0].stderr is None
    assert "standard error nan" in result.warnings[0]


def test_only_figures_without_any_number_are_no_scores():
    result = reading(json.dumps(lm_eval({"t": {"acc,none": 0.125}})).replace("0.125", "NaN"))
    assert result.outcome == "no_scores" and len(result.scores) == 1


@pytest.mark.parametrize(
    ("limit", "counts", "outcome"),
    [
        (10, {"boolq": {"original": 100, "effective": 10}}, "partial"),
        (10, {}, "partial"),
        (0.5, {}, "partial"),
        (500, {"boolq": {"original": 100, "effective": 100}}, "ok"),
        (None, {"boolq": {"original": 100, "effective": 90}}, "partial"),
        (None, {"boolq": {"original": 100, "effective": 100}}, "ok"),
    ],
)
def test_a_limited_run_is_partial(limit, counts, outcome):
    result = reading(lm_eval(config={"limit": limit}, **{"n-samples": counts}))
    assert result.outcome == outcome
    assert bool(result.warnings) == (outcome == "partial")


@pytest.mark.parametrize(
    ("parts", "subject"),
    [
        ({"model_name": "org/named"}, "org/named"),
        ({}, "org/model"),
        ({"config": {"model": "x", "model_args": {"pretrained": "org/object"}}}, "org/object"),
        (
            {"config": {"model": "openai-completions", "model_args": "base_url=…"}},
            "openai-completions",
        ),
    ],
)
def test_the_subject_is_as_the_file_names_it(parts, subject):
    assert reading(lm_eval(**parts)).subject == subject


def test_numbers_keep_the_spelling_of_their_source():
    text = json.dumps(lm_eval({"t": {"acc,none": 0.125, "em,none": 1}})).replace("0.125", "0.1250")
    assert [(s.value, s.text) for s in reading(text).scores] == [(0.125, "0.1250"), (1, "1")]


# --- What is broken -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tool", "text"),
    [
        ("lm-evaluation-harness", json.dumps(lm_eval(), indent=1)),
        ("inspect-ai", json.dumps(inspect(), indent=1)),
        ("promptfoo", json.dumps(promptfoo(), indent=1)),
    ],
)
def test_a_document_that_is_cut_off_is_refused_with_its_place(tool, text):
    cut = text[: text.rindex("}") - 4]
    result = reading(cut)
    assert (result.tool, result.outcome, result.scores) == (tool, "refused", [])
    assert f"in line {cut.count(chr(10)) + 1}, column" in result.message


@pytest.mark.parametrize(
    ("tool", "text"),
    [
        ("lm-evaluation-harness", json.dumps(lm_eval())),
        ("inspect-ai", json.dumps(inspect())),
        ("promptfoo", json.dumps(promptfoo())),
    ],
)
def test_a_key_that_stands_twice_is_refused_with_its_place(tool, text):
    result = reading('{\n"twice": 1,\n"twice": 2,\n' + text[1:])
    # What comes after the break was not read: nobody knows yet whose file it is.
    assert (result.tool, result.outcome) == (None, "no_scores")
    result = reading(text[:-1] + ',\n"twice": 1,\n"twice": 2}')
    assert (result.tool, result.outcome) == (tool, "refused")
    assert "the key “twice” stands twice, in line 3, column 1." in result.message


def test_a_score_that_stands_twice_is_refused():
    text = '{"results": {"t": {"acc,none": 0.5,\n "acc,none": 0.9}}, "versions": {}}'
    result = reading(text)
    assert (result.tool, result.outcome) == ("lm-evaluation-harness", "refused")
    assert "“acc,none” stands twice, in line 2, column 2." in result.message


@pytest.mark.parametrize(
    ("tool", "text"),
    [
        ("garak", garak()),
        ("openai-evals", openai_evals({"accuracy": 0.5})),
        ("lm-evaluation-harness", lines(*[{"doc_id": 1, "target": "a", "resps": []}] * 4)),
    ],
)
@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"a": 1, "a": 2}', "In line 3, the key “a” stands twice."),
        ('{"a": ', "Line 3 is not valid JSON"),
        ("[" * 100_000, "Line 3 is nested too deeply."),
        ("[1]", "Line 3 is not a JSON object."),
        ('{"a": "\x00"}', "Line 3 is not valid JSON"),
    ],
)
def test_a_bad_line_is_refused_with_its_number(tool, text, line, said):
    given = text.splitlines()
    result = reading("\n".join([*given[:2], line, *given[2:]]))
    assert (result.tool, result.outcome) == (tool, "refused")
    assert said in result.message


def test_a_line_that_is_no_text_is_refused():
    result = reading(garak().encode() + b"\xff\n")
    assert (result.outcome, result.message) == ("refused", "Line 5 is not UTF-8 text.")
    text = json.dumps(lm_eval(extra="é"), ensure_ascii=False, indent=1)
    result = reading(text.encode("latin-1"))
    assert (result.tool, result.outcome) == ("lm-evaluation-harness", "refused")
    assert "a byte is not UTF-8 text, in line 16, column 12." in result.message


@pytest.mark.parametrize("bad", ["\\u0000", "\\ud800", "\\udc00 \\ud800"])
def test_what_no_database_keeps_is_refused_with_its_place(bad):
    text = json.dumps(lm_eval(model_name="NAME"), indent=1)
    result = reading(text.replace("NAME", f"a{bad}"))
    assert (result.tool, result.outcome) == ("lm-evaluation-harness", "refused")
    assert "half of a surrogate pair, in line" in result.message
    result = reading(garak(garak_eval(probe="PROBE")).replace("PROBE", bad))
    assert (result.outcome, "in line 3" in result.message) == ("refused", True)
    assert reading(text.replace("NAME", "\\ud83d\\ude00")).subject == "😀"


def test_what_samples_hold_is_not_judged():
    rows = [{"promptIdx": 0, "success": True, "output": "\x00\ud800"}] * 4
    assert reading(promptfoo(column(4, 0), results={"results": rows})).outcome == "ok"
    log = inspect(samples=[{"input": "\x00\ud800"}])
    assert reading(log).details["samples_in_file"] == 1


def test_rubbish_after_a_document_is_refused():
    result = reading(json.dumps(lm_eval()) + "\n}")
    assert (result.outcome, "after the end" in result.message) == ("refused", True)


def test_deep_nesting_is_refused():
    text = json.dumps(lm_eval(extra="DEEP")).replace('"DEEP"', "[" * 100_000 + "]" * 100_000)
    result = reading(text)
    assert (result.tool, result.outcome) == ("lm-evaluation-harness", "refused")
    assert "nested too deeply" in result.message


def test_a_byte_order_mark_and_any_order_of_keys_are_no_trouble():
    turned = json.dumps(dict(reversed(lm_eval().items()))).encode()
    assert reading(b"\xef\xbb\xbf" + turned).outcome == "ok"
    assert reading(json.dumps(promptfoo(), sort_keys=True)).outcome == "ok"


def test_names_are_not_looked_at():
    assert reading(lm_eval(), "garak.report.jsonl").tool == "lm-evaluation-harness"
    assert reading(garak(), "results.json").tool == "garak"


# --- Inspect AI -----------------------------------------------------------------------------------


@pytest.mark.parametrize("status", ["error", "cancelled", "started"])
def test_a_run_that_did_not_end_well_is_partial_though_it_has_scores(status):
    result = reading(inspect(status=status, error={"message": "out of memory"}))
    assert (result.outcome, result.details["status"]) == ("partial", status)
    assert "out of memory" in result.message and len(result.scores) == 1


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ({"results": {"completed_samples": 3}}, "3 of its 4 samples were completed."),
        ({"eval": {"config": {"limit": 2}, "dataset": {"samples": 4}}}, "limited to 2 samples"),
        ({"eval": {"config": {"limit": [1, 3]}, "dataset": {"samples": 4}}}, "limited to 2"),
        ({"eval": {"dataset": {"samples": 9, "sample_ids": [1]}}}, "1 of the 9 samples"),
        ({"invalidated": True}, "marked the log as invalid"),
    ],
)
def test_a_run_of_a_part_is_partial(parts, said):
    result = reading(inspect(**parts))
    assert (result.outcome, said in result.message) == ("partial", True)


def test_unscored_samples_make_it_partial_and_do_not_count():
    row = {**scorer("match", accuracy=0.5), "scored_samples": 3, "unscored_samples": 1}
    result = reading(inspect(results={"scores": [row]}))
    assert (result.outcome, result.scores[0].n) == ("partial", 3)


def test_a_log_without_results_says_why():
    log = inspect(status="error")
    result = reading(log | {"results": None})
    assert (result.tool, result.outcome) == ("inspect-ai", "no_scores")
    assert "failed before its end" in result.message


def test_name_and_reducer_make_a_row_and_an_error_goes_with_its_figure():
    rows = [
        scorer("judge", "mean", mean=0.5, std=0.1),
        scorer("judge", "max", mean=0.75, stderr=0.125),
        scorer("both", accuracy=0.5, mean=0.25, stderr=0.125),
    ]
    result = reading(inspect(results={"scores": rows}))
    assert [(s.metric, s.filter, s.stderr) for s in result.scores] == [
        ("mean", "judge/mean", None),
        ("mean", "judge/max", 0.125),
        ("accuracy", "both", None),
        ("mean", "both", None),
        ("stderr", "both", None),
    ]
    assert result.details["spreads"] == {"judge/mean/std": 0.1}


@pytest.mark.parametrize("method", [0, 8, 93])
def test_an_archive_is_read_however_it_is_packed(method):
    members = {"samples/1_epoch_1.json": b"{}", "samples/2_epoch_1.json": b"{"}
    result = reading(eval_log(inspect(), method, **members))
    assert (result.tool, result.outcome) == ("inspect-ai", "ok")
    assert result.details["samples_in_file"] == 2
    assert (result.scores[0].value, result.scores[0].text) == (0.75, "0.75")


def test_an_archive_of_a_run_that_broke_off_says_so():
    start = {key: value for key, value in inspect().items() if key in ("version", "eval")}
    result = reading(zipped({"_journal/start.json": json.dumps(start).encode()}))
    assert (result.tool, result.outcome) == ("inspect-ai", "no_scores")
    assert (result.details["status"], result.subject) == ("started", "org/model")


def test_a_broken_header_is_refused_with_its_place():
    result = reading(zipped({"header.json": b'{"version": 2,\n"status": }'}))
    assert (result.tool, result.outcome) == ("inspect-ai", "refused")
    assert "“header.json”" in result.message and "line 2, column 11" in result.message


# --- promptfoo ------------------------------------------------------------------------------------


def test_named_scores_are_sums_over_their_weights_or_counts():
    told = column(
        3,
        1,
        namedScores={"Topic": 4, "Tone": 1, "Lost": 2},
        namedScoreWeights={"Topic": 5},
        namedScoresCount={"Topic": 4, "Tone": 2},
    )
    result = reading(promptfoo(told))
    assert {s.metric: s.value for s in result.scores} == {
        "pass_rate": 0.75,
        "mean_score": 0.75,
        "Topic": 0.8,
        "Tone": 0.5,
    }
    assert "Lost: its sum 2 has no weight" in result.warnings[0]
    assert {s.filter for s in result.scores} == {None}


@pytest.mark.parametrize(
    ("columns", "names"),
    [
        ([("a", "P"), ("b", "P")], ["a", "b"]),
        ([("a", "P"), ("a", "Q")], ["P", "Q"]),
        ([("a", "P"), ("a", "Q"), ("b", "P")], ["a: P", "a: Q", "b: P"]),
        ([("a", "P"), ("a", "P")], ["a: P #1", "a: P #2"]),
        ([("a", "x" * 200 + "1"), ("a", "x" * 200 + "2")], ["x" * 92 + " #1", "x" * 92 + " #2"]),
    ],
)
def test_two_columns_with_one_label_are_told_apart(columns, names):
    told = [column(1, 1, provider=provider, label=label) for provider, label in columns]
    result = reading(promptfoo(*told))
    assert list(dict.fromkeys(s.filter for s in result.scores)) == names
    assert len(figures(result)) == len(result.scores)


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ({"results": {"stats": {"successes": 9, "failures": 0, "errors": 0}}}, "It counts 9 tests"),
        ({"results": {"results": [{"promptIdx": 0}]}}, "It lists 1 of 4 tests."),
    ],
)
def test_what_does_not_add_up_is_partial(parts, said):
    result = reading(promptfoo(**parts))
    assert (result.outcome, said in result.message) == ("partial", True)


def test_tests_that_erred_make_it_partial():
    result = reading(promptfoo(column(2, 1, 1)))
    assert (result.outcome, result.scores[0].value) == ("partial", 0.5)
    assert "1 of its 4 tests ended in an error" in result.message


def test_a_red_team_is_typed_by_plugin_and_strategy_with_its_severity():
    def attack(success, plugin="harmful:privacy", error=0, **about):
        about = {"pluginId": plugin, "severity": "high", **about}
        return {
            "promptIdx": 0,
            "success": success,
            "failureReason": 2 if error else int(not success),
            "testCase": {
                "metadata": about,
                "assert": [{"type": f"promptfoo:redteam:{plugin}"}],
            },
        }

    rows = [
        *(attack(n > 0) for n in range(4)),
        attack(False, error=1),
        attack(False, strategyId="base64"),
        {**attack(True, "pii"), "metadata": {"severity": "critical"}},
        {"promptIdx": 0, "success": True},
    ]
    made = promptfoo(column(5, 2, errors=1), results={"results": rows})
    result = reading(made)
    first, second, third = result.details["red_team"]
    assert first == {
        "attack_class": "harmful",
        "probe": "harmful:privacy, basic",
        "detector": "promptfoo:redteam:harmful:privacy",
        "attempts": 4,
        "failures": 1,
        "rate": 0.25,
        "interval": list(wilson(1, 4)),
        "interval_method": "wilson",
        "severity": "high",
        "not_judged": 1,
    }
    assert (second["probe"], second["rate"]) == ("harmful:privacy, base64", 1.0)
    assert (third["attack_class"], third["severity"]) == ("pii", "critical")
    assert "red_team" not in reading(promptfoo()).details


def test_columns_without_counts_are_counted_by_their_rows():
    told = column(3, 1)
    rows = promptfoo(told)["results"]["results"]
    bare = {**told, "metrics": {}}
    result = reading({**promptfoo(told), "results": {"prompts": [bare], "results": rows}})
    assert result.scores[0].value == 0.75
    result = reading({**promptfoo(told), "results": {"prompts": [bare]}})
    assert (result.outcome, "Column 1" in result.message) == ("refused", True)


# --- garak ----------------------------------------------------------------------------------------


def test_rates_are_of_attacks_and_typed():
    result = reading(garak(garak_eval(3, 4, fails=1, nones=2)))
    (score,) = result.scores
    assert (score.metric, score.value, score.higher_is_better) == (
        "attack_success_rate",
        0.25,
        False,
    )
    (row,) = result.details["red_team"]
    assert (row["attack_class"], row["attempts"], row["failures"]) == ("dan", 4, 1)
    assert row["interval"] == list(wilson(1, 4)) and row["severity"] is None
    assert "2 outputs were not judged" in result.warnings[0]


@pytest.mark.parametrize(
    ("hits", "total", "interval"),
    [(0, 10, (0.0, 0.2775)), (5, 10, (0.2366, 0.7634)), (10, 10, (0.7225, 1.0)), (0, 0, (0, 1))],
)
def test_wilsons_interval(hits, total, interval):
    assert wilson(hits, total) == pytest.approx(interval, abs=1e-4)


def test_an_unfinished_report_is_partial():
    result = reading(garak(done=False))
    assert (result.outcome, len(result.scores)) == ("partial", 1)
    assert "no line that says that the run was completed" in result.message
    attempt = {"entry_type": "attempt", "status": 2, "probe_classname": "xss.Probe"}
    result = reading(garak(garak_eval(), attempt))
    assert (result.outcome, "xss.Probe" in result.message) == ("partial", True)
    assert reading(lines(SETUP)).outcome == "no_scores"


def test_no_attempt_is_no_rate():
    result = reading(garak(garak_eval(0, 0)))
    assert (result.outcome, result.scores[0].value) == ("no_scores", None)


@pytest.mark.parametrize(
    ("entries", "said"),
    [
        ([garak_eval(5, 4)], "line 3 passed 5 of 4"),
        ([garak_eval(3, 4, fails=3)], "In line 3, 3 passed and 3 failed of 4"),
        ([garak_eval("3", 4)], "line 3 does not say how many"),
        ([garak_eval(True, 4)], "line 3 does not say how many"),
        ([garak_eval(probe=None)], "line 3 does not name"),
        ([garak_eval(), garak_eval()], "Line 4 gives dan.AntiDAN / dan.AntiDAN a second time"),
        ([garak_eval(), DONE, SETUP, INIT], "A second run begins in line 5"),
    ],
)
def test_counts_that_cannot_be_are_refused(entries, said):
    result = reading(garak(*entries))
    assert (result.tool, result.outcome) == ("garak", "refused")
    assert said in result.message


# --- OpenAI evals ---------------------------------------------------------------------------------


def test_a_final_report_before_or_after_its_events():
    text = openai_evals(
        {"accuracy": 0.5, "boostrap_std": 0.1, "usage_total_tokens": 9, "note": "x"}
    )
    spec, final, *events = text.splitlines()
    for order in ([spec, final, *events], [spec, *events, final], [final, spec, *events]):
        (score,) = reading("\n".join(order)).scores
        assert (score.value, score.stderr, score.n) == (0.5, 0.1, 4)


def test_a_log_without_its_final_report_has_no_scores():
    result = reading(openai_evals())
    assert (result.tool, result.outcome) == ("openai-evals", "no_scores")
    assert "ends before its final report" in result.message


def test_limited_and_odd_logs():
    limited = {"run_config": {"max_samples": 3}}
    assert reading(openai_evals({"accuracy": 1.0}, spec=limited)).outcome == "partial"
    nan = openai_evals({"accuracy": float("nan"), "f1": 0.5})
    assert figures(reading(nan))["triage.dev.v1", "accuracy", None] is None
    twice = openai_evals({"accuracy": 1.0})
    assert "A second run begins in line 7." in reading(twice + twice).message


# --- Model cards and CSV --------------------------------------------------------------------------

CARD = """---
license: mit
model-index:
- name: tagger
  results:
  - task: {type: qa}
    dataset: {name: Questions, type: questions}
    metrics: [{type: exact_match, value: 76.2}, {type: f1, value: 71 %}]
---
# Tagger
"""


def test_a_card_keeps_its_figures_as_reported_and_warns_of_units():
    result = reading(CARD)
    assert figures(result) == {
        ("Questions", "exact_match", None): 76.2,
        ("Questions", "f1", None): 71,
    }
    assert [s.unit for s in result.scores] == ["", "%"]
    assert "fractions or per cent" in result.warnings[0]
    assert reading(CARD.replace("\n", "\r\n")).outcome == "ok"


def test_a_card_without_figures_or_with_broken_settings():
    assert reading("---\nlicense: mit\n---\n# Model\n").outcome == "no_scores"
    broken = reading(CARD.replace("license: mit", "license: [mit"))
    assert (broken.tool, broken.outcome) == ("model-card", "refused")
    assert "line" in broken.message
    assert reading("# Notes\n\nJust text.\n").tool is None
    assert reading("---\n\nA rule, and text.\n").tool is None


CSV = "suite,metric,value,stderr,n,higher_is_better,filter,subject,created\n"


def test_a_table_says_intervals_whole_or_not_at_all():
    head = "suite,metric,value,low,high,level\n"
    rows = "a,x,0.5,0.40,0.6,0.95\na,y,0.5,0.4,0.6,\na,z,0.5,,,0.95\na,w,0.5,0.6,0.4,\n"
    result = reading(head + rows)
    assert [score.interval for score in result.scores] == [
        *(("0.40", "0.6", "0.95"), ("0.4", "0.6", ""), NONE, NONE)
    ]
    assert result.warnings == ["a w: 0.6 to 0.4 is no interval; it is left out."]
    for row, said in (
        ("a,x,0.5,0.4,,0.95", "Line 2 has half an interval"),
        ("a,x,0.5,0.4,0.6,95", "In line 2, level is “95”"),
        ("a,x,0.5,few,0.6,", "In line 2, low is “few”"),
    ):
        assert said in reading(head + row).message


def test_a_table_with_the_header():
    result = reading(
        CSV
        + "claims,accuracy,0.8730,0.01,1200,true,,org/model,2026-11-01T10:00:00Z\n"
        + "claims,latency,1.5,n/a,,no,p95,org/model,2026-11-01T10:00:00Z\n"
    )
    assert (result.tool, result.outcome, result.subject) == ("csv", "ok", "org/model")
    first, second = result.scores
    assert (first.value, first.text, first.stderr, first.n) == (0.873, "0.8730", 0.01, 1200)
    assert (first.higher_is_better, first.filter) == (True, None)
    assert (second.filter, second.stderr, second.higher_is_better) == ("p95", None, False)


@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_a_table_of_other_delimiters_orders_and_ends(delimiter):
    rows = [["Value", "Suite", "Metric", "who"], ["0.5", '"a, b"', "acc", "me"]]
    text = "\ufeff" + "\r\n".join(delimiter.join(row) for row in rows)
    result = reading(text)
    assert figures(result) == {("a, b", "acc", None): 0.5}
    assert "not read: who" in result.warnings[0]


def test_empty_cells_of_a_table_are_empty_scores():
    result = reading("suite,metric,value\na,x,NaN\na,y,\na,z,0.5\n\n")
    assert [s.value for s in result.scores] == [None, None, 0.5]
    assert len(result.warnings) == 2


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("a,acc,87 %", "In line 2, value is “87 %”"),
        ('a,acc,"0,91"', "In line 2, value is “0,91”"),
        ("a,acc,=1+1", "In line 2, value is “=1+1”"),
        (",acc,1", "Line 2 does not name its suite"),
        ("a,acc,1,2", "Line 2 has 4 cells; the header has 3."),
        ('a,acc,"1', "Line 2 cannot be read"),
        ("a,acc,1e400", "In line 2, value is “1e400”"),
    ],
)
def test_a_row_that_is_no_figure_is_refused_with_its_line(row, said):
    result = reading(f"suite,metric,value\n{row}\n")
    assert (result.tool, result.outcome) == ("csv", "refused")
    assert said in result.message


def test_headers_that_lead_astray():
    assert reading("suite,metric,value,value\n").outcome == "refused"
    assert reading("suite,score\na,1\n").tool is None
    assert reading("suite,metric,value\na,x,1\n".encode("utf-16")).tool is None


@pytest.mark.parametrize(
    "content", [b"", b"\n", b"%PDF-1.7\n", b"\x89PNG\r\n", b"[1, 2]", b"{}", b"{"]
)
def test_what_no_reader_knows(content):
    result = reading(content)
    assert (result.tool, result.outcome) == (None, "no_scores")
