"""What a use case would have left once a model version retires. Pure: time is an argument."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime


@dataclass(frozen=True)
class Standing:
    """A release that is let into an environment until an instant, and what it comes from.

    `versions` are the keys of its model version and all its base versions, `makers` those of who
    made them; `retires_on` is the first day on which one of them retires.
    """

    use_case: str
    environment: str
    release: str
    until: datetime
    versions: frozenset[int]
    makers: frozenset[int] = frozenset()
    retires_on: date | None = None


@dataclass(frozen=True)
class Judged:
    """A release that does not rest on what retires: left, or with the reason why it is not.

    Its approval may end first; that is said, for it may be renewed.
    """

    standing: Standing
    code: str = ""
    sentence: str = ""

    @property
    def left(self) -> bool:
        """Whether it could go on."""
        return not self.code


@dataclass(frozen=True)
class Outlook:
    """One use case in one environment: what rests there on the version, and everything else."""

    use_case: str
    environment: str
    resting: tuple[Standing, ...]
    others: tuple[Judged, ...]

    @property
    def left(self) -> tuple[Standing, ...]:
        """What it would have left."""
        return tuple(one.standing for one in self.others if one.left)


def outlooks(
    standing: Iterable[Standing], version: int, day: date, *, provider: int | None = None
) -> list[Outlook]:
    """Return what each use case would have left in each environment if `version` retired on `day`.

    Only where something rests on the version. With a `provider`, whatever else comes from it does
    not count as left. Those with nothing left come first.
    """
    by_place: dict[tuple[str, str], list[Standing]] = {}
    for one in standing:
        by_place.setdefault((one.use_case, one.environment), []).append(one)
    found = []
    for (use_case, environment), there in by_place.items():
        resting = tuple(one for one in there if version in one.versions)
        if resting:
            others = (one for one in there if version not in one.versions)
            judged = tuple(_judged(one, day, provider) for one in others)
            found.append(Outlook(use_case, environment, resting, judged))
    return sorted(found, key=lambda one: (bool(one.left), one.use_case, one.environment))


def _judged(one: Standing, day: date, provider: int | None) -> Judged:
    if one.retires_on is not None and one.retires_on <= day:
        on = f"{one.retires_on.day} {one.retires_on:%b %Y}"
        return Judged(one, "RETIRES_TOO", f"What it is made with retires on {on}.")
    if provider is not None and provider in one.makers:
        return Judged(one, "SAME_PROVIDER", "It comes from the same provider.")
    if one.until.date() <= day:
        until = f"{one.until.day} {one.until:%b %Y}"
        return Judged(one, "", f"Its approval ends before that, on {until}, unless it is renewed.")
    return Judged(one)
