"""Which metric each figure is: what is suggested, what is refused, and what becomes of it."""

import pytest

from evidence import matching
from evidence.matching import Choice, Target, judge, runs_of, suggested
from evidence.readers.result import Report


def target(name="boolq v2 acc", unit="", better=True, key=1):
    suite, version, metric = name.split(" ")
    return Target(key, name, suite, metric, int(version[1:]), unit, better)


def result(*scores, gap=""):
    report = Report("csv")
    for suite, metric, value, more in scores:
        report.add(suite, metric, value, **more)
    if gap:
        report.gap(gap)
    return report.close()


def one(value=0.75, **more):
    return result(("BoolQ", "acc", value, more))


def test_a_figure_that_bears_the_name_of_a_metric_is_suggested():
    known = [target(), target("boolq v2 f1", key=2), target("other v1 acc", key=3)]
    read = result(
        ("BoolQ", "acc", 0.75, {"kind": "none"}),
        ("BoolQ", "f1", 0.5, {"kind": "strict"}),
        ("BoolQ", "f1", 0.5, {"kind": "loose"}),
        ("Other", "acc", None, {}),
        ("else", "acc", 0.5, {}),
    )
    assert {place: t.key for place, t in suggested(read, known).items()} == {0: 1}


@pytest.mark.parametrize(
    ("read", "choice", "code"),
    [
        (one(), Choice(0, target()), None),
        (one(None), Choice(0, target()), "SCORE_EMPTY"),
        (one(higher_is_better=False), Choice(0, target()), "DIRECTION_OTHER"),
        (one(higher_is_better=True), Choice(0, target(better=False)), "DIRECTION_OTHER"),
        (one(higher_is_better=True), Choice(0, target()), None),
        (one(), Choice(0, target(unit="fraction")), "UNIT_OPEN"),
        (one(), Choice(0, target(unit="fraction"), unit="fraction"), None),
        (one(76.2), Choice(0, target(unit="fraction"), unit="fraction"), "UNIT_CANNOT_BE"),
        (one(76.2), Choice(0, target(unit="fraction"), unit="%"), "UNIT_OTHER"),
        (one(76.2), Choice(0, target(unit="%"), unit="%"), None),
        (one(76.2, unit="%"), Choice(0, target(unit="%")), None),
        (one(76.2, unit="%"), Choice(0, target(), unit="fraction"), "UNIT_DENIED"),
    ],
)
def test_a_choice_is_judged_and_nothing_is_converted(read, choice, code):
    reasons = judge(read, [choice])
    assert [reason.code for reason in reasons] == ([code] if code else [])
    assert all(reason.field.startswith("rows.0.") for reason in reasons)


def test_two_figures_of_one_metric_are_told_apart_by_their_filters():
    read = result(("t", "em", 0.5, {"kind": "strict"}), ("t", "em", 0.75, {"kind": "loose"}))
    plain = [Choice(0, target()), Choice(1, target())]
    assert [reason.code for reason in judge(read, plain)] == ["METRIC_TWICE"]
    apart = [Choice(0, target()), Choice(1, target(), keeps_filter=True)]
    assert judge(read, apart) == []
    (run,) = runs_of(read, apart, file="r.csv", sha256="0" * 64, about={})
    assert [(s["text"], s["filter"]) for s in run["scores"]] == [("0.5", ""), ("0.75", "loose")]
    assert run["config"]["figures"] == {"acc": "t em strict", "acc loose": "t em loose"}


def test_nothing_chosen_is_refused():
    assert [reason.code for reason in judge(one(), [])] == ["NOTHING_CHOSEN"]


def test_each_suite_version_is_a_run_with_what_the_reader_said():
    read = result(
        ("a", "x", 0.5, {"stderr": 0.25, "n": 4, "interval": (0.1, 0.9, 0.95)}),
        ("b", "y", 1, {}),
        gap="It was cancelled.",
    )
    read.details = {"version": "1.2", "rate": 0.5, "long": "x" * (matching.LONGEST_FACT + 1)}
    chosen = [Choice(0, target("a v1 x")), Choice(1, target("b v3 y", key=2))]
    first, second = runs_of(read, chosen, file="r.csv", sha256="0" * 64, about={"source": "us"})
    assert (first["suite_version"], second["suite_version"]) == (1, 3)
    assert first["scores"] == [
        {
            "metric": 1,
            "text": "0.5",
            "stderr": "0.25",
            "samples": 4,
            "low": "0.1",
            "high": "0.9",
            "level": "0.95",
            "filter": "",
            "subset": "",
        }
    ]
    assert second["scores"][0]["text"] == "1"
    config = first["config"]
    assert config["read_from"] == {"name": "r.csv", "sha256": "0" * 64}
    assert (config["outcome"], config["warnings"]) == ("partial", ["It was cancelled."])
    assert config["details"] == {"version": "1.2", "rate": "0.5"}
    assert config["left_out"] == ["long"]
