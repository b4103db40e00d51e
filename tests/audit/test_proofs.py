"""Proofs and signed notes, without a database: published vectors hold, changed ones fail."""

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from audit import proofs
from audit.rules import EMPTY_ROOT, leaf_hash
from audit.verify_audit import (
    Key,
    Malformed,
    checkpoint_text,
    consistency_holds,
    inclusion_holds,
    push,
    read_checkpoint,
    read_receipt,
    root_of,
    signers,
)
from tests.audit.test_rules import LEAVES, ROOTS, from_scratch

# The proofs that the transparency logs in use test themselves with, over the eight leaves of
# `LEAVES` (RFC 6962, 2.1): (index, size, path) and (first, second, path).
A = "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7"
B = "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e"
C = "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"
D = "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"
E = "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0"
F = "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a"
G = "b08693ec2e721597130641e8211e7eedccb4c26413963eee6c1e2ed16ffb1a5f"
INCLUSIONS = [
    (0, 1, []),
    (0, 8, [A, B, C]),
    (5, 8, [D, E, ROOTS[3]]),
    (2, 3, [ROOTS[1]]),
    (1, 5, [ROOTS[0], B, D]),
]
CONSISTENCIES = [
    (1, 1, []),
    (1, 8, [A, B, C]),
    (6, 8, [F, E, ROOTS[3]]),
    (2, 5, [B, D]),
    (6, 7, [F, G, ROOTS[3]]),
]
SOME = leaf_hash(b"some")


def hashed(path: list[str]) -> list[bytes]:
    return [bytes.fromhex(one) for one in path]


def kept(leaves: list[bytes]) -> dict[proofs.Node, bytes]:
    """What the database holds of a log of these leaf hashes."""
    peaks: list[bytes] = []
    nodes = {}
    for size, leaf in enumerate(leaves):
        nodes[0, size] = leaf
        nodes.update(proofs.pushed(peaks, size, leaf))
    return nodes


def flipped(path: list[bytes]):
    for place, one in enumerate(path):
        for bit in (0, 131, 255):
            byte, mask = divmod(bit, 8)
            changed = bytearray(one)
            changed[byte] ^= 1 << mask
            yield [*path[:place], bytes(changed), *path[place + 1 :]]


def spoiled(path: list[bytes], *garbage: bytes):
    """The ways in which a path is no longer what was handed out."""
    yield from flipped(path)
    for one in (b"", SOME, *garbage):
        yield [*path, one]
        yield [one, *path]
    if path:
        yield path[:-1]
        yield path[1:]
        yield [path[0], *path]
        yield [path[0][:-1], *path[1:]]
    if len(path) > 1:
        yield [path[0], SOME, *path[1:]]
        yield path[::-1]


