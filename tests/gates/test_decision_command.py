"""`manage.py decision`: a pipeline acts on its exit code, so only 0 may ever mean yes."""

import json
import subprocess
import sys
from datetime import timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError

from audit import clock
from tests.gates.stories import Story, approved, story

pytestmark = pytest.mark.django_db

ROOT = Path(__file__).resolve().parents[2]


def run(told: Story, *more: str, **instead: str) -> tuple[int, str]:
    """Run the command about a story; return its exit code and what it printed."""
    options = {"release": told.release.digest, "environment": told.environment.slug} | instead
    arguments = [f"--{name}={value}" for name, value in options.items()]
    out = StringIO()
    try:
        call_command("decision", *arguments, *more, stdout=out)
    except SystemExit as end:
        return end.code, out.getvalue()
    except CommandError as error:
        assert out.getvalue() == ""
        return error.returncode, str(error)
    return 0, out.getvalue()


def test_yes_is_zero_with_the_reason_in_words():
    told = approved()
    code, printed = run(told)
    assert code == 0
    assert printed.startswith(f"Allowed in {told.environment.slug} at ")
    assert f"- APPROVED: Promotion {told.promotion.pk} was approved on " in printed
    assert f"Endpoints: {told.endpoint.slug}." in printed


def test_no_is_one_with_every_reason():
    told = story()
    told.ask(submit=False)
    code, printed = run(told)
    assert code == 1
    assert printed.startswith("Not allowed in ")
    assert "- DRAFT: " in printed
    assert printed.count("- FINDING_MISSING: ") >= 2
    assert "- SIGN_OFF_WANTED: A sign-off as reviewer is wanted." in printed


def test_the_past_and_json():
    told = approved()
    then = (clock.now() - timedelta(days=365)).isoformat()
    code, printed = run(told, "--json", f"--at={then}")
    assert code == 1
    assert json.loads(printed)["allowed"] is False
    code, printed = run(told, "--json")
    assert code == 0
    assert json.loads(printed)["promotion"] == told.promotion.pk


@pytest.mark.parametrize(
    ("instead", "said"),
    [
        ({"release": "sha256:" + "0" * 64}, "There is no sealed release of this digest."),
        ({"environment": "nowhere"}, "There is no environment of this name."),
        ({"release": "latest"}, "--release: "),
        ({"release": ""}, "--release: "),
        ({"environment": "a b"}, "--environment: "),
        ({"at": "yesterday"}, "--at: "),
        ({"at": ""}, "--at: "),
        ({"at": "9999-12-31T23:59:59Z"}, "future"),
    ],
)
def test_a_question_without_an_answer_is_two(instead, said):
    code, printed = run(story(), **instead)
    assert code == 2
    assert said in printed


def test_a_fault_is_two(monkeypatch):
    def fail(*args):
        raise OperationalError("the database is gone")

    told = approved()
    monkeypatch.setattr("gates.management.commands.decision.decide", fail)
    code, printed = run(told)
    assert code == 2
    assert "the database is gone" in printed


def test_the_process_exits_so_too():
    """Whoever calls it sees the code, whatever stands in the arguments."""
    question = ["--release", "sha256:" + "0" * 64, "--environment", "nowhere"]
    for arguments in (question, [], ["--release", "x"], [*question, "--nonsense"]):
        done = subprocess.run(
            [sys.executable, "manage.py", "decision", *arguments],
            cwd=ROOT,
            capture_output=True,
            check=False,
        )
        assert done.returncode == 2, done.stderr.decode()
        assert done.stdout == b""
