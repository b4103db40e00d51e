"""The pages of evidence: choosing, giving, reading, adding and accepting runs, withdrawing."""

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils.safestring import mark_safe

from audit import clock
from audit.admin import panels
from evidence.models import EvaluationRun, EvidenceItem
from registry.roles import Role
from tests.evidence.make import accept, answers_to, make_evidence, make_run, upload
from tests.make import (
    WHY,
    grant,
    make_model_version,
    make_person,
    make_release,
    make_suite_version,
    make_team,
)

pytestmark = pytest.mark.django_db

ADD = "/evidence/evidenceitem/add/"


@pytest.fixture
def team():
    return make_team()


@pytest.fixture
def release(team):
    return make_release(team=team)


@pytest.fixture
def gives(client, team):
    person = make_person("gina", Role.EVIDENCE_CONTRIBUTOR, team=team)
    client.force_login(person)
    return person


@pytest.fixture
def reviews(team):
    return make_person("rosa", Role.REVIEWER, team=team)


def text(response) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


def entered(kind: str, **values) -> dict:
    """Return what a person enters, every required question answered unless `values` say so."""
    return {
        "title": "Attacks of the week",
        "verdict": "pass",
        "standing": "internal",
        "vouched_by": "Safety team",
        "reason": WHY,
        **{f"answers.{key}": value for key, value in answers_to(kind).items()},
        **values,
    }


# Giving


def test_the_first_page_says_what_the_kinds_are_for_and_offers_what_is_mine(client, gives, release):
    foreign, draft = make_release(), make_release(team=release.use_case.team, sealed=False)
    response = client.get(ADD)
    assert response.status_code == 200
    assert "Attacks tried on it on purpose" in text(response)
    offered = [row.pk for row in response.context["form"].fields["release"].queryset]
    assert offered == [release.pk]
    assert {foreign.pk, draft.pk}.isdisjoint(offered)


def test_a_choice_that_is_not_whole_is_asked_for_again(client, gives, release):
    response = client.get(ADD, {"chosen": 1, "kind": "red_team"})
    assert response.status_code == 422
    assert "Name a release or a model version, one of them." in text(response)


@pytest.mark.parametrize("name", ["release", "version"])
@pytest.mark.parametrize("key", ["foreign", "999999", "x", "²"])
def test_what_may_not_be_seen_cannot_be_chosen(client, gives, name, key):
    if key == "foreign":
        key = {"release": make_release, "version": make_model_version}[name]().pk
    assert client.get(ADD, {"kind": "red_team", name: key}).status_code == 404


def test_the_second_page_asks_the_questions_of_the_kind(client, gives, release):
    response = client.get(ADD, {"kind": "rollback_plan", "release": release.pk})
    assert response.status_code == 200
    assert "What is put back?" in text(response)
    assert "(only with “An earlier release that is approved there”)" in text(response)


def test_an_item_is_given_with_files(client, gives, release):
    address = f"{ADD}?kind=safety_check&release={release.pk}"
    files = [upload("a.txt", b"first"), upload("b.md", b"# second")]
    response = client.post(address, entered("safety_check", files=files))
    item = EvidenceItem.objects.get()
    assert response.status_code == 302
    assert response["Location"] == item.get_absolute_url()
    assert (item.author, item.release, item.kind) == (gives, release, "safety_check")
    assert [file.name for file in item.files.all()] == ["a.txt", "b.md"]
    assert item.change.reason == WHY


def test_an_item_is_given_with_a_run(client, gives, release):
    suite = make_suite_version({"name": "f1"}, {"name": "em"})
    em, f1 = suite.metrics.order_by("name")
    address = f"{ADD}?kind=benchmark&release={release.pk}&suite_version={suite.pk}"
    run = {
        "runs.0.source": "harness 1.0",
        "runs.0.ran_at": "2026-01-02T03:04",
        "runs.0.completeness": "complete",
        "runs.0.config": '{"shots": 5}',
        f"runs.0.score.{f1.pk}.text": "0.91",
        f"runs.0.score.{f1.pk}.stderr": "0.01",
        f"runs.0.score.{f1.pk}.samples": "200",
        f"runs.0.score.{f1.pk}.interval": "0.89 to 0.93, 95 %",
    }
    response = client.post(address, entered("benchmark", **run))
    assert response.status_code == 302
    score = EvidenceItem.objects.get().runs.get().scores.get()
    assert (score.metric, score.text, score.stderr, score.samples) == (f1, "0.91", "0.01", 200)
    assert (score.low, score.high, score.level) == ("0.89", "0.93", "0.95")
    assert score.run.config == {"shots": 5}
    assert em.scores.count() == 0


