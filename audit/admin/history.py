"""The history page: what the log says about a row, with the fields that each change touched.

Entries say that something happened, to what and why; history rows say what the row was before
and after. Both carry the id of their change, which is how they are joined here.
"""

import json
from dataclasses import dataclass, field
from datetime import datetime

from django.contrib.admin.views.main import PAGE_VAR
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db import models
from django.db.models import Q
from django.template.response import TemplateResponse
from django.utils.text import capfirst

from audit.admin.forms import on_timeline
from audit.admin.visible import visible_rows
from audit.fields import DocumentField
from audit.models import Change, Entry

CHANGES_PER_PAGE = 25
#: A model card may be half a million characters: a history page shows how each side begins.
LONGEST_VALUE = 600

#: Icons of the look (see the template tag `state_icon`) by the last word of an event.
STATES = {
    "created": "added",
    "removed": "removed",
    "sealed": "sealed",
    "published": "published",
    "signed": "signed",
    "ended": "ended",
    "revoked": "revoked",
    "withdrawn": "withdrawn",
    "accepted": "accepted",
    "deactivated": "inactive",
    "reactivated": "active",
    "submitted": "asked",
    "requested": "asked",
    "approved": "approved",
    "rejected": "rejected",
    "deprecated": "deprecated",
    "retired": "retired",
    "reinstated": "in_use",
}


@dataclass
class Event:
    """One entry of a change: what happened to which row, and the fields it touched."""

    state: str
    words: str
    code: str
    seq: int
    fields: list[dict] = field(default_factory=list)
    facts: list[tuple[str, str]] = field(default_factory=list)


@dataclass
class Item:
    """One change on the timeline: who, when, why, and its events."""

    change: Change
    events: list[Event]


def page(model_admin, request, row):
    """Answer a GET of a row's history; everything else is refused, since it only shows."""
    if request.method not in ("GET", "HEAD"):
        raise PermissionDenied("A history page shows what happened; nothing is written here.")
    shown = _changes_of(row, request.GET.get(PAGE_VAR))
    context = {
        **model_admin.admin_site.each_context(request),
        "opts": model_admin.opts,
        "title": f"History of {row}",
        "row": row,
        "row_url": model_admin.change_url(row),
        "page": shown,
        "page_var": PAGE_VAR,
        "items": timeline(model_admin.admin_site, request, row, list(shown)),
    }
    request.current_app = model_admin.admin_site.name
    return TemplateResponse(request, "audit/history.html", context)


def _changes_of(row, number):
    about = Entry.objects.filter(on_timeline(row)).values("change")
    changes = Change.objects.filter(pk__in=about).order_by("-number")
    return Paginator(changes, CHANGES_PER_PAGE).get_page(number)


def timeline(site, request, row, changes: list[Change]) -> list[Item]:
    """Return the given changes with their events; the number of queries follows from the noun."""
    entries = Entry.objects.filter(on_timeline(row), change__in=changes).order_by("seq")
    items = {change.pk: Item(change, []) for change in changes}
    entries = list(entries)
    differences = _differences(site, request, row, entries)
    for entry in entries:
        items[entry.change_id].events.append(_event(entry, differences))
    return list(items.values())


def told(entry: Entry) -> Event:
    """Return what an entry says happened, in words, without the fields that it touched."""
    return _event(entry, {})


def _event(entry: Entry, differences: dict) -> Event:
    noun, _, verb = entry.event.partition(".")
    # What happened to a thing may be a row of its own, such as its retirement.
    of = [found for key in (entry.row, entry.about) if (found := _model(key))]
    model = next((one for one in of if one._meta.model_name == noun), of[0] if of else None)
    name = model._meta.verbose_name if model else noun
    words = f"{capfirst(name)} {verb.replace('_', ' ').replace('-', ' ')}"
    facts = json.loads(entry.body).get("facts") or {}
    fields = differences.get((entry.row, entry.change_id), [])
    return Event(
        state=STATES.get(verb, "changed"),
        words=words,
        code=entry.event,
        seq=entry.seq,
        fields=fields,
        # What the fields say already is not said twice.
        facts=[
            (key.replace("_", " "), _plain(value))
            for key, value in facts.items()
            if _plain(value) not in {touched["after"] for touched in fields}
        ],
    )


def _model(key: str):
    from django.apps import apps

    try:
        return apps.get_model(key.partition(":")[0])
    except LookupError:
        return None  # a noun of an earlier release of Gatehouse


# What changed, field by field


