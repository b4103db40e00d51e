"""Codes of an authenticator app: the vectors of RFC 6238, and which codes are taken."""

import pytest

from registry import totp

SECRET = b"12345678901234567890"


@pytest.mark.parametrize(
    ("at", "eight_digits"),
    [
        (59, "94287082"),
        (1111111109, "07081804"),
        (1111111111, "14050471"),
        (1234567890, "89005924"),
        (2000000000, "69279037"),
        (20000000000, "65353130"),
    ],
)
def test_the_vectors_of_the_standard(at, eight_digits):
    # Appendix B gives eight digits; six are the last six of them.
    assert totp.code_at(SECRET, at // 30) == eight_digits[-6:]


def test_the_code_before_and_after_is_taken_and_no_other():
    now = 100
    for step in range(95, 106):
        taken = totp.step_of(SECRET, totp.code_at(SECRET, step), now * 30 + 7, after=0)
        assert taken == (step if abs(step - now) <= 1 else None)


def test_no_code_is_taken_twice_nor_one_that_is_older():
    for step, after, taken in ((100, 99, 100), (100, 100, None), (99, 100, None), (101, 100, 101)):
        assert totp.step_of(SECRET, totp.code_at(SECRET, step), 3000, after) == taken


@pytest.mark.parametrize("typed", ["", "12345", "1234567", "12345a", "１２３４５６", "-12345"])
def test_what_is_no_code_is_not_looked_at(typed):
    assert totp.step_of(SECRET, typed, 3000, after=0) is None


def test_blanks_in_a_code_do_not_matter():
    code = totp.code_at(SECRET, 100)
    assert totp.step_of(SECRET, f" {code[:3]} {code[3:]} ", 3000, after=0) == 100


def test_the_address_of_a_picture_names_us_and_the_account():
    told = totp.address(SECRET, issuer="Gatehouse", account="sam@example.org")
    assert told == (
        "otpauth://totp/Gatehouse%3Asam%40example.org"
        "?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Gatehouse"
    )