def test_a_rollback_plan_is_given_through_its_form(client, gives, release):
    later = make_release(use_case=release.use_case)
    address = f"{ADD}?kind=rollback_plan&release={later.pk}"
    answers = {
        "answers.target": "release",
        "answers.release": release.pk,
        "answers.procedure": "",
        "answers.decides": "The duty officer.",
    }
    assert client.post(address, entered("rollback_plan", **answers)).status_code == 302
    item = EvidenceItem.objects.get()
    assert item.answers["release"] == release.digest
    assert release.get_absolute_url() in client.get(item.get_absolute_url()).content.decode()


def test_what_was_typed_is_kept_after_an_error_and_each_reason_stands_at_its_field(
    client, gives, release
):
    suite = make_suite_version()
    metric = suite.metrics.get()
    address = f"{ADD}?kind=benchmark&release={release.pk}&suite_version={suite.pk}"
    wrong = entered(
        "benchmark",
        files=[upload("page.html", b"<html>")],
        **{
            "answers.setup": "",
            "answers.limits": "Nothing in German.",
            "runs.0.source": "harness 1.0",
            "runs.0.ran_at": "2126-01-02T03:04",
            "runs.0.completeness": "complete",
            f"runs.0.score.{metric.pk}.text": "ninety",
        },
    )
    response = client.post(address, wrong)
    assert response.status_code == 422
    errors = response.context["form"].errors
    assert set(errors) == {"files", "runs.0.ran_at", f"runs.0.score.{metric.pk}.text"}
    assert "Nothing in German." in text(response)
    assert 'value="ninety"' in response.content.decode()
    assert "Choose the files again" in text(response)
    assert not EvidenceItem.objects.exists()


def test_a_file_over_the_limit_is_refused_in_words(client, gives, release, settings):
    settings.EVIDENCE_FILE_MAX_BYTES = 4
    address = f"{ADD}?kind=safety_check&release={release.pk}"
    response = client.post(address, entered("safety_check", files=[upload()]))
    assert response.status_code == 413
    assert "the most a file may have" in text(response)
    assert not EvidenceItem.objects.exists()


def test_a_reason_is_asked_for(client, gives, release):
    address = f"{ADD}?kind=safety_check&release={release.pk}"
    response = client.post(address, entered("safety_check", reason=""))
    assert response.status_code == 422
    assert "reason" in response.context["form"].errors


def test_a_draft_is_sealed_first(client, gives, team):
    draft = make_release(team=team, sealed=False)
    address = f"{ADD}?kind=safety_check&release={draft.pk}"
    assert "Seal it first." in text(client.get(address))
    response = client.post(address, entered("safety_check"))
    assert response.status_code == 422
    assert not EvidenceItem.objects.exists()


def test_others_see_the_release_and_may_not_give(client, release, reviews):
    client.force_login(reviews)
    address = f"{ADD}?kind=safety_check&release={release.pk}"
    assert client.get(address).status_code == 403
    assert client.post(address, entered("safety_check")).status_code == 403
    assert not EvidenceItem.objects.exists()


def test_a_contributor_elsewhere_is_told_which_role_it_takes(client, gives, team):
    other = make_team()
    grant(gives, Role.VIEWER, team=other)
    address = f"{ADD}?kind=safety_check&release={make_release(team=other).pk}"
    response = client.get(address)
    assert response.status_code == 403
    assert "evidence contributor" in text(response)


# Reading


def test_the_page_says_what_it_is_and_until_when_it_stands(client, gives, release):
    item = make_evidence(release=release, files=[upload()])
    response = client.get(item.get_absolute_url())
    said = text(response)
    ends = f"{item.expires_at.day} {item.expires_at:%b %Y}"
    assert f"Passes, and is good until {ends}." in said
    assert "How was it checked?" in said
    assert item.digest in said
    assert item.files.get().digest in said
    assert reverse("admin:evidence_file", args=[item.pk, item.files.get().pk]) in (
        response.content.decode()
    )


