"""Addresses under /ofrep/v1/, where OpenFeature SDKs ask for a route."""

from django.urls import path

from runtime import ofrep

urlpatterns = [
    path("evaluate/flags", ofrep.EvaluateAllView.as_view(), name="ofrep-all"),
    path("evaluate/flags/<str:key>", ofrep.EvaluateView.as_view(), name="ofrep"),
]
