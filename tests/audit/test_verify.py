"""Tampering by plain SQL, past the triggers: each way is found and named."""

import json
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import connection

from audit import triggers
from audit.models import Entry, Verification
from audit.verifying import verify
from registry.models import Team
from tests import make

pytestmark = pytest.mark.django_db


def sql(statement: str, *values) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)


@pytest.fixture
def asleep():
    """Whoever owns the tables can put the triggers to sleep; the log has to show it then."""
    if connection.vendor == "sqlite":
        triggers.lift()
        yield
        triggers.install()
    else:
        sql("SET session_replication_role = replica")
        yield
        sql("SET session_replication_role = origin")


@pytest.fixture
def story():
    """A little of everything: people, a mutable row with history, sealed rows with parts."""
    release = make.make_release(grants=[(make.make_tool_scope(), "none")])
    team = release.use_case.team
    make.save(Team, {"name": "Renamed"}, pk=team.pk, actor=make.admin())
    make.make_token(make.registrar())
    return release


def codes(scope: str = "record") -> set[str]:
    """Codes of what is found, less the sleeping triggers of SQLite."""
    return {one.code for one in verify(scope).found} - {"TRIGGER"}


def test_an_honest_record_is_clean(story):
    assert verify("record").found == []


LAST = "(SELECT max(seq) FROM audit_entry)"
TAMPERINGS = {
    "a row updated": (
        "UPDATE registry_team SET name = 'x' WHERE id = (SELECT min(id) FROM registry_team)",
        "ROW_ALTERED",
    ),
    "a role raised": (
        "UPDATE registry_rolegrant SET role = 'risk_owner' WHERE granted_by_id IS NOT NULL",
        "ROW_ALTERED",
    ),
    "a person renamed": (
        "UPDATE registry_person SET username = 'eve' WHERE username = 'rhea'",
        "ROW_ALTERED",
    ),
    "a token moved": (
        "UPDATE registry_apitoken SET user_id = (SELECT min(id) FROM registry_person)",
        "ROW_ALTERED",
    ),
    "a sealed release rewritten": ("UPDATE registry_release SET runbook = 'x'", "ROW_ALTERED"),
    "a sealed document rewritten": (
        "UPDATE registry_release SET content = '{}'",
        "CONTENT_ALTERED",
    ),
    "a row's change swapped": (
        "UPDATE registry_team SET change_id = (SELECT id FROM audit_change WHERE number = 1)",
        "ROW_CHANGE",
    ),
    "a part taken out": ("DELETE FROM registry_toolgrant", "ROW_MISSING"),
    "a grant taken out": (
        "DELETE FROM registry_rolegrant WHERE id = (SELECT max(id) FROM registry_rolegrant)",
        "ROW_MISSING",
    ),
    "a row slipped in": (
        (
            "INSERT INTO registry_team (slug, name, contact, change_id) "
            "SELECT 'slipped', 'in', '', id FROM audit_change WHERE number = 1"
        ),
        "ROW_UNLOGGED",
    ),
    "a history row altered": (
        (
            "UPDATE registry_historicalteam SET name = 'x' WHERE history_id = "
            "(SELECT min(history_id) FROM registry_historicalteam)"
        ),
        "HISTORY_ALTERED",
    ),
    "a history row deleted": (
        (
            "DELETE FROM registry_historicalteam WHERE history_id = "
            "(SELECT max(history_id) FROM registry_historicalteam)"
        ),
        "HISTORY_LENGTH",
    ),
    "all history of a row deleted": (
        "DELETE FROM registry_historicalteam WHERE id = (SELECT min(id) FROM registry_team)",
        "HISTORY_LENGTH",
    ),
    "an entry rewritten": (
        f"UPDATE audit_entry SET body = replace(body, 'ada', 'eve') WHERE seq = {LAST}",
        "ENTRY_ALTERED",
    ),
    "the last entry cut off": (f"DELETE FROM audit_entry WHERE seq = {LAST}", "ENTRY_MISSING"),
    "an entry taken from the middle": ("DELETE FROM audit_entry WHERE seq = 5", "ENTRY_MISSING"),
    "an even entry taken": ("DELETE FROM audit_entry WHERE seq = 40", "ENTRY_MISSING"),
    "all entries taken": ("DELETE FROM audit_entry", "ENTRY_MISSING"),
    "an entry filed under another row": (
        "UPDATE audit_entry SET row = 'registry.team:999' WHERE seq = 30",
        "ENTRY_COLUMN",
    ),
    "an entry filed on another timeline": (
        "UPDATE audit_entry SET about = 'registry.team:999' WHERE seq = 30",
        "ENTRY_COLUMN",
    ),
    "an entry filed under nonsense": (
        "UPDATE audit_entry SET row = 'registry.team:nonsense' WHERE seq = 30",
        "ROW_MISSING",
    ),
    "a reason rewritten": (
        "UPDATE audit_change SET reason = 'fine' WHERE number = 3",
        "ENTRY_COLUMN",
    ),
    "an actor rewritten": (
        "UPDATE audit_change SET actor_name = 'eve' WHERE number = 3",
        "ENTRY_COLUMN",
    ),
    "the head's root rewritten": ("UPDATE audit_head SET peaks = ''", "ROOT"),
    "the head put back": ("UPDATE audit_head SET size = size - 1", "ENTRY_EXTRA"),
    "a gate version lowered": (
        "DELETE FROM gates_requirement WHERE code = 'privacy_review'",
        "ROW_MISSING",
    ),
}


