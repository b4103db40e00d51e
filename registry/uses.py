"""Use cases that one model is meant for and another must not serve, and the page that says so."""

import re
from dataclasses import dataclass

from django.contrib import admin
from django.db.models import Exists, OuterRef
from django.http import Http404
from django.template.response import TemplateResponse
from django.views.decorators.http import require_safe

from audit.tables import LEFT_OUT, Table
from registry.models import ModelUse, RegisteredModel, UseCase

#: Use cases that are named; further ones are counted.
SHOWN = 100
SLUG = r"[-a-zA-Z0-9_]{1,60}"


@dataclass(frozen=True)
class Stances:
    """A use case with the models that are meant for it, those that must not serve it, and hidden.

    `hidden` counts models that the reader may not see.
    """

    use_case: UseCase
    intended: tuple[RegisteredModel, ...]
    disallowed: tuple[RegisteredModel, ...]
    hidden: int


@dataclass(frozen=True)
class Contested:
    """Use cases that are intended on one model and disallowed on another."""

    rows: tuple[Stances, ...]
    total: int

    @property
    def label(self) -> str:
        """How many there are, in words."""
        return f"{self.total} use case{'' if self.total == 1 else 's'}"


def contested(reader, use_case: str = "") -> Contested:
    """Return where models disagree on a use case; with a slug, of that one, agreed on or not.

    Raises `Http404` for a use case that is not seen.
    """
    rows = UseCase.objects.visible_to(reader).select_related("team").order_by("slug")
    if use_case:
        rows = rows.filter(slug=use_case)
        if not rows.exists():
            raise Http404("There is no such use case that you may see.")
    else:
        rows = rows.filter(*(Exists(_uses(stance)) for stance in ModelUse.Stance))
    shown = list(rows[:SHOWN])
    seen = set(
        RegisteredModel.objects.visible_to(reader)
        .filter(uses__use_case__in=shown)
        .values_list("pk", flat=True)
    )
    uses = ModelUse.objects.filter(use_case__in=shown).select_related("model__team")
    by_case: dict[int, list[ModelUse]] = {}
    for use in uses.order_by("model__slug"):
        by_case.setdefault(use.use_case_id, []).append(use)
    return Contested(
        tuple(_stances(one, by_case.get(one.pk, []), seen) for one in shown), rows.count()
    )


def _uses(stance: str):
    return ModelUse.objects.filter(use_case=OuterRef("pk"), stance=stance)


def _stances(use_case: UseCase, uses: list[ModelUse], seen: set[int]) -> Stances:
    known = [use for use in uses if use.model_id in seen]
    intended, disallowed = (
        tuple(use.model for use in known if use.stance == stance) for stance in ModelUse.Stance
    )
    return Stances(use_case, intended, disallowed, len(uses) - len(known))


def models_button(request, use_case: UseCase) -> list[dict]:
    """Return the button that leads to what every model says of a use case."""
    url = f"/uses/?use_case={use_case.slug}"
    return [{"name": "uses", "label": "Models for it", "url": url, "objections": []}]


def table(request) -> Table:
    """Return the same as a list that leaves."""
    found = contested(request.user, _wanted(request))
    rows = [
        [
            one.use_case.slug,
            one.use_case.name,
            [model.slug for model in one.intended],
            [model.slug for model in one.disallowed],
            one.hidden,
        ]
        for one in found.rows
    ]
    more = found.total - len(rows)
    return Table(
        ("use case", "name", "intended on", "disallowed on", "models that you may not see"),
        rows,
        rest=LEFT_OUT.format(SHOWN) if more else "",
    )


def _wanted(request) -> str:
    wanted = request.GET.get("use_case", "")
    if wanted and not re.fullmatch(SLUG, wanted):
        raise Http404("There is no such use case.")
    return wanted


@require_safe
def page(request):
    """Which use case is intended on one model and disallowed on another."""
    wanted = _wanted(request)
    found = contested(request.user, wanted)
    context = {
        **admin.site.each_context(request),
        "title": f"Models for {wanted}" if wanted else "Intended here, disallowed elsewhere",
        "wanted": wanted,
        "found": found,
        "more": found.total - len(found.rows),
    }
    request.current_app = admin.site.name
    return TemplateResponse(request, "registry/uses.html", context)
