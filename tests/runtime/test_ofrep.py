"""Routes by the OpenFeature Remote Evaluation Protocol: what is answered, and what is refused."""

import json
from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.test import Client
from jsonschema import Draft202012Validator

from runtime import ofrep, routing
from tests import make
from tests.runtime.signing import NOW
from tests.runtime.stories import running

pytestmark = pytest.mark.django_db

ALL = "/ofrep/v1/evaluate/flags"
SCALARS = {"type": "object", "additionalProperties": {"type": ["boolean", "string", "number"]}}
#: The protocol's answers, as its description has them; a flag here is always an object.
SUCCESS = {
    "type": "object",
    "required": ["key", "reason", "variant", "value", "metadata"],
    "properties": {
        "key": {"type": "string"},
        "reason": {"enum": ["STATIC", "TARGETING_MATCH", "SPLIT", "DISABLED", "UNKNOWN"]},
        "variant": {"type": "string"},
        "metadata": SCALARS,
        "value": {"type": "object"},
    },
    "additionalProperties": False,
}
FAILURE = {
    "type": "object",
    "required": ["key", "errorCode", "errorDetails"],
    "properties": {
        "key": {"type": "string"},
        "errorCode": {"enum": ["PARSE_ERROR", "INVALID_CONTEXT", "FLAG_NOT_FOUND"]},
        "errorDetails": {"type": "string", "pattern": r"\.$"},
    },
    "additionalProperties": False,
}


@pytest.fixture
def told():
    return running()


@pytest.fixture
def ask(told):
    token = make.make_token(make.make_service(), scope="router", environment=told.environment)
    client = Client(raise_request_exception=False)

    def ask(key="", context=None, *, body=None, token=token, **headers):
        if body is None:
            body = json.dumps({"context": context or {}})
        return client.post(
            f"{ALL}/{key}" if key else ALL,
            body,
            content_type=headers.pop("content_type", "application/json"),
            headers={"Authorization": f"Bearer {token}", **headers},
        )

    return ask


def conforms(answer, schema=SUCCESS) -> dict:
    said = answer.json()
    assert [problem.message for problem in Draft202012Validator(schema).iter_errors(said)] == []
    return said


def test_a_route_is_a_value_that_says_where_a_request_goes(told, ask):
    slug = told.use_case.slug
    said = conforms(ask(slug, {"targetingKey": "user-7", "tokens": 10}))
    assert (said["key"], said["reason"], said["variant"]) == (slug, "TARGETING_MATCH", f"{slug}-1")
    value, metadata = said["value"], said["metadata"]
    assert value["status"] == "routed" and value["fallbacks"] == []
    assert value["endpoint"]["slug"] == told.endpoint.slug
    assert value["release"] == {"number": 1, "digest": told.release.digest}
    assert value["model"]["identifier"] == told.release.model_version.identifier
    assert {"prompts", "parameters", "not_after", "deployment"} <= value.keys()
    activation = told.environment.activations.get(generation=2)
    assert (metadata["generation"], metadata["digest"]) == (2, activation.snapshot.digest)
    assert (metadata["candidates"], metadata["eligible"], metadata["codes"]) == (1, 1, "")
    assert ask(slug)["Cache-Control"] == "no-store"


def test_that_policy_refuses_is_an_answer_which_nobody_retries_or_replaces_by_a_default(told, ask):
    """An error would be answered by an SDK with the caller's own default: a way round policy."""
    slug = told.use_case.slug
    answer = ask(slug, {"regions": ["elsewhere"]})
    said = conforms(answer)
    assert (answer.status_code, said["reason"], said["variant"]) == (200, "DISABLED", "refused")
    value = said["value"]
    assert (value["status"], value["reason"], value["retryable"]) == ("refused", "POLICY", False)
    assert value["endpoint"] is None and value["model"] is None and value["fallbacks"] == []
    assert said["metadata"]["codes"] == "RESIDENCY=2"
    name = f"{slug}-1@{told.endpoint.slug}"
    down = conforms(ask(slug, {"health": {name: False}}))["value"]
    assert (down["status"], down["reason"], down["retryable"]) == ("refused", "UNAVAILABLE", True)


def test_time_alone_ends_an_approval_between_two_looks(told, ask, monkeypatch):
    ask(told.use_case.slug)
    monkeypatch.setattr(ofrep, "clock", SimpleNamespace(now=lambda: NOW + timedelta(3650)))
    assert conforms(ask(told.use_case.slug))["metadata"]["codes"] == "APPROVAL_ENDED=1"


