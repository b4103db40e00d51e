"""Restoring a backup into an empty database and an empty evidence storage, and verifying it."""

import json
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from django.core.files import File
from django.core.files.storage import FileSystemStorage
from django.core.management import call_command
from django.db import connection, connections, transaction
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader

from audit import change, system, triggers
from audit.models import Entry, LogRestore
from audit.rules import leaf_hash, push, root
from evidence import storage
from portal.backups import rows
from portal.backups.making import EVIDENCE, MANIFEST, SCHEMA, TABLES


class NotRestored(Exception):
    """Nothing was restored; the text says why and what mends it."""


def read_manifest(folder: Path) -> dict:
    """Return the manifest of a backup, once every file it names is there and is the one it names.

    Its entries are hashed, and must make the root that it names. Raises `NotRestored`, naming each
    file that is not what it should be.
    """
    try:
        manifest = json.loads((folder / MANIFEST).read_text())
        if manifest["schema"] != SCHEMA:
            raise NotRestored(f"{folder} is a backup of another form: {manifest['schema']}.")
        named = {
            folder / TABLES / f"{name}.ndjson.gz": said["sha256"]
            for name, said in manifest["tables"].items()
        } | {folder / EVIDENCE / storage.path_of(sha256): sha256 for sha256 in manifest["evidence"]}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise NotRestored(f"{folder} holds no backup that can be read: {error}") from error
    if wrong := list(_wrong(named.items())):
        raise NotRestored("The backup is damaged. Use another one:\n" + "\n".join(wrong))
    try:
        _compare(manifest["log"], rows.column(folder / TABLES / "audit.entry.ndjson.gz", "body"))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise NotRestored(f"The entries of the backup cannot be read: {error}") from error
    return manifest


def _wrong(named: Iterable[tuple[Path, str]]) -> Iterable[str]:
    for path, sha256 in named:
        try:
            if rows.sha256_of(path) != sha256:
                yield f"{path} holds other bytes than the manifest says."
        except OSError as error:
            yield f"{path} cannot be read: {error.strerror}."


def refuse_unless_empty(*, evidence: bool = True) -> None:
    """Raise `NotRestored` unless the database has no table and the evidence storage no file."""
    if tables := connection.introspection.table_names():
        raise NotRestored(
            f"The database is not empty: it has {len(tables)} tables. Restore into a new one; "
            "nothing that is there is ever written over."
        )
    if evidence and _has_files():
        raise NotRestored(
            "The evidence storage is not empty. Restore into a new one; nothing that is there is "
            "ever written over."
        )


def _has_files() -> bool:
    kept = storage.storage()
    if isinstance(kept, FileSystemStorage):
        return any(path.is_file() for path in Path(kept.location, "sha256").rglob("*"))
    folders, files = kept.listdir("sha256")
    return bool(folders or files)


def restore(folder: Path, manifest: dict) -> None:
    """Put a backup into the empty database and storage, and bring it to the present schema.

    Evidence comes first: there is never a row without its bytes. The rows are in one transaction,
    which fails unless they make the very root that the manifest names. Raises `NotRestored`, after
    which the database is empty again.
    """
    applied = {tuple(name) for name in manifest["migrations"]}
    disk = MigrationLoader(None, ignore_no_migrations=True).disk_migrations.keys()
    if newer := applied - disk:
        raise NotRestored(
            f"The backup was made by a newer version, which has {len(newer)} migrations that this "
            "one lacks. Install that version, or a later one, and restore with it."
        )
    _put_files(folder, manifest["evidence"])
    try:
        _load(folder, manifest, applied)
        # Only now: what it brings along, such as the triggers, is for rows that are in place.
        call_command("migrate", verbosity=0, interactive=False)
    except BaseException:
        _empty()
        raise


def record(manifest: dict) -> LogRestore:
    """Keep that the record was restored, and how far its backup went: an entry of its own."""
    said = manifest["log"]
    reason = f"Restored from the backup made at {manifest['made_at']}."
    with change(actor=system("restore"), reason=reason) as opened:
        return opened.save(
            LogRestore(
                size=said["size"],
                root=said["root"],
                backup_made_at=datetime.fromisoformat(manifest["made_at"]),
                restored_at=opened.now,
            ),
            event="log.restored",
            facts={"size": said["size"], "root": said["root"], "made_at": manifest["made_at"]},
        )


def _load(folder: Path, manifest: dict, applied: set[tuple[str, str]]) -> None:
    executor = MigrationExecutor(connection)
    graph = executor.loader.graph
    last = [
        name
        for name in sorted(applied)
        if not any(
            child.key[0] == name[0] and child.key in applied
            for child in graph.node_map[name].children
        )
    ]
    make_tables(executor, last)
    apps = executor.loader.project_state(last).apps
    found = []
    for model in rows.kept_models(apps):
        said = manifest["tables"].pop(model._meta.label_lower, None)
        if said is None:
            raise NotRestored(
                f"The backup has no rows of {model._meta.label_lower}, not even none."
            )
        path = folder / TABLES / f"{model._meta.label_lower}.ndjson.gz"
        found.append((model, path, said["last_key"]))
    if manifest["tables"]:
        raise NotRestored(f"The backup has tables nobody knows: {', '.join(manifest['tables'])}.")
    triggers.drop()
    with transaction.atomic():
        rows.replace_all(found)
        # What the database gives back, not what it was given.
        entries = Entry._base_manager.order_by("seq").values_list("body", flat=True)
        _compare(manifest["log"], entries.iterator(rows.CHUNK))


def make_tables(executor: MigrationExecutor, last: list[tuple[str, str]]) -> None:
    """Bring the empty database to the schema that the backup was made with."""
    executor.migrate(last)


def _compare(said: dict, bodies: Iterable[str]) -> None:
    """Hash every entry anew; raise `NotRestored` unless that makes the log of the manifest."""
    peaks: list[bytes] = []
    size = 0
    for body in bodies:
        push(peaks, size, leaf_hash(body.encode()))
        size += 1
    made = f"sha256:{root(peaks).hex()}"
    if (size, made) != (said["size"], said["root"]):
        raise NotRestored(
            f"The entries of the backup make another log than its manifest says: {size} entries "
            f"with the root {made}, not {said['size']} with {said['root']}."
        )


def _put_files(folder: Path, digests: Iterable[str]) -> None:
    kept = storage.storage()
    for sha256 in digests:
        path = storage.path_of(sha256)
        if kept.exists(path):
            continue
        with (folder / EVIDENCE / path).open("rb") as file:
            kept.save(path, File(file, name=path))


def _empty() -> None:
    """Take out the tables that were made here; the database had none when we began."""
    connections.close_all()
    names = [connection.ops.quote_name(name) for name in connection.introspection.table_names()]
    if not names:
        return
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(f"DROP TABLE {', '.join(names)} CASCADE")
        return
    connections.close_all()
    Path(connection.settings_dict["NAME"]).unlink(missing_ok=True)
