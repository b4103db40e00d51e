"""One file as readers see it: recognised by content, never by name. Pure."""

import codecs
import zipfile
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any, BinaryIO, Protocol

from evidence.readers.archives import open_archive
from evidence.readers.archives import reader as member_reader
from evidence.readers.result import Broken, Result
from evidence.readers.stream import LONGEST, MEBIBYTE, Rows, Stream, decoded

HEAD = 64 * 1024
LARGEST_MEMBER = 64 * MEBIBYTE
ZIP = (b"PK\x03\x04", b"PK\x05\x06")


class Reader(Protocol):
    """What each module of a tool offers."""

    #: The tool as results name it.
    TOOL: str

    def claims(self, source: "Source") -> bool:
        """Whether the file says that it is of this tool, be it whole or not."""
        ...

    def read(self, source: "Source") -> Result:
        """Return what the file says. Raises `Broken` when it is not what it claims to be."""
        ...


class Source:
    """A seekable file, and what its beginning says. `name` is for sentences alone.

    `rows` maps the paths of long lists in JSON documents to what takes their items in.
    """

    def __init__(self, file: BinaryIO, name: str, rows: Mapping[tuple, type[Rows]]):
        self.file, self.name, self._rows = file, name, rows
        file.seek(0)
        head = file.read(HEAD)
        self.is_zip = head.startswith(ZIP)
        #: The beginning, as far as it is text.
        self.head = "" if self.is_zip else _text(head)
        self.is_json = self.head.lstrip()[:1] in ("{", "[") and bool(self.head.strip())
        #: Why the first JSON value is not whole, if so.
        self.broken: Broken | None = None
        #: Whether something follows the first JSON value: JSON Lines, or rubbish.
        self.has_more = False
        #: The first JSON value as far as it could be read, if it is an object.
        self.first: dict[str, Any] = {}
        if self.is_json:
            self._read_first()

    def _read_first(self) -> None:
        self.file.seek(0)
        self.broken, self.has_more = self._read_into(self.first, Stream(self.file.read))

    def _read_into(self, into: dict, stream: Stream) -> tuple[Broken | None, bool]:
        try:
            if stream.peek() == "{":
                stream.value(self._rows, into)
            else:
                stream.skip()
            return None, bool(stream.peek()) or stream.is_rotten
        except Broken as broken:
            return broken, False
        except RecursionError:
            return stream.broken("it is nested too deeply"), False

    def document(self) -> dict[str, Any]:
        """Return the one JSON object that the file is. Raises `Broken` when it is not one."""
        if self.broken:
            raise self.broken
        if self.has_more:
            raise Broken("Something follows after the end of its JSON document.")
        return self.first

    def lines(self) -> Iterator[tuple[int, dict[str, Any]]]:
        """Yield each object of a JSON Lines file with its line; raises `Broken` at a bad one."""
        self.file.seek(0)
        number = 0
        while data := self.file.readline(LONGEST + 1):
            number += 1
            if len(data) > LONGEST:
                raise Broken(f"Line {number} is longer than 16 MiB, the most that is read.")
            try:
                text = data.decode("utf-8-sig" if number == 1 else "utf-8")
            except UnicodeDecodeError:
                raise Broken(f"Line {number} is not UTF-8 text.") from None
            if not text.strip():
                continue
            value = decoded(text, number)
            if not isinstance(value, dict):
                raise Broken(f"Line {number} is not a JSON object.")
            yield number, value

    @cached_property
    def archive(self) -> zipfile.ZipFile:
        """The zip archive that the file is, judged. Raises `Broken`."""
        return open_archive(self.file)

    def member(self, name: str) -> dict[str, Any]:
        """Return the JSON object in a member of the archive. Raises `Broken`."""
        found: dict[str, Any] = {}
        read = member_reader(self.archive, name, LARGEST_MEMBER)
        broken, more = self._read_into(found, Stream(read))
        if broken:
            raise Broken(f"“{name}”: {broken}")
        if more:
            raise Broken(f"“{name}”: something follows after the end of its JSON document.")
        return found

    def text(self, limit: int) -> bytes:
        """Return the bytes of the file, one more than `limit` at most."""
        self.file.seek(0)
        return self.file.read(limit + 1)


def _text(head: bytes) -> str:
    """Return the beginning of a file up to the first byte that is no text in UTF-8."""
    head = head.partition(b"\x00")[0]
    try:
        return head.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return head.removeprefix(codecs.BOM_UTF8)[: error.start].decode(errors="ignore")
