"""Where the parts of a chart of scores stand. Pure: figures in, coordinates in pixels out."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

#: Of the field in which points stand; one column a version.
HEIGHT, COLUMN = 170, 84
LEFT, TOP, BELOW, RIGHT = 62, 14, 30, 30
#: Columns that a chart has room for at least; with these it fits a narrow screen.
FEWEST = 2
#: Characters of a version's name below the axis.
FITS = 12


@dataclass(frozen=True)
class Bar:
    """One score: its name below the axis, its value, and half the length of its whisker."""

    name: str
    value: float
    half: float = 0.0
    #: Whether it is on the right side of every threshold.
    met: bool = True


@dataclass(frozen=True)
class Dot:
    """Where a score stands; a whisker of no length is none."""

    x: int
    y: int
    top: int
    bottom: int
    name: str
    met: bool


@dataclass(frozen=True)
class Line:
    """A level line: a tick of the axis or a threshold."""

    y: int
    label: str


@dataclass(frozen=True)
class Chart:
    """All of it; `path` joins the dots."""

    width: int
    height: int
    left: int
    right: int
    bottom: int
    ticks: tuple[Line, ...]
    thresholds: tuple[Line, ...]
    dots: tuple[Dot, ...]
    path: str


def draw(bars: Sequence[Bar], thresholds: Sequence[float]) -> Chart:
    """Return the chart of scores, oldest first, over an axis that holds whiskers and thresholds."""
    ends = [end for bar in bars for end in (bar.value - bar.half, bar.value + bar.half)]
    ticks = _ticks(min([*ends, *thresholds]), max([*ends, *thresholds]))
    low, high = ticks[0], ticks[-1]

    def y(value: float) -> int:
        return round(TOP + HEIGHT * (high - value) / (high - low))

    width = LEFT + COLUMN * max(len(bars), FEWEST) + RIGHT
    dots = tuple(
        Dot(
            x=LEFT + COLUMN // 2 + place * COLUMN,
            y=y(bar.value),
            top=y(bar.value + bar.half),
            bottom=y(bar.value - bar.half),
            name=bar.name if len(bar.name) <= FITS else f"{bar.name[: FITS - 1]}…",
            met=bar.met,
        )
        for place, bar in enumerate(bars)
    )
    return Chart(
        width=width,
        height=TOP + HEIGHT + BELOW,
        left=LEFT,
        right=width - RIGHT,
        bottom=TOP + HEIGHT,
        ticks=tuple(Line(y(tick), f"{tick:.6g}") for tick in ticks),
        thresholds=tuple(Line(y(value), f"{value:.6g}") for value in thresholds),
        dots=dots,
        path=" ".join(f"{'L' if place else 'M'}{dot.x} {dot.y}" for place, dot in enumerate(dots)),
    )


def _ticks(low: float, high: float) -> list[float]:
    """Return round numbers, evenly apart, that enclose all; a single value gets room around it."""
    if high - low <= abs(high) * 1e-9:
        room = abs(high) * 0.05 or 0.5
        low, high = low - room, high + room
    rough = (high - low) / 4
    power = 10 ** math.floor(math.log10(rough))
    step = power * next(size for size in (1, 2, 5, 10) if size * power >= rough * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [number * step for number in range(first, last + 1)]
