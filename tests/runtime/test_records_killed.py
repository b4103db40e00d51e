"""Workers killed at random moments of an ingest: what was acknowledged is there, once."""

import gzip
import http.client
import json
import os
import random
import signal
import threading
import time
from itertools import count
from urllib.parse import urlsplit

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.models import Sum

from runtime.models import RecordBatch, RecordCount, RequestRecord
from runtime.records.gaps import missing
from tests.runtime.recording import ADDRESS, Reporting, lines, new_id
from tests.runtime.stories import running
from tests.runtime.tracing import tracer
from tests.serving import Server, served

#: Records of one batch.
SIZE = 60


class Sender:
    """A router that sends batches, and knows what was acknowledged."""

    def __init__(self, server: Server, reporting: Reporting, use_case: str):
        self.at, self.reporting = urlsplit(server.url), reporting
        self.one = reporting.route(use_case)
        # That one is a pattern, and is not sent.
        reporting.numbers = count(1)
        self.acknowledged: set[str] = set()

    def batch(self) -> list[dict]:
        """Return new records of one request after another."""
        numbers = self.reporting.numbers
        return [{**self.one, "id": new_id(), "seq": next(numbers)} for _ in range(SIZE)]

    def send(self, records: list[dict]) -> int:
        """Send and return the status; 0 for a connection that broke."""
        headers = {
            "Authorization": f"Bearer {self.reporting.token}",
            "Content-Type": "application/x-ndjson",
            "Content-Encoding": "gzip",
        }
        link = http.client.HTTPConnection(self.at.hostname, self.at.port, timeout=60)
        try:
            link.request("POST", ADDRESS, gzip.compress(lines(*records)), headers)
            response = link.getresponse()
            said = [json.loads(line) for line in response.read().splitlines()]
        except (OSError, http.client.HTTPException):
            return 0
        finally:
            link.close()
        if response.status == 200:
            assert {one["outcome"] for one in said} <= {"accepted", "duplicate"}, said
            self.acknowledged |= {one["id"] for one in said}
        return response.status

    def send_until_it_is_there(self, records: list[dict]) -> None:
        for _ in range(200):
            status = self.send(records)
            if status == 200:
                return
            # Not there yet, or the database still waits for somebody who is no more.
            assert status in (0, 429, 503), status
            time.sleep(0.1)
        raise AssertionError("It is never there.")


def run(times: int) -> None:
    chance, told = random.Random(times), running()
    with served() as server:
        sender = Sender(server, Reporting(told.environment), told.use_case.slug)
        sender.send_until_it_is_there(sender.batch())
        begun = time.monotonic()
        sender.send_until_it_is_there(sender.batch())
        whole, broken = time.monotonic() - begun, 0
        for _ in range(times):
            batch = sender.batch()
            answered: list[int] = []
            thread = threading.Thread(target=lambda b=batch, a=answered: a.append(sender.send(b)))
            thread.start()
            time.sleep(chance.uniform(0, 1.2 * whole))
            for worker in server.workers():
                os.kill(worker, signal.SIGKILL)
            thread.join()
            assert answered[0] in (0, 200), answered
            broken += answered[0] == 0
            kept = {str(pk) for pk in RequestRecord.objects.values_list("pk", flat=True)}
            assert sender.acknowledged <= kept
            # A batch is there whole, or not at all.
            assert len(kept & {one["id"] for one in batch}) in (0, SIZE)
            sender.send_until_it_is_there(batch)
        # The exporter of OpenTelemetry, over the network.
        tracing, _ = tracer(sender.reporting.token, url=server.url)
        with tracing.start_as_current_span("chat") as span:
            span.set_attribute("gen_ai.operation.name", "chat")
            span.set_attribute("gatehouse.release", told.release.digest)
        assert RequestRecord.objects.filter(router_seq=None, unverified="").count() == 1
    total = (times + 2) * SIZE + 1
    assert RequestRecord.objects.count() == total
    for noun in (RecordBatch, RecordCount):
        assert noun.objects.aggregate(n=Sum("count"))["n"] == total
    assert missing(sender.reporting.router).records == 0
    assert broken or times < 10, "No batch was met; the delays are not those of batches."
    connection.close()
    call_command("audit_verify")


@pytest.mark.django_db(transaction=True)
def test_a_killed_worker_loses_nothing_that_was_acknowledged():
    run(5)


@pytest.mark.long
@pytest.mark.django_db(transaction=True)
def test_fifty_killed_workers_lose_nothing_that_was_acknowledged():
    run(50)
