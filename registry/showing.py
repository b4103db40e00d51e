"""How somebody shows once more who they are, where their name will stand under something.

By the password, and with it a code of the second factor for those who set one up; by a fresh
sign-in at the identity provider, made for this one purpose; or, in a session that was begun at the
provider, by a code of the second factor. Every verb that asks goes through `show_again`.
"""

import hashlib
from dataclasses import dataclass, field
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.utils.functional import cached_property
from django.views.decorators.debug import sensitive_variables

from audit import Reason, Refused, clock
from audit.rules import instant_text
from registry import sign_in
from registry.models import FreshSignIn, Person
from registry.second_factor import has_second_factor

#: How old what the identity provider saw may be when it is used.
FRESH_FOR = timedelta(minutes=5)
#: How far the provider's clock may be ahead of ours or behind.
CLOCKS_DIFFER = timedelta(seconds=30)
#: Fresh sign-ins are forgotten after this long; what they served for says so in the log.
KEPT_FOR = timedelta(days=1)
#: In a session: what the provider said when it was begun there.
BEGUN_AT_PROVIDER = "single_sign_on"

PASSWORD, WITH_CODE = "password", "password_and_code"
PROVIDER, CODE = "single_sign_on", "single_sign_on_and_code"
#: What each code means; it stands in signatures, and never changes.
WORDS = {
    PASSWORD: "password re-entered",
    WITH_CODE: "password and a code of the second factor re-entered",
    PROVIDER: "signed in again at the identity provider",
    CODE: "a code of the second factor, in a session begun at the identity provider",
}


def how(code: str) -> str:
    """Return how somebody showed who they are, in words."""
    return WORDS.get(code, code)


@dataclass(frozen=True)
class Shown:
    """What was given to show who somebody is. A page makes it; nothing in it is the client's word.

    `session` is the digest of the session's key; `purpose` is the page that asks, or what it asks
    for; `at_provider` says that the session was begun at the identity provider.
    """

    password: str = field(default="", repr=False)
    code: str = field(default="", repr=False)
    session: str = ""
    purpose: str = ""
    at_provider: bool = False


@dataclass(frozen=True)
class Authentication:
    """How somebody showed who they are: the code for the record, and facts for the log."""

    code: str
    facts: dict[str, str] = field(default_factory=dict)

    @property
    def told(self) -> dict[str, dict[str, str]]:
        """What a log entry says of it."""
        return {"authentication": {"how": self.code, **self.facts}}


@sensitive_variables("given", "password")
def show_again(person: Person, given: "Shown | str", purpose: str = "") -> Authentication:
    """Return how `person` showed who they are; a bare text is a password.

    Slow on purpose, and it writes: call it before the change opens, never inside one. `purpose`
    takes the place of the page's own, where what is asked for has a name. Raises `Refused`, and
    `RuntimeError` inside a transaction.
    """
    given = Shown(password=given) if isinstance(given, str) else given
    if given.password:
        return _by_password(person, given)
    if given.code and given.at_provider:
        return _by_code(person, given.code)
    if given.session:
        return _by_provider(person, given.session, purpose or given.purpose)
    # Nothing given counts as a wrong password: whoever sends nothing learns nothing.
    return _by_password(person, given)


@sensitive_variables()
def _by_password(person: Person, given: Shown) -> Authentication:
    code = given.code if has_second_factor(person) else None
    if wrong := sign_in.check_password_for_signing(person, given.password, code):
        raise Refused(wrong)
    return Authentication(PASSWORD if code is None else WITH_CODE)


@sensitive_variables("code")
def _by_code(person: Person, code: str) -> Authentication:
    if not has_second_factor(person):
        sentence = "You have set up no second factor. Sign in again at the identity provider."
        raise Refused(Reason("NO_SECOND_FACTOR", sentence, "code"))
    if wrong := sign_in.check_code_for_signing(person, code):
        raise Refused(wrong)
    return Authentication(CODE)


