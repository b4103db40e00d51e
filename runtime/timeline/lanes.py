"""The swimlane picture: which release was active when, on one axis of time. Pure: values to places.

Places are pixels of a picture `WIDTH` wide, which is scaled as a whole. It reads at an hour as at a
year: what would be narrower than three pixels becomes a tick, and a label that does not fit is
left to the table beneath.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

WIDTH, LEFT, RIGHT = 960.0, 170.0, 945.0
#: Heights: of the markers' rows, of a bar, of the volume below it, and from lane to lane.
MARKER, HEAD, BAR, VOLUME, LANE = 22.0, 16.0, 22.0, 34.0, 78.0
#: How high a change's number is drawn, and how wide with two digits.
CIRCLE = 18.0
#: Narrower than this a bar is a tick; a letter of a label is about this wide.
NARROWEST, LETTER = 3.0, 6.4
#: Rows of markers; what finds no place in them is in the table alone.
ROWS = 3
#: Bars of volume in a picture, at most about.
BUCKETS = 48

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
STEPS = (
    *(MINUTE * count for count in (1, 2, 5, 10, 15, 30)),
    *(HOUR * count for count in (1, 2, 3, 6, 12)),
    *(DAY * count for count in (1, 2, 7, 14, 28, 56, 91, 182)),
)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Span:
    """One release as what was offered first, from one instant to another."""

    since: datetime
    until: datetime
    label: str
    suspected: bool = False


@dataclass(frozen=True)
class Slot:
    """Requests of one slot of time, and how many of them failed."""

    at: datetime
    requests: int
    failed: int


@dataclass(frozen=True)
class Lane:
    """One use case in one environment."""

    use_case: str
    environment: str
    spans: tuple[Span, ...]
    slots: tuple[Slot, ...] = ()


@dataclass(frozen=True)
class Bar:
    """A drawn span; `text` is empty where it does not fit, `tick` says that it is but a line."""

    x: str
    y: str
    width: str
    text: str
    title: str
    css: str
    tick: bool
    text_x: str = ""
    text_y: str = ""


@dataclass(frozen=True)
class Column:
    """Requests of one slot, and the failed share of them from the base."""

    x: str
    y: str
    width: str
    height: str
    failed_y: str
    failed_height: str


@dataclass(frozen=True)
class Row:
    """A drawn lane."""

    use_case: str
    environment: str
    name_y: str
    place_y: str
    base_y: str
    bars: list[Bar]
    columns: list[Column]


@dataclass(frozen=True)
class Marker:
    """A change: its number in a circle, wider for long ones, and a line through the lanes."""

    x: str
    number: int
    left: str
    top: str
    width: str
    cy: str
    text_y: str
    strong: bool


@dataclass(frozen=True)
class Tick:
    x: str
    label: str


@dataclass(frozen=True)
class Drawing:
    """All that the picture needs; `sentence` says the same to those who do not see it."""

    height: int
    lanes_y: str
    lanes_end: str
    lanes_height: str
    axis_y: str
    rows: list[Row]
    markers: list[Marker]
    ticks: list[Tick]
    band: tuple[str, str] | None
    unit: str
    begins: str
    sentence: str
    left: str = f"{LEFT:.0f}"
    right: str = f"{RIGHT:.0f}"
    width: int = int(WIDTH)
    axis_width: str = f"{RIGHT - LEFT:.0f}"
    unseen_markers: int = field(default=0)


def step_for(span: timedelta, most: int) -> timedelta:
    """Return the least of the round steps of which at most so many lie in a span."""
    return next((step for step in STEPS if span / step <= most), STEPS[-1])


def slot_of(at: datetime, step: timedelta) -> datetime:
    """Return the beginning of the slot of a step's length that an instant lies in."""
    return EPOCH + (at - EPOCH) // step * step


def gathered(counted: Iterable[tuple[datetime, int, int]], step: timedelta) -> tuple[Slot, ...]:
    """Return counts of smaller slots as slots of a step's length, in order."""
    found: dict[datetime, list[int]] = {}
    for at, requests, failed in counted:
        both = found.setdefault(slot_of(at, step), [0, 0])
        both[0] += requests
        both[1] += failed
    return tuple(Slot(at, *both) for at, both in sorted(found.items()))


def draw(
    lanes: Sequence[Lane],
    since: datetime,
    until: datetime,
    *,
    marks: Sequence[tuple[int, datetime, bool]] = (),
    affected: tuple[datetime, datetime] | None = None,
) -> Drawing:
    """Draw lanes between two instants; `marks` are changes as (number, when, strong)."""
    axis = _Axis(since, until)
    step = step_for(until - since, BUCKETS)
    markers, rows_used = _markers(marks, axis)
    top = HEAD + max(rows_used, 1) * MARKER
    largest = max((slot.requests for lane in lanes for slot in lane.slots), default=0)
    rows = [_row(lane, axis, top + place * LANE, largest, step) for place, lane in enumerate(lanes)]
    end = top + len(lanes) * LANE
    return Drawing(
        height=round(end + 28),
        lanes_y=_at(top - 6),
        lanes_end=_at(end),
        lanes_height=_at(end - top + 6),
        axis_y=_at(end + 18),
        rows=rows,
        markers=markers,
        ticks=_ticks(axis),
        band=_band(affected, axis),
        unit=_step_words(step),
        begins=_begins(since, until),
        sentence=_sentence(lanes, since, until),
        unseen_markers=len(marks) - len(markers),
    )


