"""The guide for pipelines, run as it is written: with curl, as a job, and without curl."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from registry.roles import Role
from tests import make
from tests.gates.stories import approved, story

pytestmark = pytest.mark.django_db(transaction=True)

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "pipelines.md"


def blocks(language: str) -> list[str]:
    """Return the fenced blocks of the guide in one language."""
    return re.findall(rf"```{language}\n(.*?)```", GUIDE.read_text(), re.DOTALL)


CHECK, WITHOUT_CURL = blocks("python")
#: The first asks for a decision; what brings evidence is tried with evidence.
CURL, *_ = blocks("sh")
GITHUB, GITLAB = (yaml.safe_load(one) for one in blocks("yaml"))


def of_github() -> str:
    step = GITHUB["jobs"]["gate"]["steps"][-1]
    assert GITHUB["jobs"]["deploy"]["needs"] == "gate"
    # What somebody typed in reaches a script as a variable: pasted in, it would be run.
    for job in GITHUB["jobs"].values():
        assert not any("${{" in one.get("run", "") for one in job["steps"])
    return step["run"]


def of_gitlab() -> str:
    assert GITLAB["gate"]["allow_failure"] is False
    assert GITLAB["deploy"]["needs"] == ["gate"]
    return "\n".join(GITLAB["gate"]["script"])


needs_curl = pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed")
every_script = pytest.mark.parametrize(
    "script",
    [
        pytest.param(CURL, marks=needs_curl, id="curl"),
        pytest.param(of_github(), marks=needs_curl, id="github"),
        pytest.param(of_gitlab(), marks=needs_curl, id="gitlab"),
        pytest.param(
            'python3 alone.py "$RELEASE_DIGEST" "$GATEHOUSE_ENVIRONMENT"', id="without curl"
        ),
    ],
)


@pytest.fixture
def run(tmp_path, live_server):
    """Return a function that runs a script of the guide against the live server."""
    (tmp_path / "gate.py").write_text(CHECK)
    (tmp_path / "alone.py").write_text(WITHOUT_CURL)

    def run_it(script: str, told, **environ):
        account = make.make_service(make.name("pipeline"), Role.VIEWER, team=told.use_case.team)
        known = {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "GATEHOUSE_URL": live_server.url,
            "GATEHOUSE_TOKEN": make.make_token(account),
            "GATEHOUSE_ENVIRONMENT": told.environment.slug,
            "RELEASE_DIGEST": told.release.digest,
            **environ,
        }
        return subprocess.run(
            ["bash", "-c", script],
            cwd=tmp_path,
            env=known,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run_it


@every_script
def test_it_goes_on_on_a_yes_and_on_nothing_else(run, script):
    told = approved()
    yes = run(script, told)
    assert yes.returncode == 0, yes.stderr
    assert yes.stdout.startswith("APPROVED: ")
    assert run(script, told, GATEHOUSE_TOKEN="not-a-token").returncode != 0
    assert run(script, told, GATEHOUSE_ENVIRONMENT="nowhere").returncode != 0
    assert run(script, told, RELEASE_DIGEST="sha256:1").returncode != 0
    # Nobody answers there.
    assert run(script, told, GATEHOUSE_URL="http://127.0.0.1:9").returncode != 0


@every_script
def test_it_stops_on_a_no_with_the_reasons(run, script):
    told = story()
    told.ask()
    no = run(script, told)
    assert no.returncode == 1, no.stderr
    assert "IN_REVIEW" in no.stdout
    assert "FINDING_MISSING" in no.stdout


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "not json",
        "[]",
        "{}",
        '{"allowed": "true", "reasons": []}',
        '{"allowed": 1, "reasons": []}',
        '{"allowed": null, "reasons": []}',
        '{"reasons": []}',
    ],
)
def test_the_check_takes_nothing_but_true_for_a_yes(tmp_path, answer):
    found = subprocess.run(
        [sys.executable, "-c", CHECK], input=answer, capture_output=True, text=True, check=False
    )
    assert found.returncode in (1, 2)
