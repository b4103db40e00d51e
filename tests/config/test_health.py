"""Probes: whoever asks learns which part fails, and nothing else."""

import pytest
from django.core.files.storage import storages
from django.db import DatabaseError, connection
from django.db.migrations.recorder import MigrationRecorder

from config import health

pytestmark = pytest.mark.django_db


def failing(client):
    answer = client.get("/readyz")
    assert answer.status_code == 503
    said = answer.json()
    assert said["status"] == "failing" and list(said["remedies"]) == said["failing"]
    assert all(one.endswith(".") for one in said["remedies"].values())
    return said["failing"]


def test_a_sound_instance_is_alive_and_ready(client):
    for address in ("/healthz", "/readyz"):
        answer = client.get(address)
        assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
        assert "no-store" in answer["Cache-Control"]


def test_it_leaves_nothing_in_the_evidence_storage(client):
    client.get("/readyz")
    folders, files = storages["evidence"].listdir("")
    assert (folders, files) == ([], [])


def test_alive_asks_nothing_of_the_database(client, django_assert_num_queries):
    with django_assert_num_queries(0):
        assert client.get("/healthz").status_code == 200


@pytest.mark.parametrize("method", ["post", "put", "delete", "patch"])
def test_probes_only_read(client, method):
    assert getattr(client, method)("/readyz").status_code == 405


def test_a_pending_migration_is_named(client):
    MigrationRecorder(connection).record_unapplied("audit", "0001_initial")
    assert failing(client) == ["migrations"]


def test_a_missing_trigger_is_named(client):
    on = "" if connection.vendor == "sqlite" else " ON audit_entry"
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TRIGGER gh_audit_entry_update{on}")
    assert failing(client) == ["triggers"]


def test_evidence_that_cannot_be_written_is_named(client, monkeypatch):
    def refuse(*args, **kwargs):
        raise PermissionError("/secret/folder")

    monkeypatch.setattr(storages["evidence"], "_save", refuse)
    answer = client.get("/readyz")
    assert answer.json()["failing"] == ["evidence"] and b"secret" not in answer.content


def test_a_silent_database_is_named_and_the_page_still_answers(client, monkeypatch):
    def refuse(*args, **kwargs):
        raise DatabaseError("password=secret")

    monkeypatch.setattr(connection, "cursor", refuse)
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert set(answer.json()["failing"]) == {"database", "migrations", "triggers"}
    assert b"secret" not in answer.content


def test_uncollected_static_files_are_named(client, monkeypatch, tmp_path):
    from whitenoise.storage import CompressedManifestStaticFilesStorage

    empty = CompressedManifestStaticFilesStorage(location=tmp_path)
    monkeypatch.setattr(health, "staticfiles_storage", empty)
    assert failing(client) == ["static"]


def test_without_a_key_to_sign_with_it_says_how_to_make_one(client, monkeypatch, tmp_path):
    from django.conf import settings

    monkeypatch.setattr(settings, "SIGNING_KEYS_DIR", tmp_path)
    assert failing(client) == ["keys"]
    assert "manage.py make_key" in client.get("/readyz").json()["remedies"]["keys"]


def test_every_part_has_its_remedy():
    assert health.REMEDIES.keys() == health.PARTS.keys()
