"""The shell: who may enter, what stands beside every page, and the doors that stay shut."""

import re

import pytest
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.core import mail
from django.template.loader import render_to_string
from django.test import Client
from django.urls import reverse

from portal import nav
from tests import make

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada(client):
    person = make.admin()
    client.force_login(person)
    return person


def test_the_site_is_ours_under_the_usual_name():
    assert type(admin.site._wrapped).__name__ == "GatehouseSite"
    assert reverse("admin:index") == "/"


@pytest.mark.parametrize("path", ["/", "/menu/", "/registry/team/", "/nothing/at/all/"])
def test_anonymous_visitors_are_sent_to_sign_in(client, path):
    answer = client.get(path)
    assert (answer.status_code, answer["Location"]) == (302, f"/login/?next={path}")


def test_a_person_without_any_role_may_enter_and_is_shown_the_overview(client):
    client.force_login(make.make_person())
    answer = client.get("/")
    assert answer.status_code == 200
    assert "Nothing waits for you." in answer.text


@pytest.mark.parametrize("page", ["123abc", "²", "9" * 5000, "-1", "0"])
def test_a_page_of_the_overview_that_is_no_number_is_the_nearest_there_is(client, ada, page):
    assert client.get("/", {"page": page}).status_code == 200


def test_a_deactivated_person_may_not_enter(client, ada):
    person = make.make_person()
    client.force_login(person)
    make.transitions.deactivate_person(person.pk, actor=ada, reason="Left the firm.")
    assert client.get("/").status_code == 302


def test_what_is_not_there_is_404_in_words_within_the_shell(client, ada):
    answer = client.get("/nothing/at/all/")
    assert answer.status_code == 404
    assert "There is nothing here that you may see." in answer.text
    assert "ask them to check your team" in answer.text
    assert 'class="sidebar"' in answer.text


def test_the_shortcut_that_redirects_to_any_row_is_shut(client, ada):
    team = make.make_team()
    kind = ContentType.objects.get_for_model(team)
    assert client.get(f"/r/{kind.pk}/{team.pk}/").status_code == 404


def test_the_sidebar_groups_the_nouns_and_marks_the_page_on_show(client, ada):
    groups = client.get("/registry/team/").context["nav"]
    labels = [group.label for group in groups]
    assert labels == [label for label in nav.GROUPS if label in labels]
    assert labels[0] == "Work"
    current = [entry.key for group in groups for entry in group.entries if entry.current]
    assert current == ["registry.team"]
    runtime = next(group for group in groups if group.label == "Runtime")
    assert "registry.environment" in [entry.key for entry in runtime.entries]


@pytest.mark.parametrize("page", ["add/", "{pk}/change/", "{pk}/history/"])
def test_the_pages_of_a_noun_mark_its_entry(client, ada, page):
    team = make.make_team()
    groups = client.get(f"/registry/team/{page.format(pk=team.pk)}").context["nav"]
    current = [entry.key for group in groups for entry in group.entries if entry.current]
    assert current == ["registry.team"]


def test_every_registered_noun_has_exactly_one_entry(client, ada, rf):
    keys = [
        entry.key
        for group in client.get("/menu/").context["nav"]
        for entry in group.entries
        # The overview and the description of the API are pages, not nouns.
        if "." in entry.key
    ]
    assert len(keys) == len(set(keys))
    request = rf.get("/")
    request.user = ada
    nouns = [noun for app in admin.site.get_app_list(request) for noun in app["models"]]
    assert set(keys) == {noun["model"]._meta.label_lower for noun in nouns if noun["admin_url"]}


def test_a_figure_beside_an_entry_says_what_it_counts(client, ada, monkeypatch):
    monkeypatch.setitem(nav.COUNTS, "index", "tests.portal.test_site.four")
    html = client.get("/menu/").text
    assert re.search(r'nav-count filled">4<span class="visually-hidden"> waiting for you', html)


def four(request):
    return 4


def test_the_menu_page_has_what_a_narrow_header_leaves_out(client, ada):
    html = client.get("/menu/").text
    assert "Signed in as <strong>ada</strong>" in html
    assert 'href="/password_change/"' in html
    assert 'action="/logout/"' in html


PAGES = [
    "/login/",
    "/password_reset/",
    "/password_reset/done/",
    "/reset/x/y/",
    "/reset/done/",
    "/",
    "/menu/",
    "/password_change/",
    "/registry/",
    "/registry/team/",
    "/registry/team/add/",
    "/nothing/",
]


@pytest.mark.parametrize("path", PAGES)
def test_pages_bring_no_script_or_style_of_their_own(client, path):
    if path not in PAGES[:5]:
        client.force_login(make.admin())
    html = client.get(path).text
    assert "<style" not in html
    assert not re.search(r"<script(?![^>]*\bsrc=)", html)
    assert not re.search(r"\s(?:style|on[a-z]+)=", html)
    assert "<h1" in html
    assert 'class="skip-to-content-link"' in html


def test_a_forgotten_password_is_set_anew_through_one_link(client):
    person = make.make_person()
    answer = client.post("/password_reset/", {"email": person.email}, follow=True)
    assert "The link is sent" in answer.text
    (letter,) = mail.outbox
    assert letter.subject == "Set a new password for Gatehouse"
    link = re.search(r"https?://[^/]+(/reset/\S+)", letter.body)[1]
    form = client.get(link, follow=True)
    chosen = "a quay beyond the copper lantern"
    done = client.post(
        form.request["PATH_INFO"], {"new_password1": chosen, "new_password2": chosen}, follow=True
    )
    assert "The password is set" in done.text
    person.refresh_from_db()
    assert person.check_password(chosen)
    assert "This link works no longer" in client.get(link, follow=True).text


def test_a_password_is_changed_by_the_old_one(client):
    person = make.make_person()
    client.force_login(person)
    chosen = "a quay beyond the copper lantern"
    wrong = {"old_password": "wrong", "new_password1": chosen, "new_password2": chosen}
    assert "Not changed." in client.post("/password_change/", wrong).text
    right = {**wrong, "old_password": make.PASSWORD}
    assert "Your password is changed." in client.post("/password_change/", right, follow=True).text
    person.refresh_from_db()
    assert person.check_password(chosen)


def test_an_unknown_address_is_answered_alike_and_gets_no_letter(client):
    answer = client.post("/password_reset/", {"email": "nobody@example.org"}, follow=True)
    assert "The link is sent" in answer.text
    assert mail.outbox == []


def test_signing_out_says_so(client, ada):
    answer = client.post("/logout/")
    assert "You are signed out on this browser." in answer.text
    assert client.get("/").status_code == 302


def test_there_is_no_second_log(client, ada):
    client.get("/registry/team/")
    assert not LogEntry.objects.exists()
    assert admin.site.get_log_entries(None) == ()


def test_a_form_of_an_earlier_session_is_refused_in_words(ada):
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(ada)
    answer = strict.post("/password_change/", {})
    assert answer.status_code == 403
    assert "This form belongs to an earlier session." in answer.text


def test_a_failure_of_ours_names_the_request_and_asks_nothing_of_the_database(
    client, ada, monkeypatch, django_assert_num_queries
):
    def fail(*args):
        raise RuntimeError

    client.raise_request_exception = False
    monkeypatch.setattr("portal.site.overview", fail)
    answer = client.get("/", headers={"X-Request-ID": "abc-1"})
    assert answer.status_code == 500
    assert "abc-1" in answer.text
    with django_assert_num_queries(0):
        render_to_string("500.html")
