"""What uploads left behind is removed a day later, and nothing else, whoever uploads meanwhile."""

import os
import threading
from datetime import timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.core.files.storage import InMemoryStorage
from django.core.management import call_command

from audit import clock
from evidence import incoming, storage, sweeping
from evidence.incoming import Part
from tests.evidence.make import make_evidence, upload

pytestmark = pytest.mark.django_db

LONG_AGO = (clock.now() - timedelta(days=2)).timestamp()


def path(sha256: str) -> Path:
    return Path(storage.storage().path(storage.path_of(sha256)))


def orphan(content: bytes = b"nobody's\n", *, old: bool = True) -> str:
    (kept,) = storage.keep([upload(content=content)])
    if old:
        os.utime(path(kept.sha256), (LONG_AGO, LONG_AGO))
    return kept.sha256


def test_old_bytes_that_no_row_names_go_and_others_stay():
    named = make_evidence(files=[upload()]).files.get()
    os.utime(path(named.sha256), (LONG_AGO, LONG_AGO))
    gone, new = orphan(), orphan(b"new\n", old=False)
    out = StringIO()
    call_command("sweep_evidence", stdout=out)
    assert out.getvalue().startswith("0 parts and 1 files")
    assert not path(gone).exists()
    assert path(new).exists()
    assert path(named.sha256).exists()
    assert sweeping.sweep() == sweeping.Swept(parts=0, files=0, seen=2)


def test_old_parts_go_and_those_being_written_stay():
    left, busy = Part(1000), Part(1000)
    os.utime(left.path, (LONG_AGO, LONG_AGO))
    busy.write(b"half a f")
    assert sweeping.sweep().parts == 1
    assert not left.path.exists()
    assert busy.path.exists()


def test_the_same_bytes_given_again_are_new():
    sha256 = orphan()
    file = make_evidence(files=[upload(content=b"nobody's\n")]).files.get()
    assert file.sha256 == sha256
    assert sweeping.sweep().files == 0


def test_nothing_is_swept_between_the_bytes_and_their_row():
    """An upload found old bytes of its own; the sweeper waits until it has told of them."""
    sha256, done = orphan(), threading.Event()

    def sweep():
        storage.sweep(sha256, lambda _: False)
        done.set()

    with storage.not_swept():
        waiting = threading.Thread(target=sweep)
        waiting.start()
        assert not done.wait(0.3)
        os.utime(path(sha256))
    waiting.join(10)
    assert path(sha256).exists()


def test_a_row_that_came_meanwhile_is_seen():
    sha256 = orphan()
    assert not storage.sweep(sha256, lambda _: True)
    assert path(sha256).exists()


def test_a_storage_without_folders_is_swept_too(monkeypatch):
    kept = InMemoryStorage()
    monkeypatch.setattr(storage, "storage", lambda: kept)
    (file,) = storage.keep([upload()])
    assert sweeping.sweep() == sweeping.Swept(seen=1)
    later = clock.now() + timedelta(days=2)
    monkeypatch.setattr(clock, "now", lambda: later)
    assert sweeping.sweep().files == 1
    assert not kept.exists(storage.path_of(file.sha256))


def test_nothing_there_is_nothing_to_sweep():
    assert not incoming.folder().exists()
    assert sweeping.sweep() == sweeping.Swept()
