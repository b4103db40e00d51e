"""The signed head of a snapshot: which one is active, said when, and until when that holds."""

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from runtime.routing import CLASSIFICATIONS, instant

SCHEMA = "routing-head/1"
TYPE = "gatehouse-head+jws"
#: Characters of a head; a real one has about 700.
LONGEST = 8192

Keys = Mapping[str, Ed25519PublicKey]


class NotTrusted(Exception):
    """What the server said is not taken; what was held before is held on to.

    `code` is stable: `HEAD_MISSING HEAD_UNREADABLE KEY_UNREADABLE KEY_UNKNOWN SIGNATURE
    ENVIRONMENT EXPIRED FROM_THE_FUTURE DOWNGRADE DIGEST SNAPSHOT_UNREADABLE`.
    """

    def __init__(self, code: str, sentence: str):
        self.code, self.sentence = code, sentence
        super().__init__(f"{code}: {sentence}")


@dataclass(frozen=True)
class Head:
    """A head whose signature was verified; `max_age` is in seconds, by data classification."""

    environment: str
    generation: int
    digest: str
    issued_at: datetime
    expires_at: datetime
    max_age: Mapping[str, int]
    kid: str
    text: str


def thumbprint(jwk: Mapping[str, Any]) -> str:
    """Return the RFC 7638 thumbprint of an Ed25519 key."""
    needed = {name: jwk[name] for name in ("crv", "kty", "x")}
    text = json.dumps(needed, sort_keys=True, separators=(",", ":"))
    return _coded(hashlib.sha256(text.encode()).digest())


def keys_of(jwk_set: Mapping[str, Any]) -> dict[str, Ed25519PublicKey]:
    """Return the Ed25519 keys of a JWK Set by their thumbprints. Raises `NotTrusted`."""
    try:
        found = {
            thumbprint(jwk): (
                jwk.get("kid"),
                Ed25519PublicKey.from_public_bytes(_decoded(jwk["x"])),
            )
            for jwk in jwk_set["keys"]
            if jwk.get("kty") == "OKP" and jwk.get("crv") == "Ed25519"
        }
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise NotTrusted("KEY_UNREADABLE", "The keys are no JWK Set.") from error
    for known_as, (kid, _) in found.items():
        if kid not in (None, known_as):
            raise NotTrusted("KEY_UNREADABLE", f"The key {kid!r} is not named by its thumbprint.")
    if not found:
        raise NotTrusted("KEY_UNREADABLE", "The JWK Set holds no Ed25519 key.")
    return {known_as: key for known_as, (_, key) in found.items()}


def opened(text: str, keys: Keys) -> Head:
    """Return what a head says, if one of `keys` signed it. Raises `NotTrusted`.

    Whether it is of the right environment, new enough and not expired is the caller's to ask.
    """
    kid, payload = _verified(text, keys)
    try:
        said = _object(payload)
        if said["schema"] != SCHEMA:
            raise ValueError(f"a head of schema {said['schema']!r}")
        generation, max_age = said["generation"], said["max_age"]
        if type(generation) is not int or generation < 1:
            raise ValueError("a generation that is no number from 1")
        if not all(type(max_age.get(name, 0)) is int for name in CLASSIFICATIONS):
            raise ValueError("an age that is no number of seconds")
        if not isinstance(said["digest"], str) or not isinstance(said["environment"], str):
            raise TypeError("a name that is no text")
        return Head(
            environment=said["environment"],
            generation=generation,
            digest=said["digest"],
            issued_at=instant(said["issued_at"]),
            expires_at=instant(said["expires_at"]),
            # A class without an age is one for which nothing is fresh enough.
            max_age={name: max_age[name] for name in CLASSIFICATIONS if name in max_age},
            kid=kid,
            text=text,
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise NotTrusted("HEAD_UNREADABLE", f"The head cannot be read: {error}.") from error


def _verified(text: str, keys: Keys) -> tuple[str, bytes]:
    """Return key id and payload of a compact JWS that one of `keys` signed."""
    try:
        if len(text) > LONGEST:
            raise ValueError("it is too long")
        protected, payload, signature = text.split(".")
        header, signed = _object(_decoded(protected)), _decoded(signature)
        content = _decoded(payload)
        # Nothing in the header chooses how it is verified; what is not understood is refused.
        if header.keys() != {"alg", "kid", "typ"}:
            raise ValueError("its header has other members than alg, kid and typ")
        if header["alg"] != "EdDSA" or header["typ"] != TYPE or not isinstance(header["kid"], str):
            raise ValueError(f"it is no {TYPE} signed with EdDSA")
    except (TypeError, ValueError) as error:
        raise NotTrusted("HEAD_UNREADABLE", f"The head cannot be read: {error}.") from error
    kid = header["kid"]
    if kid not in keys:
        raise NotTrusted("KEY_UNKNOWN", f"The head is signed by {kid}, which is not trusted here.")
    try:
        keys[kid].verify(signed, f"{protected}.{payload}".encode())
    except InvalidSignature:
        raise NotTrusted("SIGNATURE", "The head's signature does not hold.") from None
    return kid, content


def _object(data: bytes) -> dict[str, Any]:
    found = json.loads(data)
    if not isinstance(found, dict):
        raise TypeError("no JSON object")
    return found


def _coded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decoded(text: str) -> bytes:
    """Return the bytes of base64url without padding. Raises `ValueError` for anything else."""
    data = base64.b64decode(f"{text}{'=' * (-len(text) % 4)}", altchars=b"-_", validate=True)
    if _coded(data) != text:
        raise binascii.Error("base64url in another form")
    return data
