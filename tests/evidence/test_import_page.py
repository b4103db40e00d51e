"""The page for model cards: the plan is shown, and the plan that was shown is carried out."""

import base64
import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from playwright.sync_api import expect

from audit.models import Head
from registry.models import ModelVersion
from registry.roles import Role
from tests import make

ADDRESS = "/evidence/import/card/"
CARD = b"""---
license: mit
model-index:
- name: tagger
  results:
  - task: {type: qa}
    dataset: {name: Questions, type: questions}
    metrics: [{type: exact_match, value: 76.2}]
---
# Tagger

<script>alert(1)</script> Tags *words*.
"""


@pytest.fixture
def team(db):
    return make.make_team("claims")


@pytest.fixture
def ines(client, team):
    person = make.make_person("ines", Role.REGISTRAR, Role.EVIDENCE_CONTRIBUTOR, team=team)
    client.force_login(person)
    return person


def fields(team, **more):
    return {"team": team.pk, "version": "1", "reason": "Ours from today.", **more}


def upload(data=CARD):
    return SimpleUploadedFile("README.md", data, content_type="text/markdown")


def hidden(answer):
    found = {}
    for tag in re.findall(r"<input[^>]*type=\"hidden\"[^>]*>", answer.content.decode()):
        name, value = (re.search(rf' {key}="([^"]*)"', tag) for key in ("name", "value"))
        found[name[1]] = value[1] if value else ""
    return {name: found[name] for name in ("kept", "kept_name", "plan")}


def position():
    return Head.objects.get().position


def test_the_plan_is_shown_and_then_carried_out(client, ines, team):
    before = position()
    shown = client.post(ADDRESS, fields(team, file=upload()))
    text = shown.content.decode()
    assert shown.status_code == 200 and position() == before
    assert "This is the plan; nothing is written yet." in text
    assert "“README.md” is kept." in text
    assert "76.2 (unit not said)" in text and "Unit of exact_match, Questions" in text
    assert "<em>words</em>" in text and "<script>alert" not in text
    done = client.post(ADDRESS, fields(team, **hidden(shown), **{"import": "1"}))
    version = ModelVersion.objects.get()
    assert (done.status_code, done.url) == (302, version.get_absolute_url())
    assert version.card.encode() == CARD and version.licence == "mit"
    assert "Import of model card README.md (sha256:" in (
        version.history.first().history_change_reason
    )
    again = client.post(ADDRESS, fields(team, **hidden(shown)))
    assert "There is nothing to write." in again.content.decode()
    assert position() == before + 1


def test_a_plan_that_is_another_by_now_is_shown_again(client, ines, team):
    shown = client.post(ADDRESS, fields(team, file=upload()))
    make.save(
        ModelVersion,
        {"model": make.make_model("tagger", team=team), "version": "1", "licence": "ours"},
    )
    before = position()
    answer = client.post(ADDRESS, fields(team, **hidden(shown), **{"import": "1"}))
    assert answer.status_code == 409 and position() == before
    assert "The plan is another since it was shown." in answer.content.decode()


def test_what_was_never_shown_is_not_imported(client, ines, team):
    before = position()
    answer = client.post(ADDRESS, fields(team, file=upload(), **{"import": "1"}))
    assert answer.status_code == 409 and position() == before


@pytest.mark.parametrize(
    ("data", "status", "says"),
    [
        (b"---\nlicense: [mit\n---\n", 400, "line 3"),
        (b"---\na: &x 1\nb: *x\n---\n", 400, "anchors and aliases"),
        (b"\xff\xfe", 400, "not UTF-8"),
        (b"", 422, "empty"),
    ],
)
def test_a_card_that_cannot_be_read_is_refused_in_words(client, ines, team, data, status, says):
    before = position()
    answer = client.post(ADDRESS, fields(team, file=upload(data)))
    assert answer.status_code == status and says in answer.content.decode()
    assert position() == before


def test_a_card_from_another_system_is_the_same_card(client, ines, team):
    client.post(
        ADDRESS,
        fields(
            team, **hidden(client.post(ADDRESS, fields(team, file=upload()))), **{"import": "1"}
        ),
    )
    again = client.post(ADDRESS, fields(team, file=upload(CARD.replace(b"\n", b"\r\n"))))
    assert "There is nothing to write." in again.content.decode()
    assert "Conflict" not in again.content.decode()


def test_the_file_is_optional_only_once_it_is_kept(client, ines, team):
    assert 'Model card <span class="optional">' not in client.get(ADDRESS).content.decode()
    shown = client.post(ADDRESS, fields(team, file=upload()))
    assert 'Model card <span class="optional">' in shown.content.decode()
    missing = client.post(ADDRESS, fields(team))
    assert missing.content.decode().count("Choose the file of a model card.") == 1
    assert 'Model card <span class="optional">' not in missing.content.decode()


