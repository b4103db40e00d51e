"""Checkpoints as they are signed, sent, pulled and taken home, and what keeps them from it."""

import json
from datetime import timedelta

import pytest
from django.core import mail
from django.core.management import call_command

from audit import checkpoints, clock, keys, receipts, sinks, tree
from audit.models import AuditReview, Checkpoint, Entry, Head
from audit.verify_audit import (
    check_receipt,
    consistency_holds,
    inclusion_holds,
    main,
    read_checkpoint,
    read_keys,
    signers,
)
from config import health
from gates.models import PackagePerson
from registry import transitions
from registry.models import Team
from tests import make
from tests.api.reading import assert_problem, reader
from tests.gates.stories import story

pytestmark = pytest.mark.django_db


@pytest.fixture
def file(settings, tmp_path):
    settings.CHECKPOINT_FILE = str(tmp_path / "away" / "checkpoints.ndjson")
    return tmp_path / "away" / "checkpoints.ndjson"


def public() -> list:
    return read_keys(json.dumps(keys.jwk_set()))


# Signing


def test_the_log_is_signed_as_it_stands_once(file):
    make.make_team()
    taken = checkpoints.take()
    assert taken.new and taken.checkpoint.size == Head.objects.get(pk=1).size
    said = read_checkpoint(taken.checkpoint.note)
    assert said.root == tree.state().root and signers(said, public())
    assert not checkpoints.take().new
    assert file.read_text().count("\n") == 1
    assert checkpoints.due() == f"nothing new since {said.size} entries"
    make.make_team()
    assert checkpoints.due() == f"signed {Head.objects.get(pk=1).size} entries"


def test_both_keys_sign_while_one_takes_over_from_the_other(settings, tmp_path):
    settings.SIGNING_KEYS_DIR = tmp_path / "keys"
    now = clock.now()
    old = keys.make(now - timedelta(days=2))
    new = keys.make(now - timedelta(hours=30))
    make.make_team()
    said = read_checkpoint(checkpoints.take().checkpoint.note)
    by_kid = {key.kid: key for key in public()}
    assert signers(said, [by_kid[old.kid]]) == [old.kid]
    assert signers(said, [by_kid[new.kid]]) == [new.kid]
    keys.retire(old.kid, now)
    make.make_team()
    later = read_checkpoint(checkpoints.take().checkpoint.note)
    assert signers(later, checkpoints.known_keys()) == [new.kid]
    # What the old one signed is still known to be ours.
    assert set(signers(said, checkpoints.known_keys())) == {old.kid, new.kid}


def test_a_key_that_is_published_signs_nothing_before_its_time(settings, tmp_path):
    settings.SIGNING_KEYS_DIR = tmp_path / "keys"
    now = clock.now()
    first, early = keys.make(now - timedelta(days=2)), keys.make(now)
    make.make_team()
    said = read_checkpoint(checkpoints.take().checkpoint.note)
    assert signers(said, public()) == [first.kid] != [early.kid]


def test_without_a_key_nothing_is_signed_and_the_page_says_so(settings, tmp_path):
    settings.SIGNING_KEYS_DIR = tmp_path / "none"
    make.make_team()
    with pytest.raises(keys.NoKey):
        checkpoints.take()
    assert checkpoints.attempt() is None
    assert "make_key" in sinks.standing().error
    assert not checkpoints.alarm()


def test_a_signature_is_signed_for_at_once(django_capture_on_commit_callbacks):
    told = story()
    told.give_all()
    told.ask()
    with django_capture_on_commit_callbacks(execute=True):
        told.sign_all()
    last = Entry.objects.filter(event__startswith="promotion.signed_").latest("seq")
    assert checkpoints.covering(last.seq) is not None


# Sinks


def test_a_file_that_was_away_catches_up(file):
    file.parent.mkdir()
    file.parent.chmod(0o500)
    file.mkdir()  # it cannot be written, whoever tries
    make.make_team()
    with pytest.raises(OSError, match="directory"):
        checkpoints.take()
    file.rmdir()
    file.parent.chmod(0o700)
    checkpoints.take()
    assert file.read_text().count("\n") == 1
    file.rename(file.with_suffix(".kept"))
    make.make_team()
    with pytest.raises(checkpoints.Inconsistent, match="was given"):
        checkpoints.take()
    file.with_suffix(".kept").rename(file)
    checkpoints.take()
    assert file.read_text().count("\n") == 2
    assert not checkpoints.alarm()


