"""Prompts: every version with who, when and why; variables said in words; text that stays inert."""

import re

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from registry import transitions
from registry.models import PromptVersion
from registry.roles import Role
from registry.views import SHOWN
from tests import make
from tests.api.reading import reader

pytestmark = pytest.mark.django_db

#: Markup, template syntax and escapes, as people and machines write them into prompts.
HOSTILE = (
    "<script>alert(1)</script> <img src=x onerror=alert(2)> <b>bold</b>\n"
    "{{ settings }} {% include 'admin/base.html' %} {# gone #} ${7*7} {{ 7|add:7 }}\n"
    "</pre></td><style>body{display:none}</style> <!-- --> &lt;kept&gt;"
)


@pytest.fixture
def rhea(client):
    person = make.registrar()
    client.force_login(person)
    return person


def write(template, text, notes, variables=(), reason="Asked for by the team."):
    return transitions.add_prompt_version(
        template.pk,
        text=text,
        variables=list(variables),
        notes=notes,
        actor=make.registrar(),
        reason=reason,
    )


# One page with all versions


def test_a_prompt_shows_all_versions_with_who_when_and_why(client, rhea):
    template = make.make_prompt()
    first = write(template, "Be brief.", "First text.")
    second = write(template, "Be kind.", "Kinder.", reason="Complaint 12.")
    page = client.get(f"/prompts/{template.slug}/")
    assert page.status_code == 200
    said = page.text
    assert said.index("Version 2</a>") < said.index("Version 1</a>")
    assert "Kinder." in said and "“Complaint 12.”" in said and "First text." in said
    assert said.count(f"/compare/?kind=prompt-version&amp;b={second.pk}") == 1
    assert f"b={first.pk}" not in said
    difference = client.get("/compare/", {"kind": "prompt-version", "b": second.pk})
    assert "<del>brief</del>" in difference.text and "<ins>kind</ins>" in difference.text
    version = client.get(second.get_absolute_url()).text
    assert f'href="/prompts/{template.slug}/"' in version and "Complaint 12." in version


def test_a_prompt_without_a_version_says_so(client, rhea):
    template = make.make_prompt()
    assert "No version is written yet." in client.get(template.get_absolute_url()).text
    assert client.get("/prompts/nobody/").status_code == 404


def test_long_histories_have_pages_and_cost_the_same(client, rhea):
    template = make.make_prompt()
    costs = []
    for number in (2, SHOWN + 5):
        while template.versions.count() < number:
            write(template, make.name("text"), "Again.")
        client.get(template.get_absolute_url())
        with CaptureQueriesContext(connection) as queries:
            page = client.get(template.get_absolute_url())
        costs.append(len(queries))
    assert costs[0] == costs[1]
    assert len(page.context_data["page"].object_list) == SHOWN
    earlier = client.get(template.get_absolute_url(), {"page": 2})
    assert "Version 1</a>" in earlier.text and "Earlier versions." in earlier.text
    assert client.get(template.get_absolute_url(), {"page": "x" * 5000}).status_code == 200


def test_a_stranger_finds_no_prompt(client):
    template = make.make_prompt()
    client.force_login(make.make_person("", Role.VIEWER, team=make.make_team()))
    assert client.get(template.get_absolute_url()).status_code == 404


# Variables


def entered(template, text, variables, **more):
    return {
        "template": template.pk,
        "text": text,
        "variables": variables,
        "notes": "",
        "reason": make.WHY,
        **more,
    }


def test_what_is_undeclared_is_refused_and_kept(client, rhea):
    template = make.make_prompt()
    values = entered(template, "Dear {{ customer }},", "", meant="on")
    answer = client.post("/registry/promptversion/add/", values)
    assert answer.status_code == 422
    assert "Used but undeclared: customer." in answer.text
    assert "Dear {{ customer }}," in answer.text
    assert not template.versions.exists()


def test_a_text_is_kept_as_it_is_written_and_not_as_browsers_send_it(client, rhea):
    """Browsers end the lines of a form with CR LF; the same text from elsewhere has one digest."""
    template = make.make_prompt()
    values = entered(template, "  Be brief.\r\n\r\nAlways.\r\n", "")
    assert client.post("/registry/promptversion/add/", values).status_code == 302
    assert template.versions.get().text == "  Be brief.\n\nAlways.\n"
    for empty in ("", " \r\n "):
        answer = client.post("/registry/promptversion/add/", {**values, "text": empty})
        assert answer.status_code == 422 and "This field is required." in answer.text
    assert template.versions.count() == 1


def test_what_is_unused_is_said_first_and_saved_when_it_is_meant_so(client, rhea):
    template = make.make_prompt()
    values = entered(template, "Dear customer,", "customer, city")
    answer = client.post("/registry/promptversion/add/", values)
    assert answer.status_code == 422
    assert "Declared but unused: city. The text has no place for it." in answer.text
    assert "Declared but unused: customer. It stands in the text as a word" in answer.text
    assert not template.versions.exists()
    answer = client.post("/registry/promptversion/add/", {**values, "meant": "on"})
    assert answer.status_code == 302
    version = template.versions.get()
    page = client.get(version.get_absolute_url()).text
    assert "Declared but unused: city." in page and "VARIABLE_UNUSED" in page
    body = reader("auditor").get(f"prompts/{template.slug}/versions/1/").json()
    assert [one["code"] for one in body["warnings"]] == ["VARIABLE_UNUSED"] * 2


