"""Files under their digests: whole or not at all, once, within the limit, whatever the storage."""

import hashlib
import io
import os
import tracemalloc
from pathlib import Path

import pytest
from django.core.files.base import ContentFile, File
from django.core.files.storage import FileSystemStorage, InMemoryStorage, storages
from django.core.files.uploadedfile import SimpleUploadedFile

import audit
from audit import Refused
from evidence import storage
from evidence.models import EvidenceFile, EvidenceItem
from evidence.transitions import items
from tests.evidence.make import make_evidence, upload

TEXT = b"two of ten failed\n"
DIGEST = hashlib.sha256(TEXT).hexdigest()


@pytest.fixture
def root(settings, tmp_path):
    """A storage folder of this test alone, seen by the storage registry at once."""
    options = {"location": tmp_path / "evidence", "file_permissions_mode": 0o600}
    backend = "django.core.files.storage.FileSystemStorage"
    settings.STORAGES = {
        **settings.STORAGES,
        "evidence": {"BACKEND": backend, "OPTIONS": options},
    }
    return options["location"]


def files_in(root: Path) -> list[str]:
    """Return every file but the lock that sweeping waits for."""
    found = (path for path in root.rglob("*") if path.is_file() and path.name != ".lock")
    return sorted(str(path.relative_to(root)) for path in found)


def test_a_file_lies_under_its_digest_and_nothing_beside_it(root):
    (kept,) = storage.keep([upload("a.txt", TEXT)])
    assert (kept.name, kept.size, kept.sha256) == ("a.txt", len(TEXT), DIGEST)
    assert files_in(root) == [f"sha256/{DIGEST[:2]}/{DIGEST[2:4]}/{DIGEST}"]
    assert storage.open_file(DIGEST).read() == TEXT


def test_only_its_owner_reads_it(root):
    storage.keep([upload("a.txt", TEXT)])
    path = root / storage.path_of(DIGEST)
    assert path.stat().st_mode & 0o077 == 0
    assert path.parent.stat().st_mode & 0o077 == 0


def test_the_same_bytes_are_kept_once(root):
    storage.keep([upload("a.txt", TEXT), upload("b.txt", TEXT)])
    storage.keep([upload("c.txt", TEXT)])
    assert len(files_in(root)) == 1


def test_giving_lost_bytes_again_brings_them_back(root):
    storage.keep([upload("a.txt", TEXT)])
    (root / storage.path_of(DIGEST)).write_bytes(b"other")
    storage.keep([upload("a.txt", TEXT)])
    assert storage.digest_of(DIGEST) == (DIGEST, len(TEXT))


def test_any_file_object_may_be_given(root, tmp_path):
    path = tmp_path / "local.txt"
    path.write_bytes(TEXT)
    with path.open("rb") as handle:
        given = [File(handle), ContentFile(TEXT + b".", name="deep/../b.txt")]
        kept = storage.keep(given)
    assert [file.name for file in kept] == ["local.txt", "b.txt"]


class Lying(SimpleUploadedFile):
    """An upload that declares less than it brings."""

    def __init__(self, name, content):
        super().__init__(name, content)
        self.size = 1

    def chunks(self, chunk_size=None):
        while chunk := self.file.read(4):
            yield chunk


def test_the_limit_holds_for_what_comes_not_for_what_is_declared(root, settings):
    settings.EVIDENCE_FILE_MAX_BYTES = len(TEXT) - 1
    with pytest.raises(storage.TooLarge) as refused:
        storage.keep([Lying("a.txt", TEXT)])
    assert refused.value.status == 413
    assert files_in(root) == []
    settings.EVIDENCE_FILE_MAX_BYTES = len(TEXT)
    storage.keep([upload("a.txt", TEXT)])
    assert len(files_in(root)) == 1


def test_a_declared_size_over_the_limit_is_refused_before_a_byte_is_written(root, settings):
    settings.EVIDENCE_FILE_MAX_BYTES = 3
    with pytest.raises(storage.TooLarge):
        storage.keep([upload("a.txt", TEXT)])
    assert not root.exists()


