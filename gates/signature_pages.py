"""The file that a signer keeps: their signature record, outside of Gatehouse's own database."""

from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_safe

from gates.models import PackagePerson
from gates.pages.records import as_file


@require_safe
def download(request, pk, signature):
    """Hand out one signature record, to whoever sees the promotion, as an attachment."""
    rows = PackagePerson.objects.visible_to(request.user).select_related(
        "package", "promotion__release__use_case", "promotion__environment"
    )
    row = get_object_or_404(rows, pk=signature, promotion=pk, kind=PackagePerson.Kind.SIGNER)
    response = HttpResponse(as_file(row), content_type="application/json")
    name = f"signature-{row.promotion_id}-{row.pk}.json"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    response["X-Content-Type-Options"] = "nosniff"
    response["Cache-Control"] = "private, no-store"
    return response
