"""The signed head of a snapshot: which one is active, said when, and until when that holds."""

import logging
from datetime import datetime, timedelta

from django.conf import settings
from rest_framework import exceptions

from audit import clock, keys
from audit.rules import canonical, instant_text

log = logging.getLogger("gatehouse.heads")

SCHEMA = "routing-head/1"
TYPE = "gatehouse-head+jws"
#: For how long what was signed is said again: many routers ask at once.
HOLDS = timedelta(seconds=1)
MOST = 64
_signed: dict[tuple, tuple[datetime, str]] = {}


class NotSigned(exceptions.APIException):
    """No key signs here, so nothing is said: a snapshot without a head proves nothing."""

    status_code = 503
    default_detail = (
        "No key signs here, so routers would have nothing to trust. Whoever runs Gatehouse finds "
        "what is wrong in its log, and at /readyz."
    )


def head(environment: str, generation: int, digest: str) -> str:
    """Return the head of what is active at this moment. Raises `NotSigned`."""
    now, ages = clock.now(), settings.ROUTER_MAX_AGE
    try:
        key = keys.signing(now)
    except keys.NoKey as error:
        log.error("No head was signed: %s", error)
        raise NotSigned from error
    said = (environment, generation, digest, key.kid, *ages.values())
    kept = _signed.get(said)
    if kept is not None and timedelta(0) <= now - kept[0] < HOLDS:
        return kept[1]
    payload = {
        "schema": SCHEMA,
        "environment": environment,
        "generation": generation,
        "digest": digest,
        "issued_at": instant_text(now),
        "expires_at": instant_text(now + timedelta(seconds=max(ages.values()))),
        "max_age": ages,
    }
    if len(_signed) >= MOST:
        _signed.clear()
    _signed[said] = (now, keys.jws(key, TYPE, canonical(payload)))
    return _signed[said][1]
