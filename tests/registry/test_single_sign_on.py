"""Sign-in and signing at a real OpenID provider, and what is believed of its answers."""

import dataclasses
import time
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from urllib.parse import urljoin

import jwt
import pytest
import requests
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from cryptography.hazmat.primitives.asymmetric import rsa
from django.contrib.sessions.backends.db import SessionStore
from django.core import mail
from django.test import RequestFactory

from audit import Refused, clock
from audit.models import Entry
from audit.verifying import verify
from gates import transitions as gates
from gates.models import PackagePerson
from registry import transitions
from registry.models import FreshSignIn, Person
from registry.roles import Role
from registry.showing import FRESH_FOR, Shown, session_digest, show_again
from registry.single_sign_on import views
from registry.single_sign_on.adapter import Endpoints
from registry.single_sign_on.adapter import provider as ours
from registry.single_sign_on.people import person_of
from registry.sweeping import sweep
from tests import make
from tests.gates.stories import story
from tests.openid_provider import PASSWORD, provider

ISSUER = "https://login.example.com"
#: Where Django's client says that it is.
HERE = "http://testserver"


def link(person: Person, subject: str) -> Person:
    return transitions.amend_person(person.pk, subject=subject, actor=make.admin(), reason=make.WHY)


# At the provider


class Forms(HTMLParser):
    """The forms of a page: where each goes, what it sends, and its buttons with where they go."""

    def __init__(self, page: str):
        super().__init__()
        self.found: list[dict] = []
        self.button: dict | None = None
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        if tag == "form":
            self.found.append({"action": given.get("action") or "", "sends": {}, "buttons": []})
        elif tag in ("input", "textarea") and self.found and "name" in given:
            self.found[-1]["sends"].setdefault(given["name"], given.get("value") or "")
        elif tag == "button" and self.found:
            self.button = {"label": "", "action": given.get("formaction")}
            self.found[-1]["buttons"].append(self.button)

    def handle_data(self, data):
        if self.button is not None:
            self.button["label"] += data

    def handle_endtag(self, tag):
        if tag == "button":
            self.button = None

    def press(self, label: str) -> tuple[str, dict]:
        """Return the address that a button sends its form to, and what is sent."""
        for form in self.found:
            for button in form["buttons"]:
                if button["label"].strip() == label:
                    return button["action"] or form["action"], form["sends"]
        raise AssertionError(f"There is no button {label!r}.")


class Walk:
    """Somebody on the way between us and the provider, one request after another.

    Not in a browser: there the page after the provider's never came, once in many runs, and
    nobody found which of the many requests that a browser makes at once lost it.
    """

    def __init__(self, client, told):
        self.client, self.there = client, requests.Session()
        self.address = f"/promotions/{told.promotion.pk}/?verdict=approve"
        self.came_by = ""

    def opens(self, address: str = ""):
        return self.client.get(address or self.address, follow=True)

    def goes(self, page, *typed: str, label="Sign in again at Example login"):
        """Press the button of our page, type at the provider, return the page we answer with."""
        address, sent = Forms(page.text).press(label)
        answer = self.client.post(address, sent | {"reason": "Read in full."})
        assert answer.status_code == 302, answer.text
        answer, waiting = self.there.get(answer.url, allow_redirects=False), list(typed)
        while not (onward := answer.headers.get("Location", "")).startswith(HERE):
            if onward:
                answer = self.there.get(urljoin(answer.url, onward), allow_redirects=False)
                continue
            (sent,) = [form["sends"] for form in Forms(answer.text).found if form["sends"]]
            sent["login" if "login" in sent else "password"] = waiting.pop(0)
            answer = self.there.post(answer.url, sent, allow_redirects=False)
        assert not waiting
        self.came_by = onward.removeprefix(HERE)
        return self.opens(self.came_by)


@pytest.fixture(scope="module")
def there():
    """The provider, which sends people back to the server of Django's client."""
    with provider(f"{HERE}/sign-in/provider/callback/") as address:
        yield address


@pytest.fixture
def told(db):
    """A promotion that wants one signature, of somebody who is linked to the provider's pat."""
    told = story()
    told.give_all()
    told.ask()
    link(told.signer("reviewer"), "pat")
    return told


