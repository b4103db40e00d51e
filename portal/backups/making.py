"""Making a backup: rows of one moment, then the evidence files they name, then the manifest."""

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from django.apps import apps
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

from audit import checkpoints, clock, keys
from audit.models import Head
from audit.rules import instant_text, root
from evidence import storage
from evidence.models import EvidenceFile
from portal.backups import rows

SCHEMA = "gatehouse.backup/1"
MANIFEST, TABLES, EVIDENCE, SUMS = "manifest.json", "tables", "evidence", "SHA256SUMS"


class NotMade(Exception):
    """No backup was made, or what was asked for cannot be used; the text says what mends it."""


@dataclass
class Made:
    """A backup that was made: how long the log in it is, its root, and what it could not copy."""

    folder: Path
    size: int
    root: str
    rows: int = 0
    files: int = 0
    damaged: list[str] = field(default_factory=list)


def make(
    database: dict, folder: Path, *, evidence: bool = True, say: Callable[[str], object] = print
) -> Made:
    """Write a backup of `database`, an item of `DATABASES`, into the new folder `folder`.

    It grows under another name and gets its own when it is whole and on the disk. Raises `NotMade`
    and `OSError`. Evidence files that are lost or altered are named in what is returned.
    """
    if folder.exists():
        raise NotMade(f"{folder} exists already. Name a new folder.")
    growing = folder.with_name(f"{folder.name}.part")
    if growing.exists():
        raise NotMade(
            f"{growing} exists: another backup is being made, or one was cut off. Remove it if "
            "nothing is writing to it."
        )
    (growing / TABLES).mkdir(parents=True, mode=0o700)
    try:
        with rows.snapshot(database) as alias:
            manifest, made = _write_rows(alias, growing, folder)
            if evidence:
                say(f"{made.rows} rows of {made.size} entries are written; evidence files follow.")
                named = EvidenceFile._base_manager.using(alias).order_by("sha256")
                digests = named.values_list("sha256", flat=True).distinct()
                manifest["evidence"] = _copy_files(digests.iterator(), growing, made)
                manifest["damaged"] = made.damaged
        _finish(manifest, growing)
        growing.rename(folder)
        _sync(folder.parent)
    except BaseException:
        shutil.rmtree(growing, ignore_errors=True)
        raise
    return made


def _write_rows(alias: str, growing: Path, folder: Path) -> tuple[dict, Made]:
    from django.db import connections

    applied = set(MigrationRecorder(connections[alias]).applied_migrations())
    if MigrationLoader(None, ignore_no_migrations=True).disk_migrations.keys() - applied:
        raise NotMade("Migrations are pending. Run manage.py migrate, then make the backup.")
    head = Head._base_manager.using(alias).get(pk=1)
    found = f"sha256:{root(head.peak_hashes).hex()}"
    made = Made(folder, head.size, found)
    tables = {}
    for model in rows.kept_models(apps):
        name = model._meta.label_lower
        tables[name] = rows.write(alias, model, growing / TABLES / f"{name}.ndjson.gz")
        made.rows += tables[name]["rows"]
    manifest = {
        "schema": SCHEMA,
        "made_at": instant_text(clock.now()),
        "origin": checkpoints.name(),
        "log": {"size": head.size, "root": found, "position": head.position},
        "migrations": sorted(map(list, applied)),
        "tables": tables,
        "evidence": {},
    }
    try:
        manifest["keys"] = keys.jwk_set()
    except keys.NoKey:
        manifest["keys"] = None
    return manifest, made


def _copy_files(digests, growing: Path, made: Made) -> dict[str, int]:
    """Copy the bytes of each digest and return their sizes; what is not sound is named."""
    sizes = {}
    for sha256 in digests:
        target = growing / EVIDENCE / storage.path_of(sha256)
        try:
            with storage.open_sound(sha256) as source:
                target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                with target.open("xb") as out:
                    shutil.copyfileobj(source, out, storage.CHUNK)
                    out.flush()
                    os.fsync(out.fileno())
        except storage.NotSound as error:
            made.damaged.append(f"sha256:{sha256}: {error}")
            continue
        sizes[sha256] = target.stat().st_size
        made.files += 1
    return sizes


def _finish(manifest: dict, growing: Path) -> None:
    """Write manifest and sums, and see to it that all is on the disk."""
    (growing / MANIFEST).write_text(json.dumps(manifest, indent=1, sort_keys=True))
    sums = [f"{rows.sha256_of(growing / MANIFEST)}  {MANIFEST}"]
    sums += [
        f"{said['sha256']}  {TABLES}/{name}.ndjson.gz"
        for name, said in sorted(manifest["tables"].items())
    ]
    sums += [
        f"{sha256}  {EVIDENCE}/{storage.path_of(sha256)}" for sha256 in sorted(manifest["evidence"])
    ]
    (growing / SUMS).write_text("\n".join(sums) + "\n")
    for path in growing.rglob("*"):
        _sync(path)
    _sync(growing)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
