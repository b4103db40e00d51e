"""Evidence packs: what is in one, that it is checked without us, and that nothing slips by."""

import io
import json
import re
import shutil
import subprocess
import zipfile
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.test import Client

from audit import Refused, checkpoints, clock, keys, receipts, tree
from audit.models import Entry
from audit.refusals import NotAllowed
from audit.rules import canonical
from audit.verify_audit import Receipt, leaf_hash, main, read_receipt, receipt_text
from audit.verifying import verify
from evidence import storage
from evidence import transitions as evidence
from registry.models import Provider
from registry.roles import Role
from registry.visibility import SEES_ALL
from runtime import transitions
from runtime.models import EvidencePack
from runtime.packs import report
from runtime.packs.asking import NotTheSame, again
from runtime.packs.building import Subject, read_as_of, settled
from runtime.packs.transitions import record
from tests import make
from tests.api.reading import assert_problem
from tests.audit.losing import confirm, declare, lost, two
from tests.audit.test_tampering import forge_signature
from tests.gates.stories import WHY, story
from tests.runtime.stories import generations, next_release, operator, place

pytestmark = pytest.mark.django_db


@pytest.fixture
def told():
    """A release that was approved on evidence with files, and runs; a signer kept a receipt."""
    told = story()
    files = [
        SimpleUploadedFile("scores.txt", b"All good.\n"),
        SimpleUploadedFile("b.csv", b"a,b\n"),
    ]
    told.safety = told.give("safety_check", files=files)
    told.give_all(without=("safety_check",))
    told.ask()
    told.promotion = told.sign_all()
    checkpoints.take()
    signed = Entry.objects.filter(event__startswith="promotion.signed_").last()
    told.kept = receipts.receipt(signed.seq)
    place(told)
    return told


@pytest.fixture
def auditor(told):
    return make.make_person(make.name("auditor"), Role.AUDITOR)


def built(subject: Subject, reader=SEES_ALL, as_of=None, **options):
    """Return (settled pack, its bytes)."""
    pack = settled(subject, reader, read_as_of(as_of), **options)
    with pack.bundle:
        return pack, b"".join(pack.bundle.stream())


def unpacked(data: bytes, folder: Path) -> Path:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        archive.extractall(folder)
    return folder


def read(folder: Path, name: str):
    return json.loads((folder / name).read_text())


def test_a_pack_tells_what_its_log_lost(
    told, auditor, settings, tmp_path, django_capture_on_commit_callbacks
):
    settings.CHECKPOINT_FILE = str(tmp_path / "away" / "checkpoints.ndjson")
    admin, owner = two()
    checkpoints.take()
    with lost():
        make.make_release()
        gone = checkpoints.take().checkpoint.note
    with django_capture_on_commit_callbacks(execute=True):
        confirm(declare(admin), owner)
    checkpoints.take()
    _, data = built(Subject(promotion=told.promotion), auditor)
    (tmp_path / "pack.zip").write_bytes(data)
    (tmp_path / "gone.txt").write_text(gone)
    (tmp_path / "keys.json").write_text(json.dumps(keys.jwk_set()))
    (tmp_path / "old.tlog-proof").write_text(told.kept)
    given = [tmp_path / "pack.zip", "--keys", tmp_path / "keys.json"]
    given += ["--checkpoint", tmp_path / "gone.txt", "--checkpoint", tmp_path / "old.tlog-proof"]
    code, said = checked(*map(str, given))
    assert "DOES NOT" not in said and f"declared by {admin.username}" in said, said
    assert "gone.txt" in said and "belongs to the part lost" in said
    assert "goes on from the checkpoint of" in said  # the one before the loss
    # Without the entries that tell of it, it is no pack of this log.
    names = json.loads(zipfile.ZipFile(io.BytesIO(data)).read("manifest.json"))
    assert names["origin"].endswith("/epoch-2")
    folder = unpacked(data, tmp_path / "silent")
    entries = (folder / "log/entries.ndjson").read_bytes().splitlines()
    (place,) = [place for place, one in enumerate(entries) if b'"loss.confirmed"' in one]
    for name in ("log/entries.ndjson", "log/proofs.ndjson"):
        lines = (folder / name).read_bytes().splitlines(keepends=True)
        (folder / name).write_bytes(b"".join(lines[:place] + lines[place + 1 :]))
    code, said = checked(str(folder), "--keys", str(tmp_path / "keys.json"))
    assert code == 1 and "part 2 of the log's life" in said, said