def test_every_file_is_judged_before_one_is_written(root):
    with pytest.raises(Refused) as refused:
        storage.keep([upload("a.txt", TEXT), upload("b.svg", b"<svg>"), upload("c.txt", b"")])
    assert [reason.code for reason in refused.value.reasons] == ["FILE_TYPE", "FILE_EMPTY"]
    assert not root.exists()


class Breaking(SimpleUploadedFile):
    """An upload whose connection breaks halfway."""

    def chunks(self, chunk_size=None):
        yield TEXT[:5]
        raise OSError("The connection broke.")


def test_an_upload_that_breaks_leaves_nothing(root):
    with pytest.raises(OSError, match="broke"):
        storage.keep([Breaking("a.txt", TEXT)])
    assert files_in(root) == []


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_disk_that_fails_leaves_nothing(root, monkeypatch, call):
    def fail(*args, **kwargs):
        raise OSError(28, "No space left on device")

    root.mkdir()
    monkeypatch.setattr(os, call, fail)
    with pytest.raises(storage.NoRoom, match="storage for evidence is full") as refused:
        storage.keep([upload("a.txt", TEXT)])
    assert refused.value.status == 507
    monkeypatch.undo()
    assert files_in(root) == []


def test_memory_stays_small_whatever_the_size(root, settings):
    class Big(io.RawIOBase):
        """32 MiB that are made as they are read."""

        left = 32 * 1024**2
        name, size = "big.txt", 32 * 1024**2

        def seek(self, place, whence=0):
            self.left = self.size - place
            return place

        def read(self, count=-1):
            count = self.left if count < 0 else min(count, self.left)
            self.left -= count
            return b"x" * count

    big = File(Big(), name="big.txt")
    big.size = Big.size
    tracemalloc.start()
    storage.keep([big])
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4 * 1024**2


# A storage that is no folder


@pytest.fixture
def objects(monkeypatch):
    """A storage without folders or renames, as object storage is."""
    kept = InMemoryStorage()
    monkeypatch.setattr(storage, "storage", lambda: kept)
    return kept


def test_a_storage_without_folders_keeps_the_same(objects):
    storage.keep([upload("a.txt", TEXT)])
    storage.keep([upload("b.txt", TEXT)])
    folder = storage.path_of(DIGEST).rpartition("/")[0]
    assert objects.listdir(folder) == ([], [DIGEST])
    assert storage.digest_of(DIGEST) == (DIGEST, len(TEXT))
    assert storage.is_reachable()


def test_two_that_put_the_same_bytes_at_once_leave_them_once(objects, monkeypatch):
    storage.keep([upload("a.txt", TEXT)])
    monkeypatch.setattr(objects, "exists", lambda path: False)
    saved = []
    original = objects.save

    def save(path, content):
        monkeypatch.undo()  # the other one came first, as `save` itself finds out
        saved.append(original(path, content))
        return saved[-1]

    monkeypatch.setattr(objects, "save", save)
    storage.keep([upload("a.txt", TEXT)])
    assert saved != [storage.path_of(DIGEST)]
    assert not objects.exists(saved[0])
    assert objects.exists(storage.path_of(DIGEST))


def test_the_setting_names_the_storage():
    assert storage.storage() is storages["evidence"]
    assert isinstance(storage.storage(), FileSystemStorage)


# With rows


@pytest.mark.django_db
def test_a_change_that_fails_after_its_files_leaves_bytes_and_no_row(root, monkeypatch):
    def fail(*args):
        raise RuntimeError("The process died here.")

    monkeypatch.setattr(items.documents, "evidence_item", fail)
    with pytest.raises(RuntimeError):
        make_evidence(files=[upload("a.txt", TEXT)])
    assert not EvidenceItem.objects.exists()
    assert not EvidenceFile.objects.exists()
    assert storage.digest_of(DIGEST) == (DIGEST, len(TEXT))


@pytest.mark.django_db
def test_bytes_are_whole_before_the_change_opens(root, monkeypatch):
    release = make_evidence().release  # makes the people too, which are changes of their own
    seen, original = [], audit.change

    def change(**kwargs):
        seen.append(files_in(root))
        return original(**kwargs)

    monkeypatch.setattr(audit, "change", change)
    make_evidence(release=release, files=[upload("a.txt", TEXT)])
    assert seen == [[storage.path_of(DIGEST)]]
