"""Passwords: who gets in, what failures cost, and that they are the one unlogged write."""

import re
from datetime import timedelta
from threading import Barrier, Thread

import pytest
from django.conf import settings
from django.contrib.auth.hashers import MD5PasswordHasher
from django.core import mail
from django.db import connection, transaction
from django.test import RequestFactory

from audit import clock
from audit.changes import NotInChange
from audit.models import Entry
from audit.verifying import verify
from registry import sign_in, transitions
from registry.forms import PasswordResetForm, SignInForm
from registry.models import Person, Throttle
from tests import make

WRONG = "not the password at all"
NEW = "seven herons at the weir"


@pytest.fixture
def sam(db) -> Person:
    return make.make_person("sam")


def attempt(username="sam", password=make.PASSWORD, address="192.0.2.7"):
    """Return the form as it stands after one attempt to sign in."""
    request = RequestFactory().post("/login/", REMOTE_ADDR=address)
    form = SignInForm(request, data={"username": username, "password": password})
    form.is_valid()
    return form


def gets_in(**values) -> bool:
    return attempt(**values).get_user() is not None


class TestSigningIn:
    @pytest.mark.parametrize("username", ["sam", "SAM", "Sam"])
    def test_name_in_any_case_and_password_let_in(self, sam, username):
        assert attempt(username).get_user() == sam

    def test_everybody_who_stays_outside_reads_the_same_sentence(self, sam):
        make.make_service("bot")
        gone = make.make_person("gone")
        transitions.deactivate_person(gone.pk, actor=make.admin(), reason="Left.")
        for _ in range(5):
            attempt("locked")
        answers = {
            str(attempt(username, password).errors)
            for username, password in [
                ("sam", WRONG),
                ("nobody", make.PASSWORD),
                ("gone", make.PASSWORD),
                ("bot", make.PASSWORD),
                ("locked", make.PASSWORD),
            ]
        }
        assert len(answers) == 1
        assert "do not match, or the account is closed" in answers.pop()

    def test_every_way_to_stay_outside_hashes_once(self, sam, monkeypatch):
        """The hash is what takes time; that it runs is what an attacker's watch would show."""
        hashed = []
        plain = MD5PasswordHasher.encode
        monkeypatch.setattr(
            MD5PasswordHasher, "encode", lambda *args: hashed.append(1) or plain(*args)
        )
        for _ in range(5):
            attempt("locked", WRONG)
        make.make_service("bot")
        for username in ("sam", "nobody", "bot", "locked"):
            hashed.clear()
            attempt(username, WRONG)
            assert len(hashed) == 1, username

    def test_a_service_account_stays_outside_whatever_its_password(self, db):
        bot = make.make_service("bot")
        bot.set_password(make.PASSWORD)
        bot.save(update_fields=["password"])
        assert not gets_in(username="bot")

    def test_the_session_begins_anew(self, sam, client):
        client.get("/login/")
        session = client.session
        session["planted"] = True
        session.save()
        client.cookies[settings.SESSION_COOKIE_NAME] = session.session_key
        before = session.session_key
        answer = client.post("/login/", {"username": "sam", "password": make.PASSWORD})
        assert answer.status_code == 302
        assert client.session.session_key != before

    @pytest.mark.parametrize("username", ["a\x00b", "x" * 400, "%", "s_m", "", "\N{KELVIN SIGN}im"])
    def test_odd_names_are_an_ordinary_failure(self, sam, username):
        assert attempt(username, WRONG).errors


