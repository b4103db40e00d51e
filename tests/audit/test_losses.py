"""Entries that were signed and are lost: two people declare it, and nobody can hide it."""

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, IntegrityError, connection, transaction

from audit import Conflict, Refused, checkpoints, keys, receipts, sinks, tree
from audit.losses.finding import find
from audit.models import Checkpoint, Entry, LossConfirmation, LossDeclaration
from audit.refusals import NotAllowed
from audit.verify_audit import Malformed, main, name_and_epoch, read_checkpoint, read_notes
from audit.verifying import verify
from config import health
from registry import transitions
from tests import make
from tests.audit.losing import WHY, confirm, declare, forged, lost, sign_beyond, two

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def file(settings, tmp_path):
    settings.CHECKPOINT_FILE = str(tmp_path / "away" / "checkpoints.ndjson")
    return tmp_path / "away" / "checkpoints.ndjson"


def codes(*outside) -> set[str]:
    return {one.code for one in verify("record", outside).found}


def checked(folder, *more: str) -> tuple[int, str]:
    """Check an export that is made now, as an auditor does elsewhere."""
    out = StringIO()
    call_command("audit_export", str(folder / "export"), verbosity=0)
    (folder / "keys.json").write_text(json.dumps(keys.jwk_set()))
    given = ["--keys", str(folder / "keys.json"), *more]
    return main(["export", str(folder / "export"), *given], out), out.getvalue()


@pytest.fixture
def restored(tmp_path):
    """The log of 1 checkpoint, with 2 more outside, and a receipt of somebody who signed then."""
    make.make_team()
    admin, owner = two()
    checkpoints.take()
    kept = tree.state()
    with lost():
        make.make_release()
        checkpoints.take()
        make.make_team()
        checkpoints.take()
        last = Checkpoint.objects.latest("size")
        (tmp_path / "old.tlog-proof").write_text(receipts.receipt(last.size - 1))
    return kept, last, admin, owner


def test_two_declare_it_and_the_log_goes_on_under_another_origin(
    restored, file, tmp_path, django_capture_on_commit_callbacks
):
    kept, last, admin, owner = restored
    make.make_team()  # work goes on
    with pytest.raises(checkpoints.Inconsistent):
        checkpoints.take()
    assert codes() == {"LOG_SHORTENED", "CHECKPOINT_GONE"}
    row = declare(admin)
    assert (row.kept_size, row.kept_root) == (kept.size, f"sha256:{kept.root.hex()}")
    assert (row.epoch, row.ended) == (2, [last.note])
    # One person has changed nothing.
    assert checkpoints.attempt() is None and checkpoints.alarm()
    assert "LOG_SHORTENED" in codes()
    with django_capture_on_commit_callbacks(execute=True):
        confirm(row, owner)
    assert not checkpoints.alarm()
    health.PARTS["checkpoints"]()
    said = read_checkpoint(checkpoints.latest().note)
    assert said.origin == checkpoints.origin() == f"{checkpoints.name()}/epoch-2"
    assert name_and_epoch(read_checkpoint(last.note).origin) == (checkpoints.name(), 1)
    assert json.loads(file.read_bytes().splitlines()[-1])["note"] == checkpoints.latest().note
    # What every verifier says, for good: whose word it is, and what can be verified no more.
    report = verify("record", [("a signer", last.note)])
    assert report.found == [] and len(report.lost) == 3
    names = f"{admin.username} and {owner.username}"
    assert all("lost in" in one and admin.username in one for one in report.lost)
    receipt, sink = str(tmp_path / "old.tlog-proof"), str(file)
    code, said = checked(tmp_path, "--checkpoint", sink, "--checkpoint", receipt)
    assert code == 3 and "ENTRIES THAT WERE SIGNED ARE LOST" in said, said
    assert f"belongs to the part lost in the restore declared by {names}" in said
    assert "DOES NOT" not in said
    # It cannot be declared again, and growing on is a log as any other.
    with pytest.raises(Refused, match="agrees with every checkpoint"):
        declare(admin)
    make.make_team()
    assert checkpoints.take().new and codes() == set()