@pytest.mark.parametrize("how", TAMPERINGS)
def test_tampering_is_found_and_named(story, asleep, how):
    statement, code = TAMPERINGS[how]
    sql(statement)
    assert code in codes()


def test_an_entry_rewritten_with_its_hash_still_breaks_the_root(story, asleep):
    from audit.rules import leaf_hash

    last = Entry.objects.last()
    body = last.body.replace('"reason":"', '"reason":"x')
    sql(
        "UPDATE audit_entry SET body = %s, leaf = %s WHERE seq = %s",
        body,
        leaf_hash(body.encode()),
        last.seq,
    )
    assert {"ROOT", "ENTRY_COLUMN"} <= codes()


def test_a_removed_part_that_comes_back_is_found(asleep):
    from registry.models import Environment, EnvironmentRegion

    environment = make.make_environment()
    link = environment.region_links.get()
    make.save(
        Environment,
        {"name": "Emptied"},
        {EnvironmentRegion: []},
        pk=environment.pk,
        actor=make.admin(),
    )
    sql(
        "INSERT INTO registry_environmentregion (id, environment_id, region_id, change_id) "
        "SELECT %s, %s, %s, id FROM audit_change WHERE number = 1",
        link.pk,
        environment.pk,
        link.region_id,
    )
    assert "ROW_BACK" in codes()


def test_what_changes_while_it_is_read_is_left_to_the_next_verification(story, monkeypatch):
    from audit import verifying

    read, team = verifying._bodies, story.use_case.team

    def read_late(keys):
        # Somebody else commits between the reading of the rows and of their entries.
        if team.key in keys and team.name != "Meanwhile":
            team.name = "Meanwhile"
            make.save(Team, {"name": "Meanwhile"}, pk=team.pk, actor=make.admin())
        return read(keys)

    monkeypatch.setattr(verifying, "_bodies", read_late)
    assert verify("record").found == []
    assert Team.objects.get(pk=team.pk).name == "Meanwhile"
    assert verify("record").found == []


def run(*arguments: str) -> tuple[int, str]:
    out = StringIO()
    try:
        call_command("audit_verify", *arguments, stdout=out, stderr=out)
    except SystemExit as end:
        return end.code, out.getvalue()
    return 0, out.getvalue()


def test_the_command_says_clean_and_records_it(story):
    code, said = run()
    assert code == 0 and "clean" in said
    kept = Verification.objects.get()
    assert (kept.outcome, kept.found, kept.scope) == ("clean", 0, "record")
    assert verify("record").found == [], "its own entry is part of the record"


def test_the_command_names_what_it_found_and_records_it(story, asleep):
    sql("UPDATE registry_release SET runbook = 'x'")
    code, said = run("--json")
    assert code == 1
    found = json.loads(said)["discrepancies"]
    assert any(one["row"] == story.key for one in found)
    kept = Verification.objects.get()
    assert kept.outcome == "discrepancies"
    assert story.key in {one["row"] for one in kept.discrepancies}


def test_the_command_says_when_it_could_not_check(monkeypatch):
    from django.db import OperationalError

    def unreachable(scope, outside):
        raise OperationalError("the database is gone")

    monkeypatch.setattr("audit.management.commands.audit_verify.verify", unreachable)
    assert run()[0] == 2
    assert not Verification.objects.exists()


def test_nothing_is_left_out_between_chunks(story, monkeypatch):
    """With chunks of two rows nothing is left out, and nothing is read twice."""
    monkeypatch.setattr("audit.verifying.CHUNK", 2)
    assert verify("record").found == []
