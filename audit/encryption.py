"""Secrets that must be read again, encrypted at rest with a key made from `SECRET_KEY`.

The key is not in the database: a stolen backup alone opens nothing.
"""

import base64
import hashlib

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings


class SecretLost(Exception):
    """A secret cannot be read any more: `SECRET_KEY` is another one now."""


def encrypted(secret: bytes, use: str) -> str:
    """Return the secret as it is kept; what is kept for one use opens for no other."""
    return _fernet(use).encrypt(secret).decode()


def decrypted(kept: str, use: str) -> bytes:
    """Return a secret that was kept for this use. Raises `SecretLost`."""
    try:
        return _fernet(use).decrypt(kept.encode())
    except InvalidToken:
        raise SecretLost from None


def _fernet(use: str) -> MultiFernet:
    keys = (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
    return MultiFernet([Fernet(_key(key, use)) for key in keys])


def _key(key: str, use: str) -> bytes:
    digest = hashlib.sha256(use.encode() + b"\x00" + key.encode()).digest()
    return base64.urlsafe_b64encode(digest)
