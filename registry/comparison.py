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
from audit.rules import canonical
from registry import comparing, documents, lifecycle, wording
from registry.models import ModelVersion, PolicyVersion, PromptVersion, Release, UseCase
from registry.policy.comparing import counted
from registry.seen_documents import without_hidden

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
        Kind("policy-version", PolicyVersion, documents.policy_version, ("pack",), "pack", ""),
    )
}


@dataclass(frozen=True)
class Wording:
    """A text that differs: which one, and the lines of its difference."""

    title: str
    lines: list[wording.Line]


@dataclass(frozen=True)
class Comparison:
    """What differs from `a` to `b`: parts in words, names of equal parts, and texts.

    `hidden` counts the differences that name what the reader may not see.
    """

    kind: Kind
    a: Model
    b: Model
    changes: list[comparing.Change]
    unchanged: list[str]
    texts: list[Wording]
    #: Parts of either that name rows the reader may not see; they are not compared here.
    hidden: int
    #: What is deprecated or retired of the two, and what to take instead.
    standings: list[str]


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
    before, after, hidden = _documents(kind, a, b, reader)
    changes = comparing.differences(before, after)
    texts = _wordings(kind.text_title, before.get(kind.text, ""), after.get(kind.text, ""))
    if kind.noun is Release:
        changes += _of_versions(a, b, reader)
        texts += _of_prompts(a, b, reader)
    return Comparison(
        kind,
        a,
        b,
        changes,
        comparing.unchanged(before, after),
        texts,
        hidden,
        [one.sentence for one in lifecycle.out_of_use([("a", a), ("b", b)], reader)]
        if lifecycle.has_standing(kind.noun)
        else [],
    )


def _documents(kind: Kind, a: Model, b: Model, reader) -> tuple[dict, dict, int]:
    """Return both documents without what `reader` may not see, and how much that is."""
    before, hidden_before = without_hidden(a, _document(kind, a), reader)
    after, hidden_after = without_hidden(b, _document(kind, b), reader)
    # Nothing is said of a part that is hidden on one side: it would seem to come or go.
    for name in a.unseen | b.unseen:
        before[name] = after[name] = None
    hidden = hidden_before + hidden_after
    if kind.noun is PolicyVersion:
        hidden += leave_unseen(before, after, reader)
    return before, after, hidden


def _document(kind: Kind, row: Model) -> dict:
    """Return what was sealed, or what would be sealed of a draft, as the same plain values."""
    return json.loads(row.content or canonical(kind.document(row)))


def leave_unseen(before: dict, after: dict, reader) -> int:
    """Take the use cases that `reader` may not see out of both; return how many differ."""
    named = {*before["use_cases"], *after["use_cases"]}
    seen = UseCase.objects.visible_to(reader).filter(slug__in=named)
    known = set(seen.values_list("slug", flat=True))
    differ = set(before["use_cases"]) ^ set(after["use_cases"])
    for document in (before, after):
        document["use_cases"] = [slug for slug in document["use_cases"] if slug in known]
    return len(differ - known)


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
    before, after, _ = _documents(kind, *(rows[one.model_version_id] for one in (a, b)), reader)
    return comparing.differences(before, after)


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
        context["effects"] = counted(change.effect for change in context["found"].changes)
    if b is not None:
        context["b_url"] = admin.site.get_model_admin(kind.noun).page_url(b)
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
        "effect": change.effect,
        "before": change.before or ("there" if change.state == "removed" else ""),
        "before_note": change.before_note,
        "after": change.after or ("" if change.state == "changed" else change.state),
        "after_note": change.after_note,
    }


def _summary(found: Comparison) -> str:
    said = [change.sentence for change in found.changes[:4]]
    said += [f"{len(found.changes) - 4} more"] if found.changes[4:] else []
    said += [f"{text.title}: {_counted(text)}" for text in found.texts[:2]]
    said += [f"{found.hidden} that you may not see"] if found.hidden else []
    return f"{'; '.join(said)}." if said else ""


def _counted(text: Wording) -> str:
    """Return how many lines came and went; a line that changed did both."""
    kinds = [line.kind for line in text.lines]
    added, removed = kinds.count("added"), kinds.count("removed")
    if not added and not removed:
        return "only the ends of lines"
    return f"{added} line{'' if added == 1 else 's'} added, {removed} removed"