def checked(path: Path, *more: str) -> tuple[int, str]:
    out = io.StringIO()
    return main(["pack", str(path), *more], out), out.getvalue()


@pytest.fixture
def taken(told, auditor, tmp_path):
    """A pack as its auditor has it at home: unpacked, with receipt, keys and an old receipt."""
    pack, data = built(Subject(promotion=told.promotion), auditor)
    row = record(pack, actor=auditor, reason=WHY)
    client = signed_in(auditor)
    for name, door in (("pack.tlog-proof", "receipt"), ("joined.json", "consistency")):
        answer = client.get(f"{row.get_absolute_url()}{door}/")
        (tmp_path / name).write_bytes(answer.content)
    (tmp_path / "old.tlog-proof").write_text(told.kept)
    (tmp_path / "keys.json").write_text(json.dumps(keys.jwk_set()))
    (tmp_path / "pack.zip").write_bytes(data)
    unpacked(data, tmp_path / "pack")
    return tmp_path


def whole(taken: Path) -> list[str]:
    return [
        *("--keys", str(taken / "keys.json"), "--receipt", str(taken / "pack.tlog-proof")),
        *("--consistency", str(taken / "joined.json")),
        *("--checkpoint", str(taken / "old.tlog-proof")),
    ]


def test_a_pack_is_checked_without_us(told, taken):
    code, said = checked(taken / "pack.zip", *whole(taken))
    assert code == 0, said
    assert "Everything that was checked holds." in said
    signed = told.promotion.people.get(kind="signer")
    assert f"{signed.printed_name} signed {signed.package_digest}" in said
    assert "was approved with every signature wanted: reviewer:1." in said
    assert checked(taken / "pack", *whole(taken))[0] == 0, "unpacked it is the same"
    for left_out in ("--receipt", "--checkpoint", "--consistency"):
        given = whole(taken)
        place_of = given.index(left_out)
        code, said = checked(taken / "pack", *given[:place_of], *given[place_of + 2 :])
        assert code == 2 and left_out in said, "what was not given is said"
    # A newer checkpoint, which the pack cannot know of, is joined by an answer of the API.
    make.make_team()
    checkpoints.take()
    newest = checkpoints.latest()
    (taken / "newest.txt").write_text(newest.note)
    given = [*whole(taken), "--checkpoint", str(taken / "newest.txt")]
    code, said = checked(taken / "pack", *given)
    assert code == 2 and f"second={newest.size}" in said
    first = int(re.findall(rf"first=([0-9]+)&second={newest.size}", said)[0])
    path = [one.hex() for one in tree.consistency(first, newest.size).path]
    answer = {"first": first, "second": newest.size, "path": path}
    (taken / "newest.json").write_text(json.dumps(answer))
    given += ["--consistency", str(taken / "newest.json")]
    assert checked(taken / "pack", *given)[0] == 0
    (taken / "newest.json").write_text(json.dumps({**answer, "path": [path[0], *path]}))
    assert checked(taken / "pack", *given)[0] == 1
    ran = subprocess.run(
        ["sha256sum", "--check", "--strict", "SHA256SUMS"], cwd=taken / "pack", capture_output=True
    )
    assert ran.returncode == 0, ran.stdout
    assert verify("record").found == []


def test_it_tells_what_was_approved_on_what_and_where_it_ran(told, taken):
    said = read(taken / "pack", "documents/promotion.json")
    digest = told.promotion.decided_package.digest
    assert (said["id"], said["state"], said["package"]) == (told.promotion.pk, "approved", digest)
    assert said["approval"]["holds"] and said["approval"]["endpoints"] == [told.endpoint.slug]
    [signed] = read(taken / "pack", "documents/signatures.json")
    assert signed["on_the_package_shown"] and signed["meaning"]["sentence"] and signed["reason"]
    items = {one["title"]: one for one in read(taken / "pack", "documents/evidence.json")["items"]}
    safety = items[told.safety.title]
    assert safety["rests"] == ["sandbox.safety_checks"] and safety["state"] == "holds"
    for file in safety["files"]:
        data = (taken / "pack" / file["path"]).read_bytes()
        assert sha256(data).hexdigest() == file["sha256"]
    statuses = read(taken / "pack", "documents/findings.json")
    for moment in ("at_decision", "as_of"):
        assert {one["status"] for one in statuses[moment]["findings"]} == {"met"}, moment
    [offer] = read(taken / "pack", "documents/ran.json")["deployments"]
    assert offer["endpoint"] == told.endpoint.slug and offer["removed_at"] is None
    assert offer["from_generation"] is not None
    kinds = {one["kind"] for one in read(taken / "pack", "documents/lineage.json")["nodes"]}
    assert "Model version" in kinds and any(one.startswith("Dataset") for one in kinds)
    history = read(taken / "pack", "documents/history.json")
    assert {"promotion.approved", "evidenceitem.given"} & {one["event"] for one in history}
    html = (taken / "pack" / "report.html").read_text()
    assert digest in html and told.safety.title in html and "Nothing was left out." in html
    assert "<script" not in html and "http://" not in html.replace("http://www.w3.org", "")


