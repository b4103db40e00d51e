"""The web server of production on the database of a test that commits: to be killed, measured."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings
from django.db import connection

ROOT = Path(__file__).resolve().parents[1]


def environment() -> dict[str, str]:
    """Return the environment of a process that works on the test's database and folder."""
    return {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "tests.served",
        "SERVED_DATABASE": str(connection.settings_dict["NAME"]),
        "SERVED_URLCONF": settings.ROOT_URLCONF,
        "SECRET_KEY": settings.SECRET_KEY,
        "GATEHOUSE_DATA_DIR": str(settings.DATA_DIR),
    }


class Server:
    """A gunicorn that serves the test's database and evidence folder."""

    def __init__(self):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = tempfile.TemporaryFile("w+")  # noqa: SIM115 - as long as the server
        self.process: subprocess.Popen | None = None

    def start(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "gunicorn", "--config", "config/gunicorn.py"],
            cwd=ROOT,
            env={**environment(), "BIND": f"127.0.0.1:{self.port}"},
            stderr=self.log,
            start_new_session=True,
        )
        for _ in range(300):
            try:
                urllib.request.urlopen(f"{self.url}/healthz", timeout=5)
                return
            except (urllib.error.URLError, OSError):
                assert self.process.poll() is None, self.said()
                time.sleep(0.1)
        raise AssertionError(self.said())

    def said(self) -> str:
        self.log.seek(0)
        return self.log.read()

    def kill(self) -> None:
        """Kill the server and its workers at once, as a power cut would."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(20)

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(30)

    def workers(self) -> list[int]:
        """Return the process ids of the workers."""
        found = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(pid) for pid in found.read_text().split()]

    def memory(self) -> int:
        """Return the most that a worker has held in memory at any time, in bytes."""
        lines = [Path(f"/proc/{pid}/status").read_text() for pid in self.workers()]
        return max(int(text.split("VmHWM:")[1].split()[0]) * 1024 for text in lines)


@contextmanager
def served() -> Iterator[Server]:
    """Start a server, yield it, and stop it."""
    server = Server()
    server.start()
    try:
        yield server
    finally:
        server.stop()
