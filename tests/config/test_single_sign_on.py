"""What the environment says of an identity provider, and what it must not leave out."""

import environ
import pytest
from django.core.exceptions import ImproperlyConfigured

from config import single_sign_on as module
from config.single_sign_on import single_sign_on

GOOD = {
    "SSO_ISSUER": "https://login.example.com/realms/us/",
    "SSO_CLIENT_ID": "gatehouse",
    "SSO_CLIENT_SECRET": "a secret",
}


@pytest.fixture
def told(monkeypatch):
    """Return a function that reads the environment with these variables."""

    def read(*, https=True, **values):
        for name in (*GOOD, "SSO_NAME", "SSO_TRUST_ADDRESSES", "SSO_ORIGINS"):
            monkeypatch.delenv(name, raising=False)
        for name, value in values.items():
            monkeypatch.setenv(name, value)
        return single_sign_on(environ.Env(), https=https)

    return read


def test_without_an_issuer_there_is_none(told):
    assert told() is None
    assert told(SSO_CLIENT_ID="gatehouse") is None


def test_an_issuer_with_what_it_gave_us_is_one(told):
    found = told(**GOOD, SSO_ORIGINS="https://adfs.example.com")
    assert (found.issuer, found.name) == (
        "https://login.example.com/realms/us",
        "login.example.com",
    )
    assert found.form_action == ["https://login.example.com", "https://adfs.example.com"]
    assert not found.trusts_addresses


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"SSO_CLIENT_ID": ""}, "set SSO_CLIENT_ID and SSO_CLIENT_SECRET too"),
        ({"SSO_CLIENT_SECRET": ""}, "set SSO_CLIENT_ID and SSO_CLIENT_SECRET too"),
        ({"SSO_ISSUER": "login.example.com"}, "SSO_ISSUER is no address"),
        ({"SSO_ISSUER": "http://login.example.com"}, "SSO_ISSUER must begin with https://"),
    ],
)
def test_half_of_it_is_refused_in_words(told, wrong, words):
    with pytest.raises(ImproperlyConfigured, match=words):
        told(**GOOD | wrong)


def test_what_is_not_installed_is_named_with_the_way_to_it(told, monkeypatch):
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    with pytest.raises(ImproperlyConfigured, match=r"gatehouse\[sso\]"):
        told(**GOOD)
