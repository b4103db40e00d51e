"""Signing keys: files of one account, published before they sign, gone when retired."""

import json
import stat
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from django.core.management import CommandError, call_command
from django.db import connections
from django.test import Client

from audit import clock, keys

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
KEYS = "/.well-known/gatehouse-keys.json"


@pytest.fixture(autouse=True)
def folder(settings, tmp_path) -> Path:
    settings.SIGNING_KEYS_DIR = tmp_path / "keys"
    return settings.SIGNING_KEYS_DIR


def published() -> list[str]:
    return [key["kid"] for key in Client().get(KEYS).json()["keys"]]


def test_the_thumbprint_is_that_of_the_standard():
    """RFC 8037, appendix A.3."""
    x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
    assert keys._thumbprint(x) == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"


def test_a_key_is_a_file_of_one_account_and_published_without_its_private_half(folder):
    key = keys.make(NOW)
    (file,) = folder.iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    answer = Client().get(KEYS)
    assert answer["Cache-Control"] == "public, max-age=300"
    assert answer["Content-Type"] == "application/jwk-set+json"
    assert answer.json() == {
        "keys": [
            {
                "kty": "OKP",
                "crv": "Ed25519",
                "x": key.x,
                "kid": key.kid,
                "alg": "EdDSA",
                "use": "sig",
            }
        ]
    }
    assert json.loads(file.read_text())["d"] not in answer.content.decode()
    for method in ("post", "put", "delete"):
        assert getattr(Client(), method)(KEYS).status_code == 405


def test_keys_follow_each_other_with_time_to_spare():
    first = keys.make(NOW)
    assert keys.signing(NOW) == first
    second = keys.make(NOW)
    # Published at once, so that routers know it by when it signs.
    assert published() == [first.kid, second.kid]
    signs_from = NOW + keys.PUBLISHED_BEFORE
    assert keys.signing(signs_from - timedelta(seconds=1)) == first
    assert keys.signing(signs_from) == second
    # Until it is retired, what it signed holds.
    assert first.kid in published()
    with pytest.raises(keys.NoKey, match="No other key signs yet"):
        keys.retire(first.kid, NOW)
    retired = keys.retire(first.kid, signs_from)
    assert published() == [second.kid]
    assert keys.signing(signs_from) == second
    assert keys.every() == [retired, second]
    with pytest.raises(keys.NoKey, match="no key"):
        keys.retire(first.kid, signs_from)
    with pytest.raises(keys.NoKey, match="No other key signs yet"):
        keys.retire(second.kid, signs_from)


def test_what_is_retired_can_sign_no_more(folder):
    first = keys.make(NOW)
    keys.make(NOW, NOW)
    keys.retire(first.kid, NOW)
    said = json.loads((folder / f"{first.kid}.json").read_text())
    assert "d" not in said and said["x"] == first.x
    assert not [file for file in folder.iterdir() if file.suffix != ".json"]


def test_of_a_stolen_key_the_next_signs_at_once():
    stolen = keys.make(NOW)
    found_out = NOW + timedelta(days=3)
    next_one = keys.make(found_out, found_out)
    assert keys.signing(found_out) == next_one
    keys.retire(stolen.kid, found_out)
    assert (keys.signing(found_out), published()) == (next_one, [next_one.kid])


def test_what_is_signed_is_verified_by_what_is_published():
    key = keys.make(NOW)
    head, payload, signature = keys.jws(key, "a-kind+jws", b'{"a":1}').split(".")
    public = Ed25519PublicKey.from_public_bytes(keys._decoded(key.x))
    public.verify(keys._decoded(signature), f"{head}.{payload}".encode())
    assert json.loads(keys._decoded(head)) == {"alg": "EdDSA", "kid": key.kid, "typ": "a-kind+jws"}


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda file: file.chmod(0o640), "chmod 600"),
        (lambda file: file.write_text("{"), "is no key"),
        (lambda file: file.write_text("[]"), "is no key"),
        (lambda file: file.write_text("{}"), "is no key"),
        (lambda file: file.rename(file.with_name("other.json")), "named by its thumbprint"),
        (lambda file: file.write_text(_with(file, d="A" * 43)), "do not belong together"),
        (lambda file: file.write_text(_with(file, d="short")), "is no key"),
        (lambda file: file.write_text(_with(file, signs_from="soon")), "is no key"),
    ],
)
def test_a_file_that_is_not_as_it_was_made_is_named_and_nothing_is_signed(folder, spoil, says):
    key = keys.make(NOW)
    keys.signing(NOW)
    (file,) = folder.iterdir()
    private = json.loads(file.read_text())["d"]
    spoil(file)
    with pytest.raises(keys.NoKey, match=says) as caught:
        keys.signing(NOW)
    assert str(folder) in str(caught.value)
    assert private not in str(caught.value)
    answer = Client().get(KEYS)
    assert answer.status_code == 503
    assert key.kid not in answer.content.decode() and str(folder) not in answer.content.decode()


def _with(file: Path, **changed) -> str:
    return json.dumps({**json.loads(file.read_text()), **changed})


def test_the_commands_make_and_retire_and_say_what_is_there():
    def told(*command) -> str:
        out = StringIO()
        # A key is made before there is a database: none is asked.
        call_command(*command, stdout=out)
        return out.getvalue()

    with clock.at(NOW):
        assert "signs\n" in told("make_key")
        (first,) = published()
        said = told("make_key")
        assert f"{first}  signs\n" in said
        assert "published; signs from 2026-11-27 12:00 UTC" in said
        with pytest.raises(CommandError, match="No other key signs yet"):
            told("retire_key", first)
        with pytest.raises(CommandError, match="hours from 0"):
            told("make_key", "--signs-in", "-1")
    with clock.at(NOW + timedelta(hours=24)):
        assert f"{first}  retired" in told("retire_key", first)
    assert not connections["default"].in_atomic_block