def test_somebody_signs_in_there_and_signs_by_signing_in_again(there, told, client):
    walk = Walk(client, told)
    page = walk.goes(walk.opens(), "pat", PASSWORD, label="Continue to Example login")
    assert page.redirect_chain[-1][0] == walk.address
    page = walk.goes(page, PASSWORD)
    assert "You signed in again" in page.text and "Your password again" not in page.text
    assert "Read in full.</textarea>" in page.text
    address, sent = Forms(page.text).press("Sign: approve")
    page = client.post(address, sent | {"reason": "Read in full."}, follow=True)
    assert "Approved until" in page.text
    assert "signed in again at the identity provider" in page.text
    row = PackagePerson.objects.get(kind="signer")
    assert (row.person, row.authentication) == (told.signer("reviewer"), "single_sign_on")
    used = FreshSignIn.objects.get()
    assert used.purpose == f"challenge:{row.challenge_id}" and used.used_at
    entry = Entry.objects.get(event="promotion.signed_approve")
    assert there in entry.body and '"subject":"pat"' in entry.body
    assert verify("record").found == []


def test_our_policy_lets_a_browser_go_there(there, context, live_server, transactional_db):
    tab = context.new_page()
    tab.goto(live_server.url)
    tab.get_by_role("button", name="Continue to Example login").click()
    tab.wait_for_selector("input[name=login]")
    assert tab.url.startswith(there)


def test_nobody_signs_by_the_sign_in_of_somebody_else_nor_by_one_that_was_there(
    there, told, client, monkeypatch
):
    client.force_login(told.signer("reviewer"))
    # Somebody else at the provider.
    page = Walk(client, told).goes(Walk(client, told).opens(), "quin", PASSWORD)
    assert page.status_code == 403 and "You signed in there as somebody else" in page.text
    assert not FreshSignIn.objects.exists()
    # Oneself, but long before.
    walk = Walk(client, told)
    assert "You signed in again" in walk.goes(walk.opens(), "pat", PASSWORD).text
    FreshSignIn.objects.all().delete()
    monkeypatch.setattr(views, "CLOCKS_DIFFER", timedelta(0))
    time.sleep(2)
    # The request to ask anew is lost on the way.
    asks = views._lead_there
    monkeypatch.setattr(
        views, "_lead_there", lambda request, there, ours, **lost: asks(request, there, ours)
    )
    page = walk.goes(walk.opens())
    assert page.status_code == 403 and "did not ask you anew" in page.text
    assert not FreshSignIn.objects.exists()
    # What the provider answered once, answers nothing a second time.
    page = walk.opens(walk.came_by)
    assert page.status_code == 403 and "gave no answer that holds" in page.text
    assert not PackagePerson.objects.filter(kind="signer").exists()


# What a fresh sign-in serves for


@pytest.fixture
def pat(db) -> Person:
    return link(make.make_person("pat", Role.REVIEWER), "pat")


@pytest.fixture
def seen(pat):
    """Return a function that notes a sign-in at the provider, as the callback does."""

    def note(purpose="/here/", session="1" * 64, ago=timedelta(0), **values) -> FreshSignIn:
        now = clock.now()
        return FreshSignIn.objects.create(
            **{
                "person": pat,
                "session": session,
                "purpose": purpose,
                "issuer": pat.issuer,
                "subject": "pat",
                "authenticated_at": now - ago,
                "made_at": now,
                **values,
            }
        )

    return note


def shows(person: Person, purpose="/here/", session="1" * 64) -> str:
    try:
        return show_again(person, Shown(session=session, purpose=purpose)).code
    except Refused as refused:
        return refused.reasons[0].code


def test_it_serves_once(pat, seen):
    seen()
    assert [shows(pat), shows(pat)] == ["single_sign_on", "NOT_SHOWN"]


def test_it_serves_for_what_it_was_made_for_alone(pat, seen):
    seen()
    bo = link(make.make_person("bo"), "bo")
    assert shows(pat, purpose="/there/") == "NOT_SHOWN"
    assert shows(pat, session="2" * 64) == "NOT_SHOWN"
    assert shows(bo) == "NOT_SHOWN"
    assert shows(pat) == "single_sign_on"


def test_it_serves_for_five_minutes(pat, seen):
    seen(ago=FRESH_FOR + timedelta(seconds=1))
    assert shows(pat) == "NOT_SHOWN"
    seen(ago=FRESH_FOR - timedelta(seconds=5))
    assert shows(pat) == "single_sign_on"


def test_it_ends_with_the_link_and_with_the_account(pat, seen):
    seen()
    link(pat, "another")
    assert shows(pat) == "NOT_SHOWN"
    link(pat, "pat")
    transitions.deactivate_person(pat.pk, actor=make.admin(), reason="Left.")
    assert shows(pat) == "INACTIVE"


def test_it_is_swept_after_a_day(seen):
    kept, old = seen(), seen(made_at=clock.now() - timedelta(days=2))
    sweep()
    assert list(FreshSignIn.objects.all()) == [kept] != [old]


