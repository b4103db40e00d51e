"""The pages that deserve an address of their own, in one list.

A page is a plain view `view(request, …)` of any app; the site asks for sign-in before it is
called. It answers with the shell around it like this::

    from django.contrib import admin

    context = {**admin.site.each_context(request), "title": "…", …}
    return TemplateResponse(request, "gates/promotion.html", context)

with a template that extends `admin/base_site.html` (see `docs/look.md`).
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Page:
    """One address: its route, its view as a dotted path, and its name (`admin:<name>`).

    `place` names the sidebar entry that is marked while the page is shown: an app's model
    ("gates.promotion") or another page's name.
    """

    route: str
    view: str
    name: str
    place: str = ""
    #: What gives the page's list as a table, as a dotted path; its file is at `<route>.csv`.
    csv: str = ""

    @property
    def csv_name(self) -> str:
        """The name of the address of its list as CSV."""
        return f"{self.name}_csv"


PAGES = (
    Page("menu/", "portal.views.menu", "menu"),
    Page("search/", "portal.searching.page", "search"),
    Page("docs/api/", "portal.api_docs.page", "api_docs"),
    Page("audit/", "portal.trail.pages.listing", "audit", csv="portal.trail.tables.table"),
    Page("audit/review/", "portal.trail.pages.review", "audit_review", "audit"),
    Page("audit/export/", "portal.trail.leaving.export", "audit_export", "audit"),
    Page("audit/losses/", "portal.trail.losing.losses", "audit_losses", "audit"),
    Page("audit/losses/<int:pk>/", "portal.trail.losing.loss", "audit_loss", "audit"),
    Page("audit/entries/<int:seq>/", "portal.trail.pages.entry", "audit_entry", "audit"),
    Page(
        "audit/entries/<int:seq>/receipt/",
        "portal.trail.pages.receipt",
        "audit_receipt",
        "audit",
    ),
    Page("notices/", "gates.notice_pages.page", "notices", "index"),
    Page("second-factor/", "registry.second_factor_pages.page", "second_factor", "index"),
    Page("compare/", "registry.comparison.page", "compare"),
    Page("impact/", "registry.impact.views.page", "impact"),
    Page("uses/", "registry.uses.page", "uses", "registry.usecase", "registry.uses.table"),
    Page(
        "may-run/",
        "gates.may_run_pages.may_run_page",
        "may_run",
        csv="gates.may_run_tables.may_run_table",
    ),
    Page(
        "ended/",
        "gates.may_run_pages.ended_page",
        "ended",
        "may_run",
        "gates.may_run_tables.ended_table",
    ),
    Page(
        "on-call/",
        "gates.may_run_pages.on_call_page",
        "on_call",
        csv="gates.may_run_tables.on_call_table",
    ),
    Page("promotions/ask/", "gates.views.ask", "promotion_ask", "gates.promotion"),
    Page("promotions/<int:pk>/", "gates.views.review", "promotion", "gates.promotion"),
    Page(
        "promotions/<int:pk>/findings/",
        "gates.finding_pages.findings",
        "promotion_findings",
        "gates.promotion",
    ),
    Page(
        "promotions/<int:pk>/pack/",
        "runtime.packs.pages.of_promotion",
        "promotion_pack",
        "gates.promotion",
    ),
    Page(
        "environments/<slug:slug>/pack/",
        "runtime.packs.pages.of_environment",
        "environment_pack",
        "registry.environment",
    ),
    Page("packs/<int:pk>/", "runtime.packs.pages.one", "pack", "audit"),
    Page("packs/<int:pk>/download/", "runtime.packs.pages.download", "pack_download", "audit"),
    Page("packs/<int:pk>/receipt/", "runtime.packs.pages.receipt", "pack_receipt", "audit"),
    Page(
        "packs/<int:pk>/consistency/",
        "runtime.packs.pages.consistency",
        "pack_consistency",
        "audit",
    ),
    Page("promotions/<int:pk>/assign/", "gates.helping_pages.assign", "assign", "gates.promotion"),
    Page("promotions/<int:pk>/ask/", "gates.helping_pages.ask", "ask_signer", "gates.promotion"),
    Page(
        "promotions/<int:pk>/signatures/<int:signature>/",
        "gates.signature_pages.download",
        "signature",
        "gates.promotion",
    ),
    Page(
        "promotions/<int:pk>/signatures/<int:signature>/receipt/",
        "gates.signature_pages.receipt",
        "signature_receipt",
        "gates.promotion",
    ),
    Page(
        "promotions/<int:pk>/discussion/",
        "gates.discussion_pages.discuss",
        "promotion_discussion",
        "gates.promotion",
    ),
    Page(
        "webhooks/<int:pk>/deliveries/",
        "gates.webhook_pages.deliveries",
        "webhook_deliveries",
        "gates.webhook",
        "gates.webhook_pages.table",
    ),
    Page("models/<slug:slug>/", "registry.views.model", "model", "registry.registeredmodel"),
    Page(
        "scores/<slug:slug>/",
        "evidence.history_pages.page",
        "score_history",
        "registry.registeredmodel",
    ),
    Page(
        "models/<slug:slug>/<slug:version>/",
        "registry.views.model_version",
        "model_version",
        "registry.modelversion",
    ),
    Page(
        "models/<slug:slug>/<slug:version>/lineage/",
        "registry.lineage_pages.of_version",
        "model_version_lineage",
        "registry.modelversion",
    ),
    Page(
        "models/<slug:slug>/<slug:version>/exports/",
        "evidence.exports.pages.of_version_page",
        "model_version_exports",
        "registry.modelversion",
    ),
    Page(
        "models/<slug:slug>/<slug:version>/cyclonedx/",
        "evidence.exports.pages.version_bom",
        "model_version_cyclonedx",
        "registry.modelversion",
    ),
    Page(
        "models/<slug:slug>/<slug:version>/card/",
        "evidence.exports.pages.version_card",
        "model_version_card",
        "registry.modelversion",
    ),
    Page(
        "releases/<slug:slug>/<int:number>/exports/",
        "evidence.exports.pages.of_release_page",
        "release_exports",
        "registry.release",
    ),
    Page(
        "releases/<slug:slug>/<int:number>/cyclonedx/",
        "evidence.exports.pages.release_bom",
        "release_cyclonedx",
        "registry.release",
    ),
    Page(
        "promotions/<int:pk>/exports/",
        "gates.exporting.page",
        "promotion_exports",
        "gates.promotion",
    ),
    Page(
        "promotions/<int:pk>/cyclonedx/",
        "gates.exporting.as_file",
        "promotion_cyclonedx",
        "gates.promotion",
    ),
    Page(
        "releases/<slug:slug>/<int:number>/lineage/",
        "registry.lineage_pages.of_release",
        "release_lineage",
        "registry.release",
    ),
    Page(
        "prompts/<slug:slug>/",
        "registry.views.prompt",
        "prompt",
        "registry.prompttemplate",
    ),
    Page(
        "releases/<slug:slug>/<int:number>/readiness/",
        "gates.readiness.page",
        "release_readiness",
        "registry.release",
    ),
    Page(
        "prompts/<slug:slug>/<int:number>/",
        "registry.views.prompt_version",
        "prompt_version",
        "registry.promptversion",
    ),
    Page(
        "releases/<slug:slug>/<int:number>/",
        "registry.views.release",
        "release",
        "registry.release",
    ),
    Page(
        "environments/<slug:slug>/",
        "registry.views.environment",
        "environment",
        "registry.environment",
    ),
    Page(
        "environments/<slug:slug>/changes/",
        "runtime.pages.running.changes_page",
        "environment_changes",
        "registry.environment",
    ),
    Page(
        "environments/<slug:slug>/activate/<int:release>/",
        "runtime.pages.verbs.activate",
        "environment_activate",
        "registry.environment",
    ),
    Page(
        "environments/<slug:slug>/deployments/<int:pk>/remove/",
        "runtime.pages.verbs.remove",
        "deployment_remove",
        "registry.environment",
    ),
    Page(
        "environments/<slug:slug>/suspend/",
        "runtime.pages.verbs.suspend",
        "environment_suspend",
        "registry.environment",
    ),
    Page(
        "environments/<slug:slug>/roll-back/",
        "runtime.pages.rolling.roll_back",
        "environment_roll_back",
        "registry.environment",
    ),
    Page(
        "rollbacks/<int:pk>/",
        "runtime.pages.rolling.rollback",
        "rollback",
        "registry.environment",
    ),
    Page(
        "suspensions/<int:pk>/lift/",
        "runtime.pages.verbs.lift",
        "suspension_lift",
        "registry.environment",
    ),
    Page(
        "incidents/",
        "runtime.incidents.listing.listing",
        "incidents",
        csv="runtime.incidents.listing.table",
    ),
    Page("incidents/open/", "runtime.incidents.pages.open_page", "incident_open", "incidents"),
    Page("incidents/<int:pk>/", "runtime.incidents.pages.one", "incident", "incidents"),
    Page(
        "incidents/<int:pk>/export/",
        "runtime.incidents.pages.export_page",
        "incident_export",
        "incidents",
    ),
    Page(
        "incidents/<int:pk>/<slug:verb>/",
        "runtime.incidents.verb_pages.verb_page",
        "incident_verb",
        "incidents",
    ),
    Page(
        "follow-ups/<int:pk>/done/",
        "runtime.incidents.verb_pages.follow_up_done",
        "follow_up_done",
        "incidents",
    ),
    Page(
        "follow-ups/<int:pk>/binding/",
        "runtime.incidents.verb_pages.follow_up_binding",
        "follow_up_binding",
        "incidents",
    ),
    Page(
        "timeline/",
        "runtime.timeline.pages.timeline_page",
        "timeline",
        csv="runtime.timeline.tables.table",
    ),
    Page(
        "environments/<slug:slug>/active-at/",
        "runtime.timeline.pages.active_at_page",
        "environment_active_at",
        "registry.environment",
    ),
    Page(
        "requests/",
        "runtime.records.pages.listing",
        "requests",
        csv="runtime.records.exporting.table",
    ),
    Page(
        "requests/<str:name>/export/", "runtime.records.pages.export", "request_export", "requests"
    ),
    Page("records/<uuid:pk>/proof/", "runtime.records.pages.prove", "record_proof", "requests"),
    Page("outside/", "runtime.traces.pages.outside", "outside", csv="runtime.traces.pages.table"),
    Page("requests/<str:name>/", "runtime.records.pages.one", "request", "requests"),
    Page(
        "running/",
        "runtime.pages.running.matrix_page",
        "running",
        csv="runtime.pages.running_tables.table",
    ),
    Page("drill/", "runtime.pages.running.drill_page", "drill"),
    Page("routes/try/", "runtime.pages.trying.page", "route_try", "route_try"),
    Page("routes/keep/", "runtime.pages.keeping.keep", "facts_keep", "route_try"),
    Page(
        "routes/facts/<int:pk>/drop/",
        "runtime.pages.keeping.drop",
        "facts_drop",
        "route_try",
    ),
    Page(
        "policy/effective/",
        "registry.policy_pages.effective",
        "effective_policy",
        "registry.policypack",
    ),
    Page(
        "policy/import/",
        "registry.policy_import_pages.page",
        "import_policy",
        "registry.policyversion",
    ),
    Page(
        "policy/versions/<int:pk>/yaml/",
        "registry.policy_pages.as_yaml",
        "policy_yaml",
        "registry.policyversion",
    ),
    Page(
        "policy/versions/<int:pk>/preview/",
        "gates.policy_pages.preview",
        "policy_preview",
        "registry.policyversion",
    ),
    Page(
        "gates/versions/<int:pk>/preview/",
        "gates.gate_preview.preview",
        "gate_preview",
        "gates.gateversion",
    ),
    Page(
        "gates/effective/",
        "gates.gate_pages.effective",
        "effective_gate",
        "gates.gateversion",
    ),
    Page(
        "evidence/import/card/",
        "evidence.imports.views.card",
        "import_card",
        "registry.modelversion",
    ),
    Page(
        "evidence/<uuid:pk>/",
        "evidence.views.item_page",
        "evidence_item",
        "evidence.evidenceitem",
    ),
    Page(
        "evidence/<uuid:pk>/files/<int:file_pk>/",
        "evidence.downloads.file_download",
        "evidence_file",
        "evidence.evidenceitem",
    ),
)
