"""Scans of files by the program that a setting names; each result is a row of its own.

A scan is asked for when an item is given and by `manage.py scan_evidence`. What is not scanned,
or could not be, is held: see `evidence.safety`.
"""

import logging
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings
from django.core.files.storage import FileSystemStorage
from django.db import DatabaseError
from django.db.models import OuterRef, Q, Subquery

import audit
from audit import Refused, system
from evidence import storage
from evidence.models import EvidenceFile, EvidenceItem, FileScan

log = logging.getLogger("gatehouse.scanning")

WHY = "Every evidence file is scanned before it is handed out."
#: Exit status of the program -> what it says; any other says that it could not tell.
OUTCOMES = {0: FileScan.Outcome.PASSED, 1: FileScan.Outcome.FOUND}


def scan_new(item: EvidenceItem) -> None:
    """Scan the files of an item that was just given, within the time of one upload.

    What fails or is left over stays held for the command; the item is given either way.
    """
    if not settings.EVIDENCE_SCAN_COMMAND:
        return
    until = time.monotonic() + settings.EVIDENCE_SCAN_SECONDS
    for file in item.files.order_by("pk"):
        left = until - time.monotonic()
        if left <= 0:
            return
        try:
            scan(file, seconds=left)
        except (DatabaseError, Refused, OSError):
            log.exception("The file %s was not scanned.", file.pk)


def left_over(*, anew: bool = False):
    """Return the files whose newest scan says neither yes nor no; with `anew`, every file."""
    if anew:
        return EvidenceFile.objects.order_by("pk")
    newest = FileScan.objects.filter(file=OuterRef("pk")).order_by("-pk").values("outcome")[:1]
    neither = Q(outcome=None) | Q(outcome=FileScan.Outcome.FAILED)
    return EvidenceFile.objects.annotate(outcome=Subquery(newest)).filter(neither).order_by("pk")


def scan(file: EvidenceFile, *, seconds: float) -> FileScan:
    """Scan one file for at most `seconds` and record what came of it.

    Raises `OSError` when its bytes are not there.
    """
    with _on_disk(file.sha256) as path:
        outcome, said = _ask([*settings.EVIDENCE_SCAN_COMMAND, str(path)], seconds)
    said = said.replace(str(path), file.name)
    with audit.change(actor=system("scan"), reason=WHY) as change:
        return change.save(
            FileScan(
                file=change.lock(EvidenceFile, file.pk),
                outcome=outcome,
                scanner=Path(settings.EVIDENCE_SCAN_COMMAND[0]).name[:200],
                said=_clean(said),
                scanned_at=change.now,
            ),
            event=f"evidencefile.scan_{outcome}",
        )


def _ask(command: list[str], seconds: float) -> tuple[str, str]:
    try:
        told = subprocess.run(  # noqa: S603 - whoever runs Gatehouse names the program
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=seconds, check=False
        )
    except subprocess.TimeoutExpired:
        return FileScan.Outcome.FAILED, f"It took longer than {seconds:.0f} seconds."
    except OSError as error:
        log.error("The scanner does not run: %s", error)
        return FileScan.Outcome.FAILED, "It does not run."
    said = (told.stdout + b" " + told.stderr)[:4000].decode(errors="replace")
    return OUTCOMES.get(told.returncode, FileScan.Outcome.FAILED), said


def _clean(said: str) -> str:
    return " ".join("".join(char if char.isprintable() else " " for char in said).split())[:500]


@contextmanager
def _on_disk(sha256: str) -> Iterator[Path]:
    """Yield where the bytes of a digest lie, for a program to read."""
    kept = storage.storage()
    if isinstance(kept, FileSystemStorage):
        path = Path(kept.path(storage.path_of(sha256)))
        if not path.is_file():
            raise FileNotFoundError(f"The bytes of sha256:{sha256} are lost.")
        yield path
        return
    with storage.open_file(sha256) as there, tempfile.NamedTemporaryFile() as here:
        shutil.copyfileobj(there, here)
        here.flush()
        yield Path(here.name)
