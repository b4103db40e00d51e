"""Secrets of webhooks, encrypted at rest.

Each message is signed with the secret, so a hash would not do.
"""

import secrets

from audit import encryption
from audit.encryption import SecretLost
from gates.rules.webhooks import SECRET_LENGTH

__all__ = ["SecretLost", "decrypted", "encrypted", "new_secret"]

USE = "gatehouse.webhook.secret"


def new_secret() -> bytes:
    """Return a new secret."""
    return secrets.token_bytes(SECRET_LENGTH)


def encrypted(secret: bytes) -> str:
    """Return the secret as it is kept."""
    return encryption.encrypted(secret, USE)


def decrypted(kept: str) -> bytes:
    """Return a secret that was kept. Raises `SecretLost`."""
    return encryption.decrypted(kept, USE)