def test_the_same_instant_gives_the_same_bytes_whatever_came_later(told, auditor):
    subject, as_of = Subject(promotion=told.promotion), read_as_of(None)
    first, data = built(subject, auditor, as_of)
    before = generations(told.environment)
    row = record(first, actor=auditor, reason=WHY)
    assert generations(told.environment) == before, "a pack changes nothing that runs"
    # What comes later: evidence, a withdrawal, another release, and the deployment is taken out.
    told.give("data_boundary")
    evidence.withdraw(told.safety.pk, actor=told.contributor, reason=WHY)
    deployment = told.release.deployments.get()
    transitions.remove(deployment.pk, actor=operator(told), reason=WHY)
    next_release(told)
    maker = told.release.model_version.maker
    make.save(Provider, {"name": "Renamed since"}, pk=maker.pk, actor=make.admin())
    checkpoints.take()
    later, after = built(subject, auditor, as_of)
    assert later.manifest == first.manifest and after == data
    assert record(later, actor=auditor, reason=WHY) == row, "and there is no second entry"
    assert Entry.objects.filter(event="evidencepack.built").count() == 1
    newer, _ = built(subject, auditor)
    assert newer.manifest != first.manifest


def test_what_cannot_be_handed_out_is_named(told, auditor, settings, tmp_path):
    settings.EVIDENCE_SCAN_COMMAND = ["/bin/true"]
    pack, data = built(Subject(promotion=told.promotion))
    assert len(pack.left_out) == 2 and all("until it is scanned" in o["why"] for o in pack.left_out)
    settings.EVIDENCE_SCAN_COMMAND = []
    lost, altered = told.safety.files.order_by("pk")
    kept = storage.storage()
    Path(kept.path(storage.path_of(lost.sha256))).unlink()
    Path(kept.path(storage.path_of(altered.sha256))).write_bytes(b"x,y\n")
    as_of = read_as_of(None)
    pack, data = built(Subject(promotion=told.promotion), auditor, as_of)
    assert [one["why"] for one in pack.left_out] == [
        "Its bytes are lost.",
        "The bytes kept under its digest are other bytes.",
    ]
    folder = unpacked(data, tmp_path / "pack")
    assert {one["sha256"] for one in read(folder, "manifest.json")["left_out"]} == {
        lost.sha256,
        altered.sha256,
    }
    assert "not in this pack" in (folder / "report.html").read_text()
    (tmp_path / "keys.json").write_text(json.dumps(keys.jwk_set()))
    code, said = checked(folder, "--keys", str(tmp_path / "keys.json"))
    assert code == 2 and "Left out, and said so" in said, said
    # Recorded, and mended since: what would be handed out is not what entry and receipt name.
    row = record(pack, actor=auditor, reason=WHY)
    Path(kept.path(storage.path_of(altered.sha256))).write_bytes(b"a,b\n")
    with pytest.raises(NotTheSame, match="Build a new one"):
        again(row)


def test_whoever_sees_less_gets_less_and_nobody_else_gets_theirs(told, auditor):
    reviewer = told.signer(Role.REVIEWER)
    pack, data = built(Subject(promotion=told.promotion), reviewer)
    assert data == built(Subject(promotion=told.promotion), auditor, pack.view.at)[1]
    row = record(pack, actor=reviewer, reason=WHY)
    colleague = make.make_person(make.name("colleague"), Role.REVIEWER, team=told.use_case.team)
    assert signed_in(colleague).get(row.get_absolute_url()).status_code == 404
    assert signed_in(auditor).get(row.get_absolute_url()).status_code == 200
    stranger = make.make_person(make.name("stranger"), Role.REVIEWER, team=make.make_team())
    with pytest.raises(NotAllowed):
        record(pack, actor=stranger, reason=WHY)
    environment, since = told.environment, told.promotion.created_at
    less, _ = built(Subject(environment=environment, since=since), stranger)
    assert [one["what"] for one in less.left_out] == ["1 promotions"]
    assert not [name for name in less.bundle.files if name.startswith(("snapshots/", "packages/"))]


