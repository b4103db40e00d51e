"""Readers against files that are made to hurt, and the process that keeps them apart."""

import io
import json
import os
import resource
import subprocess
import sys
import time
import zipfile

import pytest

from evidence.readers import archives, child, stream
from evidence.readers.child import Limits, read_in_child
from evidence.readers.result import MOST_SCORES
from tests.evidence.files import (
    column,
    eval_log,
    garak,
    garak_eval,
    inspect,
    lines,
    lm_eval,
    openai_evals,
    promptfoo,
    reading,
    zipped,
)

# --- Documents of any size ------------------------------------------------------------------------


@pytest.mark.parametrize("chunk", [1, 7, 64])
@pytest.mark.parametrize(
    "document",
    [
        lm_eval(extra=["é😀", -1.5e-3, 12345, True, None, {"a": {"b": []}}]),
        inspect(samples=[{"input": "x" * 50}] * 5, reductions=[{"samples": []}]),
        promptfoo(),
    ],
)
def test_pieces_of_any_size_make_the_same_document(monkeypatch, chunk, document):
    whole = reading(document)
    monkeypatch.setattr(stream, "CHUNK", chunk)
    for indent in (None, 1):
        text = json.dumps(document, indent=indent, ensure_ascii=False)
        assert reading(text) == whole


@pytest.mark.parametrize("chunk", [3, 256 * 1024])
@pytest.mark.parametrize(
    ("tail", "place"),
    [
        (', "x": [1, 2,]}', "line 2, column 14"),
        (', "x": {"a": 1,}}', "line 2, column 16"),
        (', "x": nul}', "line 2, column 8"),
        (', "x": "a\\q"}', "line 2, column 10"),
        (', "x": "a', "line 2, column 8"),
        (', "x": 1 2}', "line 2, column 10"),
        (', "x": {"a": 1, "a": 2}}', "line 2, column 17"),
        (', "x": "\\u0000"}', "line 2, column 8"),
        (', "x": [{"y": "\\ud800"}]}', "line 2, column 15"),
        (", x: 1}", "line 2, column 3"),
        ("", "line 2, column 1"),
    ],
)
def test_the_place_of_a_break_is_named_wherever_it_is_cut(monkeypatch, chunk, tail, place):
    monkeypatch.setattr(stream, "CHUNK", chunk)
    result = reading(json.dumps(lm_eval())[:-1] + "\n" + tail)
    assert (result.tool, result.outcome) == ("lm-evaluation-harness", "refused")
    assert place in result.message, result.message


def test_what_is_kept_of_a_document_is_bounded(monkeypatch):
    monkeypatch.setattr(stream, "MOST_KEPT", 10_000)
    result = reading(lm_eval(extra="x" * 20_000))
    assert (result.outcome, "beside its samples" in result.message) == ("refused", True)
    # Samples are not kept.
    assert reading(inspect(samples=[{"input": "x" * 1000}] * 100)).outcome == "ok"


def test_one_value_and_one_line_are_bounded(monkeypatch):
    monkeypatch.setattr(stream, "LONGEST", 1000)
    monkeypatch.setattr(stream, "CHUNK", 100)
    result = reading(lm_eval(extra="x" * 5000))
    assert (result.outcome, "longer than 16 Mi" in result.message) == ("refused", True)
    monkeypatch.setattr("evidence.readers.source.LONGEST", 1000)
    result = reading(garak() + '{"entry_type": "' + "x" * 5000)
    assert result.message == "Line 5 is longer than 16 MiB, the most that is read."


def test_scores_and_warnings_are_bounded():
    rows = {f"t{n}": {"acc,none": 0.5} for n in range(MOST_SCORES + 1)}
    result = reading(lm_eval(rows))
    assert (result.outcome, "more than 10,000 scores" in result.message) == ("refused", True)
    rows = {f"t{n}": {"acc,none": "x"} for n in range(500)}
    assert len(reading(lm_eval(rows)).warnings) == 101


def test_long_numbers_take_no_long_time():
    began = time.monotonic()
    text = json.dumps(lm_eval({"t": {"acc,none": 0.125}})).replace("0.125", "9" * 1_000_000)
    assert reading(text).scores[0].value is None
    assert time.monotonic() - began < 5


def test_details_are_bounded_and_can_be_printed():
    deep = 1
    for _ in range(50):
        deep = {"a": deep}
    log = inspect(metadata={"deep": deep, "long": "x" * 5000, "many": list(range(100_000))})
    details = reading(log).details
    assert len(details["metadata"]["long"]) == 1000
    assert len(json.dumps(details)) < 200_000


# --- Values that nobody expects -------------------------------------------------------------------

