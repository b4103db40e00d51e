"""Addresses under /api/v1/."""

from django.urls import include, path
from rest_framework.routers import SimpleRouter

import audit.api.entries
import evidence.api
import gates.api
import gates.finding_pages
import gates.gate_pages
import registry.api
from config.openapi import SchemaView

router = SimpleRouter()
for routes in (
    registry.api.routes,
    evidence.api.routes,
    gates.api.routes,
    audit.api.entries.routes,
):
    for prefix, view in routes:
        # The name is in every cursor, so it says the whole address.
        router.register(prefix, view, basename=view.__name__.removesuffix("View").lower())

urlpatterns = [
    path("schema/", SchemaView.as_view(), name="schema"),
    path("compare/", registry.api.CompareView.as_view(), name="compare"),
    path("effective-gate/", gates.gate_pages.EffectiveGateView.as_view(), name="effective-gate"),
    path(
        "promotions/<int:pk>/findings/",
        gates.finding_pages.FindingsView.as_view(),
        name="promotion-findings",
    ),
    path("decision/", gates.api.DecisionView.as_view(), name="decision"),
    path(
        "effective-policy/",
        registry.api.EffectivePolicyView.as_view(),
        name="effective-policy",
    ),
    path("", include(router.urls)),
]
