"""Giving an item: what it writes, what it refuses, and that a refusal leaves no row."""

import json
from datetime import timedelta

import pytest

from audit import Refused, clock
from audit.models import Entry
from audit.refusals import NotAllowed
from audit.rules import digest
from evidence import rules, storage
from evidence.kinds import KINDS
from evidence.models import EvaluationRun, EvidenceFile, EvidenceItem, Score
from evidence.transitions import withdraw
from registry.roles import Role
from tests.evidence.make import (
    answers_to,
    contributor,
    make_evidence,
    make_run,
    scores_of,
    upload,
)
from tests.make import (
    WHY,
    make_model,
    make_model_version,
    make_person,
    make_release,
    make_suite_version,
    make_team,
    make_use_case,
)

pytestmark = pytest.mark.django_db


def codes(refused) -> set[str]:
    return {reason.code for reason in refused.value.reasons}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_given_about_a_release(kind):
    item = make_evidence(kind)
    assert item.expires_at == rules.add_months(item.created_at, KINDS[kind].life_months)
    assert Entry.objects.filter(row=item.key, event="evidence.given").count() == 1


def test_it_keeps_the_document_that_its_digest_is_over():
    release = make_release()
    old = make_evidence(release=release)
    item = make_evidence(release=release, files=[upload("report.txt", b"new")], replaces=old)
    document = json.loads(item.content)
    assert document["schema"] == "gatehouse.evidence/1"
    assert document["subject"] == {
        "type": "release",
        "key": f"{release.use_case.slug}/{release.number}",
        "digest": release.digest,
    }
    assert document["files"] == [
        {"name": "report.txt", "size": 3, "sha256": item.files.get().sha256}
    ]
    assert document["replaces"] == old.digest
    assert document["author"] == "cleo"
    assert item.digest == digest(item.content.encode())


def test_it_keeps_files_runs_and_scores_in_one_change():
    suite = make_suite_version()
    run = {
        "suite_version": suite,
        "ran_at": clock.now(),
        "source": "harness 1.0",
        "config": {"shots": 5},
        "scores": scores_of(suite, "0.8734567891"),
    }
    item = make_evidence("benchmark", files=[upload()], runs=[run])
    rows = [item, item.files.get(), item.runs.get(), item.runs.get().scores.get()]
    assert len({row.change_id for row in rows}) == 1
    score = rows[-1]
    assert (score.text, str(score.value)) == ("0.8734567891", "0.873457")
    assert rows[2].given_by == item.author


def test_the_same_bytes_are_stored_once_and_named_twice():
    make_evidence(files=[upload("a.txt", b"same")])
    make_evidence(files=[upload("b.txt", b"same")])
    first, second = EvidenceFile.objects.all()
    assert first.sha256 == second.sha256
    folder = storage.storage().path(storage.path_of(first.sha256))
    assert storage.digest_of(first.sha256) == (first.sha256, 4)
    assert folder.endswith(first.sha256)


def test_a_file_may_speak_for_the_questions():
    item = make_evidence("privacy_review", answers={}, files=[upload()])
    assert item.answers == {}


def test_a_rollback_plan_names_what_is_put_back_whatever_is_attached():
    with pytest.raises(Refused) as refused:
        make_evidence("rollback_plan", answers={}, files=[upload()])
    assert [(r.code, r.field) for r in refused.value.reasons] == [
        ("ANSWER_MISSING", "answers.target")
    ]


def test_a_rollback_plan_keeps_the_digest_of_the_release_that_it_puts_back():
    use_case = make_use_case()
    earlier, release = make_release(use_case=use_case), make_release(use_case=use_case)
    answers = {"target": "release", "release": earlier.pk, "decides": "The duty officer."}
    item = make_evidence("rollback_plan", release=release, answers=answers)
    assert item.answers["release"] == earlier.digest


@pytest.mark.parametrize("target", ["itself", "draft", "other use case"])
def test_a_rollback_plan_puts_back_only_another_sealed_release_of_the_use_case(target):
    use_case = make_use_case()
    release = make_release(use_case=use_case)
    back = {
        "itself": lambda: release,
        "draft": lambda: make_release(use_case=use_case, sealed=False),
        "other use case": make_release,
    }[target]()
    answers = {"target": "release", "release": back.pk, "decides": "The duty officer."}
    with pytest.raises(Refused) as refused:
        make_evidence("rollback_plan", release=release, answers=answers)
    assert codes(refused) == {"ANSWER_NOT_VALID"}


def test_every_reason_comes_at_once_and_names_its_field():
    with pytest.raises(Refused) as refused:
        make_evidence(
            "rollback_plan",
            version=make_model_version(),
            title=" ",
            verdict="splendid",
            vouched_by="",
            answers={"colour": "red"},
            files=[upload("page.html", b"<html>"), upload("empty.txt", b"")],
            expires_at=clock.now() - timedelta(days=1),
            runs=[{"suite_version": 0, "ran_at": clock.now(), "source": "", "scores": []}],
        )
    assert {reason.field for reason in refused.value.reasons} == {
        "version",
        "title",
        "verdict",
        "vouched_by",
        "answers.colour",
        "answers.target",
        "files",
        "expires_at",
        "runs.0.suite_version",
        "runs.0.source",
        "runs.0.scores",
    }
    assert codes(refused) >= {"NOT_SEALED", "OF_RELEASE_ONLY", "FILE_EMPTY", "FILE_TYPE"}
    assert not EvidenceItem.objects.exists()


def test_a_refused_item_leaves_no_row_and_no_file():
    with pytest.raises(Refused):
        make_evidence(files=[upload()], title="")
    assert not EvidenceFile.objects.exists()
    assert not storage.is_reachable()


