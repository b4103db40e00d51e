"""Secrets of webhooks, encrypted at rest.

Each message is signed with the secret, so a hash would not do. The key comes from `SECRET_KEY`,
which is not in the database: a stolen backup signs nothing.
"""

import base64
import hashlib
import secrets

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings

from gates.rules.webhooks import SECRET_LENGTH


class SecretLost(Exception):
    """A secret cannot be read any more: `SECRET_KEY` is another one now."""


def new_secret() -> bytes:
    """Return a new secret."""
    return secrets.token_bytes(SECRET_LENGTH)


def encrypted(secret: bytes) -> str:
    """Return the secret as it is kept."""
    return _fernet().encrypt(secret).decode()


def decrypted(kept: str) -> bytes:
    """Return a secret that was kept. Raises `SecretLost`."""
    try:
        return _fernet().decrypt(kept.encode())
    except InvalidToken:
        raise SecretLost from None


def _fernet() -> MultiFernet:
    keys = (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
    return MultiFernet([Fernet(_key(key)) for key in keys])


def _key(key: str) -> bytes:
    # Our own use of the key, so that nothing else that is made with it opens this.
    digest = hashlib.sha256(b"gatehouse.webhook.secret\x00" + key.encode()).digest()
    return base64.urlsafe_b64encode(digest)
