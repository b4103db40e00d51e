"""The second factor: asked beside the password, taken once, counted, and never set up by others."""

import pytest

from audit import Conflict, Refused, clock
from audit.models import Entry
from audit.refusals import NotAllowed
from audit.verifying import verify
from registry import sign_in, totp, transitions
from registry.models import Person, SecondFactor
from registry.showing import Shown, show_again
from tests import make

SECRET = b"12345678901234567890"


@pytest.fixture(autouse=True)
def on(settings):
    settings.SECOND_FACTOR = True


@pytest.fixture
def at(monkeypatch):
    """Return a function that sets the clock to a step of 30 seconds from now."""
    began = clock.now()

    def go(steps: int):
        from datetime import timedelta

        monkeypatch.setattr(clock, "now", lambda: began + timedelta(seconds=30 * steps))

    return go


def code(away: int = 0) -> str:
    """Return the code of this moment, or of one `away` steps."""
    return totp.code_at(SECRET, int(clock.now().timestamp()) // totp.SECONDS + away)


def enrol(person: Person) -> Person:
    transitions.set_up_second_factor(SECRET, code(), password=make.PASSWORD, actor=person)
    return person


@pytest.fixture
def sam(db, at) -> Person:
    """Somebody with a second factor, whose first code was used a minute ago."""
    person = make.make_person("sam")
    at(0)
    enrol(person)
    at(2)
    return person


def refusal(*args, **kwargs) -> str:
    with pytest.raises(Refused) as refused:
        show_again(*args, **kwargs)
    return refused.value.reasons[0].code


def test_signing_takes_password_and_code(sam):
    assert refusal(sam, make.PASSWORD) == "CODE_MISSING"
    assert refusal(sam, Shown(password=make.PASSWORD, code="000000")) == "CODE_WRONG"
    assert refusal(sam, Shown(password="not mine", code=code())) == "PASSWORD_WRONG"
    shown = show_again(sam, Shown(password=make.PASSWORD, code=code()))
    assert shown.code == "password_and_code"


def test_a_code_is_taken_once_and_a_wrong_password_uses_up_none(sam, at):
    given = code()
    assert refusal(sam, Shown(password="not mine", code=given)) == "PASSWORD_WRONG"
    show_again(sam, Shown(password=make.PASSWORD, code=given))
    assert refusal(sam, Shown(password=make.PASSWORD, code=given)) == "CODE_WRONG"
    at(3)
    show_again(sam, Shown(password=make.PASSWORD, code=code()))


def test_codes_are_not_guessed_one_after_another(sam):
    wrong = Shown(password=make.PASSWORD, code="000000")
    codes = [refusal(sam, wrong) for _ in range(6)]
    assert codes == ["CODE_WRONG"] * 4 + ["SIGNING_LOCKED"] * 2
    assert refusal(sam, Shown(password=make.PASSWORD, code=code())) == "SIGNING_LOCKED"


def test_signing_in_takes_both_and_tells_nobody_which_was_wrong(sam, at):
    assert sign_in.sign_in(None, "sam", make.PASSWORD) is None
    assert sign_in.sign_in(None, "sam", make.PASSWORD, "000000") is None
    assert sign_in.sign_in(None, "sam", make.PASSWORD, code()) == sam
    at(3)
    for _ in range(5):
        sign_in.sign_in(None, "sam", make.PASSWORD, "000000")
    assert sign_in.sign_in(None, "sam", make.PASSWORD, code()) is None


def test_a_code_alone_does_only_in_a_session_begun_at_the_provider(sam):
    assert refusal(sam, Shown(code=code())) == "PASSWORD_WRONG"
    assert show_again(sam, Shown(code=code(), at_provider=True)).code == "single_sign_on_and_code"
    bo = make.make_person("bo")
    assert refusal(bo, Shown(code=code(), at_provider=True)) == "NO_SECOND_FACTOR"


def test_it_is_set_up_once_with_the_password_and_stands_in_the_log_without_its_secret(sam):
    with pytest.raises(Conflict):
        transitions.set_up_second_factor(
            SECRET,
            code(),
            password=Shown(password=make.PASSWORD, code=code(1)),
            actor=sam,
        )
    bo = make.make_person("bo")
    for given, password in (("000000", make.PASSWORD), (code(), "not mine")):
        with pytest.raises(Refused):
            transitions.set_up_second_factor(SECRET, given, password=password, actor=bo)
    kept = SecondFactor.objects.get()
    assert kept.person == sam and totp.as_typed(SECRET) not in kept.secret
    entry = Entry.objects.get(event="person.second_factor_set_up")
    assert kept.secret not in entry.body and totp.as_typed(SECRET) not in entry.body
    assert verify("record").found == []


def test_an_administrator_takes_it_away_and_nobody_else_but_its_owner(sam):
    bo = make.make_person("bo")
    with pytest.raises(NotAllowed):
        transitions.take_second_factor(
            sam.pk, password=make.PASSWORD, actor=bo, reason="Only because."
        )
    transitions.take_second_factor(
        sam.pk, password=make.PASSWORD, actor=make.admin(), reason="Lost their phone."
    )
    assert show_again(sam, make.PASSWORD).code == "password"
    assert Entry.objects.filter(event="person.second_factor_taken").count() == 1
    enrol(sam)
    with pytest.raises(Refused):
        transitions.take_second_factor(sam.pk, password=make.PASSWORD, actor=sam, reason="New one.")


def test_where_it_is_switched_off_nobody_is_asked(sam, settings, client):
    settings.SECOND_FACTOR = False
    assert show_again(sam, make.PASSWORD).code == "password"
    client.force_login(sam)
    assert client.get("/second-factor/").status_code == 404


def test_its_page_sets_it_up_and_takes_it_away(client, db, at):
    at(0)
    bo = make.make_person("bo")
    client.force_login(bo)
    page = client.get("/second-factor/")
    assert "You have no second factor." in page.text
    typed = page.context["typed"].replace(" ", "")
    assert typed in page.context["address"] and page.context["picture"]["size"] > 20
    from base64 import b32decode

    secret = b32decode(typed)

    def now() -> str:
        return totp.code_at(secret, int(clock.now().timestamp()) // totp.SECONDS)

    wrong = client.post("/second-factor/", {"first_code": "000000", "password": make.PASSWORD})
    assert wrong.status_code == 422 and wrong.context["typed"].replace(" ", "") == typed
    given = {"first_code": now(), "password": make.PASSWORD}
    assert client.post("/second-factor/", given).status_code == 302
    page = client.get("/second-factor/")
    assert "Your second factor is set up." in page.text and "Code of your" in page.text
    at(2)
    client.logout()
    for sent, status in (({}, 200), ({"code": now()}, 302)):
        given = {"username": "bo", "password": make.PASSWORD, **sent}
        assert client.post("/login/", given).status_code == status
    at(4)
    given = {"reason": "A new phone.", "password": make.PASSWORD, "code": now()}
    assert client.post("/second-factor/", given).status_code == 302
    assert not SecondFactor.objects.exists()