class TestLocking:
    def test_after_five_failures_the_right_password_waits_a_quarter_of_an_hour(self, sam):
        for _ in range(5):
            attempt(password=WRONG)
        assert not gets_in()
        assert not gets_in(address="198.51.100.9")  # from anywhere
        with clock.at(clock.now() + timedelta(minutes=15, seconds=1)):
            assert gets_in()

    def test_four_failures_do_not_lock_and_success_forgets_them(self, sam):
        for _ in range(3):
            for _ in range(4):
                attempt(password=WRONG)
            assert gets_in()

    def test_trying_on_does_not_keep_it_locked(self, sam):
        start = clock.now()
        for _ in range(5):
            attempt(password=WRONG)
        for minutes in range(1, 15):
            with clock.at(start + timedelta(minutes=minutes)):
                attempt(password=WRONG)
        with clock.at(clock.now() + timedelta(minutes=15, seconds=1)):
            assert gets_in()

    def test_one_address_that_tries_many_names_is_locked(self, sam, monkeypatch):
        monkeypatch.setattr(sign_in, "ADDRESS_LOCKED_AFTER", 3)
        for name in ("a", "b", "c"):
            attempt(name, WRONG)
        assert not gets_in()
        assert gets_in(address="198.51.100.9")

    @pytest.mark.parametrize(
        ("peer", "forwarded", "counted"),
        [
            ("192.0.2.7", "", "192.0.2.7"),
            ("192.0.2.7", "203.0.113.5", "192.0.2.7"),  # not a proxy of ours: its word is air
            ("10.0.0.1", "203.0.113.5", "203.0.113.5"),
            ("10.0.0.1", "1.1.1.1, 203.0.113.5", "203.0.113.5"),
            ("10.0.0.1", "", "10.0.0.1"),
            ("10.0.0.1", "junk", ""),
            ("2001:db8::1", "", "2001:db8::/64"),
            ("2001:db8::2", "", "2001:db8::/64"),
        ],
    )
    def test_whose_address_is_counted(self, settings, peer, forwarded, counted):
        settings.TRUSTED_PROXIES = ["10.0.0.1"]
        headers = {"x-forwarded-for": forwarded} if forwarded else {}
        request = RequestFactory().get("/", REMOTE_ADDR=peer, headers=headers)
        assert sign_in.client_address(request) == counted

    def test_counts_are_forgotten_after_a_day(self, sam):
        attempt("nobody", WRONG)
        with clock.at(clock.now() + timedelta(days=1, minutes=1)):
            attempt(password=WRONG)
        assert not Throttle.objects.filter(key="account:nobody").exists()


class TestSigning:
    def test_the_right_password_signs(self, sam):
        assert sign_in.check_password_for_signing(sam, make.PASSWORD) is None

    def test_five_wrong_ones_lock_signing_and_not_sign_in(self, sam):
        codes = [sign_in.check_password_for_signing(sam, WRONG).code for _ in range(6)]
        assert codes == ["PASSWORD_WRONG"] * 4 + ["SIGNING_LOCKED"] * 2
        reason = sign_in.check_password_for_signing(sam, make.PASSWORD)
        assert (reason.code, reason.field) == ("SIGNING_LOCKED", "password")
        assert "Try again in 15 minutes." in reason.sentence
        assert gets_in()
        with clock.at(clock.now() + timedelta(minutes=15, seconds=1)):
            assert sign_in.check_password_for_signing(sam, make.PASSWORD) is None

    def test_it_asks_the_database_and_not_what_was_read_before(self, sam):
        transitions.deactivate_person(sam.pk, actor=make.admin(), reason="Left.")
        assert sign_in.check_password_for_signing(sam, make.PASSWORD)


@pytest.mark.django_db(transaction=True)
def test_a_password_is_never_looked_at_inside_a_transaction():
    """A refused request would roll the failure back, and hashing would hold the write lock."""
    sam = make.make_person("sam")
    with transaction.atomic(), pytest.raises(RuntimeError, match="durable"):
        sign_in.check_password_for_signing(sam, make.PASSWORD)


