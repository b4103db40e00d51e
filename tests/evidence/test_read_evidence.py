"""The command that shows what readers make of files."""

import json
import os
import subprocess
import sys
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command

from tests.evidence.files import garak, inspect, lm_eval


@pytest.fixture
def files(tmp_path):
    def written(**contents):
        paths = []
        for name, content in contents.items():
            paths.append(tmp_path / name)
            text = content if isinstance(content, str) else json.dumps(content)
            paths[-1].write_text(text)
        return [str(path) for path in paths]

    return written


def run(*args):
    out = StringIO()
    try:
        call_command("read_evidence", *args, stdout=out)
    except SystemExit as ended:
        return ended.code, out.getvalue()
    return 0, out.getvalue()


def test_json_has_one_object_a_file_with_the_fields_that_tools_rely_on(files):
    paths = files(a=lm_eval({"t": {"acc,none": 0.5}}), b="just text", c=garak())
    code, text = run("--json", *paths)
    first, second, third = json.loads(text)
    assert code == 0
    assert first == {
        "file": paths[0],
        "tool": "lm-evaluation-harness",
        "outcome": "ok",
        "message": "One score.",
        "warnings": [],
        "subject": "org/model",
        "created": None,
        "scores": [
            {
                "suite": "t",
                "metric": "acc",
                "filter": "none",
                "value": 0.5,
                "stderr": None,
                "n": None,
                "higher_is_better": None,
            }
        ],
        "details": first["details"],
    }
    assert (second["tool"], second["outcome"]) == (None, "no_scores")
    assert third["details"]["red_team"][0]["attack_class"] == "dan"


def test_a_refused_file_ends_it_with_one_and_the_others_are_still_read(files):
    paths = files(a=json.dumps(lm_eval())[:-1], b=inspect(status="cancelled"))
    code, text = run("--json", *paths, "/no/such/file")
    assert code == 1
    outcomes = [document["outcome"] for document in json.loads(text)]
    assert outcomes == ["refused", "partial", "refused"]


def test_the_table_says_the_same_to_people(files):
    code, text = run(*files(a=inspect(status="cancelled")))
    assert code == 0
    assert "partial of inspect-ai. One score, of a run that is not a full one" in text
    assert "note: The run was cancelled." in text
    assert "facts accuracy match  0.75  ± 0.25, n 4" in text
    assert "model org/model, 2026-11-01T10:00:00+00:00" in text


def test_it_needs_no_settings_and_leaves_nothing_behind(files, tmp_path):
    manage = Path(__file__).parents[2] / "manage.py"
    (path,) = files(a=lm_eval({"t": {"acc,none": 0.5}}))
    told = subprocess.run(
        [sys.executable, manage, "read_evidence", path, "--json"],
        capture_output=True,
        env={"PATH": os.defpath, "GATEHOUSE_DATA_DIR": str(tmp_path / "data")},
        check=False,
    )
    assert (told.returncode, told.stderr) == (0, b"")
    assert json.loads(told.stdout)[0]["scores"][0]["value"] == 0.5
    assert not [*(tmp_path / "data").glob("*")]
