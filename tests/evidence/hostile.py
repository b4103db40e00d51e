"""Uploads that want to do harm, by class; each is made here, and none is anything but a test.

`TAKEN` are those that are kept, inert, because their kind is taken and nothing in them is ever run;
all others are refused in words.
"""

import base64
import gzip
import io
import json
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass

from tests.evidence.make import zipped

SCRIPT = b"<script>document.title='pwned'</script>"
#: One pixel.
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
ENTITIES = b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>'
LAUGHS = b"".join(
    [b"<!DOCTYPE a [<!ENTITY a0 'ha'>"]
    + [b"<!ENTITY a%d '&a%d;&a%d;'>" % (n, n - 1, n - 1) for n in range(1, 40)]
    + [b"]><a>&a39;</a>"]
)


@dataclass(frozen=True)
class Hostile:
    """One file: its class, the name it comes under, how its bytes are made, whether it is kept."""

    kind: str
    name: str
    make: Callable[[], bytes]
    taken: bool = False

    @property
    def id(self) -> str:
        return f"{self.kind}: {self.name[:40]!r}"


def _one(content: bytes) -> Callable[[], bytes]:
    return lambda: content


def _member(**values) -> bytes:
    member, out = zipfile.ZipInfo("a.txt"), io.BytesIO()
    for name, value in values.items():
        setattr(member, name, value)
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(member, b"x")
    return out.getvalue()


def _bomb() -> bytes:
    return zipped(**{"zeros.txt": b"\0" * 120 * 1024**2})


def _nested() -> bytes:
    inner = _bomb()
    return zipped(**{f"{n}.zip": inner for n in range(3)})


def _overlapping() -> bytes:
    whole = zipped(**{"a.txt": b"\0" * 1_000_000})
    start = whole.index(b"PK\x01\x02")
    entry, end = whole[start:-22], bytearray(whole[-22:])
    end[8:10] = end[10:12] = struct.pack("<H", 900)
    end[12:16] = struct.pack("<I", 900 * len(entry))
    return whole[:start] + entry * 900 + bytes(end)


def _lying() -> bytes:
    """A member that says it is small once unpacked, and is not."""
    content = bytearray(_bomb())
    at = content.index(b"PK\x01\x02") + 24
    content[at : at + 4] = struct.pack("<I", 2 * 1024**3)
    return bytes(content)


def _tar() -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("../../etc/passwd"), io.BytesIO(b""))
    return out.getvalue()