def test_a_refused_form_keeps_the_card_and_says_once_why(client, ines, team):
    """A browser chooses no file again by itself, so what was entered would not all be kept."""
    version = make.make_model_version(team=team)
    made_from = make.make_model_version(
        team=team, base_version=version, identifier="claims/made-from-it"
    )
    tied = CARD.replace(b"license: mit", f"base_model: {made_from.identifier}".encode())
    wish = {"model": version.model.slug, "version": version.version}
    refused = client.post(ADDRESS, fields(team, file=upload(tied), **wish))
    assert refused.status_code == 422
    assert refused.content.decode().count("A version cannot come from itself") == 1
    assert base64.b64decode(hidden(refused)["kept"]) == tied
    incomplete = client.post(ADDRESS, fields(team, file=upload(), reason=""))
    assert incomplete.status_code == 422
    assert base64.b64decode(hidden(incomplete)["kept"]) == CARD
    again = client.post(ADDRESS, fields(team, **hidden(incomplete)))
    assert "This is the plan; nothing is written yet." in again.content.decode()
    unread = client.post(ADDRESS, fields(team, file=upload(b"---\nlicense: [mit\n---\n")))
    assert not hidden(unread)["kept"], "Another file is needed."


def test_what_is_missing_or_not_whole_is_said(client, ines, team):
    answer = client.post(ADDRESS, {"reason": "Only this."})
    assert answer.status_code == 422 and "Choose the file" in answer.content.decode()
    answer = client.post(ADDRESS, fields(team, kept="%%%"))
    assert answer.status_code == 422 and "Choose the file again" in answer.content.decode()
    kept = base64.b64encode(CARD).decode()
    answer = client.post(ADDRESS, fields(make.make_team(), kept=kept, kept_name="x.md"))
    assert answer.status_code == 422 and not ModelVersion.objects.exists()


def test_names_in_a_card_are_shown_as_text(client, ines, team):
    hostile = CARD.replace(b"Questions", b"'<b>Q</b>'").replace(b"exact_match", b"'<i>m</i>'")
    answer = client.post(ADDRESS, fields(team, file=upload(hostile)))
    text = answer.content.decode()
    assert answer.status_code == 200 and "&lt;b&gt;Q&lt;/b&gt;" in text
    assert "<b>Q</b>" not in text and "<i>m</i>" not in text
    kept = base64.b64encode(CARD).decode()
    answer = client.post(ADDRESS, fields(team, kept=kept, kept_name="<u>x</u>.md"))
    assert answer.status_code == 200 and "<u>x" not in answer.content.decode()


def test_a_unit_is_confirmed_on_the_page(client, ines, team):
    shown = client.post(ADDRESS, fields(team, file=upload(), unit_0="%"))
    assert "76.2 %" in shown.content.decode()


def test_the_list_of_versions_leads_there_for_registrars_only(client, ines, team):
    assert ADDRESS in client.get("/registry/modelversion/").content.decode()
    client.force_login(make.make_person("vic", Role.VIEWER, team=team))
    assert ADDRESS not in client.get("/registry/modelversion/").content.decode()
    answer = client.post(ADDRESS, fields(team, file=upload()))
    assert answer.status_code == 403 and "registrar" in answer.content.decode()


@pytest.mark.django_db(transaction=True)
def test_a_card_is_imported_in_a_browser(page, live_server, assert_accessible, tmp_path):
    team = make.make_team("claims")
    make.make_person("ines", Role.REGISTRAR, team=team)
    path = tmp_path / "README.md"
    path.write_bytes(CARD)
    page.goto(f"{live_server.url}/login/")
    page.locator("#id_username").fill("ines")
    page.locator("#id_password").fill(make.PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(f"{live_server.url}/")
    page.goto(f"{live_server.url}/registry/modelversion/")
    page.get_by_role("link", name="Import a model card").click()
    assert_accessible()
    page.get_by_label("Model card").set_input_files(path)
    page.get_by_label("Team").select_option("claims")
    page.locator("#id_reason").fill("Ours from today.")
    page.get_by_role("button", name="Show the plan").click()
    expect(page.locator("#answer")).to_be_focused()
    page.get_by_label("Unit of exact_match, Questions").select_option("per cent")
    page.set_viewport_size({"width": 360, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert_accessible()
    page.get_by_role("button", name="Show the plan again").click()
    page.get_by_text("76.2 %").wait_for()
    page.get_by_role("button", name="Import", exact=True).click()
    page.wait_for_url(f"{live_server.url}/models/tagger/1/")
    assert ModelVersion.objects.get().licence == "mit"
    page.get_by_role("link", name="Change", exact=True).click()
    page.get_by_label("Context window").fill("4096")
    page.get_by_label("Reason").fill("Its maker says so.")
    page.get_by_role("button", name="Save", exact=True).click()
    page.wait_for_url(f"{live_server.url}/models/tagger/1/")
    version = ModelVersion.objects.get()
    assert version.context_window == 4096
    assert version.card.encode() == CARD, "Nobody changed the card: importing it again is no news."
