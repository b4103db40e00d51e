"""Tampering with all that a record is made of, by plain SQL and on disk: each way has its name.

One record is told for all of them: an approval with its evidence, signed checkpoints, and the file
that they went to. Each tampering is undone after its test. What evidence files are put through
stands in `tests/evidence/test_verifying.py`, and records in `tests/runtime/test_records.py`.
"""

import json
from collections.abc import Callable

import pytest
from django.conf import settings
from django.db import connection, transaction

from audit import change, checkpoints, proofs, sinks, triggers
from audit.models import Change, Checkpoint, Entry, Head
from audit.rules import canonical, digest, leaf_hash
from audit.verifying import verify
from gates.models import Challenge, Package, PackagePerson, Promotion
from registry.roles import Role
from tests import make
from tests.gates.stories import Story, story

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("sink")


@pytest.fixture(scope="module")
def told(django_db_setup, django_db_blocker, folder) -> Story:
    with django_db_blocker.unblock(), transaction.atomic():
        connection.atomic_blocks[-1]._from_testcase = True
        settings.CHECKPOINT_FILE = str(folder / "checkpoints.ndjson")
        told = story("production", grants=[(make.make_tool_scope(), "none")])
        told.give_all()
        told.ask()
        checkpoints.take()
        told.approved = told.sign_all()
        while Head.objects.get(pk=1).size < 300:
            make.make_release()
        checkpoints.take()
        yield told
        settings.CHECKPOINT_FILE = ""
        transaction.set_rollback(True)


@pytest.fixture
def asleep(told):
    """Whoever owns the tables can put the triggers to sleep."""
    if connection.vendor == "sqlite":
        triggers.lift()
        yield
        triggers.install()
    else:
        sql("SET session_replication_role = replica")
        yield
        sql("SET session_replication_role = origin")


@pytest.fixture
def undone(folder):
    """What a tampering does on disk is put back after it."""
    kept = {path: path.read_bytes() for path in folder.iterdir()}
    yield
    for path, data in kept.items():
        path.write_bytes(data)


def sql(statement: str, *values) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)


def codes() -> set[str]:
    return {one.code for one in verify("record").found} - {"TRIGGER"}


def test_the_honest_record_is_clean(told):
    assert Checkpoint.objects.count() == 2
    assert verify("record").found == []


# The log and the tree


def rehash(edit: Callable[[dict], None] = lambda body: None, keep: int | None = None) -> None:
    """Write the whole log anew, so that it agrees with itself: what only a checkpoint shows."""
    peaks: list[bytes] = []
    nodes = {}
    for entry in Entry.objects.order_by("seq"):
        if keep is not None and entry.seq >= keep:
            sql("DELETE FROM audit_entry WHERE seq = %s", entry.seq)
            continue
        body = json.loads(entry.body)
        edit(body)
        text = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        leaf = leaf_hash(text.encode())
        nodes.update(proofs.pushed(peaks, entry.seq, leaf))
        sql("UPDATE audit_entry SET body = %s, leaf = %s WHERE seq = %s", text, leaf, entry.seq)
    for (level, index), node in nodes.items():
        sql('UPDATE audit_node SET hash = %s WHERE level = %s AND "index" = %s', node, level, index)
    size = Entry.objects.count()
    said = " ".join(peak.hex() for peak in peaks)
    sql("UPDATE audit_head SET size = %s, peaks = %s", size, said)


def another_reason():
    first = Change.objects.order_by("number").first()
    sql("UPDATE audit_change SET reason = 'Another.' WHERE number = %s", first.number)

    def edit(body):
        if body["number"] == first.number:
            body["reason"] = "Another."

    rehash(edit)


def the_end_cut_off():
    rehash(keep=Checkpoint.objects.latest("size").size - 1)


LAST = "(SELECT max(id) FROM audit_checkpoint)"
LOG: dict[str, tuple[str | Callable, str]] = {
    "every hash written anew over another reason": (another_reason, "LOG_REWRITTEN"),
    "the end cut off and the head put back": (the_end_cut_off, "LOG_SHORTENED"),
    "a stored subtree replaced": (
        "UPDATE audit_node SET hash = (SELECT leaf FROM audit_entry WHERE seq = 1)",
        "NODE_ALTERED",
    ),
    "a stored subtree taken out": ("DELETE FROM audit_node", "NODE_MISSING"),
    "a checkpoint rewritten": (
        f"UPDATE audit_checkpoint SET note = replace(note, '\n', '1\n') WHERE id = {LAST}",
        "CHECKPOINT_FORGED",
    ),
    "a checkpoint's columns rewritten": (
        f"UPDATE audit_checkpoint SET size = size - 1 WHERE id = {LAST}",
        "CHECKPOINT_COLUMN",
    ),
    "the last change of the head put back": (
        "UPDATE audit_head SET position = position - 1",
        "HEAD",
    ),
    "the time of the head put back": (
        "UPDATE audit_head SET last_at = (SELECT min(at) FROM audit_change)",
        "HEAD",
    ),
    "the position that answers are kept under put back": (
        "UPDATE audit_head SET governed = governed - 1",
        "HEAD",
    ),
    "the hashes of the head made unreadable": ("UPDATE audit_head SET peaks = 'x'", "ROOT"),
    "a checkpoint taken out": (
        f"DELETE FROM audit_checkpoint WHERE id = {LAST}",
        "CHECKPOINT_GONE",
    ),
}