@pytest.mark.django_db(transaction=True)
def test_guesses_sent_side_by_side_are_counted_each():
    sam = make.make_person("sam")
    start, codes = Barrier(8), []

    def guess():
        start.wait(timeout=30)
        codes.append(sign_in.check_password_for_signing(sam, WRONG).code)
        connection.close()

    threads = [Thread(target=guess) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Throttle.objects.get(key=f"signing:{sam.pk}").failures == 5
    assert codes.count("SIGNING_LOCKED") >= 3


class TestPasswords:
    """Promise 4: password writes are the one exemption; nothing slips through with them."""

    def test_a_password_is_set_without_a_word_in_the_log(self, sam):
        entries, steps = Entry.objects.count(), sam.history.count()
        sam.set_password(NEW)
        sam.save(update_fields=["password"])
        assert (Entry.objects.count(), sam.history.count()) == (entries, steps)
        assert Person.objects.get(pk=sam.pk).check_password(NEW)
        assert verify("record").found == []

    @pytest.mark.parametrize("fields", [None, ["password", "email"], ["email"], ["is_active"]])
    def test_no_other_column_is_written_along(self, sam, fields):
        sam.email = "forged@example.org"
        with pytest.raises(NotInChange):
            sam.save(update_fields=fields) if fields else sam.save()
        sam.save(update_fields=["password"])
        assert Person.objects.get(pk=sam.pk).email == "sam@example.org"

    def test_a_stronger_hash_is_taken_over_at_sign_in(self, sam, settings):
        settings.PASSWORD_HASHERS = [
            "django.contrib.auth.hashers.PBKDF2PasswordHasher",
            "django.contrib.auth.hashers.MD5PasswordHasher",
        ]
        assert sam.password.startswith("md5$")
        assert gets_in()
        assert Person.objects.get(pk=sam.pk).password.startswith("pbkdf2_sha256$")
        assert verify("record").found == []

    def test_one_changes_ones_own_by_the_old_one(self, sam, client):
        client.force_login(sam)
        page = {"new_password1": NEW, "new_password2": NEW}
        answer = client.post("/password_change/", {"old_password": WRONG, **page})
        assert "The password is not yours." in answer.content.decode()
        answer = client.post("/password_change/", {"old_password": make.PASSWORD, **page})
        assert answer.status_code == 302
        assert gets_in(password=NEW)
        assert verify("record").found == []


class TestReset:
    def ask(self, client, email: str) -> list:
        """Ask for a link and return the messages that went out."""
        mail.outbox.clear()
        answer = client.post("/password_reset/", {"email": email})
        assert answer.status_code == 302  # whoever asks reads the same
        return list(mail.outbox)

    def test_the_link_sets_a_password_once_and_opens_a_locked_account(self, sam, client):
        for _ in range(5):
            attempt(password=WRONG)
        (message,) = self.ask(client, "sam@example.org")
        link = re.search(r"https?://[^/]+(/reset/\S+)", message.body)[1]
        form = client.get(link, follow=True)
        page = {"new_password1": NEW, "new_password2": NEW}
        assert client.post(form.redirect_chain[-1][0], page).status_code == 302
        assert gets_in(password=NEW)
        assert "This link works no longer" in client.get(link, follow=True).content.decode()
        assert verify("record").found == []

    def test_a_new_password_is_judged(self, sam, client):
        (message,) = self.ask(client, "sam@example.org")
        link = re.search(r"https?://[^/]+(/reset/\S+)", message.body)[1]
        form = client.get(link, follow=True)
        page = {"new_password1": "short", "new_password2": "short"}
        answer = client.post(form.redirect_chain[-1][0], page)
        assert "at least 12 characters" in answer.content.decode()

    def test_who_was_added_without_a_password_gets_one_by_it(self, sam, client):
        make.make_person("tom", password=None)
        assert len(self.ask(client, "tom@example.org")) == 1

    @pytest.mark.parametrize("case", ["nobody", "service", "deactivated", "unusable"])
    def test_no_link_goes_out(self, sam, client, case):
        match case:
            case "service":
                bot = make.make_person("bot", kind="service", email="x@example.org")
                bot.set_password(NEW)  # even if somebody gave it one past the verbs
                bot.save(update_fields=["password"])
            case "deactivated":
                gone = make.make_person("gone", email="x@example.org")
                transitions.deactivate_person(gone.pk, actor=make.admin(), reason="Left.")
            case "unusable":
                federated = make.make_person("fay", email="x@example.org")
                federated.set_unusable_password()
                federated.save(update_fields=["password"])
        assert self.ask(client, "x@example.org") == []

    def test_an_address_is_not_flooded(self, sam):
        form = PasswordResetForm({"email": "sam@example.org"})
        assert form.is_valid()
        sent = [len(list(form.get_users("sam@example.org"))) for _ in range(7)]
        assert sent == [1] * 5 + [0] * 2
