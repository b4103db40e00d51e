"""Where approvals that end soon stand on an axis of days. Pure: values in, places out.

Places are percentages of the width and pixels of the height, so that the drawing grows with the
page and its words do not.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

LEFT, RIGHT = 4.0, 96.0
LABEL_HEIGHT = 34
# Of the narrowest page the axis is drawn on: one letter of a label, in percent of the width.
LETTER = 1.0


@dataclass(frozen=True)
class Tick:
    """A day of the scale."""

    x: str
    label: str


@dataclass(frozen=True)
class Mark:
    """One ending: where it stands, and its label on a line where it hides no other."""

    x: str
    y: int
    anchor: str
    title: str
    day: str


@dataclass(frozen=True)
class Axis:
    """All that the drawing needs; `sentence` says the same to those who do not see it."""

    ticks: list[Tick]
    marks: list[Mark]
    height: int
    sentence: str


def draw(endings: list[tuple[str, datetime]], now: datetime, days: int = 30) -> Axis:
    """Place (title, instant) pairs that lie within `days` after `now`, soonest first."""
    endings = sorted(endings, key=lambda ending: (ending[1], ending[0]))
    line_ends: list[float] = []
    marks = []
    for title, at in endings:
        place = _place((at - now) / timedelta(days=days))
        width = LETTER * max(len(title), 6)
        anchor, start = "middle", place - width / 2
        if start < LEFT:
            anchor, start = "start", place
        elif start + width > RIGHT:
            anchor, start = "end", place - width
        line = next((i for i, end in enumerate(line_ends) if end + LETTER < start), len(line_ends))
        line_ends[line : line + 1] = [start + width]
        marks.append(Mark(_percent(place), 62 + line * LABEL_HEIGHT, anchor, title, _day(at)))
    steps = [step for step in range(7, days, 7) if days - step > 3]
    ticks = [
        Tick(_percent(LEFT), "today"),
        *(Tick(_percent(_place(step / days)), _day(now + timedelta(step))) for step in steps),
        Tick(_percent(RIGHT), _day(now + timedelta(days))),
    ]
    sentence = f"Approvals ending in the next {days} days: " + ", ".join(
        f"{title} on {_day(at)}" for title, at in endings
    )
    return Axis(ticks, marks, 48 + len(line_ends) * LABEL_HEIGHT, f"{sentence}.")


def _place(share: float) -> float:
    return LEFT + min(max(share, 0), 1) * (RIGHT - LEFT)


def _percent(place: float) -> str:
    return f"{place:.2f}%"


def _day(at: date) -> str:
    return f"{at.day} {at:%b}"
