"""People and service accounts: added, amended, deactivated; never deleted."""

import secrets
from functools import partial

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.mail import send_mail
from django.db import transaction

import audit
from audit import Reason, Refused
from audit.refusals import Conflict
from registry import rights
from registry.models import Person, RoleGrant
from registry.roles import Role
from registry.transitions.grants import administrators, refuse_last_administrator


def add_person(
    *,
    username: str,
    name: str,
    email: str = "",
    kind: str = Person.Kind.PERSON,
    password: str | None = None,
    actor,
    reason: str,
) -> Person:
    """Add somebody, or a service account, which has no password.

    Without a password a person gets one that nobody knows and sets their own by e-mail. Raises
    `Refused` with a reason per field, `NotAllowed` for anybody but an administrator.
    """
    person = Person(username=username, name=name, email=email, kind=kind)
    reasons = _set_password(person, password)
    with audit.change(actor=actor, reason=reason) as change:
        rights.demand(rights.acting(change, actor), "administer")
        if reasons:
            raise Refused(reasons)
        return change.save(person, event="person.added")


def _set_password(person: Person, password: str | None) -> list[Reason]:
    """Hash the password (slow, so before any change opens) and return what is wrong with it."""
    if person.kind == Person.Kind.SERVICE:
        person.set_unusable_password()
        if password:
            sentence = "A service account has no password; issue a token for it."
            return [Reason("SERVICE_ACCOUNT", sentence, "password")]
        return []
    if password is None:
        # Usable but unknown: a reset by e-mail is for those who could have one.
        person.password = make_password(secrets.token_urlsafe(32))
        if not person.email:
            sentence = "Give an address: the first password is set through a link sent there."
            return [Reason("EMAIL_MISSING", sentence, "email")]
        return []
    try:
        validate_password(password, person)
    except ValidationError as error:
        return [Reason("PASSWORD", message, "password") for message in error.messages]
    person.set_password(password)
    return []


def amend_person(
    pk: int,
    *,
    name: str | None = None,
    email: str | None = None,
    subject: str | None = None,
    actor,
    reason: str,
) -> Person:
    """Change the printed name, the address, or who the person is at the identity provider.

    The user name stays, since records carry it. The old address is told of a new one and of a new
    subject: links for a new password go there, or somebody else signs in, from now on.
    """
    with audit.change(actor=actor, reason=reason) as change:
        admin, person = rights.acting(change, actor, pk)
        rights.demand(admin, "administer")
        before = (person.name, person.email)
        linked = (person.issuer, person.subject)
        person.name = person.name if name is None else name
        person.email = person.email if email is None else email
        if subject is not None and subject != person.subject:
            person.issuer, person.subject = _identity(subject)
        if (person.name, person.email, person.issuer, person.subject) != (*before, *linked):
            change.save(person)
        if before[1] and (person.issuer, person.subject) != linked:
            told = partial(_tell_of_subject, before[1], person, admin)
            transaction.on_commit(told, robust=True)
        if before[1] and person.email != before[1]:
            tell = partial(_tell_old_address, before[1], person, admin)
            transaction.on_commit(tell, robust=True)
    return person


def _identity(subject: str) -> tuple[str, str]:
    """Return provider and subject as they are kept; both are empty for nobody there."""
    if not subject:
        return "", ""
    if settings.SINGLE_SIGN_ON is None:
        sentence = "There is no identity provider here. Leave the subject empty."
        raise Refused(Reason("NO_PROVIDER", sentence, "subject"))
    return settings.SINGLE_SIGN_ON.issuer, subject


def _tell_of_subject(address: str, person: Person, admin: Person) -> None:
    there = person.subject or "nobody"
    send_mail(
        "Your account in Gatehouse was linked anew",
        f"{admin.name} linked {person.username} to {there} at the identity provider.\n"
        "Whoever signs in there as that signs in as you, and signs for you. "
        "If you did not expect this, tell another administrator.\n",
        from_email=None,
        recipient_list=[address],
    )


def _tell_old_address(address: str, person: Person, admin: Person) -> None:
    send_mail(
        "Your address in Gatehouse was changed",
        f"{admin.name} changed the address of {person.username} to {person.email or 'none'}.\n"
        "Links for a new password go there from now on. "
        "If you did not expect this, tell another administrator.\n",
        from_email=None,
        recipient_list=[address],
    )


def deactivate_person(pk: int, *, actor, reason: str) -> Person:
    """Take away sign-in, tokens and rights at once; grants stay on record, open.

    `registry.leaving.open_ends` says what they leave behind. Raises `NotAllowed` for oneself and
    `Refused` for the last administrator.
    """
    with audit.change(actor=actor, reason=reason) as change:
        admin, person, *_ = rights.acting(change, actor, pk, *administrators())
        rights.demand(admin, "deactivate", person)
        if not person.is_active:
            raise Conflict(Reason("INACTIVE", f"{person} is deactivated already."))
        refuse_last_administrator(person.pk, doing=f"deactivating {person}")
        person.is_active = False
        return change.save(person, event="person.deactivated")


def reactivate_person(pk: int, *, actor, reason: str) -> Person:
    """Let somebody in again, with the grants that were not ended meanwhile."""
    with audit.change(actor=actor, reason=reason) as change:
        admin, person = rights.acting(change, actor, pk)
        rights.demand(admin, "reactivate", person)
        if person.is_active:
            raise Conflict(Reason("ACTIVE", f"{person} is active already."))
        person.is_active = True
        return change.save(person, event="person.reactivated")


def bootstrap_administrator(*, username: str, name: str, email: str, password: str) -> Person:
    """Make the first administrator. Raises `Refused` if there ever was one."""
    person = Person(username=username, name=name, email=email)
    reasons = _set_password(person, password)
    with audit.change(
        actor=audit.system("bootstrap"), reason="The first administrator of this installation."
    ) as change:
        if RoleGrant._base_manager.filter(role=Role.ADMINISTRATOR).exists():
            reasons = [
                Reason(
                    "BOOTSTRAPPED",
                    "There is an administrator already, who adds people in the portal.",
                )
            ]
        if reasons:
            raise Refused(reasons)
        change.save(person, event="person.added")
        grant = RoleGrant(person=person, role=Role.ADMINISTRATOR, granted_at=change.now)
        change.save(grant, event="rolegrant.granted")
    return person
