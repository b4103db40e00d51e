"""Passwords: asked at sign-in and again at signing, counted, and locked after too many failures.

A failure is counted before the password is looked at and taken back when it was right: guesses
sent side by side are counted too. Counts are no governed rows; each is written in a transaction
of its own, so that a refused request does not take it back.
"""

import ipaddress
import math
from datetime import timedelta

from django.conf import settings
from django.contrib.auth import authenticate
from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.views.decorators.debug import sensitive_variables

from audit import Reason, clock
from registry import rules
from registry.models import Person, Throttle
from registry.second_factor import has_second_factor, takes_code

#: Failures from one network address before it is locked; an office may share one.
ADDRESS_LOCKED_AFTER = 50
#: Links to set a password sent to one address in 15 minutes.
RESETS_ALLOWED = 5
#: Counts are forgotten after this long.
KEPT_FOR = timedelta(days=1)


@sensitive_variables("password", "code")
def sign_in(request, username: str, password: str, code: str = "") -> Person | None:
    """Return the person whom name and password let in, or None without saying why.

    Whoever set up a second factor gives its code too. What is unknown, locked, deactivated or a
    service account takes as long as a wrong password.
    """
    account, address = account_key(username), f"address:{client_address(request)}"
    if is_locked(address) or not claim(account):
        make_password(password)  # as slow as looking
        return None
    person = authenticate(request, username=username, password=password)
    if person is None or person.kind != Person.Kind.PERSON or not _with_code(person, code):
        claim(address, ADDRESS_LOCKED_AFTER)
        return None
    forget(account)
    return person


def _with_code(person: Person, code: str) -> bool:
    return not has_second_factor(person) or takes_code(person, code)


@sensitive_variables("password", "code")
def check_password_for_signing(
    person: Person, password: str, code: str | None = None
) -> Reason | None:
    """Return why `person` is not shown to be who signs, or None.

    With a `code`, both must be right: a right password alone takes back no failure, or codes
    could be guessed one after another. Slow on purpose, and it writes: call it before the change
    opens, never inside one. Raises `RuntimeError` inside a transaction.
    """
    key = f"signing:{person.pk}"
    if not claim(key):
        return locked(key, "password")
    person = Person.objects.get(pk=person.pk)
    right = may_act(person) and person.check_password(password)
    if right and (code is None or takes_code(person, code)):
        forget(key)
        return None
    if is_locked(key):
        return locked(key, "code" if right else "password")
    return (
        _wrong_code(code)
        if right
        else Reason("PASSWORD_WRONG", f"The password is not yours. {_AFTER_FAILURES}", "password")
    )


@sensitive_variables("code")
def check_code_for_signing(person: Person, code: str) -> Reason | None:
    """Return why a code of the second factor does not show that it is `person`, or None.

    Writes like `check_password_for_signing`, and counts together with it.
    """
    key = f"signing:{person.pk}"
    if not claim(key):
        return locked(key, "code")
    if may_act(Person.objects.get(pk=person.pk)) and takes_code(person, code):
        forget(key)
        return None
    return locked(key, "code") if is_locked(key) else _wrong_code(code)


def _wrong_code(code: str) -> Reason:
    if not code.strip():
        sentence = "Give the code that your authenticator app shows now."
        return Reason("CODE_MISSING", sentence, "code")
    sentence = (
        "The code is not the one that your app shows now, or it was used already: wait for the "
        f"next. {_AFTER_FAILURES}"
    )
    return Reason("CODE_WRONG", sentence, "code")


_AFTER_FAILURES = (
    f"After {rules.LOCKED_AFTER} failures signing is locked for "
    f"{rules.LOCKED_FOR // timedelta(minutes=1)} minutes."
)


def may_act(person: Person) -> bool:
    """Whether it is somebody who signs in at all, as read just now."""
    return person.is_active and person.kind == Person.Kind.PERSON


def locked(key: str, field: str) -> Reason:
    """Return why nobody signs under this key now, and for how long."""
    row = Throttle.objects.get(key=key)
    minutes = math.ceil((row.locked_until - clock.now()) / timedelta(minutes=1))
    wait = f"Try again in {minutes} minute{'s' if minutes != 1 else ''}."
    wrong = "passwords" if field == "password" else "codes"
    sentence = f"Signing is locked after too many wrong {wrong}. {wait}"
    return Reason("SIGNING_LOCKED", sentence, field)


def may_send_reset(email: str) -> bool:
    """Whether one more link may go to this address; counts it."""
    return claim(f"reset:{email.casefold()}"[:200], RESETS_ALLOWED)


# Counting


def account_key(username: str) -> str:
    """Return the key of an account, known or not; user names differ in more than case."""
    return f"account:{username.casefold()}"[:200]


def client_address(request) -> str:
    """Return the network address of the caller, of IPv6 the network of 64 bits.

    Behind a proxy that we believe, it is the last one that the proxy names.
    """
    if request is None:
        return ""
    text = request.META.get("REMOTE_ADDR", "")
    if text in settings.TRUSTED_PROXIES or "*" in settings.TRUSTED_PROXIES:
        text = request.META.get("HTTP_X_FORWARDED_FOR", "").rpartition(",")[2].strip() or text
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return ""
    if address.version == 6:
        return str(ipaddress.ip_network(f"{address}/64", strict=False))
    return str(address)


def is_locked(key: str) -> bool:
    """Whether the key is locked at this moment."""
    row = Throttle.objects.filter(key=key).first()
    return row is not None and rules.is_locked(_count(row), clock.now())


def forget(key: str) -> None:
    """Take back what was counted against the key.

    The row stays: deleted, it would vanish under somebody who is about to lock it.
    """
    now = clock.now()
    Throttle.objects.filter(key=key).update(failures=0, first_at=now, locked_until=None)


def claim(key: str, allowed: int = rules.LOCKED_AFTER) -> bool:
    """Count one failure in advance; False, and nothing counted, while the key is locked."""
    now = clock.now()
    with transaction.atomic(durable=True):
        Throttle.objects.filter(first_at__lt=now - KEPT_FOR).delete()
        row, _ = Throttle.objects.get_or_create(key=key, defaults={"first_at": now})
        row = Throttle.objects.select_for_update().get(key=key)
        count = _count(row)
        if rules.is_locked(count, now):
            return False
        count = rules.after_failure(count, now, allowed)
        row.failures, row.first_at = count.failures, count.first_at
        row.locked_until = count.locked_until
        row.save()
    return True


def _count(row: Throttle) -> rules.Count:
    return rules.Count(row.failures, row.first_at, row.locked_until)
