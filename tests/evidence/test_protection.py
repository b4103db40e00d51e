"""Promises 1 and 18 for evidence, where no Python rule runs; and who accepts whose run."""

import pytest
from django.db import IntegrityError, connection, transaction

from audit import Conflict, change, system
from audit.changes import NotInChange
from audit.refusals import NotAllowed
from evidence.models import (
    EvaluationRun,
    EvidenceFile,
    EvidenceItem,
    RunAcceptance,
    Score,
    Withdrawal,
)
from evidence.transitions import accept_run, withdraw
from registry.roles import Role
from tests.evidence.make import accept, contributor, make_evidence, make_run, reviewer, upload
from tests.make import WHY, make_person, make_release, make_suite_version, make_team

pytestmark = pytest.mark.django_db

MODELS = (EvidenceItem, EvidenceFile, Withdrawal, EvaluationRun, Score, RunAcceptance)


@pytest.fixture
def story():
    """One row of everything."""
    item = make_evidence("benchmark", files=[upload()])
    make_run(item, accepted=True)
    withdraw(item.pk, actor=contributor(), reason=WHY)
    return item


def sql(statement: str, *values) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, values)


@pytest.mark.parametrize("model", MODELS)
def test_no_row_is_changed_or_deleted_by_plain_sql(story, model):
    assert model.objects.exists()
    table = model._meta.db_table
    with pytest.raises(IntegrityError, match="never changed"):
        sql(f"UPDATE {table} SET change_id = change_id")
    with pytest.raises(IntegrityError, match="never deleted"):
        sql(f"DELETE FROM {table}")
    if connection.vendor == "postgresql":
        with pytest.raises(IntegrityError, match="never"):
            sql(f"TRUNCATE {table} CASCADE")
    else:
        columns = ", ".join(field.column for field in model._meta.concrete_fields)
        with pytest.raises(IntegrityError, match="never"):
            sql(f"INSERT OR REPLACE INTO {table} ({columns}) SELECT {columns} FROM {table}")
    assert model.objects.exists()


@pytest.mark.parametrize("model", MODELS)
def test_no_row_is_changed_past_the_verbs(story, model):
    row = model.objects.first()
    for write in (
        lambda: row.save(),
        lambda: row.delete(),
        lambda: model.objects.update(change=None),
        lambda: model.objects.all().delete(),
        lambda: model.objects.bulk_create([row]),
        lambda: model.objects.bulk_update([row], ["change"]),
        lambda: model.objects.create(),
        lambda: model.objects.update_or_create(pk=row.pk),
    ):
        with pytest.raises(NotInChange):
            write()


@pytest.mark.parametrize("model", MODELS)
def test_no_row_is_changed_inside_a_change_either(story, model):
    pk = model.objects.first().pk
    with (
        pytest.raises(IntegrityError, match="never changed"),
        transaction.atomic(),
        change(actor=system("test"), reason=WHY) as opened,
    ):
        opened.save(opened.lock(model, pk))


def test_no_file_joins_an_item_later():
    item, other = make_evidence(), make_evidence(files=[upload()])
    with pytest.raises(IntegrityError, match="never later"):
        sql(
            "INSERT INTO evidence_evidencefile "
            "(change_id, item_id, name, size, sha256, content_type) "
            "SELECT change_id, %s, name, size, sha256, content_type FROM evidence_evidencefile",
            str(item.pk) if connection.vendor == "postgresql" else item.pk.hex,
        )
    with (
        pytest.raises(IntegrityError, match="never later"),
        transaction.atomic(),
        change(actor=system("test"), reason=WHY) as opened,
    ):
        kept = other.files.get()
        opened.save(
            EvidenceFile(
                item=item,
                name=kept.name,
                size=kept.size,
                sha256=kept.sha256,
                content_type=kept.content_type,
            )
        )
    assert not item.files.exists()


def test_no_score_joins_a_run_later():
    suite = make_suite_version({"name": "a"}, {"name": "b"})
    first, second = suite.metrics.order_by("name")
    run = make_run(scores=[{"metric": first, "text": "0.1"}], suite_version=suite)
    with (
        pytest.raises(IntegrityError, match="never later"),
        transaction.atomic(),
        change(actor=system("test"), reason=WHY) as opened,
    ):
        opened.save(Score(run=run, metric=second, value="0.9", text="0.9"))
    assert run.scores.count() == 1


