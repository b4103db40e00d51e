"""People, roles and tokens in the portal: what is asked first, and what is shown only once."""

import re
from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.test import APIRequestFactory
from rest_framework.views import APIView

from audit import clock
from audit.models import Entry
from registry.authentication import TokenAuthentication
from registry.models import ApiToken, Person, RoleGrant
from registry.roles import Role
from tests import make

pytestmark = pytest.mark.django_db
WHY = "They joined the team."


@pytest.fixture
def ada(client):
    person = make.admin()
    client.force_login(person)
    return person


def test_an_administrator_adds_somebody_with_a_first_password(client, ada):
    answer = client.post(
        "/registry/person/add/",
        {
            "username": "bo",
            "name": "Bo Berg",
            "email": "bo@example.org",
            "kind": "person",
            "password": make.PASSWORD,
            "reason": WHY,
        },
    )
    bo = Person.objects.get(username="bo")
    assert (answer.status_code, answer["Location"]) == (302, f"/registry/person/{bo.pk}/change/")
    assert bo.check_password(make.PASSWORD)


def test_a_refused_password_is_not_sent_back(client, ada):
    answer = client.post(
        "/registry/person/add/",
        {"username": "bo", "name": "Bo", "kind": "person", "password": "tooshort", "reason": WHY},
    )
    assert answer.status_code == 422
    assert list(answer.context_data["adminform"].form.errors) == ["password"]
    assert "tooshort" not in answer.text
    assert 'value="Bo"' in answer.text
    assert not Person.objects.filter(username="bo").exists()


def test_nobody_sets_the_password_of_somebody_who_has_one(client, ada):
    bo = make.make_person("bo")
    page = client.get(f"/registry/person/{bo.pk}/change/")
    assert 'type="password"' not in page.text
    client.post(
        f"/registry/person/{bo.pk}/change/",
        {"name": "Bo", "email": "bo@example.org", "password": "another one altogether"},
    )
    bo.refresh_from_db()
    assert bo.check_password(make.PASSWORD)


def test_the_user_name_stays(client, ada):
    bo = make.make_person("bo")
    client.post(
        f"/registry/person/{bo.pk}/change/",
        {"username": "beau", "name": "Bo B.", "email": "bo@example.org", "reason": WHY},
    )
    bo.refresh_from_db()
    assert (bo.username, bo.name) == ("bo", "Bo B.")


def test_deactivating_shows_what_is_left_open_and_then_asks_why(client, ada):
    team = make.make_team("claims")
    bo = make.make_person("bo", Role.REGISTRAR, team=team)
    make.make_token(bo)
    url = f"/registry/person/{bo.pk}/deactivate/"
    page = client.get(url)
    assert "Nobody else is registrar in the team claims." in page.text
    assert "stops working." in page.text
    assert client.post(url, {}).status_code == 422
    assert Person.objects.get(pk=bo.pk).is_active
    assert client.post(url, {"reason": "Left."}).status_code == 302
    assert not Person.objects.get(pk=bo.pk).is_active
    # There is nothing to deactivate any more, and coming back is a page of its own.
    assert "This does not apply to bo as it is now." in client.get(url).text
    assert client.post(url, {"reason": "Again."}).status_code == 409
    again = client.post(f"/registry/person/{bo.pk}/reactivate/", {"reason": "Came back."})
    assert again.status_code == 302
    assert Person.objects.get(pk=bo.pk).is_active


def test_nobody_deactivates_themselves(client, ada):
    url = f"/registry/person/{ada.pk}/deactivate/"
    page = client.get(url)
    assert page.status_code == 403
    assert "Nobody deactivates themselves." in page.text
    assert client.post(url, {"reason": "Tired."}).status_code == 403
    assert Person.objects.get(pk=ada.pk).is_active


def test_who_does_not_administer_reads_why(client):
    bo = make.make_person("bo")
    client.force_login(make.make_person("", Role.AUDITOR))
    for act in ("deactivate", "reactivate"):
        url = f"/registry/person/{bo.pk}/{act}/"
        assert client.get(url).status_code == 403
        assert "This takes the role administrator." in client.get(url).text
        assert client.post(url, {"reason": "Because."}).status_code == 403
    assert Person.objects.get(pk=bo.pk).is_active


