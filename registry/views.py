"""The nouns' own pages: what is so, what is missing and where it is mended."""

from itertools import groupby

from django.contrib import admin
from django.core.paginator import Paginator
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.utils.html import format_html
from django.views.decorators.http import require_safe

from audit.admin import panels_of
from audit.naming import Unseen, conceal, seen_keys
from registry import cards, comparison, lifecycle, placeholders
from registry.admin.base import offered_url
from registry.completeness import facts_of_release, facts_of_version
from registry.models import (
    EndpointRegion,
    Environment,
    ModelVersion,
    PromptTemplate,
    PromptVersion,
    RegisteredModel,
    Release,
    ServingEndpoint,
)

#: How many rows a section shows before it points to the list, where all of them are.
SHOWN = 20


def _page(request, template: str, row, **context):
    """Answer with a noun's page: its verbs, its links, and what apps above show on it."""
    model_admin = admin.site.get_model_admin(type(row))
    found = lifecycle.standings([row], request.user)[type(row), row.pk]
    buttons = model_admin.act_buttons(request, row)
    on = [button for button in buttons if not button["objections"]]
    panels = panels_of(request, row)
    rests = lifecycle.out_of_use(lifecycle.named_by(row), request.user)
    # Last: from here on the row is only shown.
    conceal([row], request.user)
    context = {
        **admin.site.each_context(request),
        "row": row,
        "opts": row._meta,
        "change_url": model_admin.change_url(row),
        "history_url": model_admin.history_url(row),
        "may_change": model_admin.has_change_permission(request, row),
        "buttons": on,
        # A page has one main thing to do.
        "main_button": next((button for button in on if button.get("primary")), None),
        "buttons_off": [button for button in buttons if button["objections"]],
        "panels": panels,
        "standing": found,
        "rests": rests,
        **context,
    }
    request.current_app = admin.site.name
    return TemplateResponse(request, f"registry/{template}.html", context)


def _seen(rows, request, relation: str) -> dict:
    """Return the rows whose `relation` the reader may see, and how many there are beside them."""
    rows = list(rows)
    conceal(rows, request.user, relation)
    seen = [row for row in rows if not isinstance(getattr(row, relation), Unseen)]
    return {"rows": seen, "hidden": len(rows) - len(seen)}


def _checklist(facts) -> list[dict]:
    """Return the facts by the gate that first asks for them, what is missing first."""
    return [
        {
            "gate": gate,
            "missing": [fact for fact in of_gate if not fact.known],
            "known": [fact for fact in of_gate if fact.known],
            "count": len(of_gate),
        }
        for gate, of_gate in ((gate, list(group)) for gate, group in groupby(facts, _gate))
    ]


def _gate(fact) -> str:
    return fact.gate


def _missing(facts) -> str:
    """Return what the gates will ask for and do not find, as one sentence."""
    missing = [fact.label.lower() for fact in facts if not fact.known]
    if not missing:
        return "Everything that the gates ask to be stated is stated."
    listed = ", ".join(missing[:4]) + (f" and {len(missing) - 4} more" if missing[4:] else "")
    return f"{len(missing)} of {len(facts)} facts that the gates ask for are missing: {listed}."


def _link(request, row, words: str = "") -> str:
    """Return a link to a row's page, or to its form if it has none; nothing for no row.

    What the reader may not see has no page here, and no name unless it is known by it.
    """
    if row is None:
        return ""
    if not seen_keys(type(row), [row.pk], request.user):
        return (words or str(row)) if row.known_by_name else str(Unseen(type(row)))
    url = admin.site.get_model_admin(type(row)).page_url(row)
    return format_html('<a href="{}">{}</a>', url, words or row)


def _links(kind: str, row) -> list[dict]:
    """Return the pages that tell more of a row than its own does."""
    compare = {"label": "Compare with…", "url": comparison.address(kind, row)}
    if kind == "prompt-version":
        return [{"label": "All versions", "url": row.template.get_absolute_url()}, compare]
    return [{"label": "Lineage", "url": f"{row.get_absolute_url()}lineage/"}, compare]


