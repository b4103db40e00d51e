"""The keys that this server signs with: Ed25519, each in a file of its own, outside the database.

A file is a JWK (RFC 8037) named by its thumbprint (RFC 7638), with the instant from which it signs.
Whoever verifies learns of a key before it signs, so a new one is published at once and signs later;
an older one stays published until it is retired. Retired, a file keeps its public half alone.
"""

import base64
import json
import os
import stat
import tempfile
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings

from audit.rules import canonical, instant_text

#: How long a key is published before it signs, unless it is the first.
PUBLISHED_BEFORE = timedelta(hours=24)


class NoKey(Exception):
    """Nothing can be signed; the text says what mends it."""


@dataclass(frozen=True)
class Key:
    """A key of this server; its private half is absent once it is retired."""

    kid: str
    x: str
    signs_from: datetime
    retired_at: datetime | None
    private: Ed25519PrivateKey | None = field(default=None, compare=False, repr=False)

    @property
    def jwk(self) -> dict[str, str]:
        """The public half, as it is published."""
        return {**_public(self.x), "kid": self.kid, "alg": "EdDSA", "use": "sig"}


def make(now: datetime, signs_from: datetime | None = None) -> Key:
    """Make a key and return it; it signs from `signs_from`, or as soon as others know it."""
    if signs_from is None:
        signs_from = now + PUBLISHED_BEFORE if published() else now
    private = Ed25519PrivateKey.generate()
    x = coded(private.public_key().public_bytes_raw())
    key = Key(_thumbprint(x), x, signs_from, None, private)
    _write(key)
    return key


def retire(kid: str, now: datetime) -> Key:
    """End a key: it is published no longer, and its private half is gone.

    Raises `NoKey` if there is none of that name, or if no other would sign in its place.
    """
    found = next((key for key in every() if key.kid == kid and not key.retired_at), None)
    if found is None:
        raise NoKey(f"There is no key {kid} that is not retired.")
    if not any(key.signs_from <= now for key in published() if key.kid != kid):
        raise NoKey("No other key signs yet. Make one that signs at once, and then retire this.")
    retired = Key(found.kid, found.x, found.signs_from, now)
    _write(retired)
    return retired


def every() -> list[Key]:
    """Return all keys, those that sign from the earliest instant first.

    Raises `NoKey` for a file that is not as `make` wrote it, or that others may read.
    """
    folder = _folder()
    try:
        with os.scandir(folder) as entries:
            stamp = sorted(
                (entry.name, entry.stat().st_mtime_ns, entry.stat().st_mode)
                for entry in entries
                if entry.name.endswith(".json")
            )
    except FileNotFoundError:
        return []
    except OSError as error:
        raise NoKey(f"{folder} cannot be read: {error.strerror}.") from error
    global _loaded
    loaded = _loaded
    if loaded is None or loaded[0] != (folder, stamp):
        found = [_read(folder / name) for name, *_ in stamp]
        found.sort(key=lambda key: (key.signs_from, key.kid))
        loaded = _loaded = ((folder, stamp), found)
    return loaded[1]


#: What was read last, under what the folder looked like; a key file is replaced, never written to.
_loaded: tuple[tuple[Path, list], list[Key]] | None = None


def published() -> list[Key]:
    """Return the keys whose signatures hold: those that sign, will sign, and signed lately."""
    return [key for key in every() if key.retired_at is None]


def signing(now: datetime) -> Key:
    """Return the key that signs at `now`: of those whose time has come, the last. Or `NoKey`."""
    ready = [key for key in published() if key.signs_from <= now]
    if not ready:
        raise NoKey(f"No key in {_folder()} signs. Make one: python manage.py make_key")
    return ready[-1]


def raw(key: Key) -> bytes:
    """Return the 32 bytes of a key's public half."""
    return _decoded(key.x)


def jwk_set() -> dict[str, list]:
    """Return the published keys as a JWK Set (RFC 7517)."""
    return {"keys": [key.jwk for key in published()]}


def jws(key: Key, kind: str, payload: bytes) -> str:
    """Return `payload` signed by `key` as a compact JWS (RFC 7515) of the type `kind`."""
    header = canonical({"alg": "EdDSA", "kid": key.kid, "typ": kind})
    signed = f"{coded(header)}.{coded(payload)}"
    return f"{signed}.{coded(key.private.sign(signed.encode()))}"


def coded(data: bytes) -> str:
    """Return base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decoded(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)


def _public(x: str) -> dict[str, str]:
    return {"kty": "OKP", "crv": "Ed25519", "x": x}


def _thumbprint(x: str) -> str:
    return coded(sha256(canonical(_public(x))).digest())


def _folder() -> Path:
    return Path(settings.SIGNING_KEYS_DIR)


def _read(path: Path) -> Key:
    """Return the key in a file. Raises `NoKey` naming the file and what is wrong with it."""
    try:
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise NoKey(f"{path} may be read by others. Run: chmod 600 {path}")
        said = json.loads(path.read_text())
        x, retired_at = said["x"], said["retired_at"]
        private = None
        if retired_at is None:
            private = Ed25519PrivateKey.from_private_bytes(_decoded(said["d"]))
            if coded(private.public_key().public_bytes_raw()) != x:
                raise ValueError("its halves do not belong together")
        if path.stem != _thumbprint(x):
            raise ValueError("it is not named by its thumbprint")
        return Key(
            kid=path.stem,
            x=x,
            signs_from=datetime.fromisoformat(said["signs_from"]),
            retired_at=retired_at and datetime.fromisoformat(retired_at),
            private=private,
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        # Not the text of the error: that of a JSON error may quote the file.
        what = error if type(error) is ValueError else type(error).__name__
        raise NoKey(f"{path} is no key that signs here ({what}).") from error


def _write(key: Key) -> None:
    """Write a key whole or not at all, for nobody but this account."""
    said = {
        **_public(key.x),
        "signs_from": instant_text(key.signs_from),
        "retired_at": key.retired_at and instant_text(key.retired_at),
    }
    if key.private is not None:
        said["d"] = coded(key.private.private_bytes_raw())
    folder = _folder()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    # Readable and writable by its owner alone, from the start.
    handle, name = tempfile.mkstemp(dir=folder)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(canonical(said))
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(folder / f"{key.kid}.json")
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    place = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(place)
    finally:
        os.close(place)