def signed_in(person) -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(person)
    return client


def api(person, path: str):
    headers = {"Authorization": f"Bearer {make.make_token(person)}"}
    return Client(raise_request_exception=False).get(f"/api/v1/{path}", headers=headers)


def test_it_is_asked_for_on_the_page_which_tells_how_far_it_is(told, auditor):
    client, at = signed_in(auditor), f"/promotions/{told.promotion.pk}/"
    assert f"{at}pack/" in client.get(at).content.decode()
    asked = client.get(f"{at}pack/").content.decode()
    assert "2 evidence files" in asked
    future = (clock.now() + timedelta(days=1)).isoformat().replace("+00:00", "Z")
    answer = client.post(f"{at}pack/", {"reason": WHY, "as_of": future})
    assert answer.status_code == 422 and "lies in the future" in answer.content.decode()
    answer = client.post(f"{at}pack/", {"reason": WHY})
    text = b"".join(answer.streaming_content).decode()
    assert "files read" in text and "It is built, and recorded." in text and "</html>" in text
    row = EvidencePack.objects.get()
    assert (row.built_by, row.left_out) == (auditor, 0)
    entry = Entry.objects.get(event="evidencepack.built")
    assert (entry.about, json.loads(entry.body)["facts"]["manifest"]) == (
        told.promotion.key,
        row.manifest,
    )
    assert json.loads(entry.body)["via"] == "session"
    shown = client.get(row.get_absolute_url()).content.decode()
    assert row.manifest in shown
    answer = client.get(f"{row.get_absolute_url()}download/")
    data = b"".join(answer.streaming_content)
    assert len(data) == row.size == int(answer["Content-Length"])
    assert answer["Evidence-Pack"] == row.manifest
    assert zipfile.ZipFile(io.BytesIO(data)).testzip() is None
    assert client.get(f"{row.get_absolute_url()}receipt/").content.startswith(b"c2sp.org")
    # Of before it was there, the page says so in its list and nothing is recorded.
    before = told.release.change.at.isoformat().replace("+00:00", "Z")
    answer = client.post(f"{at}pack/", {"reason": WHY, "as_of": before})
    assert "was not asked for by then" in b"".join(answer.streaming_content).decode()
    assert EvidencePack.objects.count() == 1


def test_machines_get_it_at_once(told, auditor):
    as_of = read_as_of(None).isoformat().replace("+00:00", "Z")
    path = f"promotions/{told.promotion.pk}/pack/"
    answer = api(auditor, f"{path}?as_of={as_of}")
    data = b"".join(answer.streaming_content)
    assert b"".join(api(auditor, f"{path}?as_of={as_of}").streaming_content) == data
    row = EvidencePack.objects.get()
    assert answer["Evidence-Pack"] == row.manifest and f"packs/{row.pk}/receipt/" in answer["Link"]
    assert api(auditor, "packs/").json()["results"][0]["manifest"] == row.manifest
    assert api(auditor, f"packs/{row.pk}/receipt/").content.startswith(b"c2sp.org")
    for query, field in (("?as_of=noon", "as_of"), ("?pdf=maybe", "pdf"), ("?x=1", "x")):
        assert_problem(api(auditor, f"{path}{query}"), 400, field)
    environment = f"environments/{told.environment.slug}/pack/"
    assert_problem(api(auditor, environment), 400, "since")
    assert_problem(api(auditor, f"packs/?promotion={10**20}"), 400, "promotion")
    assert_problem(api(auditor, f"{environment}?since={as_of}&as_of={as_of}"), 422, "since")


