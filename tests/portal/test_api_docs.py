"""The page that describes the API: all of it, as it is served, and without a script."""

import re

import pytest
from django.test import Client

from portal import api_docs, api_reference
from tests import make

pytestmark = pytest.mark.django_db
ADDRESS = "/docs/api/"


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"type": "string"}, "text"),
        ({"type": ["string", "null"]}, "text or nothing"),
        ({"type": "string", "format": "date-time"}, "instant (RFC 3339)"),
        ({"type": ["string", "null"], "format": "date"}, "day or nothing"),
        ({"type": "integer"}, "whole number"),
        (
            {"type": "integer", "minimum": 1, "maximum": 200, "default": 50},
            "whole number from 1 to 200, else 50",
        ),
        ({"type": "array", "items": {"$ref": "#/components/schemas/Fact"}}, "list of [Fact]"),
        (
            {"oneOf": [{"$ref": "#/components/schemas/Fact"}, {"type": "null"}]},
            "[Fact] or nothing",
        ),
        ({"allOf": [{"$ref": "#/components/schemas/Fact"}], "readOnly": True}, "[Fact]"),
        ({"enum": ["a", "b", "", None], "type": "string"}, "one of a, b"),
        ({"enum": list(range(25))}, f"one of {', '.join(map(str, range(20)))} and 5 more"),
        ({"type": "object", "additionalProperties": {}}, "object"),
        ({}, "anything"),
    ],
)
def test_types_are_said_in_words(schema, words):
    found = api_reference.words_of(schema)
    assert "".join(f"[{text}]" if link else text for text, link in found) == words


def test_an_example_asks_with_a_token_and_what_is_required():
    operation = {
        "parameters": [
            {"name": "slug", "in": "path", "required": True, "schema": {"type": "string"}},
            {"name": "kind", "in": "query", "required": True, "schema": {"enum": ["x", "y"]}},
            {"name": "b", "in": "query", "required": True, "schema": {"type": "integer"}},
            {"name": "limit", "in": "query", "schema": {"type": "integer"}},
        ]
    }
    assert api_reference.curl("get", "/api/v1/models/{slug}/", operation).split(" \\\n  ") == [
        "curl --fail-with-body --silent --show-error --get",
        '--header "Authorization: Bearer $GATEHOUSE_TOKEN"',
        '--data-urlencode "kind=x"',
        '--data-urlencode "b=<b>"',
        '"$GATEHOUSE_URL/api/v1/models/<slug>/"',
    ]
    sent = {"requestBody": {"content": {"application/x-ndjson": {"schema": {}}}}}
    assert api_reference.curl("post", "/ingest/v1/records/", sent).split(" \\\n  ") == [
        "curl --fail-with-body --silent --show-error --request POST",
        '--header "Authorization: Bearer $GATEHOUSE_TOKEN"',
        '--header "Content-Type: application/x-ndjson"',
        '--data-binary "@<file>"',
        '"$GATEHOUSE_URL/ingest/v1/records/"',
    ]
    form = {"requestBody": {"content": {"multipart/form-data": {"schema": {}}}}}
    assert '--form "file=@<file>"' in api_reference.curl("post", "/ingest/v1/evidence/", form)


def test_descriptions_are_text():
    assert api_docs.prose("A `code` <b>x</b>.\nOn.\n\nNext.") == (
        "<p>A <code>code</code> &lt;b&gt;x&lt;/b&gt;. On.</p><p>Next.</p>"
    )
    assert api_docs.prose("") == ""


def test_everything_that_is_served_is_on_the_page(client):
    client.force_login(make.make_person())
    answer = client.get(ADDRESS)
    assert answer.status_code == 200
    page = answer.text
    document = api_docs.description()
    operations = [
        (path, method, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
    assert len(operations) > 30
    for path, method, operation in operations:
        anchor = f"operation-{operation['operationId']}"
        assert page.count(f'id="{anchor}"') == 1 and f'href="#{anchor}"' in page
        section = page.partition(f'id="{anchor}"')[2].partition("</section>")[0]
        assert f"{method.upper()} <code>{path}</code>" in section
        assert "Authorization: Bearer $GATEHOUSE_TOKEN" in section
        for parameter in operation.get("parameters", ()):
            assert f"<code>{parameter['name']}</code>" in section
        for status in operation["responses"]:
            assert re.search(rf">[0-9, ]*{status}[0-9, ]*</th>", section), (path, status)
    for name in document["components"]["schemas"]:
        assert page.count(f'id="schema-{name}"') == 1
    anchors = set(re.findall(r' id="([^"]+)"', page))
    assert set(re.findall(r'href="#([^"]+)"', page)) <= anchors
    ids = re.findall(r' id="([^"]+)"', page.partition('<main id="content-start"')[2])
    assert len(ids) == len(set(ids))


def test_the_sidebar_and_the_menu_lead_there(client):
    assert client.get(ADDRESS).status_code == 302
    client.force_login(make.make_person())
    for page in ("/", "/menu/"):
        assert f'href="{ADDRESS}"' in client.get(page).text
    assert f'href="{ADDRESS}" aria-current="page"' in client.get(ADDRESS).text


@pytest.fixture
def few_operations(monkeypatch):
    """Show some operations alone: all are made of the same parts, and a browser looks at each."""
    whole = api_docs.description()
    kept = [path for path in whole["paths"] if "decision" in path or "ingest" in path]
    few = {**whole, "paths": {path: whole["paths"][path] for path in kept}}
    monkeypatch.setattr(api_docs, "description", lambda: few)
    for made in (api_docs._reference, api_docs._body):
        made.cache_clear()
    yield
    for made in (api_docs._reference, api_docs._body):
        made.cache_clear()


@pytest.mark.django_db(transaction=True)
@pytest.mark.look
def test_it_reads_without_a_script_and_on_a_narrow_screen(
    page, browser, live_server, assert_accessible, few_operations
):
    client = Client()
    client.force_login(make.make_person("vic"))
    cookie = {"name": "sessionid", "value": client.cookies["sessionid"].value}
    page.context.add_cookies([{**cookie, "url": live_server.url}])
    page.goto(live_server.url + ADDRESS)
    assert_accessible()
    page.set_viewport_size({"width": 360, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    with browser.new_context(java_script_enabled=False) as bare:
        bare.add_cookies([{**cookie, "url": live_server.url}])
        alone = bare.new_page()
        alone.goto(f"{live_server.url}{ADDRESS}#operation-decision")
        assert alone.get_by_role("heading", name="GET /api/v1/decision/").is_visible()
