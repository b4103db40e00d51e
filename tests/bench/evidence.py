"""How fast evidence comes in, and what slow senders do to everybody else.

    python -m tests.bench.evidence
    python -m tests.postgres -- python -m tests.bench.evidence

Prints the throughput of uploads as a ratio to copying and hashing the same bytes on this machine,
and how long reads take beside four slow uploads. The server is that of production. Then what each
reader of score files costs: see `tests.bench.readers`.
"""

import hashlib
import json
import os
import statistics
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from tests import environment
from tests.bench.readers import measured

FILES, SIZE = 6, 48 * 1024**2
READS = 60


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        _begin(Path(folder))
        from tests.serving import served

        with served() as server:
            sender = _Sender(server)
            told = {"database": _vendor(), **_throughput(sender, Path(folder)), **_beside(sender)}
            told["worker_memory_mib"] = round(server.memory() / 1024**2)
        told |= measured(Path(folder), copied)
    print(json.dumps(told, indent=2))


def _begin(folder: Path) -> None:
    """Make an empty database and evidence folder, named by nothing but this run."""
    os.environ["GATEHOUSE_DATA_DIR"] = str(folder)
    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
    import django
    from django.conf import settings
    from django.core.management import call_command

    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    django.setup()
    call_command("migrate", verbosity=0)
    assert environment.SUFFIX is not None


def _vendor() -> str:
    from django.db import connection

    return connection.vendor


class _Sender:
    """Uploads as a pipeline does, and reads as a deployment tool does."""

    def __init__(self, server):
        from registry.roles import Role
        from tests import make
        from tests.evidence.make import answers_to

        release = make.make_release(team=make.make_team())
        team = release.use_case.team
        robot = make.make_service("", Role.EVIDENCE_CONTRIBUTOR, team=team)
        self.server = server
        self.token = make.make_token(robot, scope="evidence", team=team)
        self.reading = make.make_token(robot)
        self.fields = {
            "release": release.digest,
            "kind": "safety_check",
            "title": "Measured",
            "verdict": "pass",
            "vouched_by": "Nobody",
            "answers": json.dumps(answers_to("safety_check")),
        }

    def send(self, content: bytes) -> float:
        """Give an item with one file and return how many seconds it took."""
        from tests.evidence.hostile import multipart

        body = multipart(self.fields, "measured.txt", content)
        headers = {
            "Authorization": f"Bearer {self.token}",
            "Content-Type": "multipart/form-data; boundary=bound",
        }
        begun = time.perf_counter()
        self._ask("/ingest/v1/evidence/", body, headers)
        return time.perf_counter() - begun

    def read(self) -> float:
        begun = time.perf_counter()
        self._ask("/api/v1/releases/", None, {"Authorization": f"Bearer {self.reading}"})
        return time.perf_counter() - begun

    def _ask(self, address: str, body: bytes | None, headers: dict) -> None:
        request = urllib.request.Request(self.server.url + address, body, headers)
        with urllib.request.urlopen(request, timeout=120) as answer:
            answer.read()


def _contents() -> list[bytes]:
    """Return texts without a NUL, each of its own."""
    line = hashlib.sha256(b"line").hexdigest().encode() + b"\n"
    text = line * (SIZE // len(line))
    return [b"%d\n" % number + text for number in range(FILES)]


def _throughput(sender: _Sender, folder: Path) -> dict:
    source, target = folder / "source", folder / "target"
    copies, sent = [], []
    small = [sender.send(b"%d\n" % number) for number in range(10)]
    # In turns, so that a machine that is busy for a while is busy for both.
    for content in _contents():
        source.write_bytes(content)
        copies.append(copied(source, target))
        sent.append(sender.send(content))
    mebibytes = SIZE / 1024**2
    return {
        "copy_and_hash_mib_s": round(mebibytes / statistics.median(copies), 1),
        "upload_mib_s": round(mebibytes / statistics.median(sent), 1),
        "upload_of_a_few_bytes_ms": round(statistics.median(small) * 1000),
        "upload_to_copy_ratio": round(statistics.median(copies) / statistics.median(sent), 2),
    }


def copied(source: Path, target: Path) -> float:
    """Copy and hash a file as an upload is kept, and return how many seconds it took."""
    begun, hashed = time.perf_counter(), hashlib.sha256()
    with source.open("rb") as file, target.open("wb") as copy:
        while chunk := file.read(256 * 1024):
            hashed.update(chunk)
            copy.write(chunk)
        copy.flush()
        os.fsync(copy.fileno())
    return time.perf_counter() - begun


def _beside(sender: _Sender) -> dict:
    """Time reads alone and beside four slow uploads."""
    from tests.evidence.slow import slow_uploads

    alone = sorted(sender.read() for _ in range(READS))
    with slow_uploads(sender.server, sender.token, 4):
        time.sleep(1)
        beside = sorted(sender.read() for _ in range(READS))
    place = int(READS * 0.95)
    return {
        "read_p95_ms": round(alone[place] * 1000, 1),
        "read_p95_ms_beside_four_slow_uploads": round(beside[place] * 1000, 1),
    }


if __name__ == "__main__":
    sys.exit(main())
