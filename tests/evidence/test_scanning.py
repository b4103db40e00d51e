"""A file is held until the program that a setting names has looked at it."""

import sys
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse

from audit.models import Entry
from evidence import scanning
from evidence.models import FileScan
from evidence.safety import Safety, safety
from registry.roles import Role
from tests.evidence.make import make_evidence, upload
from tests.gates.stories import story
from tests.make import make_person

pytestmark = pytest.mark.django_db

#: Reads the file that it is told of, as a scanner does: says "bad" is bad and cannot read "odd".
PROGRAM = """
import sys
read = open(sys.argv[1]).read()
print("Looked at", sys.argv[1])
sys.exit(1 if "bad" in read else 2 if "odd" in read else 0)
"""


@pytest.fixture
def scanner(settings, tmp_path):
    program = tmp_path / "scanner.py"
    program.write_text(PROGRAM)
    settings.EVIDENCE_SCAN_COMMAND = [sys.executable, str(program)]


def given(content: bytes):
    return make_evidence(files=[upload(content=content)]).files.get()


def page(client, file, row=None):
    if not client.session.get("_auth_user_id"):
        client.force_login(make_person("", Role.VIEWER))
    return client.get(row or reverse("admin:evidence_file", args=[file.item_id, file.pk]))


@pytest.mark.parametrize(
    ("outcome", "scanning", "expected"),
    [
        (None, False, Safety.NOT_SCANNED),
        ("failed", False, Safety.NOT_SCANNED),
        ("passed", False, Safety.PASSED),
        ("found", False, Safety.FOUND),
        (None, True, Safety.WAITING),
        ("failed", True, Safety.FAILED),
        ("passed", True, Safety.PASSED),
        ("found", True, Safety.FOUND),
    ],
)
def test_how_a_file_stands(outcome, scanning, expected):
    assert safety(outcome, scanning=scanning) is expected
    assert bool(expected.holds) == (expected in (Safety.WAITING, Safety.FAILED, Safety.FOUND))


def test_without_a_scanner_the_page_says_so_and_hands_out(client):
    file = given(b"fine\n")
    assert not file.scans.exists()
    assert page(client, file).status_code == 200
    assert "not scanned" in page(client, file, file.item.get_absolute_url()).content.decode()


def test_what_passes_is_handed_out(client, scanner):
    file = given(b"fine\n")
    scan = file.scans.get()
    assert (scan.outcome, scan.said) == ("passed", "Looked at report.txt")
    assert page(client, file).status_code == 200
    said = page(client, file, file.item.get_absolute_url()).content.decode()
    assert "Nothing found" in said
    entry = Entry.objects.get(event="evidencefile.scan_passed")
    assert entry.change.actor_name == "system:scan"
    assert "found nothing in a file" in said


@pytest.mark.parametrize(
    ("content", "says"),
    [(b"bad\n", "the scan found something in it"), (b"odd\n", "could not tell whether it is safe")],
)
def test_what_does_not_pass_is_held_and_the_item_is_on_record(client, scanner, content, says):
    file = given(content)
    answer = page(client, file)
    assert answer.status_code == 409
    assert says in answer.content.decode()
    shown = page(client, file, file.item.get_absolute_url()).content.decode()
    assert "Held:" in shown
    assert "Meets nothing: a file is held." in shown


def test_a_scanner_that_does_not_run_or_end_holds_the_file(client, settings):
    settings.EVIDENCE_SCAN_COMMAND = ["/nowhere/scanner"]
    assert given(b"fine\n").scans.get().said == "It does not run."
    settings.EVIDENCE_SCAN_COMMAND = [sys.executable, "-c", "import time; time.sleep(60)"]
    settings.EVIDENCE_SCAN_SECONDS = 0.3
    file = given(b"fine\n")
    assert file.scans.get().outcome == "failed"
    assert page(client, file).status_code == 409


def test_the_command_scans_what_is_left(client, settings, scanner):
    command, settings.EVIDENCE_SCAN_COMMAND = settings.EVIDENCE_SCAN_COMMAND, []
    with pytest.raises(CommandError, match="No scanner is set"):
        call_command("scan_evidence")
    fine, bad = given(b"fine\n"), given(b"bad\n")
    settings.EVIDENCE_SCAN_COMMAND = command
    assert page(client, fine).status_code == 409
    out = StringIO()
    call_command("scan_evidence", stdout=out)
    assert out.getvalue().startswith("2 scanned: 1 passed, 1 found something")
    assert page(client, fine).status_code == 200
    assert page(client, bad).status_code == 409
    assert not scanning.left_over().exists()
    call_command("scan_evidence", "--all", stdout=StringIO())
    assert FileScan.objects.count() == 4


def test_held_evidence_meets_nothing(settings, scanner):
    told = story("production")

    def finding():
        from audit import clock
        from gates.facts import gate_for, gather
        from gates.rules.findings import assess

        gate = gate_for(told.environment, told.use_case)
        facts = gather(told.release, told.environment, [told.endpoint]).facts
        found = assess(gate.requirements, facts, clock.now())
        return next(one for one in found if one.fix_at == ("evidence", "safety_check"))

    told.give("safety_check", files=[upload(content=b"odd\n")])
    assert finding().status == "missing"
    assert "“report.txt” is held" in finding().fact
    settings.EVIDENCE_SCAN_COMMAND = []
    assert finding().status == "met"
