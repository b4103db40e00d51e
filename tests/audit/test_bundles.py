"""Archives that are settled before they are sent: read by others, the same each time, and small."""

import io
import json
import subprocess
import sys
import zipfile
import zlib
from hashlib import sha256

import pytest

from audit import zipping
from audit.bundling import Bundle
from audit.zipping import Altered, Member
from tests.conftest import LONG
from tests.serving import ROOT


def member(name: str, data: bytes) -> Member:
    return Member(name, len(data), zlib.crc32(data), lambda: io.BytesIO(data))


MEMBERS = [
    member("a.txt", b"hello"),
    member("deep/Überblick.bin", bytes(range(256)) * 400),
    member("empty", b""),
]


@pytest.mark.parametrize(("large", "many"), [(None, None), (50, 2), (5, 65535), (100_000, 3)])
def test_others_read_it_whatever_had_to_be_zip64(large, many, monkeypatch):
    if large:
        monkeypatch.setattr(zipping, "LARGE", large)
        monkeypatch.setattr(zipping, "MANY", many)
    data = b"".join(zipping.stream(MEMBERS))
    assert len(data) == zipping.length(MEMBERS)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == [one.name for one in MEMBERS]
        assert archive.read("a.txt") == b"hello"
        assert {one.date_time for one in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


@pytest.mark.parametrize("now", [b"hellO", b"hell", b"hello!"])
def test_a_file_that_changes_meanwhile_breaks_it_off(now):
    before = member("a.txt", b"hello")
    with pytest.raises(Altered, match=r"a\.txt was changed"):
        list(
            zipping.stream([Member(before.name, before.size, before.crc, lambda: io.BytesIO(now))])
        )


def test_a_bundle_names_every_file_by_its_digest():
    with Bundle() as bundle:
        bundle.add("first.txt", b"first")
        bundle.add_json("second.json", {"b": 1, "a": [None]})
        taken = bundle.attach(
            "third.bin", sha256(b"third").hexdigest(), lambda: io.BytesIO(b"third")
        )
        with pytest.raises(StopIteration) as end:
            while True:
                next(taken)
        assert end.value.value is True
        other = bundle.attach("fourth", "0" * 64, lambda: io.BytesIO(b"fourth"))
        with pytest.raises(StopIteration) as end:
            while True:
                next(other)
        assert end.value.value is False, "other bytes stay out"
        with pytest.raises(ValueError, match="in the bundle already"):
            bundle.add("first.txt", b"again")
        bundle.settle({"schema": "some/1"})
        data = b"".join(bundle.stream())
        assert len(data) == bundle.length and data == b"".join(bundle.stream())
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        manifest = json.loads(archive.read("manifest.json"))
        assert bundle.digest == f"sha256:{sha256(archive.read('manifest.json')).hexdigest()}"
        assert set(archive.namelist()) == {*manifest["files"], "manifest.json"}
        for name, said in manifest["files"].items():
            assert sha256(archive.read(name)).hexdigest() == said["sha256"]
        assert archive.read("second.json") == b'{"a":[null],"b":1}\n'


MEASURED = """
import os, resource, sys
from hashlib import sha256
from audit.bundling import Bundle

path, size = sys.argv[1], int(sys.argv[2])
block, left, summed = bytes(1 << 20), size, sha256()
while left:
    summed.update(block[:left])
    left -= min(left, len(block))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
with Bundle() as bundle:
    pieces = [one for one in bundle.attach("large", summed.hexdigest(), lambda: open(path, "rb"))]
    bundle.settle({})
    sent = sum(len(chunk) for chunk in bundle.stream())
    assert sent == bundle.length > size
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


def test_a_large_file_passes_through_little_memory(tmp_path):
    """Measured in a process of its own; the long run takes more than the old format can say."""
    size = (5 << 30) + 7 if LONG else 400 << 20
    path = tmp_path / "sparse"
    with path.open("wb") as file:
        file.truncate(size)
    found = subprocess.run(
        [sys.executable, "-c", MEASURED, str(path), str(size)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert int(found.stdout) < 24, f"{found.stdout} MiB more"