@dataclass(frozen=True)
class _Axis:
    since: datetime
    until: datetime

    def x(self, at: datetime) -> float:
        share = (min(max(at, self.since), self.until) - self.since) / (self.until - self.since)
        return LEFT + share * (RIGHT - LEFT)


def _at(number: float) -> str:
    return f"{number:.1f}".removesuffix(".0")


def _row(lane: Lane, axis: _Axis, y: float, largest: int, step: timedelta) -> Row:
    return Row(
        use_case=lane.use_case if len(lane.use_case) <= 24 else f"{lane.use_case[:23]}…",
        environment=lane.environment,
        name_y=_at(y + 14),
        place_y=_at(y + 30),
        base_y=_at(y + BAR + VOLUME + 6),
        bars=[_bar(span, axis, y) for span in lane.spans if _inside(span, axis)],
        columns=[
            _column(slot, axis, y + BAR + VOLUME + 6, largest, step)
            for slot in lane.slots
            if slot.requests and axis.since <= slot.at + step and slot.at < axis.until
        ],
    )


def _inside(span: Span, axis: _Axis) -> bool:
    return span.until > axis.since and span.since < axis.until


def _bar(span: Span, axis: _Axis, y: float) -> Bar:
    begins, ends = axis.x(span.since), axis.x(span.until)
    width = ends - begins
    tick = width < NARROWEST
    fits = not tick and len(span.label) * LETTER + 10 <= width
    return Bar(
        x=_at(begins),
        y=_at(y),
        width=_at(max(width, 1.0)),
        text=span.label if fits else "",
        title=f"{span.label}, {_moment(span.since)} to {_moment(span.until)}",
        css="suspected" if span.suspected else "",
        tick=tick,
        text_x=_at(begins + 6),
        text_y=_at(y + 15.5),
    )


def _column(slot: Slot, axis: _Axis, base: float, largest: int, step: timedelta) -> Column:
    begins, ends = axis.x(slot.at), axis.x(slot.at + step)
    height = VOLUME * slot.requests / largest
    failed = height * min(slot.failed, slot.requests) / slot.requests
    failed = max(failed, 1.5) if slot.failed else 0.0
    return Column(
        x=_at(begins + 0.5),
        y=_at(base - height),
        width=_at(max(ends - begins - 1, 1.0)),
        height=_at(height),
        failed_y=_at(base - failed),
        failed_height=_at(failed),
    )


def _markers(marks: Sequence[tuple[int, datetime, bool]], axis: _Axis) -> tuple[list[Marker], int]:
    """Return markers on rows where none hides another; what finds no place is left out."""
    ends = [LEFT - MARKER] * ROWS
    found, used = [], 0
    for number, at, strong in sorted(marks, key=lambda mark: mark[1]):
        x = axis.x(at)
        width = CIRCLE + LETTER * max(0, len(str(number)) - 2)
        left = x - width / 2
        row = next((place for place, end in enumerate(ends) if end <= left), None)
        if row is None:
            continue
        ends[row], used = left + width + MARKER - CIRCLE, max(used, row + 1)
        cy = HEAD + row * MARKER
        found.append(
            Marker(
                x=_at(x),
                number=number,
                left=_at(left),
                top=_at(cy - CIRCLE / 2),
                width=_at(width),
                cy=_at(cy),
                text_y=_at(cy + 4),
                strong=strong,
            )
        )
    return found, used


def _ticks(axis: _Axis) -> list[Tick]:
    step = step_for(axis.until - axis.since, 9)
    at = slot_of(axis.since, step)
    found = []
    while at <= axis.until:
        if at >= axis.since:
            found.append(Tick(_at(axis.x(at)), _label(at, step)))
        at += step
    return found


def _label(at: datetime, step: timedelta) -> str:
    if step < DAY:
        return f"{at:%H:%M}" if at.hour or at.minute else f"{at.day} {at:%b}"
    return f"{at.day} {at:%b}" if step < 56 * DAY else f"{at:%b %Y}"


def _band(affected: tuple[datetime, datetime] | None, axis: _Axis) -> tuple[str, str] | None:
    if affected is None:
        return None
    begins, ends = axis.x(affected[0]), axis.x(affected[1])
    return _at(begins), _at(max(ends - begins, 1.0))


def _step_words(step: timedelta) -> str:
    for unit, word in ((DAY, "day"), (HOUR, "hour"), (MINUTE, "minute")):
        if step >= unit:
            count = step // unit
            return word if count == 1 else f"{count} {word}s"
    raise AssertionError("No step is shorter than a minute.")


def _begins(since: datetime, until: datetime) -> str:
    first = f"{since.day} {since:%b %Y}"
    last = f"{until.day} {until:%b %Y}"
    return f"UTC, {first}" if first == last else f"UTC, from {first}"


def _moment(at: datetime) -> str:
    at = at.astimezone(UTC)
    return f"{at.day} {at:%b %Y %H:%M} UTC"


def _sentence(lanes: Sequence[Lane], since: datetime, until: datetime) -> str:
    said = "; ".join(
        f"{lane.use_case} in {lane.environment}: "
        + (", then ".join(span.label for span in lane.spans[:6]) or "nothing active")
        for lane in lanes[:6]
    )
    when = f"from {_moment(since)} to {_moment(until)}"
    return f"What was active {when}. {said}." if said else f"Nothing was active {when}."
