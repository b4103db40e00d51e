"""Who somebody is here, by what the identity provider says of them.

By the subject that is linked to them; the first time by a verified address that one active person
has, and nobody else. Nobody is made by signing in, and no role is given by it.
"""

from collections.abc import Mapping
from typing import Any

import audit
from audit import Reason, Refused
from registry import rights
from registry.models import Person
from registry.sign_in import may_act


def person_of(issuer: str, claims: Mapping[str, Any], *, trusts_addresses: bool) -> Person:
    """Return the person, linked to the subject from now on.

    `claims` are what the provider vouches for. Raises `Refused` for whoever is nobody here, or
    nobody who signs in.
    """
    subject = str(claims["sub"])
    person = Person.objects.filter(issuer=issuer, subject=subject).first()
    if person is None:
        person = _by_address(claims, trusts_addresses)
        if person is not None and may_act(person):
            return _link(person, issuer, subject)
    if person is None or not may_act(person):
        raise Refused(
            Reason(
                "NOBODY_HERE",
                "The identity provider knows you, and Gatehouse does not. Ask an administrator to "
                "add you, with the address that the provider vouches for or with your subject "
                f"there: {subject[:255]}",
            )
        )
    return person


def _by_address(claims: Mapping[str, Any], trusts_addresses: bool) -> Person | None:
    address = str(claims.get("email") or "")
    # Some providers say it as a text.
    verified = str(claims.get("email_verified", trusts_addresses)).casefold() == "true"
    if not address or not verified:
        return None
    # Whoever is linked already is somebody else there; two with one address are nobody.
    found = list(Person.objects.filter(email__iexact=address)[:2])
    return found[0] if len(found) == 1 and not found[0].subject else None


def _link(person: Person, issuer: str, subject: str) -> Person:
    reason = "First sign-in at the identity provider, by the address that it vouches for."
    with audit.change(actor=person, reason=reason) as change:
        locked = rights.acting(change, person)
        if locked.subject or not may_act(locked) or locked.email != person.email:
            raise Refused(Reason("CHANGED", "Your account was changed just now. Sign in again."))
        locked.issuer, locked.subject = issuer, subject
        return change.save(locked, event="person.linked")
