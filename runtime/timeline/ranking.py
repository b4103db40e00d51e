"""How many recorded requests each change touched. Pure: values in, order out.

A generation touches a use case from when routers hold it until one that changes the same use case
takes its place: by the number that every record carries, whatever the clocks said.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Group:
    """Records of a window that are alike: how many were routed, came to an end, and failed."""

    environment: int
    router: int
    use_case: int | None
    generation: int | None
    release: int | None
    routed: int
    outcomes: int
    failed: int


@dataclass(frozen=True)
class Reach:
    """Which records something touches; what is None takes any."""

    environment: int | None = None
    use_case: int | None = None
    router: int | None = None
    release: int | None = None
    #: From the first generation up to, and without, the second; None is without end.
    generations: tuple[int, int | None] | None = None

    def takes(self, group: Group) -> bool:
        """Whether the records of a group are among them."""
        for name in ("environment", "use_case", "router", "release"):
            wanted = getattr(self, name)
            if wanted is not None and wanted != getattr(group, name):
                return False
        if self.generations is None:
            return True
        begins, ends = self.generations
        if group.generation is None or group.generation < begins:
            return False
        return ends is None or group.generation < ends


@dataclass(frozen=True)
class Touched:
    """How many requests something touched, and what came of them."""

    requests: int = 0
    outcomes: int = 0
    failed: int = 0

    @property
    def share(self) -> str:
        """The share of outcomes that failed, as people write it; empty without outcomes."""
        return f"{100 * self.failed / self.outcomes:.1f} %" if self.outcomes else ""


def touched(groups: Iterable[Group], reaches: Sequence[Reach]) -> Touched:
    """Return what lies within any of the reaches, each record once."""
    found = [one for one in groups if any(reach.takes(one) for reach in reaches)]
    return Touched(
        sum(one.routed for one in found),
        sum(one.outcomes for one in found),
        sum(one.failed for one in found),
    )


def reaches(
    generations: Iterable[tuple[int, int, frozenset[int] | None]],
) -> dict[tuple[int, int], list[Reach]]:
    """Return by (environment, generation) what each generation touches.

    Each is given with the use cases that it changed something for, None for all of them. It
    touches one of them up to the next generation that changes something for the same.
    """
    by_place: dict[int, list[tuple[int, frozenset[int] | None]]] = {}
    for environment, generation, use_cases in generations:
        by_place.setdefault(environment, []).append((generation, use_cases))
    found: dict[tuple[int, int], list[Reach]] = {}
    for environment, rows in by_place.items():
        rows.sort(key=lambda row: row[0])
        for place, (generation, use_cases) in enumerate(rows):
            later = rows[place + 1 :]
            if use_cases is None:
                ends = next((number for number, of in later if of is None), None)
                found[environment, generation] = [
                    Reach(environment, None, generations=(generation, ends))
                ]
                continue
            found[environment, generation] = [
                Reach(
                    environment,
                    use_case,
                    generations=(
                        generation,
                        next(
                            (number for number, of in later if of is None or use_case in of), None
                        ),
                    ),
                )
                for use_case in sorted(use_cases)
            ]
    return found