def test_losing_again_and_losing_the_declaration_itself(
    restored, file, tmp_path, django_capture_on_commit_callbacks
):
    _, _, admin, owner = restored
    saved = transaction.savepoint()
    with django_capture_on_commit_callbacks(execute=True):
        confirm(declare(owner), admin)
    for _ in range(20):
        make.make_team()
    checkpoints.take()
    # Rewound to before the declaration: the log knows nothing of it, the file does.
    transaction.savepoint_rollback(saved)
    row = declare(admin)
    assert row.epoch == 3
    ended = [name_and_epoch(read_checkpoint(note).origin)[1] for note in row.ended]
    assert ended == [1, 2]
    with django_capture_on_commit_callbacks(execute=True):
        confirm(row, owner)
    make.make_team()
    assert checkpoints.take().new and checkpoints.origin().endswith("/epoch-3")
    assert verify("record").found == []
    assert checked(tmp_path, "--checkpoint", str(file))[0] == 3


def test_a_checkpoint_from_elsewhere_is_enough(settings, file):
    admin, owner = two()
    settings.CHECKPOINT_FILE = ""
    checkpoints.take()
    note = sign_beyond()
    with pytest.raises(Refused, match="agrees with every checkpoint"):
        declare(admin)
    row = declare(admin, outside=[("an auditor", note)])
    assert row.kept_size == checkpoints.latest().size
    confirm(row, owner)
    report = verify("record", [("an auditor", note)])
    assert report.found == [] and len(report.lost) == 2
    # Another one of the same time is not excused by that.
    with pytest.raises(Refused):
        declare(admin, outside=[("somebody", note.replace("A", "B", 1))])
    assert "LOG_SHORTENED" in codes(("x", sign_beyond(entries=500)))


# Who, and what is no loss


def test_nobody_declares_a_loss_alone(restored):
    _, _, admin, owner = restored
    for role, team in (("risk_owner", make.make_team()), ("auditor", None), ("operator", None)):
        with pytest.raises(NotAllowed):
            declare(make.make_person(make.name("no"), role, team=team))
    with pytest.raises(Refused, match="password"):
        declare(admin, password="wrong")
    row = declare(admin)
    with pytest.raises(Conflict, match="declared this already"):
        declare(owner)
    with pytest.raises(Refused, match="Somebody else confirms it"):
        confirm(row, admin)
    with pytest.raises(Refused, match="other a risk owner"):
        confirm(row, make.make_person(make.name("second"), "administrator"))
    with pytest.raises(Refused, match="password"):
        confirm(row, owner, password="wrong")
    # Both roles in one hand are still one person, and do for either part.
    both = make.make_person(make.name("both"), "administrator", "risk_owner")
    made = confirm(row, both)
    assert (made.declared_as, made.confirmed_as) == ("administrator", "risk_owner")
    with pytest.raises(Refused):
        confirm(row, owner)


def test_two_people_stand_in_the_database(restored):
    _, _, admin, owner = restored
    row = declare(admin)
    confirm(row, owner)
    made = LossConfirmation.objects.get()
    for column, value in (("confirmed_by_id", admin.pk), ("confirmed_as", "administrator")):
        with pytest.raises((IntegrityError, DatabaseError)), transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute(
                    f"INSERT INTO audit_lossconfirmation (change_id, declaration_id, epoch, "
                    "declared_by_id, declared_as, confirmed_by_id, confirmed_as, confirmed_at, "
                    "printed_name, authentication, reason) SELECT change_id, declaration_id + 1, "
                    f"9, {admin.pk}, 'administrator', "
                    f"{value if column.endswith('id') else owner.pk}, "
                    f"'{value if column.endswith('as') else 'risk_owner'}', confirmed_at, 'x', "
                    "'x', 'x' FROM audit_lossconfirmation"
                )
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE audit_lossdeclaration SET kept_size = 1")
    assert made.declared_by == admin


