"""The addresses of the portal, and one view to compare with: one query, few words."""

from django.http import JsonResponse
from django.urls import path

from config import urls
from config.urls import handler400, handler403, handler404, handler500
from registry.models import Provider

__all__ = ["handler400", "handler403", "handler404", "handler500", "urlpatterns"]


def bare(request):
    return JsonResponse({"providers": Provider.objects.count()})


def one(request):
    """Find one row by an index."""
    return JsonResponse({"name": Provider.objects.values_list("name", flat=True).get(pk=1)})


urlpatterns = [path("bare/", bare), path("bare/one/", one), *urls.urlpatterns]
