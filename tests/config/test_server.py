"""The web server of production, started as README says, with nothing migrated yet."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


class KeepRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args):
        return None


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """Start gunicorn on a free port and yield a function that asks it for an address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    folder = tmp_path_factory.mktemp("production")
    told = {
        "GATEHOUSE_DATA_DIR": folder,
        "GATEHOUSE_STATIC_ROOT": folder / "static",
        "SECRET_KEY": "0123456789-abcdefghijklmnopqrstuvwxyz-ABCDEFGHIJKLMNOPQRSTUVWXYZ",
        "ALLOWED_HOSTS": "gatehouse.example.com",
        "BIND": f"127.0.0.1:{port}",
    }
    (folder / "env").write_text("".join(f"{name}={value}\n" for name, value in told.items()))
    environ = {"PATH": os.environ["PATH"], "GATEHOUSE_ENV_FILE": str(folder / "env")}
    opener = urllib.request.build_opener(KeepRedirect)

    def ask(address, **headers):
        headers = {"Host": "gatehouse.example.com", **headers}
        request = urllib.request.Request(f"http://127.0.0.1:{port}{address}", headers=headers)
        try:
            return opener.open(request, timeout=10)
        except urllib.error.HTTPError as answer:
            return answer

    process = subprocess.Popen(
        [sys.executable, "-m", "gunicorn", "--config", "config/gunicorn.py"],
        cwd=ROOT,
        env=environ,
        stderr=(folder / "log").open("w"),
    )
    try:
        for _ in range(100):
            try:
                ask("/healthz")
                break
            except urllib.error.URLError:
                assert process.poll() is None, (folder / "log").read_text()
                time.sleep(0.2)
        yield ask
    finally:
        process.terminate()
        process.wait(20)


def test_probes_answer_without_tls(server):
    assert server("/healthz").status == 200
    answer = server("/readyz")
    assert answer.status == 503
    said = json.loads(answer.read())
    assert said["status"] == "failing"
    assert said["failing"] == ["migrations", "triggers", "static", "keys"] == list(said["remedies"])


def test_people_are_sent_to_https(server):
    answer = server("/promotions/1/")
    assert answer.status == 301
    assert answer.headers["Location"] == "https://gatehouse.example.com/promotions/1/"


def test_a_proxy_that_ends_tls_is_believed(server):
    answer = server("/api/nothing", **{"X-Forwarded-Proto": "https"})
    assert answer.status == 404
    assert answer.headers["Strict-Transport-Security"].startswith("max-age=31536000")
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


def test_a_host_that_was_not_named_is_refused(server):
    answer = server("/api/nothing", Host="elsewhere.example", **{"X-Forwarded-Proto": "https"})
    assert answer.status == 400
