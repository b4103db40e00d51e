"""The log as a tree: roots and proofs, from as many stored hashes as they take."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import Q

from audit import proofs
from audit.models import Entry, Head, Node
from audit.rules import root
from audit.verify_audit import consistency_holds, inclusion_holds


class TreeBroken(Exception):
    """The stored hashes do not lead to the root that they should; nothing is handed out."""


@dataclass(frozen=True)
class State:
    """How long the log is and what its root is, as its head says."""

    size: int
    root: bytes


@dataclass(frozen=True)
class Inclusion:
    """The proof that entry `seq` is among the first `size`."""

    seq: int
    size: int
    leaf: bytes
    root: bytes
    path: list[bytes]


@dataclass(frozen=True)
class Consistency:
    """The proof that the log of `first` entries is how that of `second` began."""

    first: int
    second: int
    first_root: bytes
    second_root: bytes
    path: list[bytes]


def state() -> State:
    """Return the log as it stands; one statement."""
    head = Head.objects.get(pk=1)
    return State(head.size, root(head.peak_hashes))


def root_at(size: int) -> bytes:
    """Return the root over the first `size` entries. Raises `TreeBroken`."""
    return _made(lambda nodes: proofs.root_at(size, nodes), proofs.nodes_of_root(size))


def inclusion(seq: int, size: int) -> Inclusion:
    """Return the proof that entry `seq` is among the first `size`; judged before it leaves.

    Raises `ValueError` for an entry that is not among them, and `TreeBroken`.
    """
    return inclusions([seq], size)[0]


def inclusions(seqs: Iterable[int], size: int) -> list[Inclusion]:
    """Return the proofs of several entries in one log, reading what they share once.

    All hashes are in memory at once, some hundred an entry: ask for a few thousand at a time.
    """
    seqs = list(seqs)
    wanted = proofs.nodes_of_root(size)
    for seq in seqs:
        if not 0 <= seq < size:
            raise ValueError(f"Entry {seq} is not among the first {size}.")
        wanted |= proofs.nodes_of_inclusion(seq, size) | {(0, seq)}

    def make(nodes):
        top = proofs.root_at(size, nodes)
        found = [
            Inclusion(seq, size, nodes[0, seq], top, proofs.inclusion(seq, size, nodes))
            for seq in seqs
        ]
        for one in found:
            if not inclusion_holds(one.leaf, one.seq, one.size, one.path, one.root):
                raise TreeBroken(f"The stored hashes do not prove entry {one.seq}.")
        return found

    return _made(make, wanted)


def consistency(first: int, second: int) -> Consistency:
    """Return the proof that the log only grew from `first` to `second` entries, judged.

    Raises `ValueError` if it cannot have, and `TreeBroken`.
    """
    return consistencies([first], second)[0]


def consistencies(firsts: Iterable[int], second: int) -> list[Consistency]:
    """Return the proofs from several sizes to one, reading what they share once.

    All hashes are in memory at once, some hundred a size: ask for a few hundred at a time.
    """
    firsts = list(firsts)
    wanted = proofs.nodes_of_root(second)
    for first in firsts:
        if not 0 <= first <= second:
            raise ValueError(f"A log does not go from {first} entries to {second}.")
        wanted |= proofs.nodes_of_root(first) | proofs.nodes_of_consistency(first, second)

    def make(nodes):
        top = proofs.root_at(second, nodes)
        found = [
            Consistency(
                first,
                second,
                proofs.root_at(first, nodes),
                top,
                proofs.consistency(first, second, nodes),
            )
            for first in firsts
        ]
        for one in found:
            if not consistency_holds(one.first, second, one.path, one.first_root, top):
                raise TreeBroken(f"The stored hashes do not prove growth from {one.first}.")
        return found

    return _made(make, wanted)


def _made(make, wanted: set[proofs.Node]) -> Any:
    try:
        return make(_read(wanted))
    except KeyError as missing:
        raise TreeBroken(f"A hash of the log is missing: {missing}. Run audit_verify.") from None


#: Ranges that one query asks for, and single rows in one.
RANGES = 60


def _read(wanted: set[proofs.Node]) -> dict[proofs.Node, bytes]:
    """Return the stored hashes; neighbours are asked for as one range."""
    found = {}
    by_level: dict[int, list[int]] = {}
    for level, index in wanted:
        by_level.setdefault(level, []).append(index)
    for level, indices in by_level.items():
        ranges = _ranges(sorted(indices))
        name, rows = ("seq", Entry.objects) if level == 0 else ("index", Node.objects)
        for begin in range(0, len(ranges), RANGES):
            asked = Q()
            for low, high in ranges[begin : begin + RANGES]:
                asked |= Q(**{f"{name}__gte": low, f"{name}__lte": high})
            kept = rows.filter(asked) if level == 0 else rows.filter(asked, level=level)
            column = "leaf" if level == 0 else "hash"
            for index, value in kept.order_by().values_list(name, column):
                found[level, index] = bytes(value)
    return found


def _ranges(indices: list[int]) -> list[tuple[int, int]]:
    ranges: list[tuple[int, int]] = []
    for index in indices:
        if ranges and ranges[-1][1] + 1 == index:
            ranges[-1] = (ranges[-1][0], index)
        else:
            ranges.append((index, index))
    return ranges
