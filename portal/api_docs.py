"""The description of the API, and a page that shows all of it without a script or another host."""

from functools import cache

from django.contrib import admin
from django.template.response import TemplateResponse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.views.decorators.http import require_safe
from drf_spectacular.generators import SchemaGenerator

from portal import api_reference
from portal.api_reference import Field, Reference, Words


@cache
def description() -> dict:
    """Return the OpenAPI document of every address that tools read."""
    # The same for everybody, and half a second of work: once for each process.
    return SchemaGenerator().get_schema(request=None, public=True)


@cache
def _reference() -> Reference:
    return api_reference.read(description())


@require_safe
def page(request):
    """Show every operation with its parameters, answers, problems and an example."""
    context = {
        **admin.site.each_context(request),
        "title": "API",
        "reference": _reference(),
        "body": _body(),
    }
    return TemplateResponse(request, "portal/api_docs.html", context)


@cache
def _body() -> dict:
    """Return the parts of the page that are the same for everybody, as safe HTML."""
    reference = _reference()
    return {
        "operations": [
            {
                "tag": tag,
                "anchor": f"about-{tag}",
                "operations": [
                    {
                        "operation": one,
                        "description": prose(one.description),
                        "parameters": [_row(field) for field in one.parameters],
                        "body": [(kind, linked(words)) for kind, words in one.body],
                        "answers": [
                            {
                                "status": answer.status,
                                "meaning": prose(answer.meaning),
                                "words": linked(answer.words),
                                "examples": answer.examples,
                            }
                            for answer in one.answers
                        ],
                    }
                    for one in operations
                ],
            }
            for tag, operations in reference.groups
        ],
        "problems": [(one.status, prose(one.meaning)) for one in reference.problems],
        "schemas": [
            {
                "name": one.name,
                "description": prose(one.description),
                "words": "" if one.fields else linked(one.words),
                "fields": [_row(field) for field in one.fields],
            }
            for one in reference.schemas
        ],
    }


def _row(field: Field) -> dict:
    return {
        "field": field,
        "words": linked(field.words),
        "description": prose(field.description),
    }


def linked(words: Words) -> SafeString:
    """Return a type in words whose schemas are links into the page."""
    return format_html_join(
        "",
        "{}",
        (
            (format_html('<a href="#schema-{}">{}</a>', name, text) if name else text,)
            for text, name in words
        ),
    )


def prose(text: str) -> SafeString:
    """Return a description as paragraphs, with what stands in backquotes as code."""
    paragraphs = (
        (format_html_join("", "{}", ((_piece(place, part),) for place, part in _pieces(one))),)
        for one in text.strip().split("\n\n")
        if one.strip()
    )
    return format_html_join("", "<p>{}</p>", paragraphs) or mark_safe("")


def _pieces(paragraph: str):
    return enumerate(paragraph.replace("\n", " ").split("`"))


def _piece(place: int, part: str) -> SafeString | str:
    return format_html("<code>{}</code>", part) if place % 2 else part
