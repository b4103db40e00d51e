"""Backup, destruction, restore: what comes back is the same record, or it is not taken."""

import gzip
import json
import os
import shutil
import subprocess
import sys
import zipfile
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from audit import checkpoints, tree, triggers
from audit.losses.finding import find
from audit.models import Head
from audit.verifying import verify
from evidence import storage
from evidence.models import EvidenceFile
from portal.backups import restoring
from registry.models import Team
from tests import make
from tests.environment import DATA_DIR
from tests.restoring import keep_tables, put_back_tables
from tests.stored import tell

STORED = Path(__file__).resolve().parent.parent / "stored"

pytestmark = pytest.mark.django_db(transaction=True)


def said(command: str, *arguments: str) -> tuple[int, str]:
    out = StringIO()
    try:
        call_command(command, *arguments, stdout=out, stderr=out)
    except SystemExit as end:
        return end.code, out.getvalue()
    return 0, out.getvalue()


def destroy() -> None:
    restoring._empty()
    shutil.rmtree(DATA_DIR / "evidence", ignore_errors=True)


@pytest.fixture
def at_hand(monkeypatch):
    """Have the tables of the present schema by copying what the run migrated already.

    Migrating takes most of a restore's time; the stored backup below is restored without this.
    """
    with keep_tables():

        def copy(executor, last):
            assert set(last) == set(executor.loader.graph.leaf_nodes())
            put_back_tables()

        monkeypatch.setattr(restoring, "make_tables", copy)
        yield


@pytest.fixture
def backup(tmp_path, settings, monkeypatch):
    """A backup of an approval with its evidence and of a part whose key must not come again."""

    # Django keeps tests from databases that they did not name; the snapshot has no name before.
    def connect(self):
        if self.connection is None:
            with self.wrap_database_errors:
                self.connect()

    monkeypatch.setattr(BaseDatabaseWrapper, "ensure_connection", connect)
    settings.CHECKPOINT_FILE = str(tmp_path / "checkpoints.ndjson")
    tell()
    checkpoints.take()
    assert said("backup", str(tmp_path / "backup"))[0] == 0
    yield tmp_path / "backup"
    if connection.vendor == "sqlite":
        connections.close_all()


def forged(folder):
    """Write another reason into an entry, with every sum of the backup made anew."""
    from portal.backups import rows

    path = folder / "tables" / "audit.entry.ndjson.gz"
    text = gzip.decompress(path.read_bytes()).replace(b"Told in a test.", b"Told otherwise.")
    path.write_bytes(gzip.compress(text))
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["tables"]["audit.entry"]["sha256"] = rows.sha256_of(path)
    (folder / "manifest.json").write_text(json.dumps(manifest))


def newer(folder):
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["migrations"].append(["registry", "0999_tomorrow"])
    (folder / "manifest.json").write_text(json.dumps(manifest))


TOUCHED = (
    (lambda at: next((at / "evidence").rglob("?" * 64)).write_bytes(b"x"), "holds other bytes"),
    (lambda at: (at / "tables" / "registry.team.ndjson.gz").unlink(), "cannot be read"),
    (lambda at: (at / "manifest.json").write_text("{}"), "no backup that can be read"),
    (newer, "made by a newer version"),
    (forged, "make another log"),
)


def refused(folder, words: str) -> None:
    with pytest.raises(CommandError, match=words):
        call_command("restore", str(folder))


