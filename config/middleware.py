"""What every answer carries, whoever makes it."""

import logging
import re
import time
import uuid

from django.conf import settings
from django.db import OperationalError
from django.utils.functional import SimpleLazyObject

from audit import context
from audit.kept import Unsettled
from config import problems
from config.logs import request_id as current_request_id

log = logging.getLogger("gatehouse.request")

# What arrives from outside ends up in logs: a few plain characters, or an id of our own.
REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)


def request_id(get_response):
    """Take the caller's `X-Request-ID` or make one, answer with it, and log one line by it."""

    def middleware(request):
        given = request.headers.get("X-Request-ID", "")
        request.id = given if REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
        token = current_request_id.set(request.id)
        # A thread answers one request after another: nothing of this one may stand in the next
        # one's entries. Whoever finds a token in it says so instead.
        named, way_in = context.request_id.set(request.id), context.via.set("session")
        started = time.perf_counter()
        try:
            response = get_response(request)
            response["X-Request-ID"] = request.id
            log.info("answered", extra={"event": _event(request, response, started)})
            return response
        finally:
            current_request_id.reset(token)
            context.request_id.reset(named)
            context.via.reset(way_in)

    return middleware


def _event(request, response, started) -> dict:
    """Return what happened, without addresses: those of password resets hold a secret."""
    match = request.resolver_match
    return {
        "method": request.method,
        "route": match.route if match else None,
        "status": response.status_code,
        "milliseconds": round((time.perf_counter() - started) * 1000, 1),
        "user": getattr(_known_user(request), "pk", None),
    }


def _known_user(request):
    """Return who is asking if somebody found out already: a log line is not worth a query."""
    user = getattr(request, "user", None)
    return getattr(request, "_cached_user", None) if isinstance(user, SimpleLazyObject) else user


def security_headers(get_response):
    """Say what the browser may do with the answer; a view may set a policy of its own."""
    policy = "; ".join(
        f"{directive} {' '.join(sources)}" for directive, sources in settings.SECURE_CSP.items()
    )

    def middleware(request):
        response = get_response(request)
        response.headers.setdefault("Content-Security-Policy", policy)
        response.headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        response.headers.setdefault(
            "Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()"
        )
        return response

    return middleware


class DatabaseBusy:
    """Answer "try again" where the database gave up: a deadlock, a lock held too long, an outage.

    A change cannot be retried from within: its block has run. Whoever asked can ask again, since
    what was not confirmed did not happen.
    """

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        return self.get_response(request)

    def process_exception(self, request, exception):
        if not isinstance(exception, OperationalError | Unsettled):
            return None
        if _is_full(exception):
            log.error("The database has no room.", exc_info=exception)
            return problems.full(request)
        log.error("The database was busy.", exc_info=exception)
        return problems.busy(request)


def _is_full(exception: Exception) -> bool:
    """Whether the database says that its disk is full."""
    sqlstate = getattr(exception.__cause__, "sqlstate", None)
    return sqlstate == "53100" or "database or disk is full" in str(exception)
