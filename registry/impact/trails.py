"""Following rows to what was made from them, and back: one query for each level."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date

from registry.lineage import DEEPEST
from registry.models import ModelVersion

#: Rows that are followed; what hangs on more than these is told to be more.
MOST = 2000


@dataclass
class Trail:
    """Rows by key, each with the key that it was reached from; None for where it began."""

    parents: dict[int, int | None] = field(default_factory=dict)
    #: Whether there is more than was followed.
    cut: bool = False

    def way(self, key: int) -> list[int]:
        """Return the keys from where the trail began to `key`."""
        found = [key]
        while (before := self.parents[found[-1]]) is not None:
            found.append(before)
        return found[::-1]


def follow(noun, column: str, roots: Iterable[int]) -> Trail:
    """Return the rows of `noun` that `column` leads back to `roots`, over several levels.

    Rows of every team are among them: the way may lead through what the reader does not see.
    """
    trail = Trail(dict.fromkeys(roots))
    level = list(trail.parents)
    for _ in range(DEEPEST):
        room = MOST - len(trail.parents)
        if not level or room <= 0:
            break
        rows = noun.objects.filter(**{f"{column}__in": level}).order_by("pk")
        found = dict(rows.values_list("pk", column)[: room + 1])
        level = [key for key in found if key not in trail.parents]
        trail.cut = len(found) > room
        trail.parents |= {key: found[key] for key in level[:room]}
    trail.cut = trail.cut or bool(level)
    return trail


@dataclass(frozen=True)
class Origins:
    """What a version comes from: itself with its base versions, who made them, who retires."""

    versions: frozenset[int]
    makers: frozenset[int]
    #: key -> day, of those that have a retirement date.
    retiring: dict[int, date]


def origins(keys: Iterable[int]) -> dict[int, Origins]:
    """Return what each version comes from; the base versions are read level by level."""
    keys = set(keys)
    rows: dict[int, tuple] = {}
    level = keys
    for _ in range(DEEPEST):
        if not level:
            break
        found = ModelVersion.objects.filter(pk__in=level)
        read = found.values_list("pk", "base_version", "maker", "retires_on")
        rows |= {pk: (base, maker, day) for pk, base, maker, day in read}
        level = {base for base, _, _ in rows.values() if base} - rows.keys()
    return {key: _origins(key, rows) for key in keys if key in rows}


def _origins(key: int, rows: dict[int, tuple]) -> Origins:
    versions: list[int] = []
    while key in rows and key not in versions:
        versions.append(key)
        key = rows[key][0]
    return Origins(
        frozenset(versions),
        frozenset(rows[one][1] for one in versions if rows[one][1]),
        {one: rows[one][2] for one in versions if rows[one][2]},
    )
