"""Evidence files as downloads that no browser renders or runs."""

from django.contrib import admin
from django.http import FileResponse, HttpResponse
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.http import parse_etags
from django.views.decorators.http import require_safe

from evidence import ranges, rules, storage
from evidence.models import EvidenceFile

#: On every answer about a file, with its bytes or without.
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "sandbox; default-src 'none'",
    "Cache-Control": "private, no-store",
    "Accept-Ranges": "bytes",
}


@require_safe
def file_download(request, pk, file_pk):
    """Hand out a file, or one range of it, as an attachment.

    A file that is held is refused in words. The bytes are read against their digest first: what
    was swapped on disk is not handed out.
    """
    file = get_object_or_404(
        EvidenceFile.objects.visible_to(request.user)
        .select_related("item")
        .prefetch_related("scans"),
        pk=file_pk,
        item=pk,
    )
    if held := file.safety.holds:
        return _refused(request, file, 409, f"“{file.name}” {held}")
    try:
        bytes_of = storage.open_sound(file.sha256)
    except storage.NotSound as why:
        return _refused(request, file, 503, str(why), sound=False)
    etag = f'"{file.sha256}"'
    if etag in parse_etags(request.headers.get("If-None-Match", "")):
        bytes_of.close()
        return HttpResponse(status=304, headers={**HEADERS, "ETag": etag})
    asked = ranges.asked(
        request.headers.get("Range", "") if request.method == "GET" else "",
        request.headers.get("If-Range", ""),
        size=file.size,
        etag=etag,
    )
    if asked == ranges.NONE_OF_IT:
        bytes_of.close()
        headers = {**HEADERS, "Content-Range": f"bytes */{file.size}"}
        return HttpResponse(status=416, headers=headers)
    first, last = asked or (0, file.size - 1)
    kind = rules.file_type(file.name) or rules.FileType()
    response = FileResponse(
        Slice(bytes_of, first, last + 1 - first),
        as_attachment=True,
        filename=file.name,
        content_type=kind.content_type,
        status=206 if asked else 200,
        headers={**HEADERS, "ETag": etag, "Content-Length": str(last + 1 - first)},
    )
    if asked:
        response["Content-Range"] = f"bytes {first}-{last}/{file.size}"
    return response


class Slice:
    """`length` bytes of a file from `first` on, read as a file is."""

    def __init__(self, file, first: int, length: int):
        self._file, self._left = file, length
        file.seek(first)

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(self._left if size < 0 else min(size, self._left))
        self._left -= len(data)
        return data

    def close(self) -> None:
        self._file.close()


def _refused(request, file: EvidenceFile, status: int, why: str, *, sound: bool = True):
    context = {
        **admin.site.each_context(request),
        "title": file.name,
        "file": file,
        "why": why,
        "sound": sound,
        "item_url": reverse("admin:evidence_item", args=[file.item_id]),
    }
    return TemplateResponse(request, "evidence/file_refused.html", context, status=status)