def test_an_environment_over_a_period(told, auditor, tmp_path):
    since = told.promotion.decided_at
    replaced = next_release(told)
    place(replaced)
    subject = Subject(environment=told.environment, since=since)
    as_of = read_as_of(None)
    pack, data = built(subject, auditor, as_of)
    row = record(pack, actor=auditor, reason=WHY)
    place_of = {"--since": since, "--as-of": as_of}
    given = [part for name, at in place_of.items() for part in (name, at.isoformat()[:26] + "Z")]
    path, receipt, given_again = tmp_path / "e.zip", tmp_path / "e.tlog-proof", given
    joined = tmp_path / "e.consistency.json"
    call_command(
        *("evidence_pack", "environment", told.environment.slug, str(path), *given),
        *("--receipt", str(receipt), "--consistency", str(joined)),
        stderr=io.StringIO(),
    )
    assert path.read_bytes() == data, "the command makes the same bytes"
    assert EvidencePack.objects.exclude(pk=row.pk).get().built_by is None
    folder = unpacked(data, tmp_path / "pack")
    ran = read(folder, "documents/generations.json")
    assert ran[0]["before_the_period"] and len(ran[-1]["offered"]) == 2
    assert [one["id"] for one in read(folder, "documents/promotions.json")] == [
        told.promotion.pk,
        replaced.promotion.pk,
    ]
    (tmp_path / "keys.json").write_text(json.dumps(keys.jwk_set()))
    given = ("--keys", str(tmp_path / "keys.json"), "--receipt", str(receipt))
    code, said = checked(path, *given)
    assert code == 2 and "DOES NOT" not in said, said
    assert "Nothing joins" in said and "records this very pack" not in said
    _, said = checked(path, *given, "--consistency", str(joined))
    assert "Nothing joins" not in said and "records this very pack" in said
    entries = Entry.objects.filter(event="evidencepack.built").count()
    for wrong, said in (
        (("promotion", "\u00b2", str(tmp_path / "x.zip")), "no promotion"),
        (("environment", told.environment.slug, str(path), *given_again), "File exists"),
        (
            (
                *("environment", told.environment.slug, str(tmp_path / "x.zip")),
                *("--since", "2999-01-01T00:00:00Z"),
            ),
            "It begins where it ends",
        ),
    ):
        with pytest.raises(CommandError, match=said):
            call_command("evidence_pack", *wrong, stderr=io.StringIO())
    assert Entry.objects.filter(event="evidencepack.built").count() == entries
    assert not (tmp_path / "x.zip").exists() and path.read_bytes() == data
    with pytest.raises(CommandError, match="no environment nowhere"):
        call_command("evidence_pack", "environment", "nowhere", str(tmp_path / "x.zip"))


def test_the_report_is_pdf_too_where_the_extra_is_installed(told, auditor, monkeypatch):
    client = signed_in(auditor)
    at = f"/promotions/{told.promotion.pk}/pack/"
    assert "disabled" not in client.get(at).content.decode().split('name="pdf"')[1][:80]
    as_of = read_as_of(None)
    _, data = built(Subject(promotion=told.promotion), as_of=as_of, with_pdf=True)
    pdf = zipfile.ZipFile(io.BytesIO(data)).read("report.pdf")
    assert pdf.startswith(b"%PDF") and pdf.rstrip().endswith(b"%%EOF")
    assert built(Subject(promotion=told.promotion), as_of=as_of, with_pdf=True)[1] == data
    monkeypatch.setattr(report, "has_pdf", lambda: False)
    assert "Pango" in client.get(at).content.decode()
    with pytest.raises(Refused, match="libpango"):
        built(Subject(promotion=told.promotion), with_pdf=True)


# Tampering: each is done to a copy, by somebody who makes sums and manifest anew


def mended(folder: Path) -> None:
    """Make `SHA256SUMS` and `manifest.json` right again, as whoever tampers would."""
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text())
    names = [one.relative_to(folder).as_posix() for one in folder.rglob("*") if one.is_file()]
    files = {}
    for name in sorted(set(names) - {"manifest.json", "SHA256SUMS"}):
        data = (folder / name).read_bytes()
        files[name] = {"sha256": sha256(data).hexdigest(), "bytes": len(data)}
    sums = "".join(f"{one['sha256']}  {name}\n" for name, one in files.items()).encode()
    (folder / "SHA256SUMS").write_bytes(sums)
    files["SHA256SUMS"] = {"sha256": sha256(sums).hexdigest(), "bytes": len(sums)}
    path.write_text(json.dumps({**manifest, "files": files}))


def replaced(name: str, old: bytes, new: bytes):
    def tamper(folder: Path) -> None:
        path = next(folder.glob(name))
        data = path.read_bytes()
        assert old in data, name
        path.write_bytes(data.replace(old, new, 1))

    return tamper


