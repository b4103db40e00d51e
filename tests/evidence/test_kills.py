"""Workers killed at random moments of an upload: nothing half-visible, and trying again works."""

import json
import os
import random
import signal
import threading
import time
import urllib.error
import urllib.request
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import connection

from audit import clock
from evidence import incoming, storage, sweeping
from evidence.models import EvidenceFile, EvidenceItem
from registry.roles import Role
from tests import make
from tests.evidence.hostile import multipart
from tests.evidence.make import answers_to
from tests.serving import Server, served

SIZE = 6 * 1024**2


class Sender:
    """Sends one file a round, under a key of that round."""

    def __init__(self, server: Server):
        self.url = f"{server.url}/ingest/v1/evidence/"
        release = make.make_release(team=make.make_team())
        team = release.use_case.team
        robot = make.make_service("", Role.EVIDENCE_CONTRIBUTOR, team=team)
        self.token = make.make_token(robot, scope="evidence", team=team)
        self.fields = {
            "release": release.digest,
            "kind": "safety_check",
            "verdict": "pass",
            "vouched_by": "Safety team",
            "answers": json.dumps(answers_to("safety_check")),
        }

    def send(self, number: int) -> int:
        """Send and return the status; 0 for a connection that broke."""
        content = random.Random(number).randbytes(SIZE).hex().encode()[:SIZE]
        body = multipart({**self.fields, "title": f"Round {number}"}, "figures.txt", content)
        headers = {
            "Authorization": f"Bearer {self.token}",
            "Content-Type": "multipart/form-data; boundary=bound",
            "Idempotency-Key": f"round-{number}",
        }
        request = urllib.request.Request(self.url, body, headers)
        try:
            return urllib.request.urlopen(request, timeout=60).status
        except urllib.error.HTTPError as answer:
            return answer.code
        except OSError:
            return 0

    def send_until_it_is_there(self, number: int) -> int:
        for _ in range(200):
            status = self.send(number)
            if status in (200, 201):
                return status
            # Not there yet, or the database still waits for somebody who is no more.
            assert status in (0, 503), status
            time.sleep(0.1)
        raise AssertionError("It is never there.")


def kill_workers(server: Server) -> None:
    for worker in server.workers():
        os.kill(worker, signal.SIGKILL)


def assert_nothing_is_half_there() -> None:
    for file in EvidenceFile.objects.all():
        assert storage.digest_of(file.sha256) == (file.sha256, file.size)
    assert EvidenceItem.objects.count() == EvidenceFile.objects.count()
    # Whatever lies under a digest is whole, also what no row names.
    root = Path(storage.storage().path("sha256"))
    for path in root.rglob("*") if root.is_dir() else ():
        if path.is_file():
            assert storage.digest_of(path.name)[0] == path.name


def run(times: int) -> None:
    chance = random.Random(times)
    with served() as server:
        sender = Sender(server)
        sender.send_until_it_is_there(0)
        begun = time.monotonic()
        assert sender.send(1) == 201
        whole = time.monotonic() - begun
        acknowledged, broken = {0, 1}, 0
        for number in range(2, times + 2):
            answered: list[int] = []
            thread = threading.Thread(target=lambda n=number, a=answered: a.append(sender.send(n)))
            thread.start()
            time.sleep(chance.uniform(0, 1.2 * whole))
            kill_workers(server)
            thread.join()
            assert answered[0] in (0, 201), answered
            broken += answered[0] == 0
            assert_nothing_is_half_there()
            titles = set(EvidenceItem.objects.values_list("title", flat=True))
            acknowledged |= {number} if answered[0] else set()
            assert {f"Round {one}" for one in acknowledged} <= titles
            sender.send_until_it_is_there(number)
            acknowledged.add(number)
        assert EvidenceItem.objects.count() == times + 2
        assert_nothing_is_half_there()
    connection.close()
    call_command("audit_verify", evidence="all")
    later = clock.now() + timedelta(days=2)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(clock, "now", lambda: later)
        sweeping.sweep()
    assert list(incoming.folder().glob("*.part")) == []
    assert broken or times < 10, "No upload was met; the delays are not those of uploads."
    call_command("audit_verify", evidence="all")


@pytest.mark.django_db(transaction=True)
def test_a_killed_upload_leaves_nothing_half_visible_and_may_be_sent_again():
    run(3)


@pytest.mark.long
@pytest.mark.django_db(transaction=True)
def test_fifty_killed_uploads_leave_nothing_half_visible():
    run(50)
