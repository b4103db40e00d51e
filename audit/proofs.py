"""Proofs of RFC 6962: that an entry is in the log, and that the log only grew. Pure: no queries.

A node is named by (level, index): the root of the perfect subtree over the leaves
`index << level` up to `(index + 1) << level`. Level 0 are the leaves themselves. Every eighth
level is stored (`KEPT_EVERY`), so that any node is made from at most 128 stored ones and a proof
in a log of any size from a few hundred.

Whoever makes a proof says first which nodes it takes (`nodes_of_…`), reads them, and then asks for
it. What is made here is judged by `audit.verify_audit`, the file that auditors take away.
"""

from collections.abc import Callable, Iterator, Mapping

from audit.rules import EMPTY_ROOT, node_hash

#: Levels between two that are stored.
KEPT_EVERY = 8

Node = tuple[int, int]


def is_kept(node: Node) -> bool:
    """Whether a node is stored: as an entry's leaf, or as a node of its own."""
    return node[0] % KEPT_EVERY == 0


def kept_below(node: Node) -> list[Node]:
    """Return the stored nodes that `node` is made of, from left to right; itself, if it is one."""
    level, index = node
    kept = level - level % KEPT_EVERY
    width = 1 << (level - kept)
    return [(kept, index * width + place) for place in range(width)]


def made_of(hashes: list[bytes]) -> bytes:
    """Return the root of the perfect tree over `hashes`, whose number is a power of two."""
    while len(hashes) > 1:
        hashes = [
            node_hash(left, right) for left, right in zip(hashes[::2], hashes[1::2], strict=True)
        ]
    return hashes[0]


def pushed(peaks: list[bytes], size: int, leaf: bytes) -> Iterator[tuple[Node, bytes]]:
    """Add a leaf to the peaks as `audit.rules.push` does; yield each node of a kept level."""
    peaks.append(leaf)
    level, index = 0, size
    while index & 1:
        right, left = peaks.pop(), peaks.pop()
        peaks.append(node_hash(left, right))
        level, index = level + 1, index >> 1
        if level % KEPT_EVERY == 0:
            yield (level, index), peaks[-1]


# Ranges


def perfect(begin: int, end: int) -> list[Node]:
    """Return the perfect subtrees that the leaves from `begin` up to `end` fall into, in order.

    `begin` must be a multiple of the largest of them, as it is for every range in a proof.
    """
    found = []
    while begin < end:
        level = (end - begin).bit_length() - 1
        found.append((level, begin >> level))
        begin += 1 << level
    return found


def _inclusion(index: int, size: int) -> list[tuple[int, int]]:
    """Return the ranges whose roots are the path of PATH(index, D[size]) (RFC 6962, 2.1.1)."""
    path, begin, end = [], 0, size
    while end - begin > 1:
        split = begin + _below(end - begin)
        if index < split:
            path.append((split, end))
            end = split
        else:
            path.append((begin, split))
            begin = split
    return path[::-1]


def _consistency(first: int, second: int) -> list[tuple[int, int]]:
    """Return the ranges whose roots are PROOF(first, D[second]) (RFC 6962, 2.1.2)."""
    if first in (0, second):
        return []
    path, begin, end, whole = [], 0, second, True
    while first != end:
        split = begin + _below(end - begin)
        if first <= split:
            path.append((split, end))
            end = split
        else:
            path.append((begin, split))
            begin, whole = split, False
    if not whole:
        path.append((begin, end))
    return path[::-1]


def _below(width: int) -> int:
    """Return the largest power of two below `width`."""
    return 1 << ((width - 1).bit_length() - 1)


# Proofs


def nodes_of_inclusion(index: int, size: int) -> set[Node]:
    """Return the stored nodes that the proof of entry `index` in a log of `size` takes."""
    return _kept(_inclusion(index, size))


def nodes_of_consistency(first: int, second: int) -> set[Node]:
    """Return the stored nodes that the proof from `first` to `second` entries takes."""
    return _kept(_consistency(first, second))


def nodes_of_root(size: int) -> set[Node]:
    """Return the stored nodes that the root over the first `size` entries takes."""
    return _kept([(0, size)])


def inclusion(index: int, size: int, nodes: Mapping[Node, bytes]) -> list[bytes]:
    """Return the path from entry `index` to the root over `size` entries.

    Raises `ValueError` for an entry that is not among them, `KeyError` for a node not given.
    """
    if not 0 <= index < size:
        raise ValueError(f"Entry {index} is not among the first {size}.")
    return [_range_root(begin, end, nodes) for begin, end in _inclusion(index, size)]


def consistency(first: int, second: int, nodes: Mapping[Node, bytes]) -> list[bytes]:
    """Return the proof that the log of `first` entries is how that of `second` began."""
    if not 0 <= first <= second:
        raise ValueError(f"A log does not go from {first} entries to {second}.")
    return [_range_root(begin, end, nodes) for begin, end in _consistency(first, second)]


def root_at(size: int, nodes: Mapping[Node, bytes]) -> bytes:
    """Return the root over the first `size` entries."""
    return _range_root(0, size, nodes) if size else EMPTY_ROOT


def _kept(ranges: list[tuple[int, int]]) -> set[Node]:
    return {
        kept for begin, end in ranges for node in perfect(begin, end) for kept in kept_below(node)
    }


def _range_root(begin: int, end: int, nodes: Mapping[Node, bytes]) -> bytes:
    get: Callable[[Node], bytes] = nodes.__getitem__
    peaks = [made_of([get(kept) for kept in kept_below(node)]) for node in perfect(begin, end)]
    *rest, result = peaks
    for peak in reversed(rest):
        result = node_hash(peak, result)
    return result
