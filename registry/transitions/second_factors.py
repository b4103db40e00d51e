"""Second factors: set up by their owner, taken away by them or by an administrator."""

from django.views.decorators.debug import sensitive_variables

import audit
from audit import Conflict, Reason, Refused, clock, encryption
from registry import rights, totp
from registry.models import Person, SecondFactor
from registry.second_factor import USE
from registry.showing import Shown, show_again


@sensitive_variables("secret", "code", "password")
def set_up_second_factor(
    secret: bytes, code: str, *, password: Shown | str, actor: Person
) -> SecondFactor:
    """Keep what the actor's authenticator app holds, once a code of it was typed.

    The actor shows who they are: else whoever finds a session open would sign with an app of their
    own. Raises `Refused` for a wrong code or password, `Conflict` for somebody who has one already.
    """
    step = totp.step_of(secret, code, clock.now().timestamp(), after=0)
    if step is None:
        sentence = "The code is not the one that your app shows now. Is its clock right?"
        raise Refused(Reason("CODE_WRONG", sentence, "first_code"))
    shown = show_again(actor, password)
    with audit.change(actor=actor, reason="Set up by its owner.") as change:
        person = rights.acting(change, actor)
        if SecondFactor.objects.filter(person=person).exists():
            sentence = "You have a second factor. Take it away before you set up another."
            raise Conflict(Reason("SECOND_FACTOR_THERE", sentence))
        change.save(person, event="person.second_factor_set_up", facts=shown.told)
        return SecondFactor.objects.create(
            person=person,
            secret=encryption.encrypted(secret, USE),
            since=change.now,
            last_step=step,
        )


@sensitive_variables("password")
def take_second_factor(pk: int, *, password: Shown | str, actor: Person, reason: str) -> Person:
    """Take a second factor away: its owner wants another, or lost it and asked an administrator.

    Raises `NotAllowed` for anybody else, `Conflict` where there is none.
    """
    shown = show_again(actor, password)
    with audit.change(actor=actor, reason=reason) as change:
        acting, person = rights.acting(change, actor, pk)
        rights.demand(acting, "take_second_factor", person)
        deleted, _ = SecondFactor.objects.filter(person=person).delete()
        if not deleted:
            raise Conflict(Reason("NO_SECOND_FACTOR", f"{person} has no second factor."))
        return change.save(person, event="person.second_factor_taken", facts=shown.told)