def test_a_declarer_who_lost_the_role_has_declared_nothing(restored):
    _, _, admin, owner = restored
    row = declare(owner)
    grant = owner.role_grants.get()
    transitions.end_grant(grant.pk, actor=admin, reason="Left.")
    with pytest.raises(Refused, match="may no longer declare"):
        confirm(row, make.make_person(make.name("both"), "administrator", "risk_owner"))


def test_what_is_lost_now_is_what_was_declared(restored):
    _, _, admin, owner = restored
    row = declare(admin)
    sign_beyond(500)
    with pytest.raises(Conflict, match="Declare it anew"):
        confirm(row, owner)
    confirm(declare(admin), owner)


def test_what_disagrees_otherwise_is_no_loss(restored, file):
    _, _, admin, _ = restored
    lines = file.read_bytes()
    file.write_bytes(lines + b"nonsense\n")
    with pytest.raises(Refused, match="no loss of entries"):
        declare(admin)
    # A database that disagrees with itself was not restored but altered.
    file.write_bytes(lines)
    Checkpoint(
        size=tree.state().size + 5,
        root=b"1" * 32,
        note=sign_beyond(5),
        signed_at=Checkpoint.objects.get().signed_at,
    ).save(force_insert=True)
    with pytest.raises(Refused, match="checkpoint of its own"):
        declare(admin)


# At a terminal


def test_at_a_terminal_both_show_who_they_are(restored, monkeypatch):
    _, _, admin, owner = restored
    module = "portal.management.commands.declare_loss"

    def answers(*given):
        names, passwords = iter(given[::2]), iter(given[1::2])
        monkeypatch.setattr("builtins.input", lambda _: next(names))
        monkeypatch.setattr(f"{module}.getpass", lambda _: next(passwords))

    def run() -> str:
        out = StringIO()
        call_command("declare_loss", reason=WHY, stdout=out)
        return out.getvalue()

    answers(admin.username, "wrong")
    with pytest.raises(CommandError, match="The password is not yours"):
        run()
    answers(admin.username, make.PASSWORD, admin.username, make.PASSWORD)
    with pytest.raises(CommandError, match="Somebody else confirms it"):
        run()
    # The declaration stands, and waits for another.
    answers(owner.username, make.PASSWORD)
    said = run()
    assert "/epoch-2" in said and "Entries" in said
    with pytest.raises(CommandError, match="agrees with every checkpoint"):
        run()


# On the pages


def test_it_is_done_on_the_page_of_the_log(restored, client, django_capture_on_commit_callbacks):
    _, last, admin, owner = restored
    checkpoints.attempt()
    auditor = make.make_person(make.name("reads"), "auditor")
    client.force_login(auditor)
    assert b"/audit/losses/" in client.get("/audit/").content
    page = client.get("/audit/losses/").content.decode()
    assert "Entries that were signed are not in this log." in page and "not declare it" in page
    client.force_login(admin)
    given = {"reason": WHY, "password": "wrong", "outside": ""}
    assert client.post("/audit/losses/", given).status_code == 422
    given = {"reason": WHY, "password": make.PASSWORD, "outside": "nonsense"}
    answer = client.post("/audit/losses/", given)
    assert answer.status_code == 422 and "no signed note" in answer.content.decode()
    # A receipt does as well as a note.
    given["outside"] = last.note.replace("\n", "\r\n")
    answer = client.post("/audit/losses/", given)
    row = LossDeclaration.objects.get()
    assert answer.status_code == 302 and answer["Location"] == f"/audit/losses/{row.pk}/"
    page = client.get(f"/audit/losses/{row.pk}/").content.decode()
    assert "You declared it." in page and "Confirm the loss" not in page
    client.force_login(owner)
    page = client.get(f"/audit/losses/{row.pk}/").content.decode()
    assert "Confirm the loss" in page and last.root.hex() in page.replace("&#x27;", "'")
    with django_capture_on_commit_callbacks(execute=True):
        answer = client.post(
            f"/audit/losses/{row.pk}/", {"reason": "So.", "password": make.PASSWORD}
        )
    assert answer.status_code == 302
    assert "Nothing is lost." in client.get("/audit/losses/").content.decode()
    client.force_login(auditor)
    page = client.get("/audit/").content.decode()
    assert "Entries that were signed are lost." in page and owner.username in page


