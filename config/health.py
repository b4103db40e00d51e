"""Probes for whoever runs Gatehouse: is the process alive, and can it do its work?

Both answer anybody, so they name the part that fails, with what mends it in general, and leave what
is wrong with it to the log.
"""

import logging
import uuid
from collections.abc import Callable
from functools import cache

from django.contrib.staticfiles.storage import ManifestFilesMixin, staticfiles_storage
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.db import DatabaseError, connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.http import JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from audit import checkpoints, clock, keys, triggers

log = logging.getLogger("gatehouse.health")


@require_safe
@never_cache
def alive(request) -> JsonResponse:
    """Answer 200 as long as the process answers at all; nothing else is touched."""
    return JsonResponse({"status": "ok"})


@require_safe
@never_cache
def ready(request) -> JsonResponse:
    """Answer 200 if every part works, else 503 with the names of those that do not."""
    failing: list[str] = []
    for name, works in PARTS.items():
        try:
            works()
        except Exception:
            log.exception("%s is not ready", name)
            failing.append(name)
    if failing:
        remedies = {name: REMEDIES[name] for name in failing}
        said = {"status": "failing", "failing": failing, "remedies": remedies}
        return JsonResponse(said, status=503)
    return JsonResponse({"status": "ok"})


class NotReady(Exception):
    """A part answers, but not as it must; the text says what mends it."""


def _database() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


@cache
def _migrations_on_disk() -> frozenset[tuple[str, str]]:
    return frozenset(MigrationLoader(None, ignore_no_migrations=True).disk_migrations)


def _migrations() -> None:
    if pending := _migrations_on_disk() - MigrationRecorder(connection).applied_migrations().keys():
        raise NotReady(f"{len(pending)} migrations are pending; run manage.py migrate.")


def _triggers() -> None:
    if absent := triggers.differing():
        raise NotReady(f"{len(absent)} triggers are missing; run manage.py migrate: {absent[:5]}")


def _evidence() -> None:
    storage = storages["evidence"]
    name = storage.save(f".probe-{uuid.uuid4().hex}", ContentFile(b"gatehouse"))
    storage.delete(name)


def _keys() -> None:
    try:
        keys.signing(clock.now())
    except keys.NoKey as error:
        raise NotReady(str(error)) from error


def _static() -> None:
    if isinstance(staticfiles_storage, ManifestFilesMixin) and not staticfiles_storage.hashed_files:
        raise NotReady("The static files are not collected; run manage.py collectstatic.")


def _checkpoints() -> None:
    try:
        disagrees = checkpoints.alarm()
    except DatabaseError:
        # Without a database or its tables nothing disagrees; the parts that miss them say so.
        return
    if disagrees:
        raise NotReady(disagrees)


#: What mends each part, whatever is wrong with it in detail.
REMEDIES = {
    "database": "Start the database, or mend DATABASE_URL.",
    "migrations": "Run manage.py migrate.",
    "triggers": "Run manage.py migrate, as the owner of the tables.",
    "evidence": "Let the server write where evidence is stored.",
    "static": "Run manage.py collectstatic.",
    "keys": "Run manage.py make_key, as the server's account. Until then routers get no snapshot.",
    "checkpoints": "Tell the auditors, and sign nothing: the log is not the one that was signed.",
}

PARTS: dict[str, Callable[[], None]] = {
    "database": _database,
    "migrations": _migrations,
    "triggers": _triggers,
    "evidence": _evidence,
    "static": _static,
    "keys": _keys,
    "checkpoints": _checkpoints,
}