def test_a_role_is_granted_from_the_persons_page_and_ended_on_one_that_asks(client, ada):
    bo, team = make.make_person("bo"), make.make_team("claims")
    page = client.get(f"/registry/person/{bo.pk}/change/")
    assert f"/registry/rolegrant/add/?person={bo.pk}" in page.text
    answer = client.post(
        "/registry/rolegrant/add/",
        {"person": bo.pk, "role": "reviewer", "team": team.pk, "reason": WHY},
    )
    assert answer["Location"] == f"/registry/person/{bo.pk}/change/"
    grant = RoleGrant.objects.get(person=bo)
    url = f"/registry/rolegrant/{grant.pk}/change/"
    assert "A grant is not amended" in client.get(url).text
    assert client.post(url, {"role": "administrator", "reason": WHY}).status_code == 403
    assert client.post(f"/registry/rolegrant/{grant.pk}/end/", {"reason": WHY}).status_code == 302
    grant.refresh_from_db()
    assert (grant.role, grant.ended_by) == ("reviewer", ada)


def test_nobody_is_offered_themselves_for_a_role(client, ada):
    menu = client.get("/registry/rolegrant/add/").context_data["adminform"].form.fields["person"]
    assert ada not in menu.queryset
    answer = client.post(
        "/registry/rolegrant/add/", {"person": ada.pk, "role": "risk_owner", "reason": WHY}
    )
    assert answer.status_code == 422
    assert not RoleGrant.objects.filter(person=ada, role="risk_owner").exists()


def test_a_token_is_shown_once_and_kept_nowhere(client, ada):
    service = make.make_service("pipeline")
    answer = client.post(
        "/registry/apitoken/add/",
        {
            "user": service.pk,
            "name": "deploy tool",
            "scope": "read",
            "expiry": _in_days(30),
            "reason": WHY,
        },
    )
    assert answer.status_code == 200
    assert "no-store" in answer["Cache-Control"]
    raw = re.search(r'<pre[^>]*id="token"[^>]*>(\w+)</pre>', answer.text)[1]
    token = ApiToken.objects.get(name="deploy tool")
    assert raw.startswith(token.token_key)
    for url in (f"/registry/apitoken/{token.pk}/change/", "/registry/apitoken/", "/"):
        assert raw not in client.get(url).text
    assert raw not in client.get(f"/registry/apitoken/{token.pk}/history/").text
    kept = [Session.objects.get(pk=client.session.session_key).get_decoded()]
    kept += [entry.body for entry in Entry.objects.all()]
    kept += list(ApiToken.objects.values_list())
    assert raw not in str(kept)
    assert opens(raw) == service


def opens(raw: str) -> Person | None:
    """Return whom a token lets in."""
    request = APIRequestFactory().get("/", headers={"authorization": f"Bearer {raw}"})
    try:
        return TokenAuthentication().authenticate(APIView().initialize_request(request))[0]
    except AuthenticationFailed:
        return None


def _in_days(days: int) -> str:
    return str((clock.now() + timedelta(days=days)).date())


def test_people_issue_reading_tokens_for_themselves_alone(client):
    bo = make.make_person("bo", Role.VIEWER)
    other = make.make_service("pipeline")
    client.force_login(bo)
    form = client.get("/registry/apitoken/add/").context_data["adminform"].form
    assert list(form.fields["user"].queryset) == [bo]
    assert [value for value, _ in form.fields["scope"].choices] == ["read"]
    values = {"name": "mine", "scope": "read", "expiry": _in_days(30), "reason": WHY}
    assert client.post("/registry/apitoken/add/", {**values, "user": other.pk}).status_code == 422
    team = make.make_team()
    posted = {**values, "user": bo.pk, "scope": "evidence", "team": team.pk}
    assert client.post("/registry/apitoken/add/", posted).status_code == 422
    assert ApiToken.objects.count() == 0
    assert client.post("/registry/apitoken/add/", {**values, "user": bo.pk}).status_code == 200
    assert ApiToken.objects.get().user == bo


def test_a_token_is_revoked_by_its_owner_and_stays_on_record(client):
    bo = make.make_person("bo", Role.VIEWER)
    token, raw = make.make_token_row(bo)
    assert opens(raw) == bo
    client.force_login(bo)
    assert (
        client.post(f"/registry/apitoken/{token.pk}/revoke/", {"reason": "Lost."}).status_code
        == 302
    )
    assert opens(raw) is None
    assert "revoked" in client.get("/registry/apitoken/").text


@pytest.mark.parametrize("day", ["", "0001-01-01", "9999-12-31", "tomorrow"])
def test_a_token_without_a_sensible_end_is_refused_at_its_field(client, ada, day):
    answer = client.post(
        "/registry/apitoken/add/",
        {"user": ada.pk, "name": "x", "scope": "read", "expiry": day, "reason": WHY},
    )
    assert answer.status_code == 422
    assert list(answer.context_data["adminform"].form.errors) == ["expiry"]
