"""A caller of the API with a token, as a deployment tool would be."""

from django.test import Client

from registry.models import Person
from tests import make

ROOT = "/api/v1/"
PROBLEM = "application/problem+json"


class Reader:
    """Reads with one token; never raises, so that a fault shows as the 500 that a caller sees."""

    def __init__(self, token: str):
        self.client = Client(raise_request_exception=False)
        self.headers = {"Authorization": f"Bearer {token}"}

    def get(self, path: str = "", *, headers: dict | None = None, **parameters):
        """GET an address below the API's root, or a whole one as an answer named it."""
        address = path if path.startswith(("/", "http")) else ROOT + path
        return self.client.get(address, parameters, headers=self.headers | (headers or {}))


def reader(*roles: str, team=None, person: Person | None = None) -> Reader:
    """Return a reader who is `person`, or a new service account with `roles`."""
    person = person or make.make_service(make.name("robot"), *(roles or ("viewer",)), team=team)
    return Reader(make.make_token(person))


def assert_problem(answer, status: int, *fields: str) -> dict:
    """Assert that `answer` is a problem of that status about exactly these fields; return it."""
    assert (answer.status_code, answer["Content-Type"]) == (status, PROBLEM), answer.content
    body = answer.json()
    assert body["status"] == status
    assert body["detail"]
    assert answer["Cache-Control"] == "no-store"
    assert [one["field"] for one in body.get("errors", ())] == list(fields)
    assert all(one["code"] and one["sentence"].endswith(".") for one in body.get("errors", ()))
    return body