def test_what_was_destroyed_comes_back_with_the_same_root(at_hand, backup, settings):
    file = Path(settings.CHECKPOINT_FILE)
    state, files = tree.state(), set(EvidenceFile.objects.values_list("sha256", flat=True))
    last = make.make_environment().region_links.get().pk
    then = file.read_bytes()
    checkpoints.take()
    refused(backup, "database is not empty")
    with pytest.raises(CommandError, match="exists already"):
        call_command("backup", str(backup))
    assert verify("evidence").found == [], "nothing was touched"
    restoring._empty()
    refused(backup, "evidence storage is not empty")
    destroy()
    for does, words in TOUCHED:
        touched = backup.with_name("touched")
        shutil.copytree(backup, touched)
        does(touched)
        refused(touched, words)
        assert connection.introspection.table_names() == [], words
        shutil.rmtree(touched)
        shutil.rmtree(DATA_DIR / "evidence", ignore_errors=True)
    code, words = said("restore", str(backup))
    assert f"root sha256:{state.root.hex()}" in words, words
    # It is older than a checkpoint outside: that may be a rollback, and is never passed over.
    assert code == 1
    assert {one.code for one in verify("evidence").found} == {"LOG_SHORTENED", "CHECKPOINT_GONE"}
    with pytest.raises(checkpoints.Inconsistent):
        checkpoints.take()
    assert checkpoints.alarm() and "declare_loss" in words
    lost = find()
    assert (lost.kept_size, lost.restored.size) == (state.size, state.size)
    file.write_bytes(then)
    again = json.loads((backup / "manifest.json").read_text())
    assert (again["log"]["size"], files) == (state.size, set(again["evidence"])) and files
    assert all(storage.digest_of(one)[0] == one for one in files)
    # Only the restore, and the verification that it ended with, came after it.
    assert tree.root_at(state.size) == state.root and Head.objects.get(pk=1).size == state.size + 2
    assert verify("evidence").found == []
    made = make.make_environment().region_links.get()
    assert made.pk == last, "keys go on from where they were"


def test_evidence_in_a_bucket_comes_back_into_it(bucket, at_hand, backup):
    kept = {one.key for one in bucket.objects.all()}
    assert {one.name for one in (backup / "evidence").rglob("?" * 64)} == {
        key.rpartition("/")[2] for key in kept
    }
    restoring._empty()
    refused(backup, "evidence storage is not empty")
    bucket.objects.delete()
    code, words = said("restore", str(backup))
    assert code == 0, words
    assert {one.key for one in bucket.objects.all()} == kept != set()


def test_evidence_that_is_lost_is_named(backup, tmp_path):
    lost = EvidenceFile.objects.values_list("sha256", flat=True).first()
    storage.storage().delete(storage.path_of(lost))
    code, words = said("backup", str(tmp_path / "second"))
    assert code == 1 and f"DAMAGED  sha256:{lost}" in words


def test_a_sqlite_file_moves_to_postgresql_with_the_same_root(at_hand, backup, tmp_path):
    if connection.vendor == "sqlite":
        with pytest.raises(CommandError, match="names no PostgreSQL database"):
            call_command("move_from_sqlite", connection.settings_dict["NAME"])
        return
    # From PostgreSQL to a file first, by a process of its own.
    state, teams = tree.state(), Team.objects.count()
    file = tmp_path / "sqlite" / "gatehouse.sqlite3"
    environ = {
        **os.environ,
        "DATABASE_URL": f"sqlite:///{file}",
        "GATEHOUSE_DATA_DIR": str(file.parent),
        "SIGNING_KEYS_DIR": str(DATA_DIR / "keys"),
    }
    done = subprocess.run(
        [sys.executable, "manage.py", "restore", str(backup)],
        env=environ,
        capture_output=True,
        text=True,
    )
    assert done.returncode in (0, 2), done.stderr + done.stdout
    restoring._empty()
    code, words = said("move_from_sqlite", str(file))
    assert code == 0 and "the same on both sides" in words, words
    assert tree.root_at(state.size) == state.root and Team.objects.count() == teams
    assert verify("evidence").found == []


@pytest.mark.parametrize("archive", sorted(STORED.glob("*.zip")), ids=lambda path: path.stem)
def test_a_stored_backup_of_an_earlier_schema_is_brought_to_this_one(archive, tmp_path):
    with zipfile.ZipFile(archive) as whole:
        whole.extractall(tmp_path / "stored")
    said_then = json.loads((tmp_path / "stored" / "manifest.json").read_text())["log"]
    destroy()
    code, words = said("restore", str(tmp_path / "stored"))
    assert code == 0 and said_then["root"] in words, words
    assert f"sha256:{tree.root_at(said_then['size']).hex()}" == said_then["root"]
    assert not triggers.differing()


def test_there_is_a_stored_backup():
    assert (STORED / "first.zip").is_file()
