"""What a router remembers over a restart: its last good snapshot, and what it must not go below."""

import fcntl
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

SCHEMA = "gatehouse.client/1"


class Folder:
    """A folder of one router's own; files in it are there whole or not at all."""

    def __init__(self, path: Path):
        self.path = path
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock = os.open(path / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._lock)
            raise RuntimeError(
                f"Another router uses {path}. Give each router a folder of its own."
            ) from None

    def close(self) -> None:
        """Let another router have the folder."""
        os.close(self._lock)

    def write(self, name: str, content: bytes) -> None:
        """Put a file into the folder; after a power cut it is the old one or the new one."""
        beside = self.path / f".{name}.new"
        handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            beside.replace(self.path / name)
        except OSError:
            beside.unlink(missing_ok=True)
            raise
        sync(self.path)

    def remember(self, state: Mapping[str, Any], snapshot: bytes | None = None) -> None:
        """Keep `state`, and the snapshot that it names, which is written before it."""
        name = _file_of(state["digest"])
        if snapshot is not None:
            self.write(name, snapshot)
        self.write("state.json", json.dumps({"schema": SCHEMA, **state}, indent=1).encode())
        for old in self.path.glob("snapshot-*.json"):
            if old.name != name:
                old.unlink(missing_ok=True)

    def recall(self) -> dict[str, Any] | None:
        """Return the state that was kept, or None at the first start.

        Raises `RuntimeError` if it is damaged: begun afresh, a router would take an older
        generation than it has seen.
        """
        path = self.path / "state.json"
        try:
            state = json.loads(path.read_bytes())
            if state["schema"] != SCHEMA or type(state["highest"]) is not int:
                raise ValueError("another schema")
        except FileNotFoundError:
            return None
        except (KeyError, TypeError, ValueError) as error:
            raise RuntimeError(
                f"{path} is damaged. Remove it only if nobody else may have written it: the "
                "router then takes whatever generation the server says first."
            ) from error
        return state

    def snapshot(self, digest: str) -> bytes | None:
        """Return the snapshot that was kept under `digest`, unverified."""
        try:
            return (self.path / _file_of(digest)).read_bytes()
        except FileNotFoundError:
            return None


def _file_of(digest: str) -> str:
    algorithm, _, figures = digest.partition(":")
    if algorithm != "sha256" or len(figures) != 64 or set(figures) - set("0123456789abcdef"):
        raise ValueError(f"{digest!r} is no digest.")
    return f"snapshot-{figures}.json"


def sync(folder: Path) -> None:
    """Make sure of the names in a folder."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