# What a forger writes past the verbs


@pytest.mark.parametrize(
    ("how", "code"),
    [
        ("by one person", "LOSS"),
        ("of other entries than were declared", "LOSS"),
        ("of what nobody signed", "CHECKPOINT_FORGED"),
        ("of what was never lost", "LOSS"),
        ("keeping other entries", "LOG_REWRITTEN"),
        ("by somebody without the role", "LOSS_ROLE"),
    ],
)
def test_what_is_forged_in_due_form_is_named_inside_and_outside(
    restored, tmp_path, file, settings, how, code
):
    _, _, admin, owner = restored
    said, first, second, other = find().document, admin, owner, None
    if how == "by one person":
        second = admin
    elif how == "of other entries than were declared":
        other = {**said, "kept": {**said["kept"], "size": said["kept"]["size"] - 1}}
    elif how == "of what nobody signed":
        note = said["ended"][0]
        said["ended"] = [note[:-10] + ("A" if note[-10] != "A" else "B") + note[-9:]]
    elif how == "of what was never lost":
        said["kept"] = {**said["kept"], "size": read_checkpoint(said["ended"][0]).size}
        for _ in range(20):
            make.make_team()
    elif how == "keeping other entries":
        said["kept"] = {**said["kept"], "root": f"sha256:{'1' * 64}"}
    elif how == "by somebody without the role":
        second = make.make_person(make.name("viewer"), "viewer")
    forged(first, second, said, other)
    assert code in codes()
    # A forger would not have it compared with the file.
    settings.CHECKPOINT_FILE = ""
    exit_code, told = checked(tmp_path, "--checkpoint", str(file))
    if code in ("LOSS", "LOG_REWRITTEN"):
        assert exit_code == 1 and "LOSS" in told
    else:
        # Roles are not in the log; that there was a loss, and by whom, is told all the same.
        assert exit_code in (1, 2, 3) and "LOST  " in told and first.username in told


def test_a_rewind_that_nobody_declared_stays_what_it_is(restored, tmp_path, file):
    assert sinks.path() == file
    exit_code, told = checked(tmp_path, "--checkpoint", str(file))
    assert exit_code == 1 and "SHORTENED" in told
    # Nor does another name do: who signs under the next epoch without a loss is found.
    with file.open("ab"):
        note = sign_beyond(-1, epoch=2, root=tree.root_at(tree.state().size - 1))
    (tmp_path / "next").write_text(note)
    out = StringIO()
    code = main(["export", str(tmp_path / "export"), "--checkpoint", str(tmp_path / "next")], out)
    assert code == 1 and "nobody declared in this log" in out.getvalue()


def test_the_entry_holds_what_had_been_signed(restored):
    _, last, admin, owner = restored
    confirm(declare(admin), owner)
    body = json.loads(Entry.objects.get(event="loss.confirmed").body)
    assert body["facts"]["loss"]["ended"] == [last.note]
    assert {body["facts"]["declared_as"], body["facts"]["confirmed_as"]} == {
        "administrator",
        "risk_owner",
    }


@pytest.mark.parametrize(
    "text",
    [
        '{"a":' * 30_000,
        '{"note": 5}',
        '{"note": "a"}\n[]',
        f"gatehouse/log\n{'9' * 5000}\n{'A' * 43}=\n\n\u2014 gatehouse/log AAAA\n",
    ],
)
def test_what_is_no_checkpoint_is_refused_in_words(text, client):
    with pytest.raises(Malformed):
        for note in read_notes(text):
            read_checkpoint(note)
    client.force_login(make.admin())
    given = {"outside": text, "password": make.PASSWORD, "reason": WHY}
    assert client.post("/audit/losses/", given).status_code == 422
    assert not LossDeclaration.objects.exists()
