"""An OpenFeature client and the reference router beside a real server, through what befalls it."""

from datetime import timedelta

import pytest
from openfeature import api
from openfeature.contrib.provider.ofrep import OFREPProvider
from openfeature.evaluation_context import EvaluationContext
from openfeature.exception import ErrorCode
from openfeature.flag_evaluation import Reason

from audit import clock as server_clock
from runtime import transitions
from runtime.client import Router, Unreachable
from runtime.client.router import Clock
from runtime.models import RequestRecord
from runtime.records.investigating import investigate
from tests import make
from tests.gates.stories import WHY
from tests.runtime.stories import next_release, operator, place, running
from tests.serving import Server, served

DEFAULT = {"endpoint": "the caller's own"}


class Ahead(Clock):
    """The clocks of this machine, put on by a test."""

    by = 0.0

    def now(self):
        return super().now() + timedelta(seconds=self.by)

    def steady(self):
        return super().steady() + self.by


class Gateway:
    """A gateway that routes both ways: it asks the server, and it decides on its own."""

    def __init__(self, server: Server, told, folder):
        self.use_case, self.clock = told.use_case.slug, Ahead()
        robot = make.make_service()
        token = make.make_token(robot, scope="router", environment=told.environment)
        headers = {"Authorization": f"Bearer {token}"}
        provider = OFREPProvider(server.url, headers_factory=lambda: headers)
        api.set_provider(provider, "gateway")
        self.client = api.get_client("gateway")
        self.start = lambda: Router(
            server.url, told.environment.slug, token, folder, clock=self.clock
        )
        self.router = self.start()

    def asked(self, **facts):
        """Return what OpenFeature says of where a request goes."""
        context = EvaluationContext("somebody", facts)
        return self.client.get_object_details(self.use_case, DEFAULT, context)

    def served(self, **facts) -> str | None:
        """Return which release serves, by either way: they agree."""
        self.router.refresh()
        said = self.asked(**facts)
        answer = self.router.decide({"use_case": self.use_case, **facts})
        assert said.error_code is None
        metadata, value, selected = said.flag_metadata, said.value, answer["selected"]
        for name in ("status", "reason", "retryable", "generation", "digest", "engine"):
            assert metadata[name] == answer[name]
        assert metadata["fallbacks"] == ",".join(one["deployment"] for one in answer["fallbacks"])
        assert said.reason == (Reason.TARGETING_MATCH if selected else Reason.DISABLED)
        if selected is None:
            assert value["endpoint"] is None
            return None
        for name in ("endpoint", "model", "parameters", "deployment"):
            assert value[name] == selected[name]
        assert value["prompts"] == answer["prompts"]
        return said.variant


@pytest.mark.django_db(transaction=True)
def test_whatever_befalls_the_server_requests_go_where_they_may(tmp_path, caplog):
    told = running()
    ops, slug = operator(told), told.use_case.slug
    again = {"password": make.PASSWORD, "actor": ops}
    with served() as server:
        gateway = Gateway(server, told, tmp_path)
        assert gateway.served(tokens=10) == f"{slug}-1"
        # What was served is told to the server, once however often it is sent.
        router, sent = gateway.router, []
        assert router.serve({"use_case": slug}, lambda offer, answer: "an answer") == "an answer"
        post = router._server.post
        router._server.post = lambda *given: sent.append(given) or post(*given)
        assert (router.report(), router.records.waiting, router.report()) == (2, 0, 0)
        assert b"duplicate" in post(*sent[0])
        rows = RequestRecord.objects.order_by("router_seq")
        assert [(row.status, row.unverified) for row in rows] == [("routed", ""), ("served", "")]
        found = investigate(rows[0].request, ops)
        assert found["attempts"][0]["replay"]["status"] == "agrees"
        # What is refused for what it says is put aside, and does not come again.
        router.records.append({"kind": "prose"}, data_classification="public")
        assert (router.report(), router.records.waiting) == (1, 0)
        aside = tmp_path / "records" / "refused.ndjson"
        assert b'"outcome":"invalid"' in aside.read_bytes()
        assert f"1 refused records are put aside in {aside}." in caplog.text
        # No region of the request's own is where it could go: an answer, and no error.
        assert gateway.served(regions=["elsewhere"]) is None
        wrong = gateway.asked(region="elsewhere")
        assert (wrong.error_code, wrong.value) == (ErrorCode.INVALID_CONTEXT, DEFAULT)
        missing = gateway.client.get_object_details("nothing", DEFAULT)
        assert missing.error_code == ErrorCode.FLAG_NOT_FOUND

        suspension = transitions.suspend(told.release, environment=None, reason="It lies.", **again)
        assert gateway.served() is None
        transitions.lift(suspension.pk, reason="Mended.", **again)
        assert gateway.served() == f"{slug}-1"

        before = gateway.router.generation
        after = next_release(told)
        place(after, priority=1, actor=ops)
        assert gateway.served() == f"{slug}-2"
        transitions.roll_back(told.environment, before, reason=WHY, **again)
        assert gateway.served() == f"{slug}-1"
        held = gateway.router.generation
        assert held > before + 1

        server.kill()
        down = gateway.asked()
        assert (down.error_code, down.value) == (ErrorCode.GENERAL, DEFAULT)
        with pytest.raises(Unreachable):
            gateway.router.refresh()
        # On its own it goes on, over a restart, for as long as its data allow.
        gateway.router.close()
        router = gateway.router = gateway.start()
        budget = router._held.head.max_age[told.use_case.data_classification]
        assert router.decide({"use_case": slug})["status"] == "routed"
        gateway.clock.by = budget - router.age() - 5
        assert router.decide({"use_case": slug})["status"] == "routed"
        gateway.clock.by += 6
        stale = router.decide({"use_case": slug})
        assert (stale["status"], stale["reason"]) == ("refused", "SNAPSHOT_STALE")
        gateway.clock.by = 0

        # What is suspended while nobody answers holds from the first answer on.
        transitions.suspend(told.release, environment=None, reason="It lies.", **again)
        assert router.decide({"use_case": slug})["status"] == "routed"
        server.start()
        assert gateway.served() is None and router.generation == held + 1
        # What it applied is known to the server.
        router.refresh()
        assert server_clock.now() - router._held.head.issued_at < timedelta(minutes=1)
        router.close()