def test_it_names_one_subject():
    for subjects in (
        {"release": None},
        {"release": make_release(), "version": make_model_version()},
    ):
        with pytest.raises(Refused) as refused:
            make_evidence(**subjects)
        assert codes(refused) == {"ONE_SUBJECT"}


def test_it_holds_no_longer_than_its_kind_and_may_hold_shorter():
    now = clock.now()
    with pytest.raises(Refused) as refused:
        make_evidence("safety_check", expires_at=now + timedelta(days=200))
    assert codes(refused) == {"LIVES_TOO_LONG"}
    item = make_evidence("safety_check", expires_at=now + timedelta(days=30))
    assert item.expires_at == now + timedelta(days=30)


def test_a_replacement_is_of_the_same_kind_and_subject_once_and_not_withdrawn():
    release = make_release()
    old = make_evidence(release=release)

    def replacing(item, **values):
        with pytest.raises(Refused) as refused:
            make_evidence(**{"release": release, "replaces": item, **values})
        return codes(refused)

    assert replacing(old, release=make_release()) == {"REPLACES_OTHER"}
    assert replacing(old, kind="data_boundary") == {"REPLACES_OTHER"}
    new = make_evidence(release=release, replaces=old)
    assert old.replaced_by == new
    assert replacing(old) == {"REPLACED_ALREADY"}
    withdraw(new.pk, actor=contributor(), reason=WHY)
    assert replacing(new) == {"REPLACES_WITHDRAWN"}


@pytest.mark.parametrize("role", [Role.REGISTRAR, Role.REVIEWER, Role.ADMINISTRATOR, None])
def test_only_an_evidence_contributor_gives(role):
    actor = make_person("", *([role] if role else []))
    with pytest.raises(NotAllowed):
        make_evidence(actor=actor, files=[upload()])
    assert not storage.is_reachable()


def test_a_contributor_gives_for_their_own_team_alone():
    team, other = make_team(), make_team()
    actor = make_person("", Role.EVIDENCE_CONTRIBUTOR, team=team)
    assert make_evidence(release=make_release(team=team), actor=actor).author == actor
    with pytest.raises(NotAllowed):
        make_evidence(release=make_release(team=other), actor=actor)


def test_evidence_about_a_shared_model_is_given_by_the_team_that_owns_it():
    mine, theirs = make_team(), make_team()
    version = make_model_version(model=make_model(team=theirs, shared=True), sealed=True)
    with pytest.raises(NotAllowed):
        make_evidence(version=version, actor=make_person("", Role.EVIDENCE_CONTRIBUTOR, team=mine))
    owner = make_person("", Role.EVIDENCE_CONTRIBUTOR, team=theirs)
    assert make_evidence(version=version, actor=owner).subject == version


def test_one_file_is_attached_once():
    with pytest.raises(Refused) as refused:
        make_evidence(files=[upload("a.txt", b"same"), upload("b.txt", b"same")])
    assert codes(refused) == {"FILE_TWICE"}
    assert not EvidenceItem.objects.exists()


def test_a_run_is_judged_with_its_item():
    suite, other = make_suite_version(), make_suite_version()
    run = {
        "suite_version": suite,
        "ran_at": clock.now() + timedelta(days=1),
        "source": "harness 1.0",
        "scores": [
            *scores_of(suite, "NaN"),
            *scores_of(other, "0.5"),
            {**scores_of(suite, "0.5")[0], "stderr": "-1", "samples": 0, "subset": "en"},
        ],
    }
    with pytest.raises(Refused) as refused:
        make_evidence("benchmark", runs=[run])
    assert {(reason.code, reason.field) for reason in refused.value.reasons} == {
        ("RUN_IN_FUTURE", "runs.0.ran_at"),
        ("SCORE_NOT_A_NUMBER", "runs.0.scores.0.text"),
        ("METRIC_UNKNOWN", "runs.0.scores.1.metric"),
        ("STDERR_NOT_A_NUMBER", "runs.0.scores.2.stderr"),
        ("SAMPLES_NOT_A_COUNT", "runs.0.scores.2.samples"),
    }
    assert "accuracy" in str(refused.value)
    assert not EvaluationRun.objects.exists()
    assert not Score.objects.exists()


def test_a_run_is_added_to_an_item_that_stands():
    item = make_evidence("benchmark")
    run = make_run(item)
    assert run.item == item
    with clock.at(item.expires_at), pytest.raises(Refused) as refused:
        make_run(item)
    assert codes(refused) == {"ENDED"}
    withdraw(item.pk, actor=contributor(), reason=WHY)
    with pytest.raises(Refused) as refused:
        make_run(item)
    assert codes(refused) == {"WITHDRAWN"}


def test_an_item_is_withdrawn_once_by_a_contributor():
    item = make_evidence()
    with pytest.raises(NotAllowed):
        withdraw(item.pk, actor=make_person("", Role.RISK_OWNER), reason=WHY)
    with pytest.raises(Refused, match="reason"):
        withdraw(item.pk, actor=contributor(), reason=" ")
    withdrawal = withdraw(item.pk, actor=contributor(), reason="The data set was wrong.")
    assert withdrawal.reason == "The data set was wrong."
    assert Entry.objects.filter(about=item.key, event="evidence.withdrawn").count() == 1
    with pytest.raises(Refused) as refused:
        withdraw(item.pk, actor=contributor(), reason=WHY)
    assert (refused.value.status, codes(refused)) == (409, {"WITHDRAWN"})


def test_answers_are_kept_without_blanks():
    item = make_evidence(answers={**answers_to("safety_check"), "result": " fine ", "limits": " "})
    assert item.answers["result"] == "fine"
    assert "limits" not in item.answers