def test_a_signature_takes_the_sign_in_of_its_own_challenge(db):
    told = story()
    told.give_all()
    told.ask()
    signer = link(told.signer("reviewer"), "pat")
    digest = gates_digest(told)
    first, second = (
        gates.issue_challenge(
            told.promotion.pk, actor=signer, verdict="approve", package_digest=digest
        )
        for _ in range(2)
    )
    FreshSignIn.objects.create(
        person=signer,
        session="1" * 64,
        purpose=f"challenge:{first.pk}",
        issuer=signer.issuer,
        subject=signer.subject,
        authenticated_at=clock.now(),
        made_at=clock.now(),
    )
    given = Shown(session="1" * 64, purpose=f"challenge:{first.pk}")

    def sign(challenge):
        return gates.sign(
            told.promotion.pk,
            challenge=challenge.pk,
            package_digest=digest,
            verdict="approve",
            meaning="reviewed",
            reason="Read in full.",
            password=given,
            actor=signer,
        )

    with pytest.raises(Refused) as refused:
        sign(second)
    assert refused.value.reasons[0].code == "NOT_SHOWN"
    assert sign(first).authentication == "single_sign_on"
    with pytest.raises(Refused):
        sign(first)


def gates_digest(told) -> str:
    from gates.packages import live

    return live(told.promotion, clock.now()).digest


# Who somebody is


def claims(**values) -> dict:
    return {"sub": "s-1", "email": "sam@example.org", "email_verified": True, **values}


def who(trusts=False, **values) -> Person | None:
    try:
        return person_of(ISSUER, claims(**values), trusts_addresses=trusts)
    except Refused:
        return None


def test_the_first_sign_in_links_by_an_address_that_is_vouched_for(db):
    sam = make.make_person("sam")
    assert who(email_verified=False) is None
    assert who(email_verified=None, trusts=True) is None
    assert who(email="other@example.org") is None
    linked = who()
    assert linked == sam and (linked.issuer, linked.subject) == (ISSUER, "s-1")
    entry = Entry.objects.get(event="person.linked")
    assert f'"name":"{sam.username}"' in entry.body
    # From now on it is the subject alone.
    assert who(email="changed@example.org", email_verified=False) == sam
    assert who(sub="s-2") is None
    assert verify("record").found == []


def test_an_address_without_a_word_on_it_counts_where_the_provider_is_trusted(db):
    sam = make.make_person("sam")
    said = {"sub": "s-1", "email": "sam@example.org"}
    with pytest.raises(Refused):
        person_of(ISSUER, said, trusts_addresses=False)
    assert person_of(ISSUER, said, trusts_addresses=True) == sam


def test_nobody_is_made_and_nobody_else_gets_in(db):
    before = Person.objects.count()
    assert who() is None and Person.objects.count() == before
    one, two = make.make_person("sam"), make.make_person("sam2", email="sam@example.org")
    assert who() is None
    transitions.amend_person(two.pk, email="two@example.org", actor=make.admin(), reason="Typo.")
    transitions.deactivate_person(one.pk, actor=make.admin(), reason="Left.")
    assert who() is None
    service = make.make_service("bot")
    transitions.amend_person(service.pk, email="bot@example.org", actor=make.admin(), reason="So.")
    assert who(email="bot@example.org") is None


# What is believed of an id token


@pytest.fixture(scope="module")
def keys():
    return [rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(2)]


@pytest.fixture
def believed(settings, keys, monkeypatch):
    """Return a function that makes an id token and says whether it is believed."""
    settings.SINGLE_SIGN_ON = told = dataclasses.replace(settings.SINGLE_SIGN_ON, issuer=ISSUER)
    request = RequestFactory().get("/")
    request.session = SessionStore()
    endpoints = Endpoints(request, "sso")
    endpoints._openid_config = {"issuer": ISSUER, "jwks_uri": f"{ISSUER}/keys"}
    right, wrong = keys

    def fetch(token, address, look_up):
        return jwt.get_unverified_header(token)["alg"], right.public_key()

    monkeypatch.setattr("registry.single_sign_on.adapter.jwtkit.fetch_key", fetch)

    def believe(*, key=right, algorithm="RS256", without="", **values) -> bool:
        now = datetime.now(UTC)
        said = {
            "iss": ISSUER,
            "sub": "s-1",
            "aud": told.client_id,
            "iat": now,
            "exp": now + timedelta(minutes=5),
            "nonce": "n",
            **values,
        }
        said.pop(without, None)
        token = jwt.encode(said, wrong if key == "another" else key, algorithm=algorithm)
        try:
            endpoints._decode_id_token(ours(request).app, token)
        except OAuth2Error:
            return False
        return True

    return believe