@pytest.mark.parametrize("how", LOG)
def test_the_log_and_what_was_signed_of_it(told, asleep, how):
    does, code = LOG[how]
    does() if callable(does) else sql(does)
    assert code in codes()


def test_without_any_checkpoint_a_log_written_anew_looks_honest(told, asleep, settings):
    """The limit that is printed: this is what checkpoints outside are for."""
    settings.CHECKPOINT_FILE = ""
    another_reason()
    sql("DELETE FROM audit_checkpoint")
    assert not codes() & {"ROOT", "LOG_REWRITTEN", "ENTRY_ALTERED", "NODE_ALTERED"}


def test_a_checkpoint_from_elsewhere_shows_it_even_then(told, asleep, settings):
    note = Checkpoint.objects.latest("size").note
    settings.CHECKPOINT_FILE = ""
    another_reason()
    sql("DELETE FROM audit_checkpoint")
    found = {one.code for one in verify("record", [("an auditor", note)]).found}
    assert "LOG_REWRITTEN" in found


# The checkpoint file


def lines(path) -> list[bytes]:
    return path.read_bytes().splitlines(keepends=True)


def forged(path):
    first, *rest = lines(path)
    path.write_bytes(b"".join([first.replace(b"log\\n", b"log\\n1"), *rest]))


FILE: dict[str, tuple[Callable, str]] = {
    "its end cut off": (
        lambda path: path.write_bytes(b"".join(lines(path)[:-1])),
        "CHECKPOINT_FILE_LOST",
    ),
    "its beginning cut off": (
        lambda path: path.write_bytes(b"".join(lines(path)[1:])),
        "CHECKPOINT_FILE_LOST",
    ),
    "taken away": (lambda path: path.unlink(), "CHECKPOINT_FILE_LOST"),
    "a line rewritten": (forged, "CHECKPOINT_FORGED"),
    "a line that is none": (
        lambda path: path.write_bytes(path.read_bytes() + b"nonsense\n"),
        "CHECKPOINT_FORGED",
    ),
}


@pytest.mark.parametrize("how", FILE)
def test_the_checkpoint_file(told, undone, how):
    does, code = FILE[how]
    does(sinks.path())
    assert code in codes()


@pytest.mark.parametrize("how", ["its end cut off", "taken away", "a line that is none"])
def test_nothing_is_signed_over_a_file_that_does_not_agree(told, undone, how):
    FILE[how][0](sinks.path())
    make.make_release()
    with pytest.raises(checkpoints.Inconsistent):
        checkpoints.take()
    assert checkpoints.alarm()
    assert Checkpoint.objects.count() == 2


@pytest.mark.parametrize("how", [another_reason, the_end_cut_off])
def test_nothing_is_signed_over_a_log_that_was_rewritten(told, asleep, how):
    how()
    with pytest.raises(checkpoints.Inconsistent):
        checkpoints.take()
    assert Checkpoint.objects.count() == 2
    assert sinks.standing().alarm


# Signatures and decisions, by SQL


