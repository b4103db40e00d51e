"""Installing, running and restoring as the documents tell it, on PostgreSQL, word for word.

The commands are read from the documents, so that these stay true. The role owns its databases and
is no superuser, as where somebody else keeps the server.
"""

import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlencode

import pytest
from django.db import connection

from config import gunicorn
from tests.environment import SUFFIX

ROOT = Path(__file__).resolve().parents[2]
PASSWORD = "a lantern over the copper quay"
HOST = "gatehouse.example.com"
#: Steps of the README that this machine has taken already.
TAKEN = ("cp", "python3")

pytestmark = pytest.mark.django_db(transaction=True)


def told(document: str, heading: str) -> list[list[str]]:
    """Return the commands in the blocks of a document's section, without their remarks."""
    section = (ROOT / document).read_text().partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    blocks = re.findall(r"```sh\n(.*?)```", section, re.DOTALL)
    return [shlex.split(line, comments=True) for block in blocks for line in block.splitlines()]


def ours(command: list[str], **places: str) -> list[str]:
    """Return a command of the documents as this interpreter runs it, with places of ours."""
    program, *rest = [places.get(word, word) for word in command]
    name = program.rpartition("/")[2]
    if name == "manage.py":
        rest = [program, *rest]
    if name == "gunicorn":
        rest = ["-m", "gunicorn", *rest]
    assert name in ("python", "manage.py", "gunicorn"), command
    return [sys.executable, *rest]


@contextmanager
def databases(*names: str):
    """Yield an address for each name: a database that its role owns, and nothing more."""
    role = f"installer{SUFFIX}"
    with connection._nodb_cursor() as cursor:
        cursor.execute(f"DROP ROLE IF EXISTS {role}")
        cursor.execute(f"CREATE ROLE {role} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE")
        for name in names:
            cursor.execute(f"DROP DATABASE IF EXISTS {name}")
            cursor.execute(f"CREATE DATABASE {name} OWNER {role}")
    host = connection.settings_dict["HOST"]
    try:
        yield [f"postgres://{role}@/{host}/{name}" for name in names]
    finally:
        with connection._nodb_cursor() as cursor:
            for name in names:
                cursor.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
            cursor.execute(f"DROP ROLE {role}")


class Machine:
    """One machine: its settings, its folder, what runs on it."""

    def __init__(self, folder: Path, url: str):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.folder, self.running = folder, []
        kept = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME")}
        self.environ = kept | {
            "GATEHOUSE_ENV_FILE": os.devnull,
            "GATEHOUSE_DATA_DIR": str(folder),
            "GATEHOUSE_STATIC_ROOT": str(folder / "static"),
            "GATEHOUSE_URL": f"https://{HOST}",
            "GATEHOUSE_BOOTSTRAP_PASSWORD": PASSWORD,
            "CHECKPOINT_FILE": str(folder.parent / "away" / "checkpoints.ndjson"),
            "DATABASE_URL": url,
            "SECRET_KEY": "for-one-machine-of-a-test-0123456789-abcdefghijklmnopqrst",
            "ALLOWED_HOSTS": HOST,
            "EMAIL_URL": "dummymail://",
            "BIND": f"127.0.0.1:{self.port}",
        }

    def run(self, command: list[str]) -> str:
        done = subprocess.run(
            command, cwd=ROOT, env=self.environ, capture_output=True, text=True, timeout=300
        )
        assert done.returncode == 0, (command, done.stdout, done.stderr)
        return done.stdout

    def start(self, command: list[str], log: str) -> subprocess.Popen:
        out = (self.folder / log).open("w+")
        process = subprocess.Popen(
            command, cwd=ROOT, env=self.environ, stdout=out, stderr=out, start_new_session=True
        )
        self.running.append(process)
        return process

    def stop(self) -> None:
        for process in self.running:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGTERM)
        for process in self.running:
            process.wait(30)

    def ask(self, path: str, cookies: dict, **fields: str) -> tuple[int, str]:
        """Ask as the proxy in front does, which ended TLS; cookies are kept in `cookies`."""
        data = urlencode(fields).encode() if fields else None
        kept = "; ".join(f"{name}={value}" for name, value in cookies.items())
        headers = {"Host": HOST, "X-Forwarded-Proto": "https", "Cookie": kept}
        headers |= {"Origin": f"https://{HOST}", "Referer": f"https://{HOST}{path}"}
        asked = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", data, headers)
        try:
            with urllib.request.build_opener(Stay).open(asked, timeout=30) as answer:
                return self._taken(answer, cookies)
        except urllib.error.HTTPError as error:
            return self._taken(error, cookies)

    def _taken(self, answer, cookies: dict) -> tuple[int, str]:
        for line in answer.headers.get_all("Set-Cookie", ()):
            name, _, value = line.partition(";")[0].partition("=")
            cookies[name] = value
        return answer.status, answer.read().decode()


