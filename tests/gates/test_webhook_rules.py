"""Where webhooks may point and how messages are signed, as tables."""

from datetime import UTC, datetime, timedelta

import pytest

from gates.rules.webhooks import (
    address_problem,
    is_dead,
    secret_bytes,
    secret_text,
    signature,
    url_problems,
)

NOW = datetime(2026, 11, 21, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    "url",
    [
        "https://hooks.example.com/gatehouse",
        "https://hooks.example.com:8443/a?b=c",
        "https://198.41.0.4/hook",
        "https://[2001:500:1::53]/hook",
    ],
)
def test_a_public_https_address_is_taken(url):
    assert url_problems(url) == []


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("http://hooks.example.com/", "URL_NOT_HTTPS"),
        ("ftp://hooks.example.com/", "URL_NOT_HTTPS"),
        ("file:///etc/passwd", "URL_NO_HOST"),
        ("//hooks.example.com/", "URL_NOT_HTTPS"),
        ("https:///only/a/path", "URL_NO_HOST"),
        ("https://user:secret@hooks.example.com/", "URL_WITH_PASSWORD"),
        ("https://hooks.example.com/#there", "URL_WITH_FRAGMENT"),
        ("https://hooks.example.com:99999/", "URL_NOT_READ"),
        ("https://[::1/", "URL_NOT_READ"),
        ("https://hooks.example.com/\r\nHost: other", "URL_SIGNS"),
        ("https://hööks.example.com/", "URL_SIGNS"),
        ("https://hooks.example.com/" + "a" * 500, "URL_LONG"),
        ("https://127.0.0.1/", "ADDRESS_REFUSED"),
        ("https://169.254.169.254/latest/meta-data/", "ADDRESS_REFUSED"),
        ("https://[::ffff:10.0.0.1]/", "ADDRESS_REFUSED"),
    ],
)
def test_anything_else_is_refused_with_its_reason(url, code):
    reasons = url_problems(url)
    assert code in [reason.code for reason in reasons]
    assert {reason.field for reason in reasons} == {"url"}


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0",
        "10.1.2.3",
        "100.64.0.1",
        "127.0.0.1",
        "127.8.8.8",
        "169.254.169.254",
        "172.16.0.1",
        "192.0.2.1",
        "192.168.1.1",
        "198.18.0.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::ffff:127.0.0.1",
        "::ffff:192.168.0.1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
        "fc00::1",
        "fd12::1",
        "fe80::1%eth0",
        "ff02::1",
        "2001:db8::1",
    ],
)
def test_what_is_not_public_is_refused(address):
    assert "not an address of the public internet" in address_problem(address)


@pytest.mark.parametrize("address", ["198.41.0.4", "::ffff:198.41.0.4", "2001:500:1::53"])
def test_what_is_public_is_not(address):
    assert address_problem(address) == ""


def test_this_machine_is_allowed_only_when_that_is_set():
    for url in ("http://localhost:9000/", "http://127.0.0.1:9000/", "http://[::1]:9000/"):
        assert url_problems(url) != []
        assert url_problems(url, allow_local=True) == []
    assert url_problems("http://hooks.example.com/", allow_local=True) != []
    assert url_problems("https://10.0.0.1/", allow_local=True) != []


def test_the_signature_is_that_of_standard_webhooks():
    # The example of the specification's reference libraries.
    secret = secret_bytes("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    body = b'{"test": 2432232314}'
    assert signature(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body) == (
        "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    )


def test_a_secret_is_shown_with_its_prefix():
    assert secret_bytes(secret_text(b"x" * 32)) == b"x" * 32
    with pytest.raises(ValueError, match="not a secret"):
        secret_bytes("whsec_not base64!")


@pytest.mark.parametrize(
    ("last_sent", "dead"),
    [(None, True), (NOW - timedelta(days=1), True), (NOW + timedelta(hours=1), False)],
)
def test_one_that_took_something_meanwhile_is_not_dead(last_sent, dead):
    assert is_dead(NOW, last_sent) is dead
