"""The addresses of the portal, and two views to compare with: one query, few words."""

from django.http import JsonResponse
from django.urls import path

from config import urls
from config.urls import handler400, handler403, handler404, handler500
from registry.models import Provider

__all__ = ["handler400", "handler403", "handler404", "handler500", "urlpatterns"]


def bare(request):
    return JsonResponse({"providers": Provider.objects.count()})


def indexed(request):
    found = Provider.objects.filter(slug="bare").values_list("name", flat=True)
    return JsonResponse({"names": list(found)})


urlpatterns = [path("bare/", bare), path("indexed/", indexed), *urls.urlpatterns]