def without_last_line(name: str):
    def tamper(folder: Path) -> None:
        lines = (folder / name).read_bytes().splitlines(keepends=True)
        (folder / name).write_bytes(b"".join(lines[:-1]))

    return tamper


def swapped_lines(folder: Path) -> None:
    path = folder / "log/entries.ndjson"
    first, second, *rest = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([second, first, *rest]))


def without_file(folder: Path) -> None:
    next(folder.glob("evidence/*/1-*")).unlink()


def swapped_evidence(folder: Path) -> None:
    """Give one item's file the bytes of another file, and the other way round."""
    one = next(folder.glob("evidence/*/1-*"))
    item = next(folder.glob("packages/*"))
    data = one.read_bytes()
    one.write_bytes(item.read_bytes())
    item.write_bytes(data)


def other_item(folder: Path) -> None:
    """Put the word on one item in the place of another."""
    first, second, *_ = sorted(folder.glob("evidence/*/item.json"))
    data = first.read_bytes()
    first.write_bytes(second.read_bytes())
    second.write_bytes(data)


def without_package(folder: Path) -> None:
    next(folder.glob("packages/*")).unlink()


def with_file(folder: Path) -> None:
    (folder / "evidence/another.txt").write_text("It is all fine.")


def without_rows(folder: Path, *nouns: str) -> None:
    """Take rows of these nouns out, with their entries and the proofs of those."""
    log = folder / "log"
    lines = {name: (log / name).read_bytes().splitlines(True) for name in LOG}
    numbers = {
        one["seq"]
        for line in lines["entries.ndjson"]
        if (one := json.loads(line))["row"].partition(":")[0] in nouns
    }
    for name, kept in lines.items():
        (log / name).write_bytes(
            b"".join(line for line in kept if json.loads(line)["seq"] not in numbers)
        )


LOG = ("entries.ndjson", "proofs.ndjson", "rows.ndjson")


def without_signature(folder: Path) -> None:
    without_rows(folder, "gates.packageperson")


def without_items(folder: Path) -> None:
    """Take all evidence out, as if none had been given."""
    without_rows(folder, "evidence.evidenceitem", "evidence.evidencefile")
    shutil.rmtree(folder / "evidence")


def without_gates(folder: Path) -> None:
    without_rows(folder, "gates.gateversion")
    shutil.rmtree(folder / "gates")


def renamed_log(folder: Path) -> None:
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["log"]["size"] += 1
    path.write_text(json.dumps(manifest))


TAMPERINGS = [
    ("evidence changed", replaced("evidence/*/1-*", b"good", b"evil"), "NOT_ANCHORED"),
    ("evidence taken out", without_file, "EVIDENCE_MISSING"),
    ("evidence put in", with_file, "NOT_ANCHORED"),
    ("evidence for a package", swapped_evidence, "NOT_ANCHORED"),
    ("one item for another", other_item, "NOT_ANCHORED"),
    ("what was signed taken out", without_package, "PACKAGE_MISSING"),
    ("signatures taken out", without_signature, "QUORUM"),
    ("evidence taken out with its rows", without_items, "EVIDENCE_MISSING"),
    ("gates taken out with their rows", without_gates, "GATE_MISSING"),
    ("package changed", replaced("packages/*", b"sandbox", b"SANDBOX"), "NOT_ANCHORED"),
    ("release changed", replaced("releases/*", b"parameters", b"parametres"), "NOT_ANCHORED"),
    ("policy of the gate changed", replaced("gates/*", b"slots", b"SLOTS"), "NOT_ANCHORED"),
    ("row changed", replaced("log/rows.ndjson", b"approve", b"reject_"), "ROW"),
    ("entry changed", replaced("log/entries.ndjson", b"Told in", b"Told of"), "NOT_INCLUDED"),
    ("entries swapped", swapped_lines, "NOT_INCLUDED"),
    ("entry dropped", without_last_line("log/entries.ndjson"), "NOT_INCLUDED"),
    ("proof dropped", without_last_line("log/proofs.ndjson"), "NOT_INCLUDED"),
    ("proof changed", replaced("log/proofs.ndjson", b'"path":["', b'"path":["00'), "NOT_INCLUDED"),
    ("checkpoint changed", replaced("log/checkpoint.txt", b"/log\n", b"/log\n1"), "SIGNATURE"),
    ("log named otherwise", renamed_log, "MANIFEST"),
    ("report changed", replaced("report.html", b"approved", b"rejected"), "NOT_THIS_PACK"),
    (
        "document changed",
        replaced("documents/signatures.json", b'"verdict":"approve"', b'"verdict":"reject_"'),
        "NOT_THIS_PACK",
    ),
    ("instructions changed", replaced("README.txt", b"KEYS", b"keys"), "NOT_THIS_PACK"),
    (
        "another beginning of the log",
        replaced("log/consistency.ndjson", b'"path":["', b'"path":["00'),
        "REWRITTEN",
    ),
]


