"""Archives are judged by what they say of themselves, apart from the web process and limited."""

import gzip
import io
import re
import subprocess
import sys
import zipfile

import pytest

from evidence import archives, storage
from tests.evidence.make import upload, zipped


def kept(name: str, content: bytes):
    return storage.keep([upload(name, content)])


def refused(name: str, content: bytes) -> str:
    with pytest.raises(storage.Refused) as answer:
        kept(name, content)
    (reason,) = answer.value.reasons
    assert (reason.code, reason.field) == ("FILE_ARCHIVE", "files")
    return reason.sentence


def packed(**values) -> bytes:
    """Return a zip of one member whose entry says what `values` say."""
    member = zipfile.ZipInfo("a.txt")
    for name, value in values.items():
        setattr(member, name, value)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(member, b"All good.\n")
    return out.getvalue()


def encrypted() -> bytes:
    content = bytearray(zipped())
    content[6] |= 1
    content[content.index(b"PK\x01\x02") + 8] |= 1
    return bytes(content)


def named(value) -> str:
    """Name a case by its words: bytes hold the time at which they were packed."""
    return value if isinstance(value, str) else ""


OFFICE = {"[Content_Types].xml": b"<Types/>", "word/document.xml": b"<w:document/>"}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.zip", zipped()),
        ("log.eval", zipped(**{"header.json": b"{}", "samples/1_epoch_1.json": b"{}"})),
        ("report.docx", zipped(**OFFICE)),
        ("names.zip", zipped(**{"Prüfung/報告.txt": b"x", "a..b.txt": b"x"})),
        ("lines.gz", gzip.compress(b"all good\n" * 1000)),
    ],
    ids=named,
)
def test_sound_ones_are_taken(name, content):
    assert kept(name, content)[0].size == len(content)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (packed(filename="../../etc/passwd"), "leads elsewhere"),
        (packed(filename="/etc/passwd"), "leads elsewhere"),
        (packed(filename="..\\windows\\system.ini"), "leads elsewhere"),
        (packed(filename="C:/autoexec.bat"), "leads elsewhere"),
        (packed(external_attr=0o120777 << 16), "has a link in it"),
        (encrypted(), "is encrypted"),
        (zipped() + b"<script>alert(1)</script>", "behind its end"),
        (zipped()[:-9], "is cut off"),
        (b"PK\x03\x04" + b"\0" * 60, "is cut off"),
        (zipped(**{f"{number}.txt": b"" for number in range(1001)}), "more than 1000 members"),
        (zipped(**{"bomb.txt": b"\0" * 80 * 1024**2}), "grows more than 50 times"),
    ],
    ids=named,
)
def test_others_are_refused_in_words(content, says):
    assert says in refused("a.zip", content)


def test_members_that_share_bytes_are_refused():
    """The bomb that needs no nesting: many entries of the directory point at one member."""
    whole = zipped(**{"a.txt": b"\0" * 1000})
    start = whole.index(b"PK\x01\x02")
    entry, end = whole[start:-22], bytearray(whole[-22:])
    end[8:10] = end[10:12] = (2).to_bytes(2, "little")
    end[12:16] = (2 * len(entry)).to_bytes(4, "little")
    assert "lie over each other" in refused("a.zip", whole[:start] + entry * 2 + bytes(end))


def test_something_before_a_zip_is_refused(tmp_path):
    path = tmp_path / "a.zip"
    path.write_bytes(b"#!/bin/sh\n" + zipped())
    assert "before its beginning" in archives.judged("zip", str(path))


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (gzip.compress(b"x" * 300 * 1024**2), "MiB once unpacked|grows more than"),
        (gzip.compress(b"x")[:-4], "is cut off"),
        (gzip.compress(b"x") + b"more", "behind its end"),
        (b"\x1f\x8b\x08" + b"\xff" * 50, "is broken"),
    ],
    ids=named,
)
def test_what_comes_out_of_a_gzip_is_counted_and_not_kept(content, says):
    assert re.search(says, refused("a.gz", content))


def test_documents_are_what_they_say_and_have_no_macros():
    assert "no document of its kind" in refused("a.docx", zipped())
    macros = {**OFFICE, "word/vbaProject.bin": b"x"}
    assert "has macros" in refused("a.docx", zipped(**macros))


def test_one_that_takes_too_long_or_too_much_is_refused(monkeypatch, tmp_path):
    path = tmp_path / "slow.py"
    path.write_text("import time; time.sleep(60)")
    monkeypatch.setattr(archives, "__file__", str(path))
    monkeypatch.setattr(archives, "SECONDS", 0.2)
    assert "limits of time and memory" in refused("a.zip", zipped())


def test_it_limits_its_own_memory():
    program = "from evidence import archives; archives._limit_oneself(); b'x' * (1 << 30)"
    told = subprocess.run([sys.executable, "-c", program], capture_output=True)
    assert told.returncode == 1
    assert b"MemoryError" in told.stderr