ODD = (None, True, -1, 1.5, float("nan"), 10**30, "", "x\x00", [], {}, [[]], [{}], {"a": []})


def put(value, odd):
    """Yield a document over and over, each time with something odd in another place."""
    yield odd
    inner = value.items() if isinstance(value, dict) else enumerate(value)
    for key, part in list(inner):
        for other in put(part, odd) if isinstance(part, dict | list) else (odd,):
            changed = value.copy()
            changed[key] = other
            yield changed


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize(
    "document",
    [
        lm_eval(groups={"g": {"acc,none": 1}}, group_subtasks={"g": ["boolq"]}, date=1),
        inspect(samples=[{"a": 1}], tags=["x"], error={"message": "x"}, stats={"model_usage": {}}),
        promptfoo(column(1, 1, namedScores={"T": 1}, namedScoreWeights={"T": 2})),
    ],
)
def test_nothing_odd_in_a_document_makes_a_reader_raise(document, odd):
    for changed in put(document, odd):
        result = reading(changed)
        assert json.loads(json.dumps(result.as_document()))["outcome"] == result.outcome


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize(
    "text",
    [
        garak(garak_eval(confidence_lower=0.1, confidence_upper=0.2)),
        openai_evals({"accuracy": 0.5, "boostrap_std": 0.1}, spec={"run_config": {"seed": 1}}),
        lines({"doc_id": 1, "target": "a", "resps": [], "metrics": ["acc"], "acc": 1.0}),
        lines({"probe": "a", "detector": "b", "attempt_id": 1, "run_id": 2, "generator": "g"}),
    ],
)
def test_nothing_odd_in_a_line_makes_a_reader_raise(text, odd):
    for changed in put([json.loads(line) for line in text.splitlines()], odd):
        if isinstance(changed, list):
            result = reading(lines(*changed))
            assert json.loads(json.dumps(result.as_document()))["outcome"] == result.outcome


# --- Archives -------------------------------------------------------------------------------------


def names(*given):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name in given:
            archive.writestr(name if isinstance(name, zipfile.ZipInfo) else str(name), b"{}")
    return out.getvalue()


def link():
    info = zipfile.ZipInfo("link")
    info.external_attr = 0o120777 << 16
    return info


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (names("../header.json"), "leads out of it"),
        (names("/etc/passwd"), "leads out of it"),
        (names("a\\..\\..\\b"), "leads out of it"),
        (names(link()), "has a link"),
        (names(*range(archives.MOST_MEMBERS + 1)), "10,001 members"),
        (zipped({"header.json": b"\0" * (65 * 1024**2)}), "denser than 50 to 1"),
        (eval_log(inspect())[:-30], "cut off"),
        (b"PK\x03\x04" + b"\0" * 100, "without an end"),
        (b"PK\x05\x06" + b"\xff" * 18, "more than 10,000 members"),
    ],
)
def test_a_bad_archive_is_refused_before_a_member_is_read(data, said):
    result = reading(data)
    assert result.outcome == "refused"
    assert said in result.message


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_members_of_one_name_are_refused():
    assert "two members named" in reading(names("header.json", "header.json")).message


def test_an_encrypted_member_is_refused():
    data = bytearray(eval_log(inspect()))
    data[data.rindex(b"PK\x01\x02") + 8] |= 1
    assert "encrypted" in reading(bytes(data)).message


@pytest.mark.parametrize("method", [0, 8, 93])
def test_a_member_that_is_not_what_the_directory_says_is_refused(method):
    log = json.dumps(inspect()).encode()
    data = bytearray(zipped({"header.json": log}, method))
    entry = data.rindex(b"PK\x01\x02")
    crc, size = slice(entry + 16, entry + 20), slice(entry + 24, entry + 28)
    wrong = data.copy()
    wrong[crc] = b"\0\0\0\0"
    assert "does not fit its checksum" in reading(bytes(wrong)).message
    for said in (len(log) - 1, len(log) + 1):
        wrong = data.copy()
        wrong[size] = said.to_bytes(4, "little")
        assert "not as long as" in reading(bytes(wrong)).message


@pytest.mark.parametrize("method", [8, 93])
def test_a_member_that_lies_about_its_size_is_not_unpacked_to_its_end(method):
    data = bytearray(zipped({"header.json": b"[" + b" " * 200 * 1024**2}, method))
    entry = data.rindex(b"PK\x01\x02")
    data[entry + 24 : entry + 28] = (1000).to_bytes(4, "little")
    began = time.monotonic()
    result = reading(bytes(data))
    assert (result.outcome, "not as long as" in result.message) == ("refused", True)
    assert time.monotonic() - began < 5


