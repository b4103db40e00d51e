"""What all pages of incidents share: how they are answered, and which incident is seen."""

from django.contrib import admin
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.views.decorators.http import require_http_methods

from audit import clock
from runtime.incidents.models import Incident
from runtime.incidents.reading import WITH

#: For pages that ask, and do what is asked when they are posted.
asks = require_http_methods(["GET", "HEAD", "POST"])


def answer(request, template: str, context: dict, status: int = 200) -> TemplateResponse:
    """Return a page of an incident, with what every page of the portal has."""
    request.current_app = admin.site.name
    context = {**admin.site.each_context(request), "now": clock.now(), **context}
    return TemplateResponse(request, template, context, status=status)


def seen(request, pk: int) -> Incident:
    """Return the incident that the reader may see; else it is not there."""
    rows = Incident.objects.visible_to(request.user).select_related(*WITH)
    return get_object_or_404(rows, pk=pk)
