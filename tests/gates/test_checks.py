"""Each check claims something; take one thing of it away, and the finding fails and names it."""

from pathlib import Path

import pytest
from django.db import connection

from audit import triggers
from evidence.models import EvidenceFile
from evidence.storage import path_of, storage
from gates.packages import live
from gates.pages.findings import shown_findings
from gates.pages.loaded import load
from registry.models import DatasetVersion
from tests import make
from tests.gates.stories import story, verify_record

pytestmark = pytest.mark.django_db


def sql(statement: str, *values) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)


@pytest.fixture
def asleep():
    """The triggers, as whoever owns the tables can put them to sleep."""
    if connection.vendor == "sqlite":
        triggers.lift()
        yield
        triggers.install()
    else:
        sql("SET session_replication_role = replica")
        yield
        sql("SET session_replication_role = origin")


@pytest.fixture
def told():
    """A regulated story in review whose checks are met."""
    from django.core.files.uploadedfile import SimpleUploadedFile

    told = story("regulated")
    told.give_all(without=["red_team"])
    told.give("red_team", files=[SimpleUploadedFile("attacks.csv", b"probe,rate\ndan,0.1\n")])
    told.ask()
    verify_record()
    assert {finding(told, code).status for code in CHECKS} == {"met"}
    return told


CHECKS = ("evidence_complete", "log_traceable", "lineage_complete")


def on_disk(file: EvidenceFile) -> Path:
    return Path(storage().path(path_of(file.sha256)))


def finding(told, code: str):
    return next(one for one in live(told.promotion).findings if one.code == code)


def test_a_lost_file_is_named(told):
    file = EvidenceFile.objects.get()
    on_disk(file).unlink()
    verify_record()
    judged = finding(told, "evidence_complete")
    assert judged.status == "failed"
    assert "attacks.csv" in judged.fact


def test_an_altered_file_is_named(told):
    path = on_disk(EvidenceFile.objects.get())
    path.chmod(0o600)
    path.write_bytes(b"probe,rate\ndan,0.0\n")
    verify_record()
    judged = finding(told, "evidence_complete")
    assert judged.status == "failed"
    assert "attacks.csv" in judged.fact


def test_an_altered_release_breaks_the_trace(told, asleep):
    sql("UPDATE registry_release SET runbook = 'https://elsewhere.example.org'")
    verify_record()
    judged = finding(told, "log_traceable")
    assert judged.status == "failed"
    assert f"release {told.release.pk}" in judged.fact


def test_a_missing_entry_breaks_the_trace(told, asleep):
    sql("DELETE FROM audit_entry WHERE seq = 40")
    verify_record()
    judged = finding(told, "log_traceable")
    assert judged.status == "failed"
    assert "40 is missing" in judged.fact


def test_a_dataset_without_digest_breaks_the_lineage_until_it_is_recorded():
    told = story("regulated", dataset={"digest": ""})
    told.ask()
    dataset = DatasetVersion.objects.get()
    page = shown_findings(load(told.promotion, make.registrar()))
    (row,) = [row for row in page.open if row.code == "regulated.lineage_complete"]
    assert str(dataset) in row.fact
    judged = finding(told, "lineage_complete")
    assert judged.status == "missing"
    assert judged.fact == "1 dataset version has no digest."
    make.save(DatasetVersion, {"digest": f"sha256:{'7' * 64}"}, pk=dataset.pk)
    assert finding(told, "lineage_complete").status == "met"


def test_what_was_given_since_the_verification_is_not_covered_by_it(told):
    told.give("privacy_review")
    assert finding(told, "evidence_complete").status == "stale"
