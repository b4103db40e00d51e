"""Codes of an authenticator app: RFC 6238 with SHA-1, six digits, 30 seconds. Pure.

What every app can do; SHA-1 inside an HMAC is not what is broken about SHA-1.
"""

import base64
import hashlib
import hmac
import secrets
from urllib.parse import quote, urlencode

SECONDS = 30
DIGITS = 6
#: Steps before and after this one whose codes are taken: clocks differ, and people type slowly.
TOLERANCE = 1


def new_secret() -> bytes:
    """Return a new secret of 160 bits."""
    return secrets.token_bytes(20)


def as_typed(secret: bytes) -> str:
    """Return the secret in the letters and digits that apps take."""
    return base64.b32encode(secret).decode()


def address(secret: bytes, *, issuer: str, account: str) -> str:
    """Return the address that a QR code carries."""
    query = urlencode({"secret": as_typed(secret), "issuer": issuer}, quote_via=quote)
    return f"otpauth://totp/{quote(f'{issuer}:{account}')}?{query}"


def code_at(secret: bytes, step: int) -> str:
    """Return the code of one step of 30 seconds (RFC 4226, 5.3)."""
    mac = hmac.new(secret, step.to_bytes(8, "big"), hashlib.sha1).digest()
    offset = mac[-1] & 0x0F
    number = int.from_bytes(mac[offset : offset + 4], "big") & 0x7FFFFFFF
    return f"{number % 10**DIGITS:0{DIGITS}}"


def step_of(secret: bytes, typed: str, at: float, after: int) -> int | None:
    """Return the step whose code was typed at the Unix time `at`, or None.

    No step up to `after` is taken, so that a code that was seen over a shoulder serves nobody.
    """
    typed = "".join(typed.split())
    if len(typed) != DIGITS or not (typed.isascii() and typed.isdigit()):
        return None
    now = int(at) // SECONDS
    for step in range(now - TOLERANCE, now + TOLERANCE + 1):
        if step > after and hmac.compare_digest(code_at(secret, step), typed):
            return step
    return None
