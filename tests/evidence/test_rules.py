"""The judgements on evidence, as tables."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence import rules
from evidence.kinds import KINDS, Kind, Question
from evidence.rules import State

NOW = datetime(2026, 11, 21, 10, 2, tzinfo=UTC)


def day(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("start", "months", "end"),
    [
        ("2026-01-15", 6, "2026-07-15"),
        ("2026-08-31", 6, "2027-02-28"),
        ("2027-08-31", 6, "2028-02-29"),
        ("2028-02-29", 12, "2029-02-28"),
        ("2026-12-31", 12, "2027-12-31"),
        ("2026-11-30", 1, "2026-12-30"),
        ("2026-12-01", 0, "2026-12-01"),
    ],
)
def test_months_are_calendar_months(start, months, end):
    assert rules.add_months(day(start), months) == day(end)


@pytest.mark.parametrize(
    ("expires", "withdrawn", "at", "state"),
    [
        ("2026-12-01", None, "2026-11-30", State.STANDS),
        ("2026-12-01", None, "2026-12-01", State.ENDED),
        ("2026-12-01", None, "2026-12-02", State.ENDED),
        ("2026-12-01", "2026-11-01", "2026-10-31", State.STANDS),
        ("2026-12-01", "2026-11-01", "2026-11-01", State.WITHDRAWN),
        ("2026-12-01", "2026-11-01", "2026-12-05", State.WITHDRAWN),
    ],
)
def test_an_item_stands_until_it_ends_or_is_withdrawn(expires, withdrawn, at, state):
    withdrawn = withdrawn and day(withdrawn)
    assert rules.state(expires_at=day(expires), withdrawn_at=withdrawn, at=day(at)) is state


@pytest.mark.parametrize(
    ("expires", "code"),
    [
        (NOW + timedelta(days=1), None),
        (datetime(2027, 5, 21, 10, 2, tzinfo=UTC), None),
        (datetime(2027, 5, 21, 10, 3, tzinfo=UTC), "LIVES_TOO_LONG"),
        (NOW, "ENDED_ALREADY"),
        (NOW - timedelta(days=1), "ENDED_ALREADY"),
    ],
)
def test_an_item_ends_in_the_future_and_within_the_life_of_its_kind(expires, code):
    reasons = rules.life_problems(KINDS["benchmark"], created=NOW, expires=expires)
    assert [reason.code for reason in reasons] == ([code] if code else [])
    assert all(reason.field == "expires_at" for reason in reasons)


@pytest.mark.parametrize(
    ("month", "day", "hour", "said"),
    [
        (12, 24, 0, None),
        (12, 23, 23, ("expires_30", "Expires in 30 days")),
        (12, 1, 0, ("expires_30", "Expires in 8 days")),
        (11, 30, 23, ("expires_7", "Expires in 7 days")),
        (11, 25, 0, ("expires_7", "Expires in 2 days")),
        (11, 24, 23, ("expires_1", "Expires in 1 day")),
        (11, 23, 13, ("expires_1", "Expires today")),
        (11, 23, 12, ("expired", "Expired")),
        (1, 1, 0, ("expired", "Expired")),
    ],
)
def test_an_end_that_is_near_is_said_and_more_loudly_at_each_step(month, day, hour, said):
    at = datetime(2026, 11, 23, 12, tzinfo=UTC)
    assert rules.expiry(datetime(2026, month, day, hour, tzinfo=UTC), at) == said


def test_default_lives_are_those_of_the_design():
    short = {slug for slug, kind in KINDS.items() if kind.life_months == 6}
    assert short == {"benchmark", "safety_check", "red_team"}
    assert {kind.life_months for kind in KINDS.values()} == {6, 12}


# Answers

ASKING = Kind(
    "asking",
    "Asking",
    "All types of questions.",
    6,
    (
        Question("way", "Which way?", type="choice", choices=(("a", "A"), ("b", "B")), always=True),
        Question("why", "Why?"),
        Question("more", "What else?", required=False),
        Question("only_b", "How B?", only_if=("way", "b")),
        Question("when", "When?", type="date", required=False),
        Question("sure", "Sure?", type="flag", required=False),
        Question("back", "Back to?", type="release", required=False),
    ),
)
WHOLE = {"way": "a", "why": "Because."}
RELEASES = {"7": "sha256:seven", "sha256:seven": "sha256:seven"}


@pytest.mark.parametrize(
    ("answers", "has_files", "problems"),
    [
        (WHOLE, False, []),
        ({}, False, [("ANSWER_MISSING", "way"), ("ANSWER_MISSING", "why")]),
        ({}, True, [("ANSWER_MISSING", "way")]),
        ({"way": "a"}, True, []),
        ({**WHOLE, "way": "b"}, False, [("ANSWER_MISSING", "only_b")]),
        ({**WHOLE, "way": "b"}, True, []),
        ({**WHOLE, "way": "b", "only_b": "So."}, False, []),
        ({**WHOLE, "only_b": "So."}, False, [("NOT_ASKED", "only_b")]),
        ({**WHOLE, "way": "c"}, False, [("ANSWER_NOT_VALID", "way")]),
        ({**WHOLE, "way": ["a"]}, False, [("ANSWER_NOT_VALID", "way")]),
        ({**WHOLE, "why": "   "}, False, [("ANSWER_MISSING", "why")]),
        ({**WHOLE, "why": 7}, False, [("ANSWER_NOT_VALID", "why")]),
        ({**WHOLE, "why": "nul\x00"}, False, [("ANSWER_NOT_VALID", "why")]),
        ({**WHOLE, "why": "half \ud800"}, False, [("ANSWER_NOT_VALID", "why")]),
        ({**WHOLE, "why": "x" * 20_001}, False, [("ANSWER_NOT_VALID", "why")]),
        ({**WHOLE, "why": "x" * 20_000}, False, []),
        ({**WHOLE, "colour": "red"}, False, [("QUESTION_UNKNOWN", "colour")]),
        ({**WHOLE, "when": "2026-02-30"}, False, [("ANSWER_NOT_VALID", "when")]),
        ({**WHOLE, "when": "2026-02-28"}, False, []),
        ({**WHOLE, "sure": "yes"}, False, [("ANSWER_NOT_VALID", "sure")]),
        ({**WHOLE, "sure": False}, False, []),
        ({**WHOLE, "back": 7}, False, []),
        ({**WHOLE, "back": "sha256:seven"}, False, []),
        ({**WHOLE, "back": 8}, False, [("ANSWER_NOT_VALID", "back")]),
    ],
)
def test_answers_are_judged_all_at_once(answers, has_files, problems):
    _, reasons = rules.judge_answers(ASKING, answers, has_files=has_files, releases=RELEASES)
    assert [(r.code, r.field.removeprefix("answers.")) for r in reasons] == problems


def test_answers_are_kept_in_one_form():
    answers = {**WHOLE, "why": " Because. ", "more": "", "back": 7, "when": "2026-02-28"}
    kept, _ = rules.judge_answers(ASKING, answers, has_files=False, releases=RELEASES)
    assert kept == {
        "way": "a",
        "why": "Because.",
        "when": "2026-02-28",
        "back": "sha256:seven",
    }


# Files


@pytest.mark.parametrize(
    ("name", "cleaned"),
    [
        ("report.txt", "report.txt"),
        ("../../etc/passwd", "passwd"),
        ("..\\..\\boot.ini", "boot.ini"),
        ("C:\\Users\\eve\\report.pdf", "report.pdf"),
        ("/", "file"),
        ("..", "file"),
        ("", "file"),
        ("  a \t  b.txt  ", "a b.txt"),
        ("new\r\nline.txt", "newline.txt"),
        ("nul\x00.txt", "nul.txt"),
        ("invoice\u202efdp.txt", "invoicefdp.txt"),
        ("\u2066left\u2069.txt", "left.txt"),
        ("zero\u200bwidth.txt", "zerowidth.txt"),
        ("\ufeffbom.txt", "bom.txt"),
        ("half\ud800.txt", "half.txt"),
        ("private\ue000.txt", "private.txt"),
        ("e\u0301t\u00e9.txt", "\u00e9t\u00e9.txt"),
        ("報告 2026.pdf", "報告 2026.pdf"),
        ("non\u00a0breaking.txt", "non breaking.txt"),
        (".hidden.txt", "hidden.txt"),
        ("trailing.txt. ", "trailing.txt"),
        ("x" * 200, "x" * 150),
        ("x" * 200 + ".json", "x" * 145 + ".json"),
        ("y." + "z" * 200, ("y." + "z" * 200)[:150]),
    ],
)
def test_a_name_is_data_and_never_a_path(name, cleaned):
    assert rules.clean_name(name) == cleaned


@given(st.text(max_size=400))
def test_a_cleaned_name_stays_as_it_is_and_fits_everywhere(name):
    cleaned = rules.clean_name(name)
    assert cleaned
    assert len(cleaned) <= 150
    assert not set(cleaned) & set("/\\\x00\r\n")
    assert rules.is_storable(cleaned)
    assert rules.clean_name(cleaned) == cleaned


@pytest.mark.parametrize(
    ("name", "head", "taken"),
    [
        ("a.pdf", b"%PDF-1.7", True),
        ("a.pdf", b"<html>%PDF-1.7", False),
        ("a.png", b"\x89PNG\r\n\x1a\n....", True),
        ("a.png", b"<svg onload=alert(1)>", False),
        ("a.jpg", b"\xff\xd8\xff\xe0", True),
        ("a.JPEG", b"\xff\xd8\xff\xe1", True),
        ("a.zip", b"PK\x03\x04....", True),
        ("a.zip", b"MZ\x90\x00", False),
        ("log.eval", b"PK\x03\x04....", True),
        ("a.csv", b"suite,metric\n", True),
        ("a.csv", b"\xef\xbb\xbfsuite,metric\n", True),
        ("a.csv", "prüfung,größe\n".encode("latin-1"), True),
        ("a.csv", b"PK\x03\x04....", False),
        ("a.txt", b"plain", True),
        ("a.txt", b"nul\x00", False),
        ("a.txt", b"<!DOCTYPE html><script>", False),
        ("a.txt", b"\n\n  <HTML>", False),
        ("a.txt", b"\xef\xbb\xbf<?xml version='1.0'?>", False),
        ("a.md", b"# Title\n<b>bold</b>", True),
        ("a.md", b"<script>alert(1)</script>", False),
        ("a.json", b' {"a": 1}', True),
        ("a.json", b"[1]", True),
        ("a.json", b"<html>", False),
        ("a.jsonl", b'{"a": 1}\n{"a": 2}', True),
        ("a.jsonl", b"a: 1", False),
        ("a.html", b"<html>", False),
        ("a.svg", b"<svg>", False),
        ("a.xml", b"<?xml?>", False),
        ("a.exe", b"MZ", False),
        ("a.pkl", b"\x80\x04", False),
        ("a", b"plain", False),
        ("pdf", b"%PDF-1.7", False),
        ("a.pdf.html", b"%PDF-1.7", False),
    ],
)
def test_a_file_is_taken_by_its_extension_and_its_content(name, head, taken):
    assert (rules.type_problem(name, head) == "") is taken


@pytest.mark.parametrize(
    ("head", "size", "codes"),
    [
        (b"text", 4, []),
        (b"text", 100, []),
        (b"text", 101, ["FILE_TOO_LARGE"]),
        (b"\x00", 101, ["FILE_TOO_LARGE", "FILE_TYPE"]),
        (b"", 0, ["FILE_EMPTY"]),
        (b"text", None, []),
    ],
)
def test_a_file_is_judged_by_size_too(head, size, codes):
    reasons = rules.file_problems("a.txt", head, size=size, limit=100)
    assert [reason.code for reason in reasons] == codes


def test_no_type_that_a_browser_would_run_is_handed_out_as_such():
    served = {kind.content_type.partition(";")[0] for kind in rules.FILE_TYPES.values()}
    assert served == {
        "application/json",
        "application/octet-stream",
        "application/pdf",
        "image/jpeg",
        "image/png",
        "text/csv",
        "text/plain",
    }


# Runs and scores


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0.873", "0.873000"),
        ("1", "1.000000"),
        ("-3.5", "-3.500000"),
        ("+0.5", "0.500000"),
        (".5", "0.500000"),
        ("1e-3", "0.001000"),
        ("8.73E1", "87.300000"),
        ("0.5463576158940397", "0.546358"),
        ("1e-300", "0.000000"),
        ("999999999.999999", "999999999.999999"),
        ("999999999.9999999", None),
        ("1000000000", None),
        ("1e9", None),
        ("1e400", None),
        ("1e99999999", None),
        ("NaN", None),
        ("Infinity", None),
        ("-inf", None),
        ("", None),
        (" 0.5", None),
        ("0,5", None),
        ("1_000", None),
        ("٠.٥", None),
        ("0x1f", None),
        ("87 %", None),
        ("5.", None),
        ("0." + "1" * 63, None),
    ],
)
def test_a_score_is_a_plain_number_that_fits(text, value):
    assert rules.parse_score(text) == (value and Decimal(value))


@given(st.text(max_size=80))
def test_no_text_breaks_the_parser(text):
    value = rules.parse_score(text)
    assert value is None or value.is_finite()


def scored(text="0.5", stderr="", samples=None) -> list[tuple[str, str]]:
    reasons = rules.score_problems("f1", text=text, stderr=stderr, samples=samples, field="s")
    return [(reason.code, reason.field) for reason in reasons]


def test_a_refused_score_names_its_metric_and_field():
    assert scored() == []
    assert scored(stderr="0", samples=1) == []
    assert scored(text="N/A", stderr="N/A", samples=0) == [
        ("SCORE_NOT_A_NUMBER", "s.text"),
        ("STDERR_NOT_A_NUMBER", "s.stderr"),
        ("SAMPLES_NOT_A_COUNT", "s.samples"),
    ]
    assert scored(stderr="-0.1") == [("STDERR_NOT_A_NUMBER", "s.stderr")]
    assert scored(samples=2**31) == [("SAMPLES_NOT_A_COUNT", "s.samples")]


def ran(**values) -> list[tuple[str, str]]:
    values = {"ran_at": NOW, "source": "harness", "keys": [(1, "", "")], "now": NOW, **values}
    return [(reason.code, reason.field) for reason in rules.run_problems(**values)]


def test_a_run_has_run_has_a_source_and_gives_each_score_once():
    assert ran() == []
    assert ran(ran_at=NOW + rules.SKEW) == []
    assert ran(ran_at=NOW + rules.SKEW + timedelta(seconds=1)) == [("RUN_IN_FUTURE", "ran_at")]
    assert ran(ran_at=NOW.replace(tzinfo=None)) == [("RUN_WITHOUT_ZONE", "ran_at")]
    assert ran(source=" ") == [("SOURCE_MISSING", "source")]
    assert ran(keys=[]) == [("SCORES_MISSING", "scores")]
    assert ran(keys=[(1, "", ""), (1, "", "")]) == [("SCORE_TWICE", "scores")]
    assert ran(keys=[(1, "", ""), (1, "", "de"), (1, "strict", "")], field="runs.0.") == []
