"""Canonical bytes are those of RFC 8785, however they are written."""

import enum

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from audit.rules import LARGEST, canonical

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-LARGEST, LARGEST) | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)


@given(VALUES)
def test_they_are_what_the_reference_writes(value):
    assert canonical(value) == rfc8785.dumps(value)


def test_names_are_in_the_order_of_utf_16():
    value = {
        "\ufb33": 1,
        "\U0001f600": 2,
        "\u20ac": 3,
        "1": 4,
        "\r": 5,
        "\x80": {"\x7f\u2028": "/"},
    }
    assert canonical(value) == rfc8785.dumps(value)
    assert canonical(value).endswith('"\U0001f600":2,"\ufb33":1}'.encode())


class Word(enum.StrEnum):
    ONE = "one"


class Number(enum.IntEnum):
    TWO = 2


def test_words_and_numbers_of_a_closed_list_are_words_and_numbers():
    assert canonical({Word.ONE: (Word.ONE, Number.TWO)}) == b'{"one":["one",2]}'


@pytest.mark.parametrize(
    "value", [LARGEST + 1, -LARGEST - 1, 1.5, float("nan"), "\ud800", object()]
)
def test_what_has_no_canonical_form_is_refused(value):
    with pytest.raises((TypeError, ValueError)):
        canonical({"a": [value]})
