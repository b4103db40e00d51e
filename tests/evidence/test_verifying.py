"""Lost, altered and swapped evidence is found and named; what cannot be read is said to be so."""

from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import connection

from audit import triggers, verifying
from audit.models import Verification
from audit.verifying import Report
from evidence import storage
from evidence.models import EvidenceFile
from evidence.verifying import verify
from tests.evidence.make import make_evidence, make_run, upload

pytestmark = pytest.mark.django_db

ALL = Verification.Scope.EVIDENCE


def sql(statement: str, *values) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)


@pytest.fixture
def asleep():
    """Whoever owns the tables can put the triggers to sleep."""
    if connection.vendor == "sqlite":
        triggers.lift()
        yield
        triggers.install()
    else:
        sql("SET session_replication_role = replica")
        yield
        sql("SET session_replication_role = origin")


def found(scope=ALL) -> list[tuple[str, str]]:
    return [(one.code, one.row) for one in verify(Report(), scope)]


def place(file: EvidenceFile) -> Path:
    return Path(storage.storage().path(storage.path_of(file.sha256)))


def audit_verify() -> tuple[int, str]:
    out = StringIO()
    try:
        call_command("audit_verify", "--evidence", "all", stdout=out)
    except SystemExit as stopped:
        return stopped.code, out.getvalue()
    return 0, out.getvalue()


def test_an_honest_record_is_clean():
    make_run(make_evidence("benchmark", files=[upload()]), accepted=True)
    assert audit_verify()[0] == 0


def test_a_lost_file_is_found_and_named():
    file = make_evidence(files=[upload("findings.txt")]).files.get()
    place(file).unlink()
    code, said = audit_verify()
    assert code == 1
    assert "findings.txt" in said
    assert "FILE_LOST" in said
    verification = Verification.objects.latest()
    assert verification.discrepancies[0]["row"] == file.key


def test_an_altered_file_is_found_and_named():
    file = make_evidence(files=[upload(content=b"two of ten failed")]).files.get()
    place(file).write_bytes(b"one of ten failed")
    assert found() == [("FILE_ALTERED", file.key)]


def test_two_files_swapped_on_disk_are_both_found():
    item = make_evidence(files=[upload("a.txt", b"good"), upload("b.txt", b"poor")])
    first, second = item.files.all()
    place(first).write_bytes(b"poor")
    place(second).write_bytes(b"good")
    assert found() == [("FILE_ALTERED", file.key) for file in item.files.order_by("sha256")]


def test_every_row_that_names_lost_bytes_is_named():
    rows = [make_evidence(files=[upload(content=b"same")]).files.get() for _ in range(2)]
    place(rows[0]).unlink()
    assert sorted(found()) == sorted(("FILE_LOST", row.key) for row in rows)


def test_files_are_read_only_when_asked_for():
    file = make_evidence(files=[upload()]).files.get()
    place(file).unlink()
    assert found(Verification.Scope.RECORD) == []


def test_a_storage_that_is_away_is_not_taken_for_an_empty_one():
    make_evidence(files=[upload()])
    root = Path(storage.storage().location)
    away = root.rename(root.with_name("away"))
    try:
        code, said = audit_verify()
    finally:
        away.rename(root)
    assert code == 2
    assert "Files not read: 1." in said
    assert Verification.objects.latest().outcome == Verification.Outcome.INCOMPLETE


def test_a_file_that_cannot_be_read_is_said_to_be_so():
    file = make_evidence(files=[upload()]).files.get()
    path = place(file)
    path.unlink()
    path.mkdir()  # an error of reading that is not "there is none"
    report = Report()
    assert list(verify(report, ALL)) == []
    assert file.sha256 in report.not_checked[0]


def test_an_empty_storage_with_no_files_is_clean_wherever_it_is():
    make_evidence()
    assert audit_verify()[0] == 0


@pytest.mark.parametrize(
    ("statement", "says"),
    [
        ("UPDATE evidence_evidenceitem SET verdict = 'fail'", "verdict"),
        ("UPDATE evidence_evidenceitem SET answers = '{}'", "answers"),
        ("UPDATE evidence_evidenceitem SET content = 'nothing'", ""),
        ("UPDATE evidence_evidencefile SET name = 'other.txt'", "files"),
        ("DELETE FROM evidence_evidencefile", "files"),
    ],
)
def test_an_item_that_no_longer_says_what_was_given_is_named(asleep, statement, says):
    item = make_evidence(files=[upload()])
    sql(statement)
    discrepancies = list(verify(Report(), Verification.Scope.RECORD))
    assert [one.row for one in discrepancies] == [item.key]
    assert says in discrepancies[0].sentence


def test_an_acceptance_that_names_another_giver_is_named(asleep):
    run = make_run(accepted=True)
    sql("UPDATE evidence_runacceptance SET given_by_id = (SELECT min(id) FROM registry_person)")
    assert found() == [("ACCEPTANCE_GIVER", run.acceptance.key)]


def test_a_row_that_cannot_be_read_hides_nothing_else(asleep):
    item = make_evidence(files=[upload()])
    place(item.files.get()).unlink()
    sql("UPDATE evidence_evidenceitem SET answers = 'not JSON'")
    found = verifying.verify(ALL).found
    assert {(one.code, one.row) for one in found} >= {
        ("ROW_UNREADABLE", item.key),
        ("FILE_LOST", item.files.get().key),
    }
