"""Where the boxes and arrows of a lineage stand. Pure: nodes and edges in, coordinates out.

Read from left to right: what something was made from, the thing itself, where it goes. All
figures are whole pixels.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 170, 56
#: Five columns fit a window 1,280 px wide, beside the menu.
ACROSS, DOWN = 30, 14
#: Room above the boxes for the heads of the columns, and around everything.
HEAD, MARGIN = 28, 4
#: How far the ends of arrows into one side of a box are spread.
SPREAD = 40


@dataclass(frozen=True)
class Box:
    """Where a node stands: its left upper corner."""

    key: str
    rank: int
    x: int
    y: int


@dataclass(frozen=True)
class Arrow:
    """An edge as a curve (`path`, as SVG writes it)."""

    source: str
    target: str
    path: str


@dataclass(frozen=True)
class Drawing:
    """All boxes and arrows, the left edge of each column by rank, and the size of the whole."""

    boxes: list[Box]
    arrows: list[Arrow]
    columns: dict[int, int]
    width: int
    height: int


def ranks(subject: str, keys: Iterable[str], edges: Sequence[tuple[str, str]]) -> dict[str, int]:
    """Return how many steps each node is before the subject (above 0) or after it (below 0).

    A node stands before everything that it leads to, however short another way is. Nodes that
    no way joins to the subject are left out. Raises ValueError for a circle.
    """
    found = {subject: 0}
    for sign, steps in ((1, _before(edges)), (-1, _after(edges))):
        frontier = [subject]
        for distance in range(1, len(set(keys)) + 2):
            frontier = list(dict.fromkeys(far for key in frontier for far in steps.get(key, ())))
            if subject in frontier:
                break
            found |= dict.fromkeys(frontier, sign * distance)
            if not frontier:
                break
        if frontier:
            raise ValueError("The lineage leads back to itself.")
    return found


def _before(edges) -> dict[str, list[str]]:
    steps: dict[str, list[str]] = {}
    for source, target in edges:
        steps.setdefault(target, []).append(source)
    return steps


def _after(edges) -> dict[str, list[str]]:
    return _before([(target, source) for source, target in edges])


def place(subject: str, keys: Sequence[str], edges: Sequence[tuple[str, str]]) -> Drawing:
    """Return the drawing of a lineage; nodes of a column keep their order as far as they may.

    Each node stands near the ones it is joined to on the side of the subject, so that arrows
    cross as little as a simple rule can achieve.
    """
    rank_of = ranks(subject, keys, edges)
    columns: dict[int, list[str]] = {}
    for key in keys:
        if key in rank_of:
            columns.setdefault(rank_of[key], []).append(key)
    tallest = max(len(column) for column in columns.values())
    left = {
        rank: MARGIN + place * (WIDTH + ACROSS)
        for place, rank in enumerate(sorted(columns, reverse=True))
    }
    tops: dict[str, int] = {}
    for rank in sorted(columns, key=abs):
        inner = _after(edges) if rank > 0 else _before(edges)
        column = sorted(columns[rank], key=lambda key: _middle(inner.get(key, ()), tops))
        start = HEAD + MARGIN + (tallest - len(column)) * (HEIGHT + DOWN) // 2
        tops |= {key: start + row * (HEIGHT + DOWN) for row, key in enumerate(column)}
    boxes = [Box(key, rank_of[key], left[rank_of[key]], tops[key]) for key in keys if key in tops]
    return Drawing(
        boxes,
        _arrows({box.key: box for box in boxes}, edges),
        left,
        len(columns) * (WIDTH + ACROSS) - ACROSS + 2 * MARGIN,
        HEAD + tallest * (HEIGHT + DOWN) - DOWN + 2 * MARGIN,
    )


def _middle(joined: Iterable[str], tops: dict[str, int]) -> float:
    placed = [tops[key] for key in joined if key in tops]
    return sum(placed) / len(placed) if placed else 0


def _arrows(boxes: dict[str, Box], edges: Sequence[tuple[str, str]]) -> list[Arrow]:
    """Return the curves; those into one box end one below the other, in the order they begin."""
    into: dict[str, list[str]] = {}
    for source, target in edges:
        if source in boxes and target in boxes:
            into.setdefault(target, []).append(source)
    found = []
    for target, sources in into.items():
        end = boxes[target]
        sources = sorted(sources, key=lambda key: (boxes[key].y, key))
        step = min(10, SPREAD // len(sources))
        first = end.y + HEIGHT // 2 - step * (len(sources) - 1) // 2
        for number, source in enumerate(sources):
            begin = boxes[source]
            x, y = begin.x + WIDTH, begin.y + HEIGHT // 2
            # The head of the arrow takes the last pixels.
            to_x, to_y = end.x - 6, first + number * step
            half = (to_x - x) // 2
            path = f"M{x} {y}C{x + half} {y} {to_x - half} {to_y} {to_x} {to_y}"
            found.append(Arrow(source, target, path))
    return found
