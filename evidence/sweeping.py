"""What uploads left behind that no row names: removed a day later.

A process that is killed leaves a part on its way in, or bytes under a digest that no row names.
Neither is ever shown; both take room.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from django.core.files.storage import Storage

from audit import clock
from evidence import incoming, storage
from evidence.models import EvidenceFile

#: Digests that one query asks about.
AT_ONCE = 500


@dataclass
class Swept:
    """How many parts and how many files that no row names were removed, and looked at."""

    parts: int = 0
    files: int = 0
    seen: int = 0


def sweep() -> Swept:
    """Remove what is older than a day and named by no row; safe beside uploads."""
    swept = Swept(parts=_parts())
    chunk: list[str] = []
    for sha256 in _digests(storage.storage()):
        swept.seen += 1
        chunk.append(sha256)
        if len(chunk) == AT_ONCE:
            swept.files += _orphans(chunk)
            chunk = []
    swept.files += _orphans(chunk)
    return swept


def _parts() -> int:
    folder, removed = incoming.folder(), 0
    if not folder.is_dir():
        return 0
    oldest = (clock.now() - storage.ORPHANED_AFTER).timestamp()
    for part in folder.glob(f"*{incoming.SUFFIX}"):
        try:
            if part.stat().st_mtime < oldest:
                part.unlink()
                removed += 1
        except FileNotFoundError:
            continue  # it was moved where it belongs meanwhile
    return removed


def _orphans(digests: list[str]) -> int:
    named = set(EvidenceFile.objects.filter(sha256__in=digests).values_list("sha256", flat=True))
    return sum(storage.sweep(sha256, _is_named) for sha256 in digests if sha256 not in named)


def _is_named(sha256: str) -> bool:
    return EvidenceFile.objects.filter(sha256=sha256).exists()


def _digests(kept: Storage) -> Iterator[str]:
    """Yield every digest that bytes are kept under."""
    for first in _folders(kept, "sha256"):
        for second in _folders(kept, f"sha256/{first}"):
            try:
                _, names = kept.listdir(f"sha256/{first}/{second}")
            except FileNotFoundError:
                continue
            yield from (name for name in names if len(name) == 64)


def _folders(kept: Storage, path: str) -> list[str]:
    try:
        return sorted(kept.listdir(path)[0])
    except FileNotFoundError:
        return []