def _endpoints(version, request) -> dict:
    """Return the endpoints of a version that the reader may see, each with `where` in words.

    How many there are beside them is counted.
    """
    rows = version.endpoints.visible_to(request.user).select_related("host")
    found = list(rows.prefetch_related("region_links__region").order_by("slug")[:SHOWN])
    for endpoint in found:
        links = endpoint.region_links.all()
        endpoint.where = [
            (purpose.label, ", ".join(sorted(_slugs(links, purpose))))
            for purpose in EndpointRegion.Purpose
        ]
    unseen = version.endpoints.count() - version.endpoints.visible_to(request.user).count()
    return {"endpoints": found, "endpoints_hidden": unseen}


def _slugs(links, purpose) -> list[str]:
    return [link.region.slug for link in links if link.purpose == purpose]


@require_safe
def model(request, slug):
    """A registered model: who answers for it, what it is for, and its versions."""
    rows = RegisteredModel.objects.visible_to(request.user)
    found = get_object_or_404(rows.select_related("team", "on_call_team", "change"), slug=slug)
    versions = list(found.versions.select_related("maker").order_by("-pk")[: SHOWN + 1])
    uses = _seen(found.uses.select_related("use_case"), request, "use_case")
    return _page(
        request,
        "model",
        found,
        title=found.name,
        versions=versions[:SHOWN],
        more=len(versions) > SHOWN,
        newest=next((version for version in versions if version.sealed_at), None),
        uses=uses,
        facts=[
            {"label": "Team", "value": _link(request, found.team, found.team.name)},
            {
                "label": "On call",
                "value": found.on_call_team.name,
                "note": found.on_call_team.contact,
            },
            {"label": "Seen by", "value": "every team" if found.shared else "its team"},
            {"label": "Last changed", "value": found.change.at, "note": found.change.actor_name},
        ],
    )


@require_safe
def model_version(request, slug, version):
    """A model version: its minimum metadata as a checklist, where it is served, its card."""
    rows = ModelVersion.objects.visible_to(request.user).select_related(
        "model__team", "maker", "base_version__model", "created_by", "change"
    )
    found = get_object_or_404(rows, model__slug=slug, version=version)
    facts = facts_of_version(found, request.user)
    made = Release.objects.filter(model_version=found)
    releases = made.visible_to(request.user)
    return _page(
        request,
        "model_version",
        found,
        title=f"{found.model.name} {found.version}",
        links=_links("model-version", found),
        checklist=_checklist(facts),
        missing=_missing(facts),
        complete=all(fact.known for fact in facts),
        **_endpoints(found, request),
        add_endpoint_url=offered_url(request, ServingEndpoint, version=found.pk),
        datasets=_seen(
            found.dataset_links.select_related("dataset_version__dataset"),
            request,
            "dataset_version",
        ),
        releases=list(releases.select_related("use_case").order_by("-pk")[:SHOWN]),
        releases_hidden=made.count() - releases.count(),
        add_release_url=offered_url(request, Release, model_version=found.pk),
        card=cards.rendered(found.card) if found.card.strip() else "",
        facts=[
            {"label": "Identifier", "value": found.identifier},
            {"label": "Maker", "value": found.maker.name if found.maker else ""},
            {"label": "Context window", "value": _tokens(found.context_window)},
            {"label": "Output limit", "value": _tokens(found.output_limit)},
            {
                "label": "In → out",
                "value": f"{', '.join(found.input_modalities) or '–'} → "
                f"{', '.join(found.output_modalities) or '–'}",
            },
            {"label": "Licence", "value": found.licence},
            {
                "label": "Base version",
                "value": _link(request, found.base_version),
                "note": found.get_fine_tuning_display() if found.base_version else "",
            },
            {
                "label": "Retires",
                "value": found.retires_on
                or ("none announced" if found.no_retirement_announced else ""),
            },
        ],
    )


def _tokens(number) -> str:
    return f"{number:,} tokens" if number else ""


@require_safe
def prompt(request, slug):
    """A prompt with every version: who wrote it, when, why, and what it changed."""
    rows = PromptTemplate.objects.visible_to(request.user).select_related("team", "change")
    found = get_object_or_404(rows, slug=slug)
    versions = found.versions.select_related("created_by", "change").order_by("-number")
    page = Paginator(versions.defer("content"), SHOWN).get_page(request.GET.get("page"))
    for version in page.object_list:
        version.template = found
        version.what_changed = comparison.address("prompt-version", version)
    return _page(
        request,
        "prompt",
        found,
        title=found.name,
        page=page,
        newest=page.object_list[0] if page.number == 1 and page.object_list else None,
        facts=[
            {"label": "Team", "value": _link(request, found.team, found.team.name)},
            {"label": "Kind", "value": found.get_kind_display()},
            {"label": "Versions", "value": page.paginator.count or "none"},
            {"label": "Last changed", "value": found.change.at, "note": found.change.actor_name},
        ],
    )