def _by_provider(person: Person, session: str, purpose: str) -> Authentication:
    now = clock.now()
    person = Person.objects.get(pk=person.pk)
    if not sign_in.may_act(person):
        raise Refused(Reason("INACTIVE", f"{person.username} may do nothing here."))
    for row in _unused(person, session, purpose):
        if not is_fresh(row, now) or (row.issuer, row.subject) != (person.issuer, person.subject):
            continue
        with transaction.atomic(durable=True):
            # Of two that use it side by side, one updates the row.
            used = FreshSignIn.objects.filter(pk=row.pk, used_at=None).update(used_at=now)
        if used:
            facts = {
                "issuer": row.issuer,
                "subject": row.subject,
                "authenticated_at": instant_text(row.authenticated_at),
            }
            return Authentication(PROVIDER, facts)
    raise Refused(
        Reason(
            "NOT_SHOWN",
            "Give your password, or sign in again at the identity provider; that serves once, for "
            f"this alone, and for {FRESH_FOR // timedelta(minutes=1)} minutes.",
            "password",
        )
    )


# Fresh sign-ins


def is_fresh(row: FreshSignIn, now) -> bool:
    """Whether a sign-in at the provider may still be used at this moment."""
    return row.used_at is None and now - row.authenticated_at <= FRESH_FOR


def session_digest(request) -> str:
    """Return what a fresh sign-in is bound to: the session, without its key."""
    key = request.session.session_key or ""
    return hashlib.sha256(key.encode()).hexdigest() if key else ""


def fresh(request, purpose: str) -> FreshSignIn | None:
    """Return the sign-in that this session made for `purpose`, if it may be used now."""
    if settings.SINGLE_SIGN_ON is None or not purpose.isprintable():
        return None
    now = clock.now()
    rows = _unused(request.user, session_digest(request), purpose)
    return next((row for row in rows if is_fresh(row, now)), None)


def _unused(person: Person, session: str, purpose: str):
    return FreshSignIn.objects.filter(
        person=person, session=session, purpose=purpose, used_at=None
    ).order_by("-made_at")[:5]


# What was typed before the way to the provider

#: In a session: the purpose, and the fields of its form.
_TYPED = "typed_before"
_NOT_KEPT = frozenset({"csrfmiddlewaretoken", "password", "code", "challenge", "package_digest"})
_KEPT_CHARACTERS = 40_000


def keep_typed(request, purpose: str) -> None:
    """Keep the fields of the posted form, without secrets, until its page is shown again."""
    fields = {name: request.POST.getlist(name) for name in request.POST if name not in _NOT_KEPT}
    size = sum(len(value) for values in fields.values() for value in values)
    request.session[_TYPED] = [purpose, fields if size <= _KEPT_CHARACTERS else {}]


def typed_before(request, purpose: str) -> dict[str, list[str]]:
    """Return, once, what was typed on this page before its reader went to the provider."""
    kept_for, fields = request.session.get(_TYPED) or ("", {})
    if kept_for != purpose:
        return {}
    del request.session[_TYPED]
    return fields


# What a page offers


class Ways:
    """By what whoever asks can show who they are on one page, for one purpose."""

    def __init__(self, request, purpose: str):
        self.request, self.purpose = request, purpose

    @cached_property
    def fresh(self) -> FreshSignIn | None:
        """The sign-in at the provider that was made for this and may be used."""
        return fresh(self.request, self.purpose) if self.provider else None

    @property
    def provider(self) -> str:
        """The identity provider's name, where the person signs in at one."""
        return settings.SINGLE_SIGN_ON.name if self.request.user.subject and _on() else ""

    @cached_property
    def enrolled(self) -> bool:
        """Whether the person has a second factor."""
        return has_second_factor(self.request.user)

    @property
    def at_provider(self) -> bool:
        """Whether the session was begun at the identity provider."""
        return _on() and BEGUN_AT_PROVIDER in self.request.session

    def shown(self, password: str, code: str) -> Shown:
        """Return what was typed, with what is known of the session."""
        return Shown(
            password=password,
            code=code,
            session=session_digest(self.request) if self.provider else "",
            purpose=self.purpose,
            at_provider=self.at_provider,
        )


def _on() -> bool:
    return settings.SINGLE_SIGN_ON is not None