def _differences(site, request, row, entries) -> dict[tuple[str, object], list[dict]]:
    """Return the touched fields by (key of the row, change)."""
    keys = {}
    for entry in entries:
        label, _, pk = entry.row.partition(":")
        keys.setdefault(label, set()).add(pk)
    changes = {entry.change_id for entry in entries}
    found, pairs = {}, []
    for label, pks in keys.items():
        model = _model(f"{label}:")
        if model is None:
            continue
        for key, change, before, after in _states(model, pks, changes):
            fields = _touched(model, before, after)
            found[key, change] = fields
            pairs += fields
    names = _names(site, request, pairs)
    for pair in pairs:
        pair["before"] = _shown(pair["field"], pair["before"], names)
        pair["after"] = _shown(pair["field"], pair["after"], names)
        pair["label"] = capfirst(pair.pop("field").verbose_name)
    return {key: [pair for pair in fields if pair] for key, fields in found.items()}


def _states(model, pks, changes):
    """Yield (key, change, state before or None, state after or None) for rows of one model."""
    if not hasattr(model, "history"):
        # Append-only: what the row is, it was from its first entry on.
        for row in model._base_manager.filter(pk__in=pks, change__in=changes):
            yield row.key, row.change_id, None, row
        return
    pk_name = model._meta.pk.attname
    states = list(
        model.history.filter(Q(change_id__in=changes), **{f"{pk_name}__in": pks}).order_by(
            "history_id"
        )
    )
    if not states:
        return
    first = {}
    for state in states:
        first.setdefault(getattr(state, pk_name), state.history_id)
    earlier = {}
    if not model.part_of:
        # A part is never amended; of any other row the state before the oldest shown is wanted.
        before_these = Q()
        for pk, history_id in first.items():
            before_these |= Q(**{pk_name: pk}, history_id__lt=history_id)
        for state in model.history.filter(before_these).order_by("-history_id")[: len(first)]:
            earlier.setdefault(getattr(state, pk_name), state)
    for state in states:
        pk = getattr(state, pk_name)
        key = f"{model._meta.label_lower}:{pk}"
        if state.history_type == "-":
            yield key, state.change_id, state, None
        else:
            yield key, state.change_id, earlier.get(pk), state
            earlier[pk] = state


def _touched(model, before, after) -> list[dict]:
    # Of several, one names the row whose history this is.
    about = model.about if isinstance(model.about, tuple) else ()
    hidden = {"change", model._meta.pk.name, model.part_of, *about, *model.undigested}
    touched = []
    for column in model._meta.concrete_fields:
        if column.name in hidden or column.name == "content":
            continue
        old = getattr(before, column.attname, None) if before is not None else None
        new = getattr(after, column.attname, None) if after is not None else None
        if old != new and not (_blank(old) and _blank(new)):
            touched.append({"field": column, "before": old, "after": new})
    return touched


def _blank(value) -> bool:
    return value is None or value == "" or value == [] or value == {}


def _names(site, request, pairs) -> dict[tuple[type, object], str]:
    """Return what the rows that foreign keys point at are called, as far as they may be seen."""
    wanted: dict[type, set] = {}
    for pair in pairs:
        if isinstance(pair["field"], models.ForeignKey):
            values = {pair["before"], pair["after"]} - {None}
            wanted.setdefault(pair["field"].related_model, set()).update(values)
    names = {}
    for model, pks in wanted.items():
        if not hasattr(model._default_manager, "visible_to"):
            continue  # such as a challenge: it is nobody's to see
        through = () if site.is_registered(model) else _relations_of_name(model)
        for found in visible_rows(site, model, request, through).filter(pk__in=pks):
            names[model, found.pk] = str(found)
    return names


def _relations_of_name(model) -> tuple[str, ...]:
    """Return the relations of a noun without an admin; its name is mostly made of them."""
    return tuple(
        column.name
        for column in model._meta.concrete_fields
        if isinstance(column, models.ForeignKey) and column.name != "change"
    )


def _shown(column, value, names) -> str:
    if _blank(value):
        return ""
    if isinstance(column, models.ForeignKey):
        noun = column.related_model._meta.verbose_name
        return names.get((column.related_model, value), f"a {noun} that you may not see")
    if column.choices:
        return str(dict(column.flatchoices).get(value, value))
    if isinstance(column, DocumentField):
        return _plain(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return f"{value:%d %b %Y %H:%M} UTC"
    return _short(str(value))


def _plain(value) -> str:
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return _short(", ".join(value))
    if isinstance(value, str | int):
        return _short(str(value))
    if isinstance(value, dict) and all(isinstance(item, str) for item in value.values()):
        return _short(", ".join(f"{key.replace('_', ' ')} {item}" for key, item in value.items()))
    return _short(json.dumps(value, ensure_ascii=False))


def _short(text: str) -> str:
    return (
        text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}… ({len(text)} characters)"
    )