def _pixels() -> bytes:
    """A picture that says it has 100,000 x 100,000 pixels."""
    head = struct.pack(">IIBBBBB", 100_000, 100_000, 8, 6, 0, 0, 0)
    body = zlib.compress(b"\0" * 10_000_000, 9)

    def chunk(kind: bytes, data: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + check

    return PNG[:8] + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def _office(**parts: bytes) -> bytes:
    return zipped(**{"[Content_Types].xml": b"<Types/>", **parts})


CORPUS = (
    # Markup that runs script
    Hostile("svg", "chart.svg", _one(b'<svg xmlns="http://www.w3.org/2000/svg" onload="x()"/>')),
    Hostile("svg", "chart.png", _one(b"<svg>" + SCRIPT + b"</svg>")),
    Hostile("svg", "chart.txt", _one(b"\xef\xbb\xbf \n<svg>" + SCRIPT + b"</svg>")),
    Hostile("svg", "chart.svgz", lambda: gzip.compress(b"<svg>" + SCRIPT + b"</svg>")),
    Hostile("html", "report.html", _one(b"<!doctype html>" + SCRIPT)),
    Hostile("html", "report.txt", _one(SCRIPT)),
    Hostile("html", "report.json", _one(b"<html><body onload=x()>")),
    Hostile("html", "report.xhtml", _one(b"<?xml version='1.0'?><html/>")),
    Hostile("html", "notes.md", _one(b"# Notes\n\n" + SCRIPT), taken=True),
    # Two kinds at once
    Hostile("polyglot", "picture.png", _one(PNG + SCRIPT), taken=True),
    Hostile("polyglot", "report.pdf", _one(b"%PDF-1.7\n" + SCRIPT + zipped()), taken=True),
    Hostile("polyglot", "photo.jpg", _one(b"\xff\xd8\xff\xe0/*" + SCRIPT + b"*/"), taken=True),
    Hostile("polyglot", "both.zip", lambda: zipped() + _tar()),
    Hostile("polyglot", "page.zip", lambda: SCRIPT + zipped()),
    # Small files that become large
    Hostile("bomb", "zeros.zip", _bomb),
    Hostile("bomb", "nested.zip", _nested, taken=True),
    Hostile("bomb", "overlap.zip", _overlapping),
    Hostile("bomb", "lying.zip", _lying),
    Hostile("bomb", "many.zip", lambda: zipped(**{f"{n}": b"" for n in range(5000)})),
    Hostile("bomb", "zeros.gz", lambda: gzip.compress(b"\0" * 300 * 1024**2)),
    Hostile("bomb", "log.eval", lambda: zipped(**{"header.json": b" " * 90 * 1024**2})),
    Hostile("bomb", "pixels.png", _pixels, taken=True),
    # Names that lead elsewhere
    Hostile("traversal", "../../../etc/cron.d/run.txt", _one(b"x"), taken=True),
    Hostile("traversal", "..\\..\\windows\\run.txt", _one(b"x"), taken=True),
    Hostile("traversal", "/etc/passwd", _one(b"root:x:0:0")),
    Hostile("traversal", "path.zip", lambda: _member(filename="../../evil.txt")),
    Hostile("traversal", "link.zip", lambda: _member(external_attr=0o120777 << 16)),
    Hostile("traversal", "root.zip", lambda: _member(filename="/etc/passwd")),
    # Names that deceive
    Hostile("name", "report\u202etxt.exe", _one(b"MZ")),
    Hostile("name", "gpj.\u202e\u2066evil\u2069.txt", _one(b"x"), taken=True),
    Hostile("name", "report.txt\x00.svg", _one(b"x")),
    Hostile("name", "a\x00b\r\nSet-Cookie: a=b.txt", _one(b"x")),
    Hostile("name", "CON.txt", _one(b"x"), taken=True),
    Hostile("name", "<img src=x onerror=document.title='pwned'>.txt", _one(b"x"), taken=True),
    Hostile("name", '"; filename="evil.html', _one(SCRIPT)),
    Hostile("name", "a\x00b\x1b[2J.txt", _one(b"x"), taken=True),
    Hostile("name", "x" * 800 + ".txt", _one(b"x"), taken=True),
    Hostile("name", "x" * 5000 + ".txt", _one(b"x")),
    # What is not what it says
    Hostile("type", "tool.exe", _one(b"MZ\x90\x00")),
    Hostile("type", "report.pdf", _one(b"MZ\x90\x00")),
    Hostile("type", "scores.json", _one(b"\x80\x04\x95pickled.")),
    Hostile("type", "model.pkl", _one(b"cos\nsystem\n(S'true'\ntR.")),
    Hostile("type", "run.csv", _one(b"\x7fELF\x02\x01\x01\x00")),
    Hostile("type", "report.docx", zipped),
    Hostile("type", "macros.xlsx", lambda: _office(**{"xl/vbaProject.bin": b"x"})),
    Hostile("type", "empty.txt", _one(b"")),
    # Formulas that a spreadsheet would run
    Hostile("formula", "cells.csv", _one(b"=cmd|'/C calc'!A0,1\n"), taken=True),
    Hostile("formula", "plus.csv", _one(b'+1+HYPERLINK("http://x"),@SUM(1)\n'), taken=True),
    Hostile("formula", "=1+1.txt", _one(b"x"), taken=True),
    # Entities and documents that ask for more
    Hostile("entities", "feed.xml", _one(ENTITIES)),
    Hostile("entities", "feed.txt", _one(b'<?xml version="1.0"?>' + ENTITIES)),
    Hostile("entities", "laughs.json", _one(LAUGHS)),
    Hostile(
        "entities", "entities.docx", lambda: _office(**{"word/document.xml": LAUGHS}), taken=True
    ),
    Hostile(
        "entities", "aliases.yaml", _one(b"a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]"), taken=True
    ),
    # Nesting without an end
    Hostile("nesting", "deep.json", _one(b"[" * 1_000_000), taken=True),
    Hostile("nesting", "closed.json", lambda: b"[" * 200_000 + b"]" * 200_000, taken=True),
    Hostile("nesting", "keys.json", lambda: b'{"a":' * 200_000 + b"1", taken=True),
    Hostile(
        "nesting", "lines.jsonl", lambda: json.dumps({"a": "x" * 5_000_000}).encode(), taken=True
    ),
)
KINDS = {one.kind for one in CORPUS}


def multipart(
    fields: dict[str, str], name: str, content: bytes, *, boundary: str = "bound"
) -> bytes:
    """Return a form with one file under a name that no library would send."""
    said = name.replace("\\", "\\\\").replace('"', '\\"').encode("utf-8", "surrogatepass")
    parts = [
        b'Content-Disposition: form-data; name="%s"\r\n\r\n%s' % (key.encode(), text.encode())
        for key, text in fields.items()
    ]
    parts.append(
        b'Content-Disposition: form-data; name="files"; filename="%s"\r\n'
        b"Content-Type: application/octet-stream\r\n\r\n%s" % (said, content)
    )
    line = b"--bound"
    return b"".join(line + b"\r\n" + part + b"\r\n" for part in parts) + line + b"--\r\n"


def broken(fields: dict[str, str]) -> dict[str, bytes]:
    """Return forms that end early or are none, by what is wrong with them."""
    whole = multipart(fields, "report.txt", b"All good.\n" * 1000)
    return {
        "cut in the file": whole[: len(whole) // 2],
        "cut before the end": whole[:-9],
        "cut in a field": whole[:60],
        "another boundary": whole.replace(b"--bound", b"--other"),
        "no boundary at all": b"x" * 1000,
        "an end and nothing else": b"--bound--\r\n",
        "a file without a name": whole.replace(b'filename="report.txt"', b'filename=""'),
        "fields without an end": b"--bound\r\nContent-Disposition: " + b"x" * 100_000,
        "bad base64": whole.replace(
            b"application/octet-stream\r\n",
            b"application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n",
        ),
    }
