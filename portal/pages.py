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


PAGES = (
    Page("menu/", "portal.views.menu", "menu"),
    Page("search/", "portal.searching.page", "search"),
    Page("compare/", "registry.comparison.page", "compare"),
    Page("promotions/ask/", "gates.views.ask", "promotion_ask", "gates.promotion"),
    Page("promotions/<int:pk>/", "gates.views.review", "promotion", "gates.promotion"),
    Page(
        "promotions/<int:pk>/findings/",
        "gates.finding_pages.findings",
        "promotion_findings",
        "gates.promotion",
    ),
    Page("models/<slug:slug>/", "registry.views.model", "model", "registry.registeredmodel"),
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
        "releases/<slug:slug>/<int:number>/lineage/",
        "registry.lineage_pages.of_release",
        "release_lineage",
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
        "policy/effective/",
        "registry.policy_pages.effective",
        "effective_policy",
        "registry.policypack",
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
        "evidence.views.file_download",
        "evidence_file",
        "evidence.evidenceitem",
    ),
)