def test_what_was_touched_does_not_hold(taken):
    whole_pack = whole(taken)
    for what, tamper, code in TAMPERINGS:
        for mend in (False, True):
            folder = taken / "touched"
            shutil.rmtree(folder, ignore_errors=True)
            shutil.copytree(taken / "pack", folder)
            tamper(folder)
            if mend:
                mended(folder)
            exit_code, said = checked(folder, *whole_pack)
            assert exit_code == 1, f"{what}, mended: {mend}: {said}"
            if mend:
                assert code in said and "FILE_ALTERED" not in said, f"{what}: {said}"


def test_a_pack_of_a_forged_approval_says_so(tmp_path):
    """Who runs our code past the verbs has log, root and receipt in order, and no quorum."""
    told = story("production")
    told.give_all()
    asked = told.ask()
    forge_signature(told, asked, told.signer(Role.RISK_OWNER), decide=True)
    checkpoints.take()
    _, data = built(Subject(promotion=asked))
    (tmp_path / "pack.zip").write_bytes(data)
    (tmp_path / "keys.json").write_text(json.dumps(keys.jwk_set()))
    code, said = checked(tmp_path / "pack.zip", "--keys", str(tmp_path / "keys.json"))
    assert code == 1 and "QUORUM" in said and "reviewer:1" in said, said
    assert said.count("DOES NOT") == 1, "all else is in form"


def test_a_receipt_of_a_log_made_for_it_records_nothing(taken):
    """Whoever holds the key signs a log of one entry, which records a pack that was touched."""
    folder = taken / "pack"
    replaced("report.html", b"approved", b"rejected")(folder)
    mended(folder)
    manifest = f"sha256:{sha256((folder / 'manifest.json').read_bytes()).hexdigest()}"
    honest = read_receipt((taken / "pack.tlog-proof").read_text())
    body = json.loads(honest.body)
    body |= {"seq": 0, "facts": {**body["facts"], "manifest": manifest}}
    forged = canonical(body)
    note = checkpoints.sign_note(checkpoints.name(), 1, leaf_hash(forged), clock.now())
    text = receipt_text(Receipt(forged, 0, [], note))
    (taken / "pack.tlog-proof").write_text(text)
    code, said = checked(folder, *whole(taken))
    assert code == 2 and "records this very pack" not in said, said
    joined = json.loads((taken / "joined.json").read_text())
    (taken / "joined.json").write_text(
        json.dumps({**joined, "first": 1, "second": joined["first"]})
    )
    code, said = checked(folder, *whole(taken))
    assert code == 1 and "REWRITTEN" in said and "records this very pack" not in said, said


def test_an_archive_that_was_touched_does_not_hold(taken):
    data = bytearray((taken / "pack.zip").read_bytes())
    at = data.index(b"All good.\n")
    data[at] ^= 1
    (taken / "flipped.zip").write_bytes(data)
    code, said = checked(taken / "flipped.zip", *whole(taken))
    assert code == 1 and "FILE_ALTERED" in said
    (taken / "cut.zip").write_bytes(bytes(data[: len(data) // 2]))
    assert checked(taken / "cut.zip", *whole(taken))[0] in (1, 2)
    shutil.copy(taken / "pack.zip", taken / "twice.zip")
    with pytest.warns(UserWarning, match="Duplicate"):
        with zipfile.ZipFile(taken / "twice.zip", "a") as archive:
            archive.writestr("report.html", "Another report.")
    code, said = checked(taken / "twice.zip", *whole(taken))
    assert code == 1 and "FILE_TWICE" in said
    # The receipt of another entry is none of the pack's.
    given = whole(taken)
    given[3] = str(taken / "old.tlog-proof")
    assert checked(taken / "pack.zip", *given)[0] == 1
    assert checked(taken / "nowhere.zip", *whole(taken))[0] == 1