def test_an_ended_item_says_so(client, gives, release):
    now = clock.now()
    with clock.at(now - timedelta(days=300)):
        item = make_evidence(release=release)
    said = text(client.get(item.get_absolute_url()))
    assert "Expired Safety check about" in said
    assert "Expired on" in said


@pytest.mark.parametrize(("left", "said"), [(30, "30 days"), (7, "7 days"), (1, "1 day")])
def test_an_item_that_expires_soon_says_so_wherever_it_is_listed(
    client, gives, release, left, said
):
    item = make_evidence(release=release, expires_at=clock.now() + timedelta(days=left))
    page = text(client.get(item.get_absolute_url()))
    assert f"Pass Expires in {said} Safety check about" in page
    assert f"Expires in {said}. Give a new item in its place before that." in page
    assert f"Expires in {said}" in text(client.get(release.get_absolute_url()))
    listed = text(client.get(reverse("admin:evidence_evidenceitem_changelist")))
    assert f"expires in {said}, " in listed


def test_a_replaced_item_leads_to_the_newer_one(client, gives, release):
    old = make_evidence(release=release)
    new = make_evidence(release=release, replaces=old)
    assert new.get_absolute_url() in client.get(old.get_absolute_url()).content.decode()


def test_what_is_typed_is_shown_as_text(client, gives, release):
    hostile = "<script>alert(1)</script>"
    item = make_evidence(release=release, title=hostile, answers={"method": hostile, "result": "x"})
    assert hostile not in client.get(item.get_absolute_url()).content.decode()


def test_the_timeline_tells_what_happened(client, gives, release, reviews):
    item = make_evidence("benchmark", release=release)
    accept(make_run(item), actor=reviews)
    said = text(client.get(item.get_absolute_url()))
    for sentence in ("gave this evidence", "gave a run", "accepted a run"):
        assert sentence in said


@pytest.mark.parametrize("runs", [1, 4])
def test_the_page_costs_the_same_whatever_hangs_on_the_item(
    client, gives, release, runs, django_assert_max_num_queries
):
    item = make_evidence("benchmark", release=release, files=[upload()])
    for _ in range(runs):
        make_run(item, accepted=True)
    client.get(item.get_absolute_url())  # counts what the sidebar says, once for each change
    with django_assert_max_num_queries(16):
        client.get(item.get_absolute_url())


# Verbs


def test_an_item_is_withdrawn_on_a_page_that_asks(client, gives, release):
    item = make_evidence(release=release)
    address = reverse("admin:evidence_evidenceitem_withdraw", args=[item.pk])
    assert "Nothing rests on it." in text(client.get(address))
    assert client.post(address, {"reason": ""}).status_code == 422
    assert client.post(address, {"reason": "The data was wrong."}).status_code == 302
    said = text(client.get(item.get_absolute_url()))
    assert "Withdrawn on" in said
    assert "The data was wrong." in said
    assert client.post(address, {"reason": WHY}).status_code == 409


def test_what_rests_on_an_item_is_told_before_it_is_withdrawn(client, gives, release, monkeypatch):
    told = [lambda request, row: mark_safe("<p>The approval of claims 14 rests on it.</p>")]
    monkeypatch.setitem(panels, "evidence.evidenceitem", told)
    item = make_evidence(release=release)
    address = reverse("admin:evidence_evidenceitem_withdraw", args=[item.pk])
    assert "The approval of claims 14 rests on it." in text(client.get(address))
    assert "The approval of claims 14 rests on it." in text(client.get(item.get_absolute_url()))


def test_whoever_may_not_withdraw_is_told_why(client, release, reviews):
    item = make_evidence(release=release)
    client.force_login(reviews)
    said = text(client.get(item.get_absolute_url()))
    assert "“Withdraw…” is off" in said
    address = reverse("admin:evidence_evidenceitem_withdraw", args=[item.pk])
    assert client.post(address, {"reason": WHY}).status_code == 403
    assert not hasattr(EvidenceItem.objects.get(), "withdrawal")