@pytest.mark.parametrize(
    ("body", "code", "detail"),
    [
        ("{", "PARSE_ERROR", "no JSON"),
        ("\xff", "PARSE_ERROR", "no JSON"),
        ('{"context": {"tokens": NaN}}', "PARSE_ERROR", "no JSON"),
        ('{"context": {"tokens": 1, "tokens": 2}}', "PARSE_ERROR", "no JSON"),
        ("[" * 60_000, "PARSE_ERROR", "no JSON"),
        (" " * 70_000, "PARSE_ERROR", "65536 bytes"),
        ("[]", "INVALID_CONTEXT", "object of facts"),
        ('{"context": []}', "INVALID_CONTEXT", "object of facts"),
        ('{"context": {"region": "eu"}}', "INVALID_CONTEXT", "region: There is no fact"),
        ('{"context": {"regions": "eu"}}', "INVALID_CONTEXT", "regions: Give a list"),
        ('{"context": {"tokens": 1.5}}', "INVALID_CONTEXT", "tokens: Give a whole number"),
        ('{"context": {"use_case": "x"}}', "INVALID_CONTEXT", "The flag names the use case"),
        ('{"context": {"\\ud800": 1}}', "INVALID_CONTEXT", "There is no fact"),
    ],
)
def test_a_context_that_cannot_be_read_is_never_taken_for_none(told, ask, body, code, detail):
    body = body.encode("latin-1")
    for key in (told.use_case.slug, ""):
        answer = ask(key, body=body)
        assert answer.status_code == 400
        said = answer.json()
        assert said["errorCode"] == code and detail in said["errorDetails"], said
        if key:
            conforms(answer, FAILURE)
    assert ask(told.use_case.slug, content_type="text/plain").json()["errorCode"] == "PARSE_ERROR"


@pytest.mark.parametrize("key", ["nothing-here", "%00", "%ff", "a b", "Ä"])
def test_a_use_case_without_a_route_is_not_found(told, ask, key):
    answer = ask(key)
    assert answer.status_code == 404
    assert conforms(answer, FAILURE)["errorCode"] == "FLAG_NOT_FOUND"


def test_a_token_routes_in_its_environment_alone(told, ask):
    there = make.make_environment()
    token = make.make_token(make.make_service(), scope="router", environment=there)
    assert ask(told.use_case.slug, token=token).status_code == 404
    assert ask(token=token).json() == {"flags": []}
    assert ask(token=token, body='{"context": {"x": 1}}').status_code == 400
    assert ask(token="unknown").status_code == 401
    reading = make.make_token(make.make_service())
    assert ask(told.use_case.slug, token=reading).status_code == 403


def test_all_routes_are_answered_at_once_and_again_only_when_they_change(told, ask):
    answer = ask()
    (flag,) = answer.json()["flags"]
    assert [p.message for p in Draft202012Validator(SUCCESS).iter_errors(flag)] == []
    assert flag == ask(told.use_case.slug).json()
    tag = answer["ETag"]
    for held in (tag, f"W/{tag}", f'"x", {tag}'):
        again = ask(**{"If-None-Match": held})
        assert (again.status_code, again.content, again["ETag"]) == (304, b"", tag)
    other = ask(context={"regions": []}, **{"If-None-Match": tag})
    assert other.status_code == 200 and other["ETag"] != tag
    assert ask(**{"If-None-Match": '"x"'}).status_code == 200


def test_between_changes_an_evaluation_takes_one_statement(told, ask, django_assert_num_queries):
    for key in (told.use_case.slug, ""):
        ask(key)
        with django_assert_num_queries(1):
            ask(key)


def test_a_fallback_names_its_own_prompts():
    rows = [
        {"name": name, "use_case": "chat", "priority": place, "not_after": "2099-01-01T00:00:00Z"}
        | {"prompts": [{"template": name}], "release": {"number": place, "digest": ""}}
        | {"endpoint": dict.fromkeys(("slug", "address", "host", "cost_class", "latency_class"))}
        | {"model": dict.fromkeys(("slug", "version", "identifier")), "parameters": {}}
        for place, name in enumerate("ab")
    ]
    snapshot = {"schema": routing.SCHEMA, "environment": {"slug": "x"}, "deployments": rows}
    table = routing.Table({**snapshot, "routes": {"chat": {"policy": {}}}}, rules=())
    held = ofrep.Active(1, "", table, {one["name"]: one["prompts"] for one in rows})
    value = held.flag(routing.Facts("chat"))["value"]
    assert value["prompts"] == [{"template": "a"}]
    assert [one["prompts"] for one in value["fallbacks"]] == [[{"template": "b"}]]