def test_an_id_token_is_believed_if_the_provider_signed_it_for_us_just_now(believed):
    now = datetime.now(UTC)
    assert believed()
    assert not believed(key="another")
    assert not believed(key="a-client-secret-for-tests-alone-long-enough", algorithm="HS256")
    assert not believed(key=None, algorithm="none")
    assert not believed(iss="https://evil.example.com")
    assert not believed(aud="another-client")
    assert not believed(exp=now - timedelta(minutes=2))
    for claim in ("sub", "nonce", "iat", "exp"):
        assert not believed(without=claim)


def test_another_issuer_than_the_one_named_is_not_asked(settings, monkeypatch):
    request = RequestFactory().get("/")
    request.session = SessionStore()
    endpoints = Endpoints(request, "sso")
    endpoints._openid_config = {"issuer": "https://evil.example.com"}
    with pytest.raises(OAuth2Error):
        _ = endpoints.openid_config


# What comes back


@pytest.fixture
def coming(pat, rf):
    """Return a function that comes back from the provider to show once more who one is."""

    def come(*, user=pat, claims=None, **values):
        request = rf.get("/sign-in/provider/callback/")
        request.session, request.user = SessionStore(), user
        request.session.create()
        now = clock.now().timestamp()
        told = {"sub": "pat", "nonce": "n", "auth_time": int(now) + 1, **(claims or {})}
        asked = {
            "purpose": "/here/",
            "person": pat.pk,
            "asked_at": now,
            "nonce": "n",
            "next": "/here/",
            **values,
        }
        return request, views.arrived(request, told, {}, {"gatehouse": asked})

    return come


def test_coming_back_binds_the_sign_in_to_a_new_session_key(coming, pat):
    request, answer = coming()
    assert (answer.status_code, answer.url) == (302, "/here/")
    row = FreshSignIn.objects.get()
    assert row.session == session_digest(request)
    assert shows(pat, session=row.session) == "single_sign_on"


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"nonce": "another"}, "belongs to another request"),
        ({"sub": "quin"}, "somebody else"),
        ({"auth_time": None}, "does not say when"),
        ({"auth_time": True}, "does not say when"),
        ({"auth_time": "yesterday"}, "does not say when"),
        ({"auth_time": 10**30}, "does not say when"),
        ({"auth_time": 1_700_000_000}, "did not ask you anew"),
        ({"auth_time": 4_000_000_000}, "did not ask you anew"),
    ],
)
def test_what_does_not_do_is_said(coming, said, why):
    _, answer = coming(claims=said)
    assert answer.status_code == 403 and why in answer.content.decode()
    assert not FreshSignIn.objects.exists()


def test_whoever_signed_out_meanwhile_begins_again(coming, db):
    _, answer = coming(user=make.make_person("bo"))
    assert answer.status_code == 403 and not FreshSignIn.objects.exists()


def test_the_way_there_is_for_those_who_are_linked_and_by_post(client, db, settings):
    # Nobody listens at this port, and the answer says so.
    settings.SINGLE_SIGN_ON = dataclasses.replace(
        settings.SINGLE_SIGN_ON, issuer="http://127.0.0.1:9"
    )
    bo = make.make_person("bo")
    client.force_login(bo)
    assert client.get("/sign-in/provider/").status_code == 405
    assert client.get("/sign-in/provider/again/").status_code == 405
    answer = client.post("/sign-in/provider/again/?purpose=/here/&next=/here/")
    assert answer.status_code == 403 and "Give your password" in answer.text
    answer = client.post("/sign-in/provider/", {"next": "https://evil.example.com/"})
    assert answer.status_code == 403 and "gave no answer" in answer.text
    assert client.get("/sign-in/provider/callback/?code=x&state=y").status_code == 403


def test_an_administrator_links_somebody_who_is_told(
    client, db, django_capture_on_commit_callbacks
):
    sam = make.make_person("sam")
    client.force_login(make.admin())
    address = f"/registry/person/{sam.pk}/change/"
    assert 'name="subject"' in client.get(address).text
    filled = {"name": "Sam", "email": sam.email, "subject": "s-9", "reason": "New provider."}
    with django_capture_on_commit_callbacks(execute=True):
        assert client.post(address, filled).status_code == 302
    sam.refresh_from_db()
    assert sam.subject == "s-9" and sam.issuer
    (message,) = mail.outbox
    assert message.to == [sam.email] and "linked sam to s-9" in message.body


def test_none_of_the_other_doors_of_the_library_is_open():
    from django.contrib import admin
    from django.urls import NoReverseMatch, reverse

    for name in ("account_signup", "account_email", "socialaccount_connections", "account_login"):
        with pytest.raises(NoReverseMatch):
            reverse(name)
    assert not [m for m in admin.site._registry if "allauth" in m.__module__]
