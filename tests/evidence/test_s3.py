"""Evidence in S3-compatible storage, against a server that speaks it on this machine."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.urls import reverse

from audit.models import Verification
from audit.verifying import Report
from config.object_storage import s3_storage
from evidence import incoming, storage, sweeping
from evidence.verifying import verify
from registry.roles import Role
from tests.evidence.make import make_evidence, upload
from tests.make import make_person

pytestmark = pytest.mark.django_db


def keys(bucket) -> list[str]:
    return sorted(one.key for one in bucket.objects.all())


def test_a_file_is_put_once_under_its_digest(bucket, monkeypatch):
    item = make_evidence(files=[upload("a.txt"), upload("b.txt", b"Other.\n")])
    make_evidence(files=[upload("c.txt")])
    assert keys(bucket) == sorted(storage.path_of(file.sha256) for file in item.files.all())
    assert list(incoming.folder().glob("*.part")) == []
    for file in item.files.all():
        assert storage.digest_of(file.sha256) == (file.sha256, file.size)


def test_a_large_file_is_one_put(bucket):
    (kept,) = storage.keep([upload("a.txt", b"0123456789" * 2_000_000)])
    # The digest of a whole is not the digest of its parts, which has their number behind it.
    assert "-" not in bucket.Object(storage.path_of(kept.sha256)).e_tag


def test_it_is_handed_out_whole_and_in_ranges(bucket, client):
    file = make_evidence(files=[upload()]).files.get()
    client.force_login(make_person("", Role.VIEWER))
    address = reverse("admin:evidence_file", args=[file.item_id, file.pk])
    assert b"".join(client.get(address).streaming_content) == b"All good.\n"
    part = client.get(address, headers={"Range": "bytes=4-"})
    assert (part.status_code, b"".join(part.streaming_content)) == (206, b"good.\n")
    bucket.Object(storage.path_of(file.sha256)).put(Body=b"Not good.\n")
    assert client.get(address).status_code == 503


def test_what_is_lost_or_swapped_there_is_found(bucket):
    lost, swapped = make_evidence(files=[upload(), upload("b.txt", b"b")]).files.order_by("pk")
    call_command("audit_verify", evidence="all")
    bucket.Object(storage.path_of(lost.sha256)).delete()
    bucket.Object(storage.path_of(swapped.sha256)).put(Body=b"c")
    found = {one.code for one in verify(Report(), Verification.Scope.EVIDENCE)}
    assert found == {"FILE_LOST", "FILE_ALTERED"}


def test_orphans_are_swept_there_too(bucket, monkeypatch):
    named = make_evidence(files=[upload()]).files.get()
    storage.keep([upload("b.txt", b"nobody's")])
    assert sweeping.sweep() == sweeping.Swept(seen=2)
    monkeypatch.setattr(storage, "is_new", lambda path: False)
    assert sweeping.sweep().files == 1
    assert keys(bucket) == [storage.path_of(named.sha256)]


def test_a_storage_that_does_not_answer_is_said_in_words(bucket, settings):
    away = s3_storage("evidence", endpoint="http://127.0.0.1:9", region="us-east-1")
    away["OPTIONS"]["client_config"].retries = {"max_attempts": 0}
    settings.STORAGES = {**settings.STORAGES, "evidence": away}
    with pytest.raises(storage.Away, match="does not answer"):
        storage.keep([upload()])
    with pytest.raises(storage.NotSound, match="cannot be read"):
        storage.open_sound("0" * 64)


def test_the_extra_is_asked_for_in_words(monkeypatch):
    monkeypatch.setitem(sys.modules, "boto3.s3.transfer", None)
    with pytest.raises(ImproperlyConfigured, match=r"gatehouse\[s3\]"):
        s3_storage("evidence", endpoint="", region="")


PROGRAM = """
from config.settings import STORAGES
kept = STORAGES["evidence"]
print(kept["BACKEND"], kept["OPTIONS"]["bucket_name"], kept["OPTIONS"]["endpoint_url"])
"""


def test_the_settings_name_the_bucket():
    named = {
        "EVIDENCE_S3_BUCKET": "ours",
        "EVIDENCE_S3_ENDPOINT": "https://objects.example.com",
    }
    told = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env={**os.environ, **named},
        cwd=Path(__file__).resolve().parents[2],
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout == "storages.backends.s3.S3Storage ours https://objects.example.com\n"
