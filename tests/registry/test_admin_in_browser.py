"""The registry's pages in a browser: no complaint from axe, nothing sideways on a narrow screen."""

import pytest
from django.test import Client
from playwright.sync_api import expect

from registry.roles import Role
from tests import make

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def pages():
    """Every kind of page, with something on it, and who is allowed all of them."""
    team = make.make_team("claims", contact="#claims")
    release = make.make_release(
        team=team, sealed=False, grants=[(make.make_tool_scope(), "human_approval")]
    )
    version = release.model_version
    endpoint = make.make_endpoint(version=version)
    prompt = release.prompt_links.get().prompt_version
    sealed = make.make_release(use_case=release.use_case, runbook="", objectives=[])
    environment = make.make_environment()
    person = make.make_person("bo", Role.VIEWER, team=team)
    return [
        release.get_absolute_url(),
        sealed.get_absolute_url(),
        version.get_absolute_url(),
        version.model.get_absolute_url(),
        prompt.get_absolute_url(),
        environment.get_absolute_url(),
        f"/registry/release/{release.pk}/change/",
        f"/registry/release/{release.pk}/seal/",
        f"/registry/release/{release.pk}/history/",
        f"/registry/release/{sealed.pk}/change/",
        f"/registry/servingendpoint/{endpoint.pk}/change/",
        f"/registry/person/{person.pk}/change/",
        f"/registry/person/{person.pk}/deactivate/",
        "/registry/modelversion/",
        "/registry/modelversion/add/",
        "/registry/apitoken/add/",
        "/registry/suiteversion/add/",
        "/audit/",
        "/audit/entries/5/",
        "/audit/review/",
        "/audit/export/",
        "/audit/losses/",
    ]


@pytest.fixture
def signed_in(page, live_server):
    """A browser in which somebody who administers, registers and audits is signed in."""
    client = Client()
    client.force_login(make.make_person("kim", Role.ADMINISTRATOR, Role.REGISTRAR, Role.AUDITOR))
    cookie = {"name": "sessionid", "value": client.cookies["sessionid"].value}
    page.context.add_cookies([{**cookie, "url": live_server.url}])
    return page


@pytest.mark.look
def test_axe_finds_nothing_in_light_and_dark(signed_in, live_server, pages, assert_accessible):
    for path in pages:
        signed_in.goto(live_server.url + path)
        assert_accessible()


@pytest.mark.look
def test_nothing_scrolls_sideways_on_a_narrow_screen(signed_in, live_server, pages):
    signed_in.set_viewport_size({"width": 360, "height": 800})
    for path in pages:
        signed_in.goto(live_server.url + path)
        assert signed_in.evaluate("document.documentElement.scrollWidth") <= 360, path


def test_an_empty_field_of_several_lines_is_wide_enough_to_write_in(signed_in, live_server):
    signed_in.goto(f"{live_server.url}/registry/modelversion/add/")
    fields = signed_in.locator("#content textarea:visible")
    wide = {field.get_attribute("name"): field.bounding_box()["width"] for field in fields.all()}
    assert {"input_modalities", "capabilities", "card"} <= wide.keys()
    assert min(wide.values()) > 400, wide


def test_a_line_of_parts_is_added_in_the_browser_and_saved(signed_in, live_server):
    tool = make.make_tool_scope("mailbox", "read").tool
    signed_in.goto(f"{live_server.url}/registry/tool/{tool.pk}/change/")
    signed_in.get_by_label("Name, line 2").fill("send")
    signed_in.get_by_label("Reason").fill("It may send now.")
    signed_in.get_by_role("button", name="Save", exact=True).click()
    signed_in.wait_for_load_state()
    assert set(tool.scopes.values_list("name", flat=True)) == {"read", "send"}


def test_a_refused_form_takes_the_reader_to_what_stands_in_the_way(signed_in, live_server):
    template = make.make_prompt()
    signed_in.goto(f"{live_server.url}/registry/promptversion/add/?template={template.pk}")
    signed_in.get_by_label("Text").fill("Answer {{ who }}.")
    signed_in.get_by_label("Reason").fill("First text.")
    signed_in.get_by_role("button", name="Save", exact=True).click()
    band = signed_in.get_by_role("alert")
    band.wait_for()
    assert "Not saved." in band.inner_text()
    expect(signed_in.locator("#answer")).to_be_focused()
    assert signed_in.get_by_label("Text").input_value() == "Answer {{ who }}."