def test_damaged_and_oddly_packed_members_are_refused():
    data = bytearray(eval_log(inspect(), 93))
    data[60:80] = b"\0" * 20
    assert "cannot be unpacked" in reading(bytes(data)).message
    result = reading(eval_log(inspect(), zipfile.ZIP_BZIP2))
    assert "packed in a way that is not read" in result.message


def test_an_archive_of_anything_else_is_unknown():
    result = reading(zipped({"report.pdf": b"%PDF-1.7"}))
    assert (result.tool, result.outcome) == (None, "no_scores")


# --- The process apart ----------------------------------------------------------------------------


def test_a_child_says_what_this_process_says(tmp_path):
    path = tmp_path / "results.json"
    path.write_text(json.dumps(lm_eval({"t": {"acc,none": 0.5, "f1,none": float("nan")}})))
    assert read_in_child(path, "shown") == reading(path.read_bytes(), "shown")
    assert read_in_child(path).file == str(path)


def test_a_file_that_is_not_there_is_refused(tmp_path):
    assert read_in_child(tmp_path / "none").outcome == "refused"
    assert read_in_child(tmp_path).message == "The file cannot be opened: Is a directory."


def test_a_bomb_is_refused_and_this_process_goes_on(tmp_path):
    path = tmp_path / "bomb.json"
    path.write_text('{"results": {"t": {"acc,none": 1}}, "versions": [' + "[]," * 5_000_000 + "1]}")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    result = read_in_child(path, limits=Limits(memory=128 * 1024**2))
    assert (result.outcome, result.scores) == ("refused", [])
    assert "memory" in result.message or "broke off" in result.message
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50 * 1024


def test_a_child_that_sleeps_is_ended(tmp_path, monkeypatch):
    path = tmp_path / "any.json"
    path.write_text("{}")
    monkeypatch.setattr(child, "COMMAND", (sys.executable, "-c", "import time; time.sleep(60)"))
    began = time.monotonic()
    result = read_in_child(path, limits=Limits(clock=1))
    assert (result.outcome, result.message) == ("refused", "Reading it took longer than 1 seconds.")
    assert time.monotonic() - began < 20


def test_a_child_that_computes_without_end_is_ended(tmp_path, monkeypatch):
    path = tmp_path / "any.json"
    path.write_text("{}")
    loop = ("import resource; resource.setrlimit(resource.RLIMIT_CPU, (1, 2))\nwhile True: pass",)
    monkeypatch.setattr(child, "COMMAND", (sys.executable, "-c", *loop))
    result = read_in_child(path, limits=Limits(processor=1))
    assert result.message == "Reading it took more than 1 seconds of the processor."


@pytest.mark.parametrize("code", ["print('[]')", "print('{')", "raise SystemExit(3)"])
def test_a_child_that_answers_nothing_sound_is_refused(tmp_path, monkeypatch, code):
    path = tmp_path / "any.json"
    path.write_text("{}")
    monkeypatch.setattr(child, "COMMAND", (sys.executable, "-c", code))
    assert read_in_child(path).message == "Its reader broke off without an answer."


def test_a_child_knows_no_settings_and_no_secrets(tmp_path, monkeypatch):
    path = tmp_path / "any.json"
    path.write_text("{}")
    monkeypatch.setenv("SECRET_KEY", "not for children")
    seen = []
    run = subprocess.run
    monkeypatch.setattr(
        subprocess, "run", lambda *args, **named: seen.append(named["env"]) or run(*args, **named)
    )
    assert read_in_child(path).outcome == "no_scores"
    assert set(seen[0]) == {"PATH", "LC_ALL", "PYTHONPATH"}


@pytest.mark.long
@pytest.mark.parametrize("kind", ["samples", "log"])
def test_three_hundred_megabytes_take_fifty_at_most(tmp_path, kind):
    path, size = tmp_path / "big", 300 * 1024**2
    row = json.dumps({"doc_id": 1, "target": "a", "resps": [["x" * 900, 0.5]], "acc": 1.0})
    with path.open("w") as file:
        if kind == "samples":
            file.writelines([row + "\n"] * (size // len(row)))
        else:
            file.write(json.dumps(inspect())[:-1] + ', "samples": [' + row)
            file.writelines([", " + row] * (size // len(row)))
            file.write("]}")
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert read_in_child(path).outcome == ("no_scores" if kind == "samples" else "ok")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - own < 50 * 1024
    assert peak(path) - peak(os.devnull) < 50 * 1024


def peak(path) -> int:
    """Return the most memory that a child took to read a file, in KiB."""
    code = (
        "import resource, sys; from evidence.readers.child import read_in_child; "
        "read_in_child(sys.argv[1]); "
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    command = [sys.executable, "-c", code, str(path)]
    return int(subprocess.run(command, capture_output=True, check=True, cwd=child.ROOT).stdout)
