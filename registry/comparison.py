"""Two rows of one noun side by side: what is compared, with what, and in which words.

The page and the API say the same, from the same functions.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass

from django.contrib import admin
from django.db.models import Model
from django.http import QueryDict
from django.template.response import TemplateResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from audit import Reason
from registry import comparing, documents, wording
from registry.models import ModelVersion, PromptVersion, Release

#: Rows that are offered to compare with.
OFFERED = 50


@dataclass(frozen=True)
class Kind:
    """One noun that is compared: its rows, its canonical document, and which rows are siblings."""

    name: str
    noun: type[Model]
    document: Callable
    related: tuple[str, ...]
    #: The column that siblings share.
    family: str
    #: The column that names the row a row was made from.
    parent: str
    #: The document's text that is compared word by word, and what to call it.
    text: str = ""
    text_title: str = ""


KINDS = {
    kind.name: kind
    for kind in (
        Kind(
            "model-version",
            ModelVersion,
            documents.model_version,
            ("model", "maker", "base_version__model"),
            "model",
            "",
            "card",
            "Model card",
        ),
        Kind(
            "release",
            Release,
            documents.release,
            ("use_case", "model_version__model", "on_call_team"),
            "use_case",
            "derived_from",
        ),
        Kind(
            "prompt-version",
            PromptVersion,
            documents.prompt_version,
            ("template",),
            "template",
            "parent",
            "text",
            "Text",
        ),
    )
}


@dataclass(frozen=True)
class Wording:
    """A text that differs: which one, and the lines of its difference."""

    title: str
    lines: list[wording.Line]


@dataclass(frozen=True)
class Comparison:
    """What differs from `a` to `b`: parts in words, names of equal parts, and texts."""

    kind: Kind
    a: Model
    b: Model
    changes: list[comparing.Change]
    unchanged: list[str]
    texts: list[Wording]


def asked(parameters: QueryDict, reader) -> tuple[Kind | None, Model | None, Model | None]:
    """Return the kind and the two rows that an address names; a row not seen is None.

    Without `a`, it is the row that `b` came after.
    """
    kind = KINDS.get(parameters.get("kind", ""))
    if kind is None:
        return None, None, None
    a, b = (_row(kind, parameters.get(name, ""), reader) for name in "ab")
    if a is None and b is not None and not parameters.get("a"):
        a = previous(kind, b, reader)
    return kind, a, b


def problems(parameters: QueryDict) -> list[Reason]:
    """Return why an address names nothing that could be compared."""
    reasons = []
    if parameters.get("kind", "") not in KINDS:
        names = ", ".join(KINDS)
        reasons.append(Reason("KIND", f"There is no such kind. Name one of {names}.", "kind"))
    reasons += [
        Reason("KEY", f"“{name}” is the number of a row. Open its page and compare there.", name)
        for name in "ab"
        if not _is_key(parameters.get(name) or "1")
    ]
    return reasons


def _is_key(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 18


def _seen(kind: Kind, reader):
    return kind.noun.objects.visible_to(reader).select_related(*kind.related)


def _row(kind: Kind, key: str, reader) -> Model | None:
    return _seen(kind, reader).filter(pk=key).first() if key and _is_key(key) else None


def previous(kind: Kind, row: Model, reader) -> Model | None:
    """Return the row that `row` was made from, or else the sibling before it."""
    parent = getattr(row, f"{kind.parent}_id") if kind.parent else None
    siblings = _seen(kind, reader).filter(**{kind.family: getattr(row, kind.family)})
    return (parent and _seen(kind, reader).filter(pk=parent).first()) or siblings.filter(
        pk__lt=row.pk
    ).order_by("-pk").first()


def address(kind: str, row: Model) -> str:
    """Return where `row` is compared with the one before it."""
    return f"{reverse('admin:compare')}?kind={kind}&b={row.pk}"


def compare(kind: Kind, a: Model, b: Model, reader) -> Comparison:
    """Return what differs from `a` to `b`, and for releases what differs in their parts."""
    before, after = _document(kind, a), _document(kind, b)
    changes = comparing.differences(before, after)
    texts = _wordings(kind.text_title, before.get(kind.text, ""), after.get(kind.text, ""))
    if kind.noun is Release:
        changes += _of_versions(a, b, reader)
        texts += _of_prompts(a, b, reader)
    return Comparison(kind, a, b, changes, comparing.unchanged(before, after), texts)


def _document(kind: Kind, row: Model) -> dict:
    """Return what was sealed, byte for byte, or what would be sealed of a draft."""
    return json.loads(row.content) if row.content else kind.document(row)


def _wordings(title: str, before: str, after: str) -> list[Wording]:
    lines = wording.lines(before, after)
    return [Wording(title, lines)] if lines else []


def _of_versions(a: Release, b: Release, reader) -> list[comparing.Change]:
    kind = KINDS["model-version"]
    if a.model_version_id == b.model_version_id:
        return []
    rows = {
        row.pk: row
        for row in _seen(kind, reader).filter(pk__in=[a.model_version_id, b.model_version_id])
    }
    if len(rows) < 2:
        return []
    return comparing.differences(
        _document(kind, rows[a.model_version_id]), _document(kind, rows[b.model_version_id])
    )


def _of_prompts(a: Release, b: Release, reader) -> list[Wording]:
    """Return how the text of each template differs of which both use another single version."""
    used = [
        {link.prompt_version.template_id: link.prompt_version for link in links}
        for links in (
            row.prompt_links.filter(
                prompt_version__in=PromptVersion.objects.visible_to(reader)
            ).select_related("prompt_version__template")
            for row in (a, b)
        )
    ]
    found = []
    for template in sorted(used[0].keys() & used[1].keys()):
        before, after = used[0][template], used[1][template]
        title = f"{before.template.name}, version {before.number} → {after.number}"
        found += _wordings(title, before.text, after.text)
    return found


# The page


@require_safe
def page(request):
    """Show what differs between two rows, and let the reader choose other ones."""
    reasons = problems(request.GET) if request.GET else []
    kind, a, b = asked(request.GET, request.user)
    missing = [name for name, row in (("a", a), ("b", b)) if request.GET.get(name) and not row]
    both = a is not None and b is not None
    context = {
        **admin.site.each_context(request),
        "title": f"{a} and {b}" if both else "Compare",
        "kind": kind,
        "a": a,
        "b": b,
        "reasons": reasons,
        "missing": bool(missing) and not reasons,
        "offered": _offered(kind, a, b, request.user) if kind and (a or b) else [],
        "found": compare(kind, a, b, request.user) if both else None,
    }
    if both:
        context["rows"] = [row_of(change) for change in context["found"].changes]
        context["summary"] = _summary(context["found"])
    status = 400 if reasons else 404 if missing else 200
    return TemplateResponse(request, "registry/compare.html", context, status=status)


def _offered(kind: Kind, a: Model | None, b: Model | None, reader) -> list[Model]:
    """Return the siblings of the rows, newest first, with the rows themselves."""
    given = [row for row in (a, b) if row is not None]
    families = {getattr(row, f"{kind.family}_id") for row in given}
    rows = _seen(kind, reader).filter(**{f"{kind.family}__in": families}).order_by("-pk")
    found = {row.pk: row for row in [*rows.defer("content")[:OFFERED], *given]}
    return sorted(found.values(), key=lambda row: row.pk, reverse=True)


def row_of(change: comparing.Change) -> dict:
    """Return a change for the table; what has no words of its own says that it came or went."""
    return {
        "state": change.state,
        "name": change.name,
        "before": change.before or ("there" if change.state == "removed" else ""),
        "after": change.after or ("" if change.state == "changed" else change.state),
    }


def _summary(found: Comparison) -> str:
    said = [change.sentence for change in found.changes[:4]]
    said += [f"{len(found.changes) - 4} more"] if found.changes[4:] else []
    said += [f"wording of {text.title}" for text in found.texts[:2]]
    return f"{'; '.join(said)}." if said else ""