def test_a_line_that_was_cut_off_spoils_no_other(file):
    make.make_team()
    checkpoints.take()
    with file.open("ab") as torn:
        torn.write(b'{"note":"gateho')
    make.make_team()
    checkpoints.take()
    assert len(list(sinks.notes_in_file())) == 3
    make.make_team()
    assert checkpoints.take().new, "the last line is one of ours again"


def test_what_is_late_is_shown(file, client):
    make.make_team()
    checkpoints.take()
    assert not sinks.standing().troubled
    later = clock.now() + timedelta(minutes=20)
    with clock.at(later):
        assert not sinks.standing().troubled, "nothing happened"
    make.make_team()
    with clock.at(later):
        standing = sinks.standing()
        assert standing.late and standing.unsigned == 1
        client.force_login(make.make_person(make.name("reads"), "auditor"))
        assert b"Nothing has been signed for a while." in client.get("/audit/").content


def test_an_alarm_is_loud(file, client):
    make.make_team()
    checkpoints.take()
    file.write_text("nonsense\n")
    make.make_team()
    assert checkpoints.attempt() is None
    with pytest.raises(health.NotReady, match="no checkpoint of this log"):
        health.PARTS["checkpoints"]()
    auditor = make.make_person(make.name("reads"), "auditor")
    client.force_login(auditor)
    for address in ("/audit/", "/"):
        assert b"The log disagrees with what was signed of it." in client.get(address).content


# The API


def test_proofs_and_checkpoints_are_pulled_and_hold():
    release = make.make_release()
    caller = reader("auditor")
    assert_problem(caller.get("audit/checkpoint/"), 404, "")
    checkpoints.take()
    size = Checkpoint.objects.get().size
    make.make_team()
    checkpoints.take()
    newest = caller.get("audit/checkpoint/").json()
    said = read_checkpoint(newest["note"])
    assert signers(said, public()) and said.root.hex() == newest["root"]
    assert [one.split("+")[0] for one in newest["keys"]] == [said.origin] * len(public())
    text = caller.get("audit/checkpoint/", headers={"Accept": "text/plain"})
    assert text["Content-Type"].startswith("text/plain")
    assert text.content.decode() == newest["note"]
    assert caller.get("audit/checkpoint/", size=size).json()["size"] == size
    pulled = next(one for one in sinks.standing().sinks if one.name == sinks.PULLED)
    assert pulled.size == newest["size"]
    entry = Entry.objects.filter(about=release.key).first()
    proof = caller.get(f"audit/entries/{entry.seq}/proof/").json()
    assert (proof["size"], proof["checkpoint"]) == (newest["size"], newest["note"])
    path = [bytes.fromhex(one) for one in proof["path"]]
    leaf, root = bytes.fromhex(proof["leaf"]), bytes.fromhex(proof["root"])
    assert inclusion_holds(leaf, entry.seq, proof["size"], path, root) and root == said.root
    grown = caller.get("audit/consistency/", first=size, second=newest["size"]).json()
    path = [bytes.fromhex(one) for one in grown["path"]]
    roots = [bytes.fromhex(grown[name]) for name in ("first_root", "second_root")]
    assert consistency_holds(size, newest["size"], path, *roots)


@pytest.mark.parametrize(
    ("path", "asked", "status", "field"),
    [
        ("audit/consistency/", {}, 400, "first"),
        ("audit/consistency/", {"first": "x"}, 400, "first"),
        ("audit/consistency/", {"first": "-1"}, 400, "first"),
        ("audit/consistency/", {"first": 1, "second": 10**9}, 422, "second"),
        ("audit/consistency/", {"first": 2, "second": 1}, 422, "first"),
        ("audit/consistency/", {"first": 1, "third": 1}, 400, "third"),
        ("audit/entries/5/proof/", {"size": 3}, 422, "size"),
        ("audit/entries/5/proof/", {"size": 10**12}, 422, "size"),
        ("audit/checkpoint/", {"size": "many"}, 400, "size"),
    ],
)
def test_what_cannot_be_proved_is_said_in_words(path, asked, status, field):
    make.make_team()
    assert_problem(reader("auditor").get(path, **asked), status, field)


def test_an_entry_that_is_not_seen_is_not_proved():
    make.make_team()
    last = Entry.objects.latest("seq")
    assert_problem(reader("viewer").get(f"audit/entries/{last.seq + 100}/proof/"), 404)


# Receipts


@pytest.fixture
def signature() -> PackagePerson:
    told = story()
    told.give_all()
    told.ask()
    told.sign_all()
    return PackagePerson.objects.filter(kind="signer").latest("pk")


