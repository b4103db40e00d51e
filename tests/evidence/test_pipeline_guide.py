"""The guide for pipelines does what it says, as it is written, at the real server."""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest
import yaml

from evidence.models import EvidenceItem
from registry.roles import Role
from tests import make
from tests.evidence.test_read_scores import RESULTS, suite

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "pipelines.md"


def commands(word: str) -> str:
    """Return the block of shell in which a word stands."""
    blocks = re.findall(r"```sh\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    (found,) = (block for block in blocks if word in block)
    return found


@pytest.mark.django_db(transaction=True)
def test_evidence_is_brought_as_the_guide_says(live_server, tmp_path):
    release = make.make_release(team=make.make_team())
    team = release.use_case.team
    robot = make.make_service("safety-robot", Role.EVIDENCE_CONTRIBUTOR, team=team)
    (tmp_path / "report.json").write_text('{"refused": 2000}')
    (tmp_path / "details.csv").write_text("prompt,refused\n1,yes\n")
    told = {
        "PATH": os.environ["PATH"],
        "GATEHOUSE_URL": live_server.url,
        "GATEHOUSE_EVIDENCE_TOKEN": make.make_token(robot, scope="evidence", team=team),
        "RELEASE_DIGEST": release.digest,
        "BUILD_NUMBER": "42",
    }
    suite("boolq", {"name": "acc", "unit": "fraction"})
    (tmp_path / "results.json").write_text(json.dumps(RESULTS))
    for word in ("kind=safety_check", "kind=safety_check", "results.json"):
        ran = subprocess.run(
            ["bash", "-euc", commands(word)],
            cwd=tmp_path,
            env=told,
            capture_output=True,
            text=True,
        )
        assert ran.returncode == 0, ran.stdout + ran.stderr
    measured = EvidenceItem.objects.get(kind="benchmark")
    assert str(measured.pk) in ran.stdout
    assert measured.runs.get().scores.get().text == "0.75"
    item = EvidenceItem.objects.get(kind="safety_check")
    assert item.title == "Nightly safety check, build 42"
    assert {file.name for file in item.files.all()} == {"report.json", "details.csv"}
    assert item.answers["result"] == "All were refused."


def test_the_guide_tells_every_status_that_is_described():
    described = yaml.safe_load((GUIDE.parent / "openapi.yaml").read_text())
    statuses = set(described["paths"]["/ingest/v1/evidence/"]["post"]["responses"])
    table = GUIDE.read_text().partition("## Bring evidence")[2]
    heads = re.findall(r"^\| ([\d, ]+) \|", table, re.MULTILINE)
    told = set(re.findall(r"\d{3}", " ".join(heads)))
    assert statuses - told == {"405", "406", "500"}
    assert told <= statuses
