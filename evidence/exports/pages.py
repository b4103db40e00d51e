"""What a model version or a release is exported as: the page that names what is missing, and files.

`offered` and `answer` are for other apps too, which export nouns of their own.
"""

from dataclasses import dataclass

from django.contrib import admin
from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.views.decorators.http import require_safe

from evidence.exports import cards, cyclonedx, missing
from evidence.exports.gathering import of_release, of_version
from evidence.exports.missing import Gap
from registry.models import ModelVersion, Release

VERSION = ("model__change", "model__team", "maker__change", "change")
RELEASE = (
    *("use_case__change", "use_case__team", "on_call_team", "change"),
    *("model_version__model__change", "model_version__maker__change", "model_version__change"),
)


@dataclass(frozen=True)
class Offered:
    """One format of an export: where it is had, and what it lacks."""

    title: str
    words: str
    url: str
    api_url: str
    gaps: list[Gap]


def version_of(request, slug: str, version: str) -> ModelVersion:
    """Return the model version that the reader may see; else it is not there."""
    rows = ModelVersion.objects.visible_to(request.user).select_related(*VERSION)
    return get_object_or_404(rows.defer("content"), model__slug=slug, version=version)


def release_of(request, slug: str, number: int) -> Release:
    """Return the release that the reader may see; else it is not there."""
    rows = Release.objects.visible_to(request.user).select_related(*RELEASE)
    return get_object_or_404(rows.defer("content"), use_case__slug=slug, number=number)


@require_safe
def of_version_page(request, slug, version):
    """What a model version is exported as, and what each format lacks."""
    row = version_of(request, slug, version)
    told, here = of_version(row, request.user), row.get_absolute_url()
    offers = [
        offered_bom(here, f"model-versions/{row.pk}", missing.of_bom(told, request.user)),
        Offered(
            "Model card",
            "YAML settings with a model-index, then Markdown, as model hubs read them.",
            f"{here}card/",
            f"/api/v1/model-versions/{row.pk}/card/",
            missing.of_card(told, request.user),
        ),
    ]
    return page(request, row, offers, f"model-versions/{row.pk}")


@require_safe
def of_release_page(request, slug, number):
    """What a release is exported as, and what that lacks."""
    row = release_of(request, slug, number)
    told = of_release(row, request.user)
    gaps = missing.of_bom(told, request.user)
    offers = [offered_bom(row.get_absolute_url(), f"releases/{row.pk}", gaps)]
    return page(request, row, offers, f"releases/{row.pk}")


def offered_bom(here: str, api: str, gaps: list[Gap], more: str = "") -> Offered:
    """Return what is said of a bill of materials on the page of a row."""
    words = f"Components with a model card, services{more}: JSON for tools that read CycloneDX 1.6."
    return Offered(
        "CycloneDX ML-BOM", words, f"{here}cyclonedx/", f"/api/v1/{api}/cyclonedx/", gaps
    )


def page(request, row, offers: list[Offered], api: str):
    """Answer with the page of what a row is exported as."""
    request.current_app = admin.site.name
    context = {
        **admin.site.each_context(request),
        "title": f"Exports of {row}",
        "row": row,
        "opts": row._meta,
        "offers": offers,
        "lacking": sum(len(one.gaps) for one in offers),
        "api_url": f"/api/v1/{api}/exports/",
    }
    return TemplateResponse(request, "evidence/exports.html", context)


@require_safe
def version_bom(request, slug, version):
    """The bill of materials of a model version, as a file."""
    row = version_of(request, slug, version)
    content = cyclonedx.written(cyclonedx.bom(of_version(row, request.user)))
    return answer(content, cyclonedx.CONTENT_TYPE, f"{slug}-{version}.cdx.json")


@require_safe
def version_card(request, slug, version):
    """The model card of a model version, as a file."""
    content = cards.text(of_version(version_of(request, slug, version), request.user)).encode()
    return answer(content, cards.CONTENT_TYPE, f"{slug}-{version}.md")


@require_safe
def release_bom(request, slug, number):
    """The bill of materials of a release, as a file."""
    row = release_of(request, slug, number)
    content = cyclonedx.written(cyclonedx.bom(of_release(row, request.user)))
    return answer(content, cyclonedx.CONTENT_TYPE, f"{slug}-{number}.cdx.json")


def answer(content: bytes, content_type: str, name: str) -> HttpResponse:
    """Answer with a file that no browser shows in our name."""
    response = HttpResponse(content, content_type=content_type)
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    response["X-Content-Type-Options"] = "nosniff"
    response["Cache-Control"] = "private, no-store"
    return response


def button(request, row) -> list[dict]:
    """Return the button that leads from a row to what it is exported as."""
    url = f"{row.get_absolute_url()}exports/"
    return [{"name": "exports", "label": "Export", "url": url, "primary": False, "objections": []}]