# Each constraint, broken once


def copied(model, **changed) -> str:
    """Return the statement that inserts a row again, with some columns made from others."""
    other = "CASE substr(id, 1, 1) WHEN '0' THEN '1' ELSE '0' END || substr(id, 2)"
    new_id = "gen_random_uuid()" if connection.vendor == "postgresql" else other
    columns = [field.column for field in model._meta.concrete_fields]
    if model is EvidenceItem:
        changed = {"id": new_id, **changed}
    else:
        columns.remove("id")
    values = [changed.get(column, column) for column in columns]
    table = model._meta.db_table
    return f"INSERT INTO {table} ({', '.join(columns)}) SELECT {', '.join(values)} FROM {table}"


@pytest.mark.parametrize(
    ("changed", "broken"),
    [
        ({"release_id": "NULL"}, "evidenceitem_one_subject"),
        ({"expires_at": "created_at"}, "evidenceitem_ends_after_it_begins"),
    ],
)
def test_an_item_is_about_one_thing_and_ends_after_it_begins(changed, broken):
    make_evidence()
    with pytest.raises(IntegrityError, match=broken):
        sql(copied(EvidenceItem, **changed))
    sql(copied(EvidenceItem))  # it is not the copying that is refused
    assert EvidenceItem.objects.count() == 2


@pytest.mark.parametrize(
    ("model", "broken"),
    [
        (Score, r"score_once|evidence_score\.run_id"),
        (EvidenceFile, r"evidencefile_once|evidence_evidencefile\.item_id"),
        (Withdrawal, "item_id"),
        (RunAcceptance, "run_id"),
    ],
)
def test_there_is_one_of_each(story, model, broken):
    with pytest.raises(IntegrityError, match=broken):
        sql(copied(model))


# Acceptance


def test_a_run_counts_once_somebody_else_accepts_it():
    run = make_run()
    acceptance = accept(run)
    assert (acceptance.given_by, acceptance.accepted_by) == (run.given_by, reviewer())
    with pytest.raises(Conflict) as refused:
        accept(run)
    assert refused.value.reasons[0].code == "ACCEPTED"


def test_nobody_accepts_their_own_run_whatever_their_roles():
    both = make_person("", Role.EVIDENCE_CONTRIBUTOR, Role.REVIEWER)
    run = make_run(actor=both)
    with pytest.raises(NotAllowed) as refused:
        accept(run, actor=both)
    assert [reason.code for reason in refused.value.reasons] == ["OWN_RUN"]
    with pytest.raises(IntegrityError, match="runacceptance_by_somebody_else"):
        sql(
            "INSERT INTO evidence_runacceptance "
            "(change_id, run_id, given_by_id, accepted_by_id, accepted_at, reason) "
            "SELECT change_id, id, given_by_id, given_by_id, created_at, 'x' "
            "FROM evidence_evaluationrun WHERE id = %s",
            run.pk,
        )


REVIEWS = ("reviewer", "risk_owner", "privacy_officer", "independent_validator")


@pytest.mark.parametrize("role", REVIEWS)
def test_the_reviewing_roles_accept(role):
    accept(make_run(), actor=make_person("", role))


@pytest.mark.parametrize(
    "role",
    sorted(set(Role) - {"reviewer", "risk_owner", "privacy_officer", "independent_validator"}),
)
def test_no_other_role_accepts(role):
    with pytest.raises(NotAllowed):
        accept(make_run(), actor=make_person("", role))


def test_a_reviewer_accepts_in_their_own_team_alone():
    team = make_team()
    run = make_run(make_evidence("benchmark", release=make_release(team=team)))
    with pytest.raises(NotAllowed):
        accept(run, actor=make_person("", Role.REVIEWER, team=make_team()))
    accept(run, actor=make_person("", Role.REVIEWER, team=team))


def test_a_run_of_a_withdrawn_item_is_not_accepted():
    run = make_run()
    withdraw(run.item_id, actor=contributor(), reason=WHY)
    with pytest.raises(Conflict) as refused:
        accept_run(run.pk, actor=reviewer(), reason=WHY)
    assert refused.value.reasons[0].code == "WITHDRAWN"