def test_a_signer_takes_the_receipt_home(client, signature):
    client.force_login(signature.person)
    where = f"/promotions/{signature.promotion_id}/signatures/{signature.pk}/"
    answer = client.get(f"{where}receipt/")
    assert answer["Content-Disposition"].endswith('.tlog-proof"')
    record = client.get(where).content
    found = check_receipt(answer.content.decode(), public(), record)
    assert found.exit_code == 0 and len(found.held) == 3
    for before, after in ((b"approve", b"abprove"), (b"sha256:", b"sha256:0")):
        found = check_receipt(answer.content.decode(), public(), record.replace(before, after, 1))
        assert found.exit_code == 1


def test_a_receipt_that_was_touched_does_not_hold(signature):
    entry = Entry.objects.get(row=signature.key)
    text = receipts.receipt(entry.seq)
    assert check_receipt(text, public()).exit_code == 0
    assert check_receipt(text, []).exit_code == 2
    lines = text.split("\n")
    for number, line in enumerate(lines):
        if len(line) < 4 or line.startswith("c2sp"):
            continue
        middle = len(line) // 2
        changed = line[:middle] + ("A" if line[middle] != "A" else "B") + line[middle + 1 :]
        touched = "\n".join([*lines[:number], changed, *lines[number + 1 :]])
        assert check_receipt(touched, public()).exit_code == 1, line


def test_the_receipt_comes_by_mail_too(signature):
    mail.outbox.clear()
    call_command("tick", "--all", verbosity=0)
    sent = [one for one in mail.outbox if one.subject.startswith("Receipt for your signature")]
    ours = [one for one in sent if one.to == [signature.person.email]]
    assert len(ours) == 1
    name, text, _ = ours[0].attachments[0]
    assert name.endswith(".tlog-proof")
    assert check_receipt(text, public()).exit_code == 0


# Exports


@pytest.fixture
def exported(file, tmp_path):
    told = story()
    told.give_all()
    told.ask()
    checkpoints.take()
    told.sign_all()
    call_command("audit_export", str(tmp_path / "export"), verbosity=0)
    (tmp_path / "keys.json").write_text(json.dumps(keys.jwk_set()))
    return tmp_path


def checked(folder, *more: str) -> tuple[int, str]:
    from io import StringIO

    out = StringIO()
    path = str(folder if folder.suffix == ".zip" else folder / "export")
    keys_at = str((folder.parent if folder.suffix == ".zip" else folder) / "keys.json")
    code = main(["export", path, "--keys", keys_at, *more], out)
    return code, out.getvalue()


def test_an_export_is_checked_without_us(exported, file):
    assert checked(exported)[0] == 2, "nothing from elsewhere was given"
    code, said = checked(exported, "--checkpoint", str(file))
    assert code == 0 and "Everything that was checked holds." in said
    assert Entry.objects.filter(event="log.exported").count() == 1
    call_command("audit_export", str(exported / "all.zip"), verbosity=0)
    code, said = checked(exported / "all.zip", "--checkpoint", str(file))
    assert code == 0, said


def edited(name, change):
    def edit(folder):
        path = folder / "export" / name
        path.write_bytes(change(path.read_bytes()))

    return edit


def rewritten(folder):
    """Change an entry and write everything anew that follows from it, but the signatures."""
    import hashlib

    from audit.verify_audit import leaf_hash, push, root_of

    path = folder / "export" / "entries.ndjson"
    data = path.read_bytes().replace(b"Told in a test.", b"Told otherwise.")
    path.write_bytes(data)
    peaks: list[bytes] = []
    for number, line in enumerate(data.splitlines()):
        push(peaks, number, leaf_hash(line))
    manifest_at = folder / "export" / "manifest.json"
    manifest = json.loads(manifest_at.read_text())
    manifest["root"] = f"sha256:{root_of(peaks).hex()}"
    manifest["files"]["entries.ndjson"]["sha256"] = hashlib.sha256(data).hexdigest()
    manifest_at.write_text(json.dumps(manifest))


SPOILT = {
    "a byte of an entry": (
        edited("entries.ndjson", lambda data: data.replace(b"ada", b"eve", 1)),
        "ROOT",
    ),
    "an entry taken out": (
        edited("entries.ndjson", lambda data: b"".join(data.splitlines(True)[1:])),
        "ENTRY_NUMBER",
    ),
    "the end cut off": (
        edited("entries.ndjson", lambda data: b"".join(data.splitlines(True)[:-3])),
        "SHORTENED",
    ),
    "two entries changed places": (
        edited("entries.ndjson", lambda data: b"".join(data.splitlines(True)[::-1])),
        "CHANGE_ORDER",
    ),
    "all written anew": (rewritten, "REWRITTEN"),
    "a checkpoint": (
        edited("checkpoints.ndjson", lambda data: data.replace(b"log\\n", b"log\\n9", 1)),
        "SHORTENED",
    ),
    "no checkpoint": (edited("checkpoints.ndjson", lambda data: b""), "FILE_ALTERED"),
    "the manifest": (edited("manifest.json", lambda data: b"{}"), "MANIFEST"),
    "a file beside": (
        lambda folder: (folder / "export" / "more.txt").write_text("more"),
        "FILE_EXTRA",
    ),
    "a file gone": (lambda folder: (folder / "export" / "README.txt").unlink(), "FILE_MISSING"),
}


