"""How much a request may bring, and how many may bring files at once."""

import re
from threading import BoundedSemaphore

from django.conf import settings

from config import problems
from evidence import uploading

#: Addresses that take files: pages about evidence, and the pipelines' own.
UPLOADS = re.compile(r"/(?:evidence|ingest/v1/evidence)/")
#: What a form has beside its files.
FIELDS = 3 * 1024**2
#: Seconds after which somebody whose upload had to wait may try again.
TRY_AGAIN = 5


def bounded(get_response):
    """Refuse bodies that are too large, before they are read; let files stream to where they go.

    A thread that waits for a slow sender answers nobody else: each process takes in a few uploads
    at a time, and always has a thread left.
    """
    places = BoundedSemaphore(settings.UPLOADS_AT_ONCE)

    def middleware(request):
        if "chunked" in request.META.get("HTTP_TRANSFER_ENCODING", "").lower():
            return problems.no_length(request)
        length = _length(request)
        uploads = length and _brings_files(request)
        most = settings.EVIDENCE_ITEM_MAX_BYTES + FIELDS if uploads else settings.BODY_MAX_BYTES
        if length > most:
            if _is_form_of_files(request) and not uploads:
                return problems.signed_out(request)
            return problems.too_large(request, most)
        if not uploads:
            return get_response(request)
        if not places.acquire(blocking=False):
            return problems.uploads_wait(request, TRY_AGAIN)
        handler = uploading.stream_into_parts(request, length)
        try:
            return get_response(request)
        finally:
            handler.abandon()
            places.release()

    return middleware


def _length(request) -> int:
    given = request.META.get("CONTENT_LENGTH") or "0"
    return int(given) if given.isascii() and given.isdecimal() and len(given) < 19 else 0


def _brings_files(request) -> bool:
    """Whether it is a form with files from somebody who signed in, or for a view that asks."""
    if not _is_form_of_files(request):
        return False
    return request.path_info.startswith("/ingest/") or request.user.is_authenticated


def _is_form_of_files(request) -> bool:
    is_form = request.content_type == "multipart/form-data"
    return is_form and UPLOADS.match(request.path_info) is not None