@pytest.mark.parametrize(("index", "size", "path"), INCLUSIONS)
def test_published_inclusion_proofs_hold_are_made_and_hold_no_longer_when_changed(
    index, size, path
):
    leaf, root, path = leaf_hash(LEAVES[index]), bytes.fromhex(ROOTS[size - 1]), hashed(path)
    assert inclusion_holds(leaf, index, size, path, root)
    nodes = kept([leaf_hash(one) for one in LEAVES])
    assert proofs.inclusion(index, size, nodes) == path
    for changed in spoiled(path, root):
        assert not inclusion_holds(leaf, index, size, changed, root)
    for other in {index - 1, index + 1, index ^ 2, -1, size} - {index}:
        assert not inclusion_holds(leaf, other, size, path, root)
    assert not inclusion_holds(leaf, index, size * 2, path, root)
    assert not inclusion_holds(leaf, index, size // 2, path, root) or size == 1
    for wrong in (b"", b"WrongLeaf", SOME, EMPTY_ROOT):
        assert not inclusion_holds(wrong, index, size, path, root)
        assert not inclusion_holds(leaf, index, size, path, wrong)


@pytest.mark.parametrize(("first", "second", "path"), CONSISTENCIES)
def test_published_consistency_proofs_hold_are_made_and_hold_no_longer_when_changed(
    first, second, path
):
    old, new, path = bytes.fromhex(ROOTS[first - 1]), bytes.fromhex(ROOTS[second - 1]), hashed(path)
    assert consistency_holds(first, second, path, old, new)
    assert proofs.consistency(first, second, kept([leaf_hash(one) for one in LEAVES])) == path
    for changed in spoiled(path, old, new):
        assert not consistency_holds(first, second, changed, old, new)
    for wrong in (b"", b"WrongRoot", SOME):
        assert not consistency_holds(first, second, path, wrong, new)
        assert not consistency_holds(first, second, path, old, wrong)
    if first != second:
        assert not consistency_holds(first, second, path, new, old)
        assert not consistency_holds(first, second, [], old, new)
        for other in {first - 1, first + 1, first ^ 2}:
            assert not consistency_holds(other, second, path, old, new)
        assert not consistency_holds(first, second * 2, path, old, new)
        assert not consistency_holds(first, second // 2, path, old, new)


@pytest.mark.parametrize(
    ("first", "second", "path", "old", "new", "holds"),
    [
        (0, 0, [], EMPTY_ROOT, EMPTY_ROOT, True),
        (0, 0, [], SOME, SOME, False),
        (0, 1, [], EMPTY_ROOT, SOME, True),
        (0, 1, [SOME], EMPTY_ROOT, SOME, False),
        (1, 1, [], SOME, SOME, True),
        (1, 1, [SOME], SOME, SOME, False),
        (1, 1, [], SOME, EMPTY_ROOT, False),
        (1, 0, [], SOME, EMPTY_ROOT, False),
        (2, 1, [], SOME, SOME, False),
        (1, 2, [], SOME, SOME, False),
        (-1, 2, [], SOME, SOME, False),
    ],
)
def test_the_edges_of_consistency(first, second, path, old, new, holds):
    assert consistency_holds(first, second, path, old, new) is holds


def test_nothing_is_in_an_empty_log():
    assert not inclusion_holds(SOME, 0, 0, [], EMPTY_ROOT)
    assert proofs.root_at(0, {}) == EMPTY_ROOT
    with pytest.raises(ValueError, match="not among"):
        proofs.inclusion(0, 0, {})


LOGS = st.integers(1, 700)


@given(LOGS, st.data())
def test_what_is_made_from_stored_nodes_alone_holds(size, data):
    """Past 256 and 512 leaves, where nodes of the eighth level come in."""
    leaves = [leaf_hash(number.to_bytes(2)) for number in range(size)]
    nodes, roots, peaks = kept(leaves), [EMPTY_ROOT], []
    for number, leaf in enumerate(leaves):
        push(peaks, number, leaf)
        roots.append(root_of(peaks))
    assert {level for level, _ in nodes} <= {0, 8}
    index = data.draw(st.integers(0, size - 1))
    first = data.draw(st.integers(0, size))
    within = data.draw(st.integers(max(first, index + 1), size))
    wanted = proofs.nodes_of_inclusion(index, within)
    assert len(wanted) <= 600 and wanted <= nodes.keys()
    path = proofs.inclusion(index, within, {node: nodes[node] for node in wanted})
    assert inclusion_holds(leaves[index], index, within, path, roots[within])
    asked = proofs.nodes_of_consistency(first, within)
    grown = proofs.consistency(first, within, {node: nodes[node] for node in asked})
    assert consistency_holds(first, within, grown, roots[first], roots[within])
    needed = proofs.nodes_of_root(within)
    assert proofs.root_at(within, {node: nodes[node] for node in needed}) == roots[within]
    for changed in spoiled(path):
        assert not inclusion_holds(leaves[index], index, within, changed, roots[within])
    for changed in flipped(grown):
        assert not consistency_holds(first, within, changed, roots[first], roots[within])


@given(st.integers(1, 40))
def test_every_proof_of_a_small_log_is_that_of_the_definition(size):
    bodies = [bytes([number]) for number in range(size)]
    nodes = kept([leaf_hash(body) for body in bodies])
    whole = from_scratch(bodies)
    for index in range(size):
        path = proofs.inclusion(index, size, nodes)
        assert inclusion_holds(nodes[0, index], index, size, path, whole)
        first = index + 1
        grown = proofs.consistency(first, size, nodes)
        assert consistency_holds(first, size, grown, from_scratch(bodies[:first]), whole)


@pytest.mark.parametrize("size", [1, 255, 256, 257, 65_536, 999_999, 1_000_000, 10**9 + 7])
def test_a_proof_takes_some_hundred_hashes_however_long_the_log_is(size):
    for index in {0, size // 3, size - 1}:
        assert len(proofs.nodes_of_inclusion(index, size)) <= 300 * 4
        assert len(proofs.nodes_of_consistency(index, size)) <= 300 * 4


# Signed notes


KNOWN = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
)


def signed(private: Ed25519PrivateKey, text: str, name: str) -> str:
    public = private.public_key().public_bytes_raw()
    number = Key("", public).id_for(name)
    return f"\u2014 {name} {base64.b64encode(number + private.sign(text.encode())).decode()}\n"


def test_the_published_key_has_its_published_number():
    """The key and the number that the documentation of Go's notes shows."""
    name, number = "PeterNeumann", "c74f20a3"
    coded = "ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
    raw = base64.b64decode(coded)
    assert raw[0] == 1
    assert Key("", raw[1:]).id_for(name).hex() == number
    signature = base64.b64decode(
        "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM="
    )
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    Ed25519PublicKey.from_public_bytes(raw[1:]).verify(signature[4:], KNOWN.encode())


@pytest.fixture(scope="module")
def pair():
    old, new = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    return old, new


def test_a_checkpoint_is_signed_by_each_key_and_read_by_who_knows_one(pair):
    text = checkpoint_text("gatehouse.example.com/log", 7, SOME)
    note = text + "\n" + "".join(signed(one, text, "gatehouse.example.com/log") for one in pair)
    found = read_checkpoint(note)
    assert (found.origin, found.size, found.root) == ("gatehouse.example.com/log", 7, SOME)
    keys = [
        Key(name, one.public_key().public_bytes_raw()) for name, one in zip("ab", pair, strict=True)
    ]
    assert signers(found, keys) == ["a", "b"]
    assert signers(found, keys[:1]) == ["a"]
    assert signers(found, []) == []
    stranger = Key("c", Ed25519PrivateKey.generate().public_key().public_bytes_raw())
    assert signers(found, [stranger]) == []


def test_a_checkpoint_that_was_touched_is_signed_by_nobody(pair):
    name = "gatehouse.example.com/log"
    text = checkpoint_text(name, 7, SOME)
    note = f"{text}\n{signed(pair[0], text, name)}"
    key = Key("a", pair[0].public_key().public_bytes_raw())
    assert signers(read_checkpoint(note), [key]) == ["a"]
    for before, after in (("\n7\n", "\n8\n"), ("gatehouse.example.com/log\n7", "other/log\n7")):
        touched = note.replace(before, after, 1)
        assert signers(read_checkpoint(touched), [key]) == []
    assert signers(read_checkpoint(note.replace("\n\n", "\nmore\n\n")), [key]) == []
    # One bad signature of a known key spoils the note, whoever else signed it.
    twice = note + signed(pair[0], "other\n", name)
    assert signers(read_checkpoint(twice), [key]) == []


@pytest.mark.parametrize(
    "note",
    [
        "",
        "x",
        "o\n7\nAAAA\n",
        "o\n7\nAAAA\n\n\u2014 o AAAAAAAA\n",
        "o\n07\n" + base64.b64encode(SOME).decode() + "\n\n\u2014 o AAAAAAAA\n",
        "o\n-7\n" + base64.b64encode(SOME).decode() + "\n\n\u2014 o AAAAAAAA\n",
        "o\n7\n" + base64.b64encode(SOME).decode() + "\n\n- o AAAAAAAA\n",
        "o\n7\n" + base64.b64encode(SOME).decode() + "\n\n\u2014 o !!\n",
        "o\n7\n" + base64.b64encode(SOME).decode() + "\n\n\u2014 o AAAAAAAA",
        "o\r\n7\n" + base64.b64encode(SOME).decode() + "\n\n\u2014 o AAAAAAAA\n",
        "o\n7\n" + base64.b64encode(SOME).decode() + "\n\n" + "\u2014 o AAAAAAAA\n" * 17,
    ],
)
def test_what_is_no_checkpoint_is_said_to_be_none(note):
    with pytest.raises(Malformed):
        read_checkpoint(note)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "c2sp.org/tlog-proof@v1\n\n",
        "c2sp.org/tlog-proof@v1\nextra AAAA\nindex 01\n\nnote",
        "c2sp.org/tlog-proof@v1\nextra AAAA\nindex one\n\nnote",
        "c2sp.org/tlog-proof@v1\nextra A!\nindex 1\n\nnote",
        "c2sp.org/tlog-proof@v2\nextra AAAA\nindex 1\n\nnote",
    ],
)
def test_what_is_no_receipt_is_said_to_be_none(text):
    with pytest.raises(Malformed):
        read_receipt(text)