@pytest.mark.parametrize("what", SPOILT)
def test_an_export_that_was_touched_does_not_hold(exported, what, file):
    does, code = SPOILT[what]
    does(exported)
    exit_code, said = checked(exported, "--checkpoint", str(file))
    assert exit_code == 1 and code in said, said


def test_a_folder_that_is_not_empty_is_left_alone(exported):
    from django.core.management import CommandError

    with pytest.raises(CommandError, match="not empty"):
        call_command("audit_export", str(exported / "export"), verbosity=0)


# Reviews of the trail


def test_a_review_of_the_trail_is_part_of_it(client):
    make.make_team()
    auditor = make.make_person(make.name("reads"), "auditor")
    client.force_login(auditor)
    given = {"first_seq": 0, "last_seq": 3, "outcome": "in_order", "findings": "Read all."}
    answer = client.post("/audit/review/", {**given, "reason": "Monthly."})
    assert answer.status_code == 302
    made = AuditReview.objects.get()
    assert made.root == f"sha256:{tree.root_at(4).hex()}"
    assert Entry.objects.get(row=made.key).event == "trail.reviewed"
    assert "Read all." in client.get("/audit/").content.decode()
    answer = client.post("/audit/review/", {**given, "last_seq": 10**6, "reason": "Too far."})
    assert answer.status_code == 422 and b"The log ends at entry" in answer.content


def test_nobody_else_reviews_it():
    from audit.refusals import NotAllowed

    make.make_team()
    for role, team in (("administrator", None), ("auditor", make.make_team())):
        person = make.make_person(make.name("no"), role, team=team)
        with pytest.raises(NotAllowed):
            transitions.review_trail(
                0, 1, outcome="in_order", findings="x", actor=person, reason="x"
            )


# Browsing


def test_the_log_is_narrowed_by_each_filter(client):
    auditor = make.make_person(make.name("reads"), "auditor")
    client.force_login(auditor)
    team = make.make_team()
    entry = Entry.objects.filter(row=team.key).get()
    actor = entry.change.actor_name
    at = entry.change.at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    make.save(Team, {"name": "Renamed"}, pk=team.pk, actor=make.admin())
    for given in (
        {"row": team.key},
        {"change": str(entry.change_id)},
        {"event": "team.created", "actor": actor},
        {"actor": actor, "to": at},
        {"from": at, "to": at},
    ):
        answer = client.get("/audit/", given)
        assert answer.status_code == 200 and f"#{entry.seq}<" in answer.content.decode(), given
    assert b"No entry is like this." in client.get("/audit/", {"from": "2999-01-01T00:00Z"}).content
    for given in ({"row": "x"}, {"change": "x"}, {"from": "yesterday"}, {"actor": "nobody"}):
        assert client.get("/audit/", given).status_code == 400


def test_pages_of_the_log_meet_every_entry_once(client, monkeypatch):
    from portal.trail import finding

    monkeypatch.setattr(finding, "PAGE", 7)
    for filters in (finding.Filters(), finding.Filters(actor=make.admin().pk)):
        make.make_release()
        seen, before = [], ""
        while True:
            rows, following = finding.page(filters, before)
            seen += [row.seq for row in rows]
            if following is None:
                break
            before = str(following)
        wanted = Entry.objects.order_by("-seq")
        if filters.actor:
            wanted = wanted.filter(change__actor_id=filters.actor)
        assert seen == list(wanted.values_list("seq", flat=True))


def test_an_entry_shows_its_proof_and_its_very_bytes(client):
    make.make_release()
    checkpoints.take()
    client.force_login(make.make_person(make.name("reads"), "auditor"))
    last = checkpoints.latest().size - 1
    page = client.get(f"/audit/entries/{last}/").content.decode()
    assert "This entry is in the log that was signed." in page
    assert bytes(Entry.objects.get(pk=last).leaf).hex() in page
    newest = Entry.objects.latest("seq").seq
    assert "no checkpoint covers it yet" in client.get(f"/audit/entries/{newest}/").content.decode()