def test_a_run_is_added_in_two_steps(client, gives, release):
    item, suite = make_evidence("benchmark", release=release), make_suite_version()
    metric = suite.metrics.get()
    address = reverse("admin:evidence_evidenceitem_add-run", args=[item.pk])
    assert str(suite) in text(client.get(address))
    assert client.post(address, {"reason": WHY}).status_code == 422
    address = f"{address}?suite_version={suite.pk}"
    run = {
        "source": "harness 1.0",
        "ran_at": "2026-01-02T03:04",
        "completeness": "complete",
        f"score.{metric.pk}.text": "1e400",
        "reason": WHY,
    }
    response = client.post(address, run)
    assert response.status_code == 422
    assert f"score.{metric.pk}.text" in response.context["form"].errors
    run[f"score.{metric.pk}.text"] = "0.5"
    assert client.post(address, run).status_code == 302
    assert item.runs.get().scores.get().text == "0.5"


def test_a_run_is_accepted_by_somebody_else(client, gives, release, reviews):
    run = make_run(make_evidence("benchmark", release=release), actor=gives)
    address = reverse("admin:evidence_evaluationrun_accept", args=[run.pk])
    said = text(client.get(run.item.get_absolute_url()))
    assert "You gave this run." in said
    assert client.post(address, {"reason": WHY}).status_code == 403
    client.force_login(reviews)
    assert "0.91" in text(client.get(address))
    response = client.post(address, {"reason": WHY})
    assert response.status_code == 302
    assert response["Location"] == run.get_absolute_url()
    assert EvaluationRun.objects.get().acceptance.accepted_by == reviews


# Lists


@pytest.mark.parametrize("noun", ["evidenceitem", "evaluationrun"])
def test_lists_show_what_may_be_seen(client, gives, release, noun):
    mine = make_run(make_evidence("benchmark", release=release, title="Ours")).item
    theirs = make_run(make_evidence("benchmark", title="Theirs")).item
    listed = client.get(f"/evidence/{noun}/").content.decode()
    assert str(mine.pk) in listed
    assert str(theirs.pk) not in listed


def test_items_are_found_by_state(client, gives, release):
    standing = make_evidence(release=release)
    with clock.at(clock.now() - timedelta(days=300)):
        ended = make_evidence(release=release)
    for state, item in (("stands", standing), ("ended", ended)):
        rows = client.get("/evidence/evidenceitem/", {"state": state}).context["cl"].result_list
        assert list(rows) == [item]


@pytest.mark.parametrize("noun", ["evidenceitem", "evaluationrun"])
def test_forms_of_what_never_changes_are_for_reading(client, gives, release, noun):
    run = make_run(make_evidence("benchmark", release=release))
    row = run if noun == "evaluationrun" else run.item
    address = f"/evidence/{noun}/{row.pk}/change/"
    assert client.get(address).status_code == 200
    assert client.post(address, {"title": "x", "reason": WHY}).status_code == 403
    assert client.get(f"/evidence/{noun}/{row.pk}/history/").status_code == 200
    assert client.post(f"/evidence/{noun}/{row.pk}/history/").status_code == 403


def test_no_run_is_added_without_an_item(client, gives):
    assert client.get("/evidence/evaluationrun/add/").status_code == 403


def test_every_reason_stands_on_the_page_at_once(client, gives, release):
    address = f"{ADD}?kind=rollback_plan&release={release.pk}"
    files = [upload("page.html", b"<html>")]
    typed = {"title": "", "files": files, "answers.target": "release", "answers.procedure": "Stop."}
    response = client.post(address, entered("rollback_plan", **typed))
    assert response.status_code == 422
    errors = response.context["form"].errors
    assert set(errors) == {"title", "files", "answers.release", "answers.procedure"}


@pytest.mark.parametrize("noun", ["evidenceitem", "evaluationrun"])
def test_a_list_costs_the_same_whatever_its_length(client, gives, release, noun):
    costs = []
    for _ in range(2):
        for _ in range(4):
            make_run(make_evidence("benchmark", release=release, files=[upload()]))
        with CaptureQueriesContext(connection) as asked:
            client.get(f"/evidence/{noun}/")
        costs.append(len(asked))
    assert costs[0] == costs[1]


def test_what_a_release_shows_of_evidence_costs_the_same_whatever_there_is(client, gives, release):
    costs = []
    for _ in range(2):
        for _ in range(3):
            make_run(make_evidence("benchmark", release=release), accepted=True)
        with CaptureQueriesContext(connection) as asked:
            said = text(client.get(release.get_absolute_url()))
        costs.append(len(asked))
    assert costs[0] == costs[1]
    assert "Latest scores" in said
    assert "accepted by rita" in said
