"""Where the bars of a chart of requests stand. Pure: values in, places out, in pixels."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

WIDTH, HEIGHT, TOP, FOOT = 960, 150, 16, 24
#: What is drawn on what, from below, and which statuses it holds.
LAYERS: Mapping[str, tuple[str, ...]] = {
    "served": ("served",),
    "failed": ("failed",),
    "refused": ("refused", "error"),
    "open": ("routed",),
}
WORDS = {
    "served": "served",
    "failed": "failed",
    "refused": "refused or without decision",
    "open": "routed, no outcome yet",
}


@dataclass(frozen=True)
class Piece:
    """One layer of one bar."""

    layer: str
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Row:
    """One line of the table beneath, which says what its bar shows."""

    since: datetime
    until: datetime
    layers: Mapping[str, int]

    @property
    def total(self) -> int:
        """All of them."""
        return sum(self.layers.values())


@dataclass(frozen=True)
class Chart:
    """All that the drawing and its table need."""

    pieces: tuple[Piece, ...]
    rows: tuple[Row, ...]
    #: Place and text of the marks below, and of the highest bar.
    labels: tuple[tuple[float, str, str], ...]
    most: int
    step: str
    sentence: str


def layered(counts: Mapping[str, int]) -> dict[str, int]:
    """Return how many requests are in each layer; with an outcome, one counts as that alone."""
    found = {
        layer: sum(counts.get(status, 0) for status in statuses)
        for layer, statuses in LAYERS.items()
    }
    found["open"] = max(0, found["open"] - found["served"] - found["failed"])
    return found


def chart(bars: Sequence, step: timedelta) -> Chart | None:
    """Return the drawing of `bars` (since, until, counts by status), or None of nothing."""
    rows = tuple(Row(bar.since, bar.until, layered(bar.counts)) for bar in bars)
    most = max((row.total for row in rows), default=0)
    if not most:
        return None
    pitch = WIDTH / len(rows)
    room = HEIGHT - TOP - FOOT
    pieces = []
    for place, row in enumerate(rows):
        top = HEIGHT - FOOT
        for layer, count in row.layers.items():
            if count:
                # Never so thin that it is not seen.
                height = max(2.0, round(room * count / most, 1))
                top -= height
                width = max(1.0, min(pitch - 2, 40.0))
                pieces.append(Piece(layer, round(place * pitch + 1, 1), top, width, height))
    shown = timedelta(days=1) <= step
    marks = sorted({0, len(rows) // 2, len(rows) - 1})
    labels = tuple(
        (
            round(place * pitch + 1, 1),
            "end" if place == len(rows) - 1 and place else "start",
            f"{rows[place].since:%-d %b}" if shown else f"{rows[place].since:%-d %b %H:%M}",
        )
        for place in marks
    )
    hours = round(step / timedelta(hours=1))
    each = f"{hours // 24} day" if hours >= 24 else f"{hours} hour"
    each += "s" if hours not in (1, 24) else ""
    return Chart(
        pieces=tuple(pieces),
        rows=rows,
        labels=labels,
        most=most,
        step=each,
        sentence=f"Requests by {each}, at most {most} in one; the table beneath says the same.",
    )