@require_safe
def prompt_version(request, slug, number):
    """A prompt version: its text as it was written, and who uses it."""
    rows = PromptVersion.objects.visible_to(request.user).select_related(
        "template__team", "parent__template", "created_by", "change"
    )
    found = get_object_or_404(rows, template__slug=slug, number=number)
    newest = found.template.versions.order_by("-number").values_list("number", flat=True)[0]
    made = Release.objects.filter(prompt_links__prompt_version=found)
    releases = made.visible_to(request.user)
    return _page(
        request,
        "prompt_version",
        found,
        title=f"{found.template.name}, version {found.number}",
        links=_links("prompt-version", found),
        newest=newest,
        warnings=placeholders.warnings(found.text, found.variables),
        releases=list(releases.select_related("use_case").order_by("-pk")[:SHOWN]),
        releases_hidden=made.count() - releases.count(),
        facts=[
            {
                "label": "Team",
                "value": _link(request, found.template.team, found.template.team.name),
            },
            {"label": "Kind", "value": found.template.get_kind_display()},
            {"label": "Variables", "value": ", ".join(found.variables) or "none"},
            {
                "label": "Made from",
                "value": _link(request, found.parent, f"version {found.parent.number}")
                if found.parent
                else "",
            },
            {
                "label": "Why",
                "value": found.notes or "no notes",
                "note": found.change.reason if found.change.reason != found.notes else "",
            },
        ],
    )


@require_safe
def release(request, slug, number):
    """A release: what it is made of, what the gates will ask, and how it goes on."""
    rows = Release.objects.visible_to(request.user).select_related(
        "use_case__team",
        "model_version__model",
        "model_version__maker",
        "model_version__base_version__model",
        "on_call_team",
        "derived_from__use_case",
        "created_by",
    )
    found = get_object_or_404(rows, use_case__slug=slug, number=number)
    facts = facts_of_release(found, reader=request.user)
    return _page(
        request,
        "release",
        found,
        title=f"{found.use_case.name}, release {found.number}",
        links=_links("release", found),
        checklist=_checklist(facts),
        missing=_missing(facts),
        complete=all(fact.known for fact in facts),
        prompts=_seen(
            found.prompt_links.select_related("prompt_version__template"),
            request,
            "prompt_version",
        ),
        grants=list(found.tool_grants.select_related("scope__tool")),
        objectives=list(found.objectives.order_by("metric")),
        parameters=sorted(found.parameters.items()),
        **_endpoints(found.model_version, request),
        add_endpoint_url=offered_url(request, ServingEndpoint, version=found.model_version_id),
        facts=[
            {
                "label": "Use case",
                "value": _link(request, found.use_case, found.use_case.name),
                "note": f"{found.use_case.get_risk_tier_display()} risk, "
                f"{found.use_case.get_data_classification_display()} data",
            },
            {"label": "Model version", "value": _link(request, found.model_version)},
            {
                "label": "On call",
                "value": found.on_call_team.name if found.on_call_team else "",
                "note": found.on_call_team.contact if found.on_call_team else "",
            },
            {"label": "Made from", "value": _link(request, found.derived_from)},
        ],
    )


@require_safe
def environment(request, slug):
    """An environment: what it takes to run there; apps above show what is approved there."""
    rows = Environment.objects.visible_to(request.user)
    found = get_object_or_404(rows.select_related("change"), slug=slug)
    regions = [link.region for link in found.region_links.select_related("region")]
    return _page(
        request,
        "environment",
        found,
        title=found.name,
        regions=sorted(regions, key=lambda region: region.slug),
        facts=[
            {"label": "Stage gate", "value": found.get_stage_display()},
            {"label": "Jurisdiction", "value": found.jurisdiction},
            {"label": "Regions", "value": len(regions) or "none"},
            {"label": "Last changed", "value": found.change.at, "note": found.change.actor_name},
        ],
    )
