"""Scores of a file that a pipeline brings: read before anything is recorded, and never guessed."""

import json
from io import StringIO

import pytest
from django.core.files.base import ContentFile
from django.core.management import CommandError, call_command

from evidence import reading
from evidence.models import EvaluationRun, EvidenceItem
from registry.roles import Role
from tests import make
from tests.api.reading import assert_problem
from tests.evidence.files import lm_eval
from tests.evidence.test_ingest import Pipeline
from tests.evidence.test_read_scores import RESULTS, suite

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def nothing_is_remembered():
    reading._asked.clear()
    yield
    reading._asked.clear()


@pytest.fixture
def boolq():
    return suite("boolq", {"name": "acc", "unit": "fraction"})


@pytest.fixture
def pipeline():
    return Pipeline(make.make_release(team=make.make_team()))


def brought(*contents) -> list[ContentFile]:
    return [
        ContentFile((c if isinstance(c, str) else json.dumps(c)).encode(), name=f"r-{n}.json")
        for n, c in enumerate(contents)
    ]


def send(pipeline, scores, *contents, **more):
    values = {"kind": "benchmark", "verdict": "noted", "answers": None, **more}
    said = scores if isinstance(scores, str) else json.dumps(scores)
    return pipeline.send(files=brought(*(contents or (RESULTS,))), scores=said, **values)


@pytest.mark.parametrize(
    "scores",
    [
        {"unit": "fraction"},
        {"unit": "fraction", "metrics": {"boolq acc none": "boolq v1 acc"}},
        {"unit": "fraction", "file": "r-0.json", "ran_at": "2026-01-02T03:04:05Z"},
    ],
)
def test_figures_become_a_run_that_waits_to_be_accepted(pipeline, boolq, scores, client):
    answer = send(pipeline, scores)
    assert answer.status_code == 201, answer.content
    run = EvaluationRun.objects.get()
    assert answer.json()["runs"] == [run.pk]
    score = run.scores.get()
    assert (score.text, score.stderr, score.samples) == ("0.75", "0.0125", 40)
    assert (run.suite_version, run.completeness, run.given_by) == (
        boolq,
        "complete",
        pipeline.robot,
    )
    assert run.source == "lm-evaluation-harness 0.4.13" and not hasattr(run, "acceptance")
    assert run.config["read_from"]["name"] == "r-0.json"
    assert run.ran_at.year == 2026 and (run.ran_at.month == 1) == ("ran_at" in scores)
    client.force_login(make.make_person("", Role.VIEWER))
    page = client.get(EvidenceItem.objects.get().get_absolute_url()).content.decode()
    assert "Read from “r-0.json”" in page and "Not accepted yet" in page


def test_a_run_that_is_not_a_full_one_is_partial(pipeline, boolq):
    limited = RESULTS | {"n-samples": {"boolq": {"original": 40, "effective": 8}}}
    assert send(pipeline, {"unit": "fraction"}, limited).status_code == 201
    assert EvaluationRun.objects.get().completeness == "partial"


BROKEN = json.dumps(RESULTS)[:-20]
BARE = lm_eval({"boolq": {"acc,none": 0.75}})


@pytest.mark.parametrize(
    ("scores", "contents", "status", "said"),
    [
        ("[]", (), 400, "as one JSON object"),
        ('{"unit": "a", "unit": "b"}', (), 400, "as one JSON object"),
        ({"tool": "x"}, (), 400, "“scores” has no “tool”"),
        ({"unit": 1}, (), 400, "are texts"),
        ({"metrics": []}, (), 400, "map each figure"),
        ({"metrics": {str(n): "a v1 b" for n in range(151)}}, (), 400, "150 figures at most"),
        ({"ran_at": "yesterday"}, (), 400, "ran_at: Give an instant"),
        ({}, (), 422, "does not say its unit. Confirm it."),
        ({"unit": "%"}, (), 422, "not in “%”"),
        ({"metrics": {"boolq f2": "boolq v1 acc"}}, (), 422, "no figure “boolq f2”"),
        ({"metrics": {"boolq acc none": "boolq v9 acc"}}, (), 422, "no metric “boolq v9 acc”"),
        ({"unit": "fraction"}, (RESULTS, {"a": 1}), 422, "which file is read"),
        ({"file": "other.json"}, (), 422, "“r-0.json”"),
        ({"unit": "fraction"}, (BROKEN,), 422, "“r-0.json”: "),
        ({"unit": "fraction"}, ({"a": 1},), 422, "No reader knows this file."),
        ({"unit": "fraction"}, (BARE,), 422, "does not say when it ran"),
        ({"unit": "fraction"}, (lm_eval({"other": {"acc,none": 1}}, date=1.5),), 422, "at least"),
    ],
)
def test_what_cannot_be_read_or_told_is_refused_and_nothing_recorded(
    pipeline, boolq, scores, contents, status, said
):
    answer = send(pipeline, scores, *contents)
    assert_problem(answer, status, "scores")
    assert said in json.dumps(answer.json(), ensure_ascii=False)
    assert not EvidenceItem.objects.exists()


def test_a_file_that_is_refused_for_itself_is_not_read(pipeline, boolq, settings, monkeypatch):
    settings.EVIDENCE_FILE_MAX_BYTES = 100
    monkeypatch.setattr("evidence.score_files.read_brought", None)
    assert_problem(send(pipeline, {"unit": "fraction"}), 413, "files")


def test_a_long_one_is_read_on_and_asked_for_again(pipeline, boolq, monkeypatch):
    monkeypatch.setattr(reading, "MORE_PATIENCE", 0)
    answer = send(pipeline, {"unit": "fraction"}, key="nightly-1")
    assert_problem(answer, 503, "scores")
    assert answer["Retry-After"] == "30" and not EvidenceItem.objects.exists()
    [future] = reading._asked.values()
    future.result(timeout=60)
    assert send(pipeline, {"unit": "fraction"}, key="nightly-1").status_code == 201
    # The same again is the same item, whatever became of the reading since.
    reading._asked.clear()
    assert send(pipeline, {"unit": "fraction"}, key="nightly-1").status_code == 200
    assert EvaluationRun.objects.count() == 1
    other = send(pipeline, {"unit": "%"}, key="nightly-1")
    assert_problem(other, 409, "Idempotency-Key")


def test_the_command_reads_the_same_and_waits(boolq, tmp_path, monkeypatch):
    release = make.make_release()
    path = tmp_path / "results.json"
    path.write_text(json.dumps(RESULTS))
    given = {
        "username": make.make_person("", Role.EVIDENCE_CONTRIBUTOR).username,
        "release": release.digest,
        "kind": "benchmark",
        "title": "From disk",
        "verdict": "noted",
        "vouched_by": "Us",
        "stdout": StringIO(),
    }
    with pytest.raises(CommandError, match="does not say its unit"):
        call_command("import_evidence", str(path), scores="{}", **given)
    reading._asked.clear()
    monkeypatch.setattr(reading, "MORE_PATIENCE", 0.05)
    call_command("import_evidence", str(path), scores='{"unit": "fraction"}', **given)
    assert EvaluationRun.objects.get().scores.get().text == "0.75"