class Stay(urllib.request.HTTPRedirectHandler):
    """A redirection is an answer."""

    def redirect_request(self, *args):
        return None


def wait_for(what) -> None:
    for _ in range(300):
        if what():
            return
        time.sleep(0.1)
    raise AssertionError("It did not come to pass within half a minute.")


def answers(machine: Machine, path: str) -> bool:
    try:
        return machine.ask(path, {})[0] == 200
    except OSError:
        return False


def test_the_documents_lead_to_a_portal_that_runs_and_comes_back(tmp_path):
    if connection.vendor != "postgresql":
        pytest.skip("For a team, on PostgreSQL.")
    names = [f"installed{SUFFIX}", f"restored{SUFFIX}"]
    with databases(*names) as (first, second):
        machine = Machine(tmp_path / "first", first)
        machine.folder.mkdir()
        try:
            install_and_use(machine)
            back_up_and_restore(machine, Machine(tmp_path / "second", second), tmp_path)
        finally:
            machine.stop()


def install_and_use(machine: Machine) -> None:
    """Take the steps of “Run it”, and sign in as the first administrator."""
    steps = [step for step in told("README.md", "Run it") if step[0] not in TAKEN]
    named = [" ".join(step[1:3]) for step in steps]
    assert [name.partition(" ")[2] for name in named[:4]] == [
        "migrate",
        "make_key",
        "collectstatic",
        "bootstrap",
    ]
    for step in steps[:4]:
        machine.run(ours(step))
    server = machine.start(ours(steps[4]), "gunicorn.log")
    assert answers_soon(machine, "/healthz"), (machine.folder / "gunicorn.log").read_text()
    children = Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split()
    assert len(children) == gunicorn.workers == 2
    machine.start(ours(steps[5]), "tick.log")
    checkpoints = Path(machine.environ["CHECKPOINT_FILE"])
    wait_for(lambda: checkpoints.is_file() and checkpoints.read_text().count("\n"))
    status, said = machine.ask("/readyz", {})
    assert (status, said) == (200, '{"status": "ok"}')
    cookies: dict[str, str] = {}
    status, page = machine.ask("/login/", cookies)
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page)[1]
    given = {"username": "ada", "password": PASSWORD, "csrfmiddlewaretoken": token}
    assert machine.ask("/login/", cookies, **given)[0] == 302
    # Both processes know the session: it is in the database.
    for _ in range(6):
        status, page = machine.ask("/", cookies)
        assert status == 200 and "Overview" in page and ">ada<" in page
    style = re.search(r'href="(/static/[^"]+\.css)"', page)[1]
    assert machine.ask(style, {})[0] == 200, "collected, and named by its content"


def answers_soon(machine: Machine, path: str) -> bool:
    try:
        wait_for(lambda: answers(machine, path))
    except AssertionError:
        return False
    return True


def back_up_and_restore(machine: Machine, other: Machine, tmp_path: Path) -> None:
    """Take the steps of “Back up” and “Restore”; the server goes on meanwhile."""
    [backup] = told("docs/install.md", "Back up")
    restore, declare = told("docs/install.md", "Restore")
    assert (backup[1], restore[1], declare[1]) == ("backup", "restore", "declare_loss")
    assert backup[2] == restore[2]
    places = {backup[2]: str(tmp_path / "backup")}
    made = machine.run(ours(backup, **places))
    root = re.search(r"root (sha256:\w+)", made)[1]
    machine.stop()
    shutil.copytree(machine.folder / "keys", other.folder / "keys")
    said = other.run(ours(restore, **places))
    assert root in said and "clean." in said
