"""The file that a signer keeps: their signature record, outside of Gatehouse's own database."""

from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_safe

from audit import receipts
from audit.models import Entry
from gates.models import PackagePerson
from gates.pages.records import as_file
from gates.rules.recorded import SIGNED


@require_safe
def download(request, pk, signature):
    """Hand out one signature record, to whoever sees the promotion, as an attachment."""
    row = _signature(request, pk, signature)
    response = HttpResponse(as_file(row), content_type="application/json")
    name = f"signature-{row.promotion_id}-{row.pk}.json"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    response["X-Content-Type-Options"] = "nosniff"
    response["Cache-Control"] = "private, no-store"
    return response


@require_safe
def receipt(request, pk, signature):
    """Hand out the proof that a signature is in the log, to whoever sees the promotion."""
    row = _signature(request, pk, signature)
    entry = get_object_or_404(Entry.objects.filter(row=row.key, event__startswith=SIGNED))
    return receipts.as_file(entry.seq, f"signature-{row.promotion_id}-{row.pk}.tlog-proof")


def _signature(request, pk, signature) -> PackagePerson:
    rows = PackagePerson.objects.visible_to(request.user).select_related(
        "package", "promotion__release__use_case", "promotion__environment"
    )
    return get_object_or_404(rows, pk=signature, promotion=pk, kind=PackagePerson.Kind.SIGNER)