SIGNER = "(SELECT max(id) FROM gates_packageperson WHERE kind = 'signer' AND verdict = 'approve')"
FIRST = "(SELECT min(id) FROM registry_person)"
WHO = f"(SELECT person_id FROM gates_packageperson WHERE id = {SIGNER})"
OTHER = "(SELECT min(id) FROM registry_person WHERE id <> given_by_id)"
PACKAGE = "(SELECT max(id) FROM gates_package)"
OTHERS = "(SELECT max(id) FROM gates_package WHERE promotion_id <> gates_promotion.id)"
SIGNATURES: dict[str, tuple[str, str]] = {
    "a signature given to somebody else": (
        f"UPDATE gates_packageperson SET person_id = {FIRST} WHERE id = {SIGNER}",
        "SIGNATURE_ACTOR",
    ),
    "a verdict turned round": (
        f"UPDATE gates_packageperson SET verdict = 'reject' WHERE id = {SIGNER}",
        "SIGNATURE_VERDICT",
    ),
    "a signature moved to another slot": (
        f"UPDATE gates_packageperson SET slot = 'reviewer:7' WHERE id = {SIGNER}",
        "SIGNATURE_SLOT",
    ),
    "a signature taken out": (
        f"DELETE FROM gates_packageperson WHERE id = {SIGNER}",
        "SIGNATURE_GONE",
    ),
    "the package that was signed rewritten": (
        "UPDATE gates_package SET content = replace(content, 'production', 'sandbox')",
        "SIGNATURE_DIGEST",
    ),
    "a role taken back before it was used": (
        f"UPDATE registry_rolegrant SET ended_at = granted_at WHERE person_id = {WHO}",
        "SIGNATURE_ROLE",
    ),
    "a promotion approved by hand": (
        (
            "UPDATE gates_promotion SET state = 'approved', decided_at = submitted_at, "
            f"review_at = submitted_at, decided_package_id = {PACKAGE} WHERE state = 'in_review'"
        ),
        "DECISION_UNLOGGED",
    ),
    "an approval moved to another package": (
        f"UPDATE gates_promotion SET decided_package_id = {OTHERS} WHERE state = 'approved'",
        "DECISION_PACKAGE",
    ),
    "a run accepted by somebody else": (
        f"UPDATE evidence_runacceptance SET accepted_by_id = {OTHER}",
        "SECOND_ACTOR",
    ),
}


@pytest.mark.parametrize("how", SIGNATURES)
def test_signatures_and_decisions(told, asleep, how):
    statement, code = SIGNATURES[how]
    if "by hand" in how or "another package" in how:
        told.environment = make.make_environment(stage="production")
        told.ask()
    sql(statement)
    assert code in codes()


# History, which says who had a hand in what

HISTORY = {
    "who amended a release": "UPDATE registry_historicalrelease SET history_user_id = "
    "(SELECT min(id) FROM registry_person WHERE id <> history_user_id)",
    "why": "UPDATE registry_historicalrelease SET history_change_reason = 'Another.'",
    "what was done": "UPDATE registry_historicalrelease SET history_type = '~'",
    "what nobody can read": "UPDATE registry_historicalregion SET jurisdictions = 'x'",
}


@pytest.mark.parametrize("how", HISTORY)
def test_history_that_is_rewritten_is_found(told, asleep, how):
    sql(HISTORY[how])
    assert "HISTORY_ALTERED" in codes()


# What cannot be read


@pytest.mark.parametrize("body", ["{}", "[]", "null", "x", '{"seq": "1"}'])
def test_an_entry_that_cannot_be_read_hides_nothing_else(told, asleep, body):
    sql("UPDATE audit_entry SET body = %s WHERE seq > 100", body)
    sql(f"UPDATE gates_packageperson SET slot = 'reviewer:7' WHERE id = {SIGNER}")
    assert {"ENTRY_ALTERED", "SIGNATURE_SLOT"} & codes() and "ROW_UNLOGGED" in codes()


@pytest.mark.parametrize(
    "column",
    [
        "registry_region.jurisdictions",
        "registry_release.parameters",
        "registry_modelversion.capabilities",
        "gates_packageperson.ties",
        "gates_requirement.terms",
    ],
)
def test_a_row_that_cannot_be_read_hides_nothing_else(told, asleep, column):
    table, _, name = column.partition(".")
    sql(f"UPDATE {table} SET {name} = 'x'")
    sql("UPDATE registry_team SET name = 'Forged'")
    report = verify("record")
    found = {one.code for one in report.found}
    assert {"ROW_UNREADABLE", "ROW_ALTERED"} <= found
    assert any("cannot be read" in one for one in report.not_checked), "said, not passed over"


# Signatures and decisions, written with entries that hash right


def forge_approval(told: Story, promotion: Promotion) -> None:
    """Approve with no signature at all."""
    package = Package.objects.filter(promotion=promotion).latest("pk")
    with change(actor=told.signer(Role.RISK_OWNER), reason="Forged.") as opened:
        row = opened.lock(Promotion, promotion.pk)
        row.state, row.decided_at, row.decided_package = "approved", opened.now, package
        row.review_at = opened.now
        opened.save(row, event="promotion.approved")


def forge_signature(told: Story, promotion: Promotion, person, actor=None, decide=False) -> None:
    """Write a signature past the verb that judges it."""
    package = Package.objects.filter(promotion=promotion).latest("pk")
    with change(actor=actor or person, reason="Forged.") as opened:
        row = PackagePerson(
            promotion=promotion,
            package=package,
            person=person,
            kind="signer",
            slot="risk_owner:1",
            role="risk_owner",
            verdict="approve",
            meaning="accepts_risk",
            reason="Forged.",
            package_digest=package.digest,
            printed_name=person.name,
            authentication="password",
            challenge=Challenge.objects.create(
                person=person,
                promotion=promotion,
                package_digest=package.digest,
                verdict="approve",
                created_at=opened.now,
                expires_at=opened.now,
            ),
            signed_at=opened.now,
        )
        facts = {"package": package.digest, "slot": row.slot, "meaning": row.meaning}
        opened.save(row, event="promotion.signed_approve", facts=facts)
        if decide:
            found = opened.lock(Promotion, promotion.pk)
            found.state, found.decided_at, found.decided_package = "approved", opened.now, package
            found.review_at = opened.now
            opened.save(found, event="promotion.approved")


