"""The log to take home: an archive that is checked without this server."""

from django.contrib import messages
from django.http import StreamingHttpResponse
from django.views.decorators.http import require_http_methods

from audit import Refused, checkpoints, exporting, tree
from audit.admin import ReasonForm
from audit.models import LogExport
from portal.trail.pages import answer
from registry import transitions
from registry.rights import may


@require_http_methods(["GET", "HEAD", "POST"])
def export(request):
    """Ask why, record it, and hand out the archive while it is made."""
    objections = may(request.user, "export_log", LogExport)
    size, last = exporting.covered()
    form, status = ReasonForm(), 403 if objections else 200
    if request.method == "POST" and not objections:
        form, status = ReasonForm(request.POST), 422
        # Signed first: taken is what the newest checkpoint covers.
        checkpoints.attempt()
        size, last = exporting.covered()
        if form.is_valid():
            try:
                root = f"sha256:{tree.root_at(size).hex()}"
                # First the entry: an export that nobody recorded must not exist.
                transitions.export_log(
                    size, root, actor=request.user, reason=form.cleaned_data["reason"]
                )
            except Refused as refused:
                form.refuse(refused)
                status = refused.status
            except tree.TreeBroken as error:
                messages.error(request, f"Nothing can be exported: {error}")
                status = 409
            else:
                return _archive(size)
    context = {
        "title": "Export of the log",
        "form": form,
        "objections": objections,
        "size": size,
        "last": last,
    }
    return answer(request, "export.html", context, status)


def _archive(size: int) -> StreamingHttpResponse:
    response = StreamingHttpResponse(exporting.stream(size), content_type="application/zip")
    response["Content-Disposition"] = f'attachment; filename="gatehouse-log-{size}.zip"'
    response["X-Content-Type-Options"] = "nosniff"
    response["Cache-Control"] = "no-store"
    return response
