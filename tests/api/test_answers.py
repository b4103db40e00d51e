"""What every answer of the API is like: methods, kinds, ETags, and how hostile input is met."""

import pytest
from django.test import Client

from registry.models import RegisteredModel
from tests import make
from tests.api.reading import ROOT, Reader, assert_problem, reader
from tests.api.rows import LISTS, address

pytestmark = pytest.mark.django_db


@pytest.fixture
def caller(told) -> Reader:
    return reader("auditor")


def decision_of(told) -> str:
    return f"decision/?release={told.release.digest}&environment={told.environment.slug}"


def addresses(told) -> list[str]:
    rows = [address(name, told) for name in LISTS]
    latest = f"evaluation-runs/latest/?release={told.release.digest}"
    return [*(row.path for row in rows), *(row.one for row in rows), latest, "schema/"]


# Methods


def test_nothing_is_written_here(told, caller):
    for path in [*addresses(told), decision_of(told)]:
        for method in ("post", "put", "patch", "delete", "trace"):
            answer = getattr(caller.client, method)(ROOT + path, headers=caller.headers)
            assert_problem(answer, 405)
            assert answer["Allow"] == "GET, HEAD, OPTIONS"


def test_head_answers_as_get_does_without_a_body(told, caller):
    for path in [*addresses(told), decision_of(told)]:
        full = caller.get(path)
        bare = caller.client.head(ROOT + path, headers=caller.headers)
        assert (bare.status_code, bare.content) == (200, b"")
        assert bare.get("ETag") == full.get("ETag")
        assert bare["Content-Length"] == full["Content-Length"]


def test_options_says_what_an_address_is_for(told, caller):
    answer = caller.client.options(ROOT + "models/", headers=caller.headers)
    assert answer.status_code == 200
    assert answer["Allow"] == "GET, HEAD, OPTIONS"


def test_everybody_without_a_token_is_told_so_first(told):
    for path in [*addresses(told), decision_of(told)]:
        for method in ("get", "head", "options", "post"):
            answer = getattr(Client(), method)(ROOT + path)
            assert answer.status_code == 401, path
            assert answer["WWW-Authenticate"] == "Bearer"


def test_a_session_opens_nothing_but_the_description(told):
    browser = Client()
    browser.force_login(told.requester)
    for path in [*addresses(told), decision_of(told)]:
        expected = 200 if path == "schema/" else 401
        assert browser.get(ROOT + path).status_code == expected, path


# Kinds


def test_answers_are_json_and_problems_are_problems(told, caller):
    assert caller.get("models/")["Content-Type"] == "application/json"
    assert_problem(caller.get("models/nobody-knows/"), 404)
    assert_problem(caller.get("models/", headers={"Accept": "text/html"}), 406)
    assert caller.get("models/", headers={"Accept": "text/html, */*;q=0.1"}).status_code == 200


def test_the_description_comes_as_yaml_or_json_and_its_problems_as_json(told, caller):
    assert caller.get("schema/")["Content-Type"].startswith("application/vnd.oai.openapi")
    asked = caller.get("schema/", headers={"Accept": "application/json"})
    assert asked.json()["openapi"] == "3.1.0"
    assert_problem(caller.get("schema/", version="2"), 400, "version")


@pytest.mark.parametrize(
    "path",
    [
        *("models/a%00b/", "models/%ED%A0%80/", "models/%FF/", "models/a b/", "models/../users/"),
        *("models/x.json/", "releases/abc/", "releases/9999999999999999999/", "releases/-1/"),
        *("releases/٣/", "evidence/1/", "evidence/00000000-0000-0000-0000-00000000000G/"),
        *("prompts/x/versions/99999999999/", "prompts/nobody/versions/", "audit/entries/x/"),
        *("datasets/nobody/versions/", "audit/entries/999999999999999999/", "models/x/y/"),
        "evidence/00000000-0000-0000-0000-000000000000/",
        "models/" + "x" * 3000 + "/",
    ],
)
def test_no_address_is_a_fault(told, caller, path):
    assert_problem(caller.get(path), 404)


@pytest.mark.parametrize(
    "query",
    [
        *("team=%00", "team=%ED%A0%80", "team=%FF%FE", "limit=%00", "cursor=%00", "%00=1", "=1"),
        *("team=" + "x" * 100_000, "&".join(f"a{n}=1" for n in range(2000)), "limit=1&limit=2"),
        *("team[]=1", "team=a;b=c", "team=${7*7}", "cursor=../../etc", "team='OR'1'='1"),
    ],
)
def test_no_query_is_a_fault(told, caller, query):
    answer = caller.client.get(f"{ROOT}models/?{query}", headers=caller.headers)
    assert answer.status_code in (200, 400), answer.content
    if answer.status_code == 200:
        assert answer.json()["results"] == []


# Keeping


def test_the_same_rows_have_the_same_etag_and_are_not_sent_twice(told, caller):
    for path in addresses(told):
        first = caller.get(path)
        assert first["ETag"].startswith('"'), path
        assert first["Cache-Control"] == "private, no-cache"
        assert "Authorization" in first["Vary"]
        for held in (first["ETag"], f'"x", W/{first["ETag"]}', "*"):
            again = caller.get(path, headers={"If-None-Match": held})
            assert (again.status_code, again.content) == (304, b""), path
            assert again["ETag"] == first["ETag"]
            assert again["Cache-Control"] == "private, no-cache"
        for other in ('"x"', first["ETag"].strip('"'), "x" * 9000, "\x7f", '"é"', ""):
            assert caller.get(path, headers={"If-None-Match": other}).status_code == 200


def test_a_change_is_a_new_etag(told, caller):
    model = told.release.model_version.model
    before = caller.get(f"models/{model.slug}/")["ETag"]
    make.save(RegisteredModel, {"name": "Renamed"}, pk=model.pk)
    after = caller.get(f"models/{model.slug}/", headers={"If-None-Match": before})
    assert after.status_code == 200
    assert after["ETag"] != before


def test_a_problem_is_never_kept(told, caller):
    assert caller.get("models/nobody/")["Cache-Control"] == "no-store"
    assert "ETag" not in caller.get("models/nobody/")


# Shapes


def test_times_are_utc_and_digests_say_their_kind(told, caller):
    release = caller.get(f"releases/{told.release.pk}/").json()
    assert release["sealed_at"].endswith("Z")
    assert release["digest"] == told.release.digest
    assert release["digest"].startswith("sha256:")
    assert release["parameters"] == told.release.parameters
    assert release["content"] == told.release.content


def test_nothing_secret_is_in_any_answer(told, caller):
    person = make.make_person("sable", "viewer")
    row, raw = make.make_token_row(person)
    for path in [*addresses(told), decision_of(told)]:
        text = caller.get(path).content.decode()
        assert "@" not in text.replace("@example.com", ""), path
        assert row.digest not in text
        assert raw not in text
        assert person.password not in text


def test_a_fault_inside_says_nothing_of_itself(told, caller, monkeypatch):
    def fail(*args):
        raise RuntimeError("secret detail")

    monkeypatch.setattr("registry.api.ModelsView.rows", fail)
    body = assert_problem(caller.get("models/"), 500)
    assert "secret" not in str(body)
