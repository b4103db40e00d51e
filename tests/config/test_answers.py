"""What every answer carries, and what tools get where there is nothing."""

import json
import logging

import pytest
from django.db import OperationalError
from django.http import HttpResponse
from django.test import RequestFactory

from audit import context
from audit.kept import Unsettled
from config import middleware, problems
from config.logs import JsonFormatter, request_id
from tests import make

pytestmark = pytest.mark.django_db


def test_pages_carry_a_strict_policy(client):
    answer = client.get("/login/")
    assert answer.status_code == 200
    policy = answer["Content-Security-Policy"].split("; ")
    assert policy[0] == "default-src 'none'"
    assert {"script-src 'self'", "style-src 'self'", "frame-ancestors 'none'"} <= set(policy)
    assert "unsafe" not in answer["Content-Security-Policy"]
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["X-Frame-Options"] == "DENY"
    assert answer["Referrer-Policy"] == "same-origin"
    assert answer["Cross-Origin-Opener-Policy"] == "same-origin"


def test_static_files_and_errors_carry_it_too(client):
    for address in ("/static/admin/css/base.css", "/api/nothing"):
        assert "default-src 'none'" in client.get(address)["Content-Security-Policy"]


def test_a_view_may_set_a_policy_of_its_own():
    def view(request):
        return HttpResponse(headers={"Content-Security-Policy": "sandbox"})

    answer = middleware.security_headers(view)(RequestFactory().get("/"))
    assert answer["Content-Security-Policy"] == "sandbox"


@pytest.mark.parametrize("given", ["a-request_1.2", "x" * 64])
def test_the_callers_request_id_comes_back(client, given):
    assert client.get("/healthz", headers={"X-Request-ID": given})["X-Request-ID"] == given


@pytest.mark.parametrize("given", ["", "x" * 65, "a b", 'a"b', "a\nb", "ä"])
def test_any_other_request_id_is_replaced(client, given):
    answered = client.get("/healthz", headers={"X-Request-ID": given})["X-Request-ID"]
    assert len(answered) == 32
    assert answered.isalnum()


@pytest.mark.parametrize(
    "address",
    [
        *(
            "/api",
            "/api/",
            "/api/v1/nothing/",
            "/api/v1/decisio/",
            "/ingest/v1/",
            "/v1/",
            "/v1/metrics",
        ),
        *("/ofrep/v1/x", "/static/nothing.css", "/.well-known/nothing"),
    ],
)
def test_tools_get_a_problem_and_no_sign_in(client, address):
    answer = client.get(address)
    assert (answer.status_code, answer["Content-Type"]) == (404, "application/problem+json")
    assert answer.json() == {
        "type": "about:blank",
        "title": "Not Found",
        "status": 404,
        "detail": "There is nothing at this address that you may see.",
    }


def test_people_are_sent_to_the_sign_in(client):
    answer = client.get("/apiary/")
    assert (answer.status_code, answer["Location"]) == (302, "/login/?next=/apiary/")


def test_a_wrong_host_is_a_problem_for_tools(client):
    answer = client.get("/api/v1/schema/", headers={"Host": "elsewhere.example"})
    assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json")


def test_a_fault_is_a_problem_for_tools(client, monkeypatch):
    def fail(*args, **kwargs):
        raise RuntimeError("secret detail")

    client.raise_request_exception = False
    monkeypatch.setattr("rest_framework.views.APIView.initial", fail)
    answer = client.get("/api/v1/schema/")
    assert (answer.status_code, answer["Content-Type"]) == (500, "application/problem+json")
    assert "secret" not in answer.content.decode()


def test_a_fault_is_a_page_for_people_and_names_the_request(client, monkeypatch):
    def fail(*args, **kwargs):
        raise RuntimeError("secret detail")

    client.raise_request_exception = False
    monkeypatch.setattr("django.contrib.auth.views.LoginView.dispatch", fail)
    answer = client.get("/login/", headers={"X-Request-ID": "abc-1"})
    assert (answer.status_code, answer["Content-Type"]) == (500, "text/html; charset=utf-8")
    assert "abc-1" in answer.content.decode()
    assert "secret" not in answer.content.decode()


@pytest.mark.parametrize(
    ("address", "content_type"),
    [("/login/", "text/html; charset=utf-8"), ("/api/v1/schema/", "application/problem+json")],
)
@pytest.mark.parametrize("error", [OperationalError("deadlock detected"), Unsettled()])
def test_a_busy_database_is_worth_another_try(client, monkeypatch, address, content_type, error):
    def give_up(*args, **kwargs):
        raise error

    monkeypatch.setattr("django.contrib.auth.views.LoginView.dispatch", give_up)
    monkeypatch.setattr("rest_framework.views.APIView.initial", give_up)
    answer = client.get(address)
    assert (answer.status_code, answer["Content-Type"]) == (503, content_type)
    assert answer["Retry-After"] == "1"
    assert "try again" in answer.content.decode()
    assert "deadlock" not in answer.content.decode()


def test_the_schema_is_for_callers_with_a_token(client):
    answer = client.get("/api/v1/schema/")
    assert (answer.status_code, answer["Content-Type"]) == (401, "application/problem+json")
    assert answer["WWW-Authenticate"] == "Bearer"


def test_a_log_line_is_one_line_whatever_is_in_it():
    record = logging.LogRecord(
        "x", logging.INFO, "", 0, "told %s", ('evil\r\n{"level": "INFO"}\u2028\x1b[1m',), None
    )
    line = JsonFormatter().format(record)
    assert line.isascii()
    assert line.isprintable()
    assert json.loads(line)["message"].startswith("told evil\r\n")


def test_a_request_is_logged_by_its_route_and_id(client, caplog):
    caplog.set_level(logging.INFO, "gatehouse.request")
    client.get("/healthz?token=secret", headers={"X-Request-ID": "abc"})
    [record] = [r for r in caplog.records if r.name == "gatehouse.request"]
    assert record.event["route"] == "healthz"
    assert (record.event["status"], record.event["user"]) == (200, None)
    assert "secret" not in JsonFormatter().format(record)
    assert request_id.get() is None


def test_lines_within_a_request_carry_its_id():
    lines = []

    def view(request):
        record = logging.LogRecord("x", logging.INFO, "", 0, "within", (), None)
        lines.append(json.loads(JsonFormatter().format(record)))
        return HttpResponse()

    middleware.request_id(view)(RequestFactory().get("/", headers={"X-Request-ID": "abc"}))
    assert lines[0]["request_id"] == "abc"


def test_a_problem_may_carry_members_of_its_own():
    answer = problems.problem(409, "Already decided.", instance="/promotions/1/")
    assert json.loads(answer.content) == {
        "type": "about:blank",
        "title": "Conflict",
        "status": 409,
        "detail": "Already decided.",
        "instance": "/promotions/1/",
    }


def test_a_change_says_by_which_request_and_way_it_came_in(client):
    seen = []

    def note(request):
        seen.append((context.request_id.get(), context.via.get()))
        return HttpResponse()

    token = make.make_token(make.make_service("robot", "viewer"))
    reading = {"Authorization": f"Bearer {token}", "X-Request-ID": "first"}
    assert client.get("/api/v1/tools/", headers=reading).status_code == 200
    middleware.request_id(note)(RequestFactory().get("/", headers={"X-Request-ID": "second"}))
    assert seen == [("second", "session")]
    assert (context.request_id.get(), context.via.get()) == ("", "")
