"""Slow senders do not stop the portal: two workers of four threads, as in production."""

import time
import urllib.request

import pytest

from registry.roles import Role
from tests import make
from tests.evidence.slow import slow_uploads
from tests.serving import served


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("count", [4, 12])
def test_slow_uploads_do_not_stop_the_portal(count):
    team = make.make_team()
    make.make_release(team=team)
    robot = make.make_service("", Role.EVIDENCE_CONTRIBUTOR, team=team)
    token, reading = make.make_token(robot, scope="evidence", team=team), make.make_token(robot)
    with served() as server:

        def read(address):
            headers = {"Authorization": f"Bearer {reading}"}
            begun = time.monotonic()
            with urllib.request.urlopen(
                urllib.request.Request(server.url + address, headers=headers), timeout=20
            ) as answer:
                assert answer.status == 200
                answer.read()
            return time.monotonic() - begun

        for _ in range(8):
            read("/api/v1/releases/")
        with slow_uploads(server, token, count) as answers:
            time.sleep(1)
            took = sorted(read("/api/v1/releases/") for _ in range(30))
            # Each process takes in three; the others are told to come again.
            assert len(answers) <= 1 if count == 4 else len(answers) >= count - 6
            assert all(b" 503 " in answer and b"Retry-After" in answer for answer in answers)
        assert took[-1] < 5, took
        assert read("/healthz") < 5
