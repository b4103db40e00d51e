"""Addresses under /api/v1/."""

from django.urls import include, path, re_path
from rest_framework.routers import SimpleRouter

import audit.api.entries
import audit.api.proofs
import evidence.api
import evidence.exports.api
import gates.api
import gates.exporting
import gates.finding_pages
import gates.gate_pages
import gates.may_run_api
import gates.policy_api
import gates.readiness_api
import portal.searching_api
import registry.api
import registry.comparison_api
import registry.impact.api
import registry.policy_api
import registry.uses_api
import runtime.api
import runtime.incidents.api
import runtime.packs.api
import runtime.records.api
import runtime.rollback_api
import runtime.router_api
import runtime.running_api
import runtime.snapshot_api
import runtime.timeline.api
import runtime.traces.api
from config.openapi import SchemaView

router = SimpleRouter()
for routes in (
    registry.api.routes,
    evidence.api.routes,
    gates.api.routes,
    runtime.router_api.routes,
    runtime.incidents.api.routes,
    runtime.packs.api.routes,
    audit.api.entries.routes,
):
    for prefix, view in routes:
        # The name is in every cursor, so it says the whole address.
        router.register(prefix, view, basename=view.__name__.removesuffix("View").lower())

urlpatterns = [
    path("schema/", SchemaView.as_view(), name="schema"),
    path("compare/", registry.comparison_api.CompareView.as_view(), name="compare"),
    path("effective-gate/", gates.gate_pages.EffectiveGateView.as_view(), name="effective-gate"),
    path(
        "promotions/<int:pk>/findings/",
        gates.finding_pages.FindingsView.as_view(),
        name="promotion-findings",
    ),
    path(
        "model-versions/<int:pk>/cyclonedx/",
        evidence.exports.api.VersionBomView.as_view(),
        name="model-version-cyclonedx",
    ),
    path(
        "model-versions/<int:pk>/card/",
        evidence.exports.api.VersionCardView.as_view(),
        name="model-version-card",
    ),
    path(
        "model-versions/<int:pk>/exports/",
        evidence.exports.api.VersionLackingView.as_view(),
        name="model-version-exports",
    ),
    path(
        "releases/<int:pk>/cyclonedx/",
        evidence.exports.api.ReleaseBomView.as_view(),
        name="release-cyclonedx",
    ),
    path(
        "releases/<int:pk>/exports/",
        evidence.exports.api.ReleaseLackingView.as_view(),
        name="release-exports",
    ),
    path(
        "promotions/<int:pk>/cyclonedx/",
        gates.exporting.PromotionBomView.as_view(),
        name="promotion-cyclonedx",
    ),
    path(
        "promotions/<int:pk>/exports/",
        gates.exporting.PromotionLackingView.as_view(),
        name="promotion-exports",
    ),
    path(
        "promotions/<int:pk>/pack/",
        runtime.packs.api.PromotionPackView.as_view(),
        name="promotion-pack",
    ),
    re_path(
        rf"^environments/(?P<slug>{registry.api.SLUG})/pack/$",
        runtime.packs.api.EnvironmentPackView.as_view(),
        name="environment-pack",
    ),
    path("decision/", gates.api.DecisionView.as_view(), name="decision"),
    path(
        "effective-policy/",
        registry.policy_api.EffectivePolicyView.as_view(),
        name="effective-policy",
    ),
    re_path(
        rf"^environments/(?P<slug>{registry.api.SLUG})/active/$",
        runtime.api.ActiveView.as_view(),
        name="environment-active",
    ),
    re_path(
        rf"^environments/(?P<slug>{registry.api.SLUG})/changes/$",
        runtime.running_api.ChangesView.as_view(),
        name="environment-changes",
    ),
    re_path(
        rf"^environments/(?P<slug>{registry.api.SLUG})/rollback-targets/$",
        runtime.rollback_api.TargetsView.as_view(),
        name="rollback-targets",
    ),
    re_path(
        rf"^environments/(?P<slug>{registry.api.SLUG})/rollback-dry-run/$",
        runtime.rollback_api.DryRunView.as_view(),
        name="rollback-dry-run",
    ),
    path("requests/", runtime.records.api.RequestsView.as_view(), name="requests"),
    path("request-counts/", runtime.records.api.RequestCountsView.as_view(), name="request-counts"),
    path("records/<uuid:pk>/proof/", runtime.records.api.ProofView.as_view(), name="record-proof"),
    path(
        "requests/<str:name>/",
        runtime.records.api.RequestView.as_view(),
        name="request",
    ),
    path(
        "unattributed-traffic/",
        runtime.traces.api.OutsideView.as_view(),
        name="unattributed-traffic",
    ),
    re_path(
        rf"^environments/(?P<slug>{registry.api.SLUG})/active-at/$",
        runtime.timeline.api.ActiveAtView.as_view(),
        name="environment-active-at",
    ),
    path("timeline/", runtime.timeline.api.TimelineView.as_view(), name="timeline"),
    path("lanes/", runtime.timeline.api.LanesView.as_view(), name="lanes"),
    path("running/", runtime.running_api.RunningView.as_view(), name="running"),
    path("drill/", runtime.running_api.DrillView.as_view(), name="drill"),
    re_path(
        rf"^environments/(?P<slug>{registry.api.SLUG})/snapshot/$",
        runtime.snapshot_api.CurrentSnapshotView.as_view(),
        name="environment-snapshot",
    ),
    re_path(
        r"^snapshots/(?P<digest>sha256:[0-9a-f]{64})/$",
        runtime.snapshot_api.SnapshotView.as_view(),
        name="snapshot",
    ),
    re_path(
        rf"^routes/(?P<use_case>{registry.api.SLUG})/explain/$",
        runtime.api.ExplainView.as_view(),
        name="route-explain",
    ),
    path("impact/", registry.impact.api.ImpactView.as_view(), name="impact"),
    path("may-run/", gates.may_run_api.MayRunView.as_view(), name="may-run"),
    path("on-call/", gates.may_run_api.OnCallView.as_view(), name="on-call"),
    path("policy-preview/", gates.policy_api.PolicyPreviewView.as_view(), name="policy-preview"),
    path("readiness/", gates.readiness_api.ReadinessView.as_view(), name="readiness"),
    path("search/", portal.searching_api.SearchView.as_view(), name="search"),
    path("uses/", registry.uses_api.UsesView.as_view(), name="uses"),
    re_path(
        r"^audit/entries/(?P<seq>[0-9]{1,18})/proof/$",
        audit.api.proofs.EntryProofView.as_view(),
        name="audit-entry-proof",
    ),
    path(
        "audit/consistency/",
        audit.api.proofs.ConsistencyView.as_view(),
        name="audit-consistency",
    ),
    path("audit/checkpoint/", audit.api.proofs.CheckpointView.as_view(), name="audit-checkpoint"),
    path("", include(router.urls)),
]
