"""Canonical bytes and the Merkle tree, as tables of cases."""

import uuid
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from hashlib import sha256

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from audit.rules import EMPTY_ROOT, canonical, digest, leaf_hash, node_hash, push, root

# The leaves and roots that the transparency logs in use test themselves with (RFC 6962, 2.1).
LEAVES = [
    bytes.fromhex(leaf)
    for leaf in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


def from_scratch(leaves: list[bytes]) -> bytes:
    """The definition of RFC 6962, word for word: split at the largest power of two below n."""
    if not leaves:
        return EMPTY_ROOT
    if len(leaves) == 1:
        return leaf_hash(leaves[0])
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return node_hash(from_scratch(leaves[:split]), from_scratch(leaves[split:]))


def test_the_root_grows_as_the_published_vectors_say():
    peaks = []
    for size, leaf in enumerate(LEAVES):
        push(peaks, size, leaf_hash(leaf))
        assert root(peaks).hex() == ROOTS[size]


def test_an_empty_log_has_the_root_of_nothing():
    assert root([]) == sha256(b"").digest()


@given(st.lists(st.binary(max_size=8), max_size=70))
def test_peaks_and_definition_agree_at_every_size(leaves):
    peaks = []
    for size, leaf in enumerate(leaves):
        push(peaks, size, leaf_hash(leaf))
    assert root(peaks) == from_scratch(leaves)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"b": 1, "a": [True, None]}, '{"a":[true,null],"b":1}'),
        (Decimal("1.50"), '"1.5"'),
        (Decimal("1E+3"), '"1000"'),
        (Decimal("-0.000"), '"0"'),
        (datetime(2026, 1, 2, 3, 4, 5, 6, UTC), '"2026-01-02T03:04:05.000006Z"'),
        (
            datetime(2026, 1, 2, 3, tzinfo=timezone(timedelta(hours=2))),
            '"2026-01-02T01:00:00.000000Z"',
        ),
        (date(2026, 1, 2), '"2026-01-02"'),
        (timedelta(seconds=1, microseconds=2), "1000002"),
        (uuid.UUID(int=1), '"00000000-0000-0000-0000-000000000001"'),
        (b"abc", f'"{digest(b"abc")}"'),
        ("é\r\n", '"é\\r\\n"'),
    ],
)
def test_every_kind_of_value_has_one_text(value, text):
    assert canonical(value).decode() == text


DOCUMENTS = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(DOCUMENTS)
def test_the_fast_way_gives_the_bytes_of_the_standard(document):
    assert canonical(document) == rfc8785.dumps(document)


@pytest.mark.parametrize("number", [2**53, -(2**53)])
def test_numbers_that_readers_confuse_are_refused(number):
    with pytest.raises(ValueError, match="no exact canonical form"):
        canonical({"number": number})


@pytest.mark.parametrize(
    "value",
    [
        1.0,
        float("nan"),
        Decimal("NaN"),
        datetime(2026, 1, 1),  # noqa: DTZ001 - that is what is refused
        "\ud800",
        2**53,
        object(),
    ],
)
def test_what_has_no_exact_text_is_refused(value):
    with pytest.raises((TypeError, ValueError)):
        canonical(value)