def risk_owner(told: Story):
    return told.signer(Role.RISK_OWNER)


def stranger(told: Story):
    return make.make_person(make.name("stranger"), Role.VIEWER, team=told.use_case.team)


def forge_package(told: Story, promotion: Promotion, edit: Callable, person=None) -> None:
    """Write a package that says something else, and approve on that."""
    honest = Package.objects.filter(promotion=promotion).latest("pk")
    document = json.loads(honest.content)
    edit(document)
    content = canonical(document)
    with change(actor=risk_owner(told), reason="Forged.") as opened:
        package = Package(
            promotion=promotion,
            schema=honest.schema,
            content=content.decode(),
            digest=digest(content),
            created_at=opened.now,
        )
        opened.save(package, event="package.written", facts={"digest": package.digest})
    forge_signature(told, promotion, person or risk_owner(told), decide=True)


def without_a_gate(document: dict) -> None:
    document["gate"]["versions"].pop()


def without_evidence(document: dict) -> None:
    for rest in document["rests_on"]:
        rest["evidence"], rest["scores"] = [], []


def with_other_evidence(document: dict) -> None:
    one = next(rest["evidence"][0] for rest in document["rests_on"] if rest["evidence"])
    one["digest"] = f"sha256:{'0' * 64}"


def with_a_waiver(document: dict) -> None:
    without_evidence(document)
    document["waivers"] = [
        {"id": 10**6, "requirement": rest["requirement"], "ends_at": "2999-01-01T00:00:00Z"}
        for rest in document["rests_on"]
    ]


def of_another_release(document: dict) -> None:
    document["release"]["digest"] = f"sha256:{'0' * 64}"


def elsewhere(document: dict) -> None:
    document["environment"]["stage"] = "sandbox"


def of_a_lower_tier(document: dict) -> None:
    document["use_case"]["risk_tier"] = "limited"


def by_nobody(document: dict) -> None:
    document["involved"] = []


PACKAGES = {
    "a gate left out": (without_a_gate, "PACKAGE_UNTRUE"),
    "no evidence": (without_evidence, "DECISION_EVIDENCE"),
    "evidence that nobody gave": (with_other_evidence, "PACKAGE_UNTRUE"),
    "waivers that nobody granted": (with_a_waiver, "PACKAGE_UNTRUE"),
    "another release": (of_another_release, "PACKAGE_UNTRUE"),
    "another environment": (elsewhere, "PACKAGE_UNTRUE"),
    "another tier": (of_a_lower_tier, "PACKAGE_UNTRUE"),
    "its makers left out": (by_nobody, "SIGNATURE_DUTY"),
}


@pytest.mark.parametrize("how", PACKAGES)
def test_a_package_that_was_made_up_is_found_by_the_rows_beside_it(told, how):
    told.environment = make.make_environment(stage="production")
    asked = told.ask()
    edit, code = PACKAGES[how]
    forge_package(told, asked, edit, make.registrar() if edit is by_nobody else None)
    found = codes()
    assert code in found
    assert not found & {"ROOT", "ROW_ALTERED", "ENTRY_ALTERED"}, "the forgery itself is in form"
    if code == "PACKAGE_UNTRUE":
        assert next(one for one in verify("record").found if one.code == code).row == asked.key


FORGERIES: dict[str, tuple[Callable, str]] = {
    "approved without a signature": (forge_approval, "DECISION_UNSIGNED"),
    "approved by one where two are asked for": (
        lambda told, asked: forge_signature(told, asked, risk_owner(told), decide=True),
        "DECISION_QUORUM",
    ),
    "signed without the role": (
        lambda told, asked: forge_signature(told, asked, stranger(told)),
        "SIGNATURE_ROLE",
    ),
    "signed in the name of another": (
        lambda told, asked: forge_signature(told, asked, risk_owner(told), actor=stranger(told)),
        "SIGNATURE_ACTOR",
    ),
}


@pytest.mark.parametrize("how", FORGERIES)
def test_what_is_forged_in_due_form_is_found_by_the_rules(told, how):
    told.environment = make.make_environment(stage="production")
    asked = told.ask()
    does, code = FORGERIES[how]
    does(told, asked)
    found = codes()
    assert code in found
    assert not found & {"ROOT", "ROW_ALTERED", "ENTRY_ALTERED"}, "the forgery itself is in form"