def test_a_text_that_says_nothing_odd_is_saved_at_once(client, rhea):
    template = make.make_prompt()
    values = entered(template, "Dear {{ customer }},", "customer")
    assert client.post("/registry/promptversion/add/", values).status_code == 302
    page = client.get(template.versions.get().get_absolute_url()).text
    assert "VARIABLE_UNUSED" not in page


# Policy prompts


def test_a_policy_prompt_is_marked_wherever_it_is_listed(client, rhea):
    team = make.make_team()
    template = make.make_prompt(team=team, kind="policy")
    one = make.make_prompt_version(template, text="Never guess.")
    two = make.make_prompt_version(template, text="Never invent.")
    case = make.make_use_case(team=team)
    a, b = (make.make_release(use_case=case, prompts=[version]) for version in (one, two))
    mark = re.compile(r'icons\.svg#shield"></use></svg> <span>Policy prompt</span>')
    for address in (
        "/registry/prompttemplate/",
        "/registry/promptversion/",
        template.get_absolute_url(),
        one.get_absolute_url(),
        a.get_absolute_url(),
    ):
        assert mark.search(client.get(address).text), address
    assert "Prompt version, policy" in client.get(f"{a.get_absolute_url()}lineage/").text
    assert f"{two} (policy)" in client.get("/registry/release/add/").text
    assert "policy prompt" in client.get("/search/", {"q": template.slug}).text
    compared = client.get("/compare/", {"kind": "release", "a": a.pk, "b": b.pk}).text
    assert f"policy prompt {template.slug}" in compared.lower()
    caller = reader("auditor")
    assert caller.get("prompts/").json()["results"][0]["kind"] == "policy"
    versions = caller.get(f"prompts/{template.slug}/versions/").json()["results"]
    assert {one["kind"] for one in versions} == {"policy"}
    assert caller.get(f"releases/{a.pk}/").json()["prompts"][0]["kind"] == "policy"
    system = make.make_prompt_version()
    assert not mark.search(client.get(system.get_absolute_url()).text)


# Inert


def test_a_text_is_carried_out_nowhere(client, rhea):
    team = make.make_team()
    template = make.make_prompt(team=team)
    one = write(template, "Before.", HOSTILE, ["settings"])
    two = write(template, f"{HOSTILE}\nMore.", HOSTILE, ["settings"], reason=HOSTILE)
    case = make.make_use_case(team=team)
    a, b = (make.make_release(use_case=case, prompts=[version]) for version in (one, two))
    for address in (
        two.get_absolute_url(),
        template.get_absolute_url(),
        f"/registry/promptversion/{two.pk}/change/",
        f"/registry/promptversion/{two.pk}/history/",
        f"/registry/promptversion/add/?from={two.pk}",
        f"/registry/prompttemplate/{template.pk}/change/",
        "/registry/promptversion/",
        f"/compare/?kind=prompt-version&b={two.pk}",
        f"/compare/?kind=release&a={a.pk}&b={b.pk}",
        "/search/?q=kept",
    ):
        page = client.get(address)
        assert page.status_code == 200, address
        body = page.text
        assert "&lt;script&gt;alert" in body or "alert" not in body, address
        for live in ("<script>alert", "<img src=x", "<b>bold", "<style>body", "</pre></td><style"):
            assert live not in body, (address, live)
        assert "object at 0x" not in body and "14\n</pre" not in body, address
    shown = client.get(two.get_absolute_url()).text
    for kept in ("{{ settings }}", "{% include", "{# gone #}", "${7*7}", "{{ 7|add:7 }}"):
        assert kept in shown
    assert "&amp;lt;kept&amp;gt;" in shown
    answer = reader("auditor").get(f"prompts/{template.slug}/versions/2/")
    assert answer.json()["text"] == f"{HOSTILE}\nMore."
    assert answer["Content-Type"] == "application/json"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert PromptVersion.objects.get(pk=two.pk).text == f"{HOSTILE}\nMore."


@pytest.mark.django_db(transaction=True)
def test_a_prompt_reads_well_in_a_browser(page, live_server, assert_accessible):
    template = make.make_prompt(kind="policy")
    write(template, HOSTILE, "First text.", ["settings", "city"])
    second = write(template, f"{HOSTILE}\nMore.", "More of it. " * 30, ["settings", "city"])
    client = Client()
    client.force_login(make.registrar())
    cookie = {"name": "sessionid", "value": client.cookies["sessionid"].value}
    page.context.add_cookies([{**cookie, "url": live_server.url}])
    for address in (
        template.get_absolute_url(),
        second.get_absolute_url(),
        f"/compare/?kind=prompt-version&b={second.pk}",
        f"/registry/promptversion/add/?from={second.pk}",
    ):
        page.set_viewport_size({"width": 360, "height": 800})
        page.goto(live_server.url + address)
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, address
        page.set_viewport_size({"width": 1280, "height": 900})
        assert_accessible()
