"""The second factor of those who set one up: asked beside the password, at sign-in and at signing.

The secret is kept like a password, outside digests and log; that it was set up or taken away, by
whom and why, is in the log. Codes taken are remembered in the database, so that none is taken
twice, whichever process is asked.
"""

from django.conf import settings
from django.db import transaction
from django.views.decorators.debug import sensitive_variables

from audit import clock, encryption
from registry import totp
from registry.models import Person, SecondFactor

USE = "gatehouse.second.factor"


def has_second_factor(person: Person) -> bool:
    """Whether codes are asked of the person, here and now."""
    return settings.SECOND_FACTOR and SecondFactor.objects.filter(person_id=person.pk).exists()


@sensitive_variables("code", "secret")
def takes_code(person: Person, code: str) -> bool:
    """Whether it is a code of the person's that was not taken before; it is taken by asking.

    Raises `RuntimeError` inside a transaction: a refused request must not give a code back.
    """
    with transaction.atomic(durable=True):
        factor = SecondFactor.objects.select_for_update().filter(person_id=person.pk).first()
        if factor is None:
            return False
        try:
            secret = encryption.decrypted(factor.secret, USE)
        except encryption.SecretLost:
            return False
        step = totp.step_of(secret, code, clock.now().timestamp(), factor.last_step)
        if step is None:
            return False
        factor.last_step = step
        factor.save(update_fields=["last_step"])
    return True
