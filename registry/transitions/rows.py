"""Saving the nouns that can be amended; what is special about one stands in `NOUNS`.

Locks are taken in the order people, parents (prompt, suite, use case), model versions, releases.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models

import audit
from audit import Change, Reason, Refused
from audit.models import GovernedModel
from audit.refusals import Conflict
from audit.rules import canonical, digest
from registry import documents, lifecycle, rights, rules
from registry.models import (
    Dataset,
    DatasetVersion,
    EndpointRegion,
    Environment,
    EvaluationSuite,
    ModelVersion,
    Person,
    PolicyPack,
    PromptTemplate,
    Provider,
    Region,
    RegisteredModel,
    Release,
    Router,
    ServingEndpoint,
    Team,
    Tool,
    ToolGrant,
    ToolScope,
    UseCase,
)
from registry.standing import Named, retired_reasons

Parts = Mapping[type[GovernedModel], list[dict]]


def save_row(
    model: type[GovernedModel],
    pk: int | None,
    *,
    values: Mapping[str, Any],
    parts: Parts | None = None,
    actor,
    reason: str,
) -> Any:
    """Create (`pk` None) or amend a noun or a draft, with its parts, and return the row.

    `values` are field values; fields not named keep theirs. `parts` maps each part model to the
    full list of its rows as dicts; part models not named keep theirs. What is already so is left
    alone. Raises `Refused` with a reason per field, `NotAllowed`, and `Conflict` for a sealed row.
    """
    with audit.change(actor=actor, reason=reason) as change:
        person = rights.acting(change, actor)
        return save_in(change, person, model, pk, values=values, parts=parts)


def save_in(
    change: Change,
    person: Person,
    model: type[GovernedModel],
    pk: int | None,
    *,
    values: Mapping[str, Any],
    parts: Parts | None = None,
) -> Any:
    """Do what `save_row` does within a change that is open; `person` is who acts in it."""
    noun, parts = NOUNS[model], dict(parts or {})
    if pk is None:
        rights.demand(person, "save", model)
        row = model()
    else:
        row = _locked(change, model, pk, noun.beside(pk, values))
        rights.demand(person, "save", row)
        refuse_sealed(row)
    before = _columns(row)
    reasons = _not_theirs(person, model, values, [before])
    for part_model, wanted in parts.items():
        there = [] if pk is None else _parts_of(row, part_model)
        for each in wanted:
            reasons += _not_theirs(person, part_model, each, there)
    reasons += retired_reasons(
        _newly_named(person, model, values, [before], parts, None if pk is None else row)
    )
    _assign(row, values)
    reasons += _document_problems(row, noun)
    if pk is not None:
        reasons += _set_once_problems(row, noun, before)
    if reasons:
        raise Refused(reasons)
    # Asked again of the row as it will be: moving it takes the right in both teams.
    rights.demand(person, "save", row)
    noun.prepare(change, row, parts, person)
    if pk is None or _columns(row) != before:
        change.save(row)
    for part_model, wanted in parts.items():
        if part_model is ToolScope:
            _sync_scopes(change, row, wanted)
        else:
            change.sync_parts(row, part_model, [_cleaned(part_model, w) for w in wanted])
    return row


def _locked(change: Change, model: type[GovernedModel], pk: int, beside: list[int]) -> Any:
    """Lock a row together with others of its noun, in the order of their keys; return the row."""
    found = change.lock(model, *{pk, *beside})
    return next(row for row in (found if isinstance(found, list) else [found]) if row.pk == pk)


def refuse_sealed(row: GovernedModel) -> None:
    """Raise `Conflict` for a sealed row, naming the way on."""
    if row.sealed_by and getattr(row, row.sealed_by) is not None:
        noun = row._meta.verbose_name
        raise Conflict(
            Reason("SEALED", f"This {noun} is sealed and never changes. Make a new one from it.")
        )


def _parts_of(row: GovernedModel, model: type[GovernedModel]) -> list[dict]:
    return list(model._base_manager.filter(**{model.part_of: row}).values())


def _not_theirs(
    person: Person,
    model: type[models.Model],
    values: Mapping[str, Any],
    there: list[Mapping[str, Any]],
) -> list[Reason]:
    """Return a reason for each row named in `values` that `person` may not see.

    What is named `there` already may stay: somebody else chose it.
    """
    reasons = []
    for name, value in values.items():
        field = model._meta.get_field(name)
        if not field.many_to_one or value is None:
            continue
        key = getattr(value, "pk", value)
        if any(columns[field.attname] == key for columns in there):
            continue
        related = field.related_model
        if not related.objects.visible_to(person).filter(pk=key).exists():
            sentence = f"There is no such {related._meta.verbose_name}, or it is not yours to name."
            reasons.append(Reason("NOT_FOUND", sentence, name))
    return reasons


def _newly_named(
    person: Person,
    model: type[models.Model],
    values: Mapping[str, Any],
    before: list[Mapping[str, Any]],
    parts: Parts,
    row: GovernedModel | None,
) -> list[Named]:
    """Return what is named now, was not before, and is deprecated or retired."""
    named = _names_of(model, values, before)
    for part_model, wanted in parts.items():
        there = _parts_of(row, part_model) if row else []
        for each in wanted:
            named += _names_of(part_model, each, there)
    return lifecycle.out_of_use(rows_named(named), person)


def _names_of(model, values, there) -> list[tuple[str, type[models.Model], Any]]:
    found = []
    for name, value in values.items():
        field = model._meta.get_field(name)
        if not field.many_to_one or value is None:
            continue
        key, noun = getattr(value, "pk", value), field.related_model
        if lifecycle.has_standing(noun) and not any(
            columns[field.attname] == key for columns in there
        ):
            found.append((name, noun, key))
    return found


def rows_named(
    named: Iterable[tuple[str, type[models.Model], Any]],
) -> list[tuple[str, models.Model]]:
    """Return (field, row) for each (field, noun, key), with one query for each noun."""
    named = list(named)
    keys: dict[type[models.Model], set] = {}
    for _, noun, key in named:
        keys.setdefault(noun, set()).add(key)
    rows = {}
    for noun, pks in keys.items():
        whole = lifecycle.PARENTS.get(noun, ("",))[0]
        found = noun._base_manager.select_related(*([whole] if whole else []))
        rows |= {(noun, row.pk): row for row in found.filter(pk__in=pks)}
    return [(name, rows[noun, key]) for name, noun, key in named if (noun, key) in rows]


# Values


def _columns(row: models.Model) -> dict[str, Any]:
    return {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}


def _assign(row: models.Model, values: Mapping[str, Any]) -> None:
    for name, value in values.items():
        field = row._meta.get_field(name)
        if not field.editable:
            raise ValueError(f"{name} is not set by hand.")
        setattr(row, *_column(field, value))


def _column(field: models.Field, value: Any) -> tuple[str, Any]:
    """Return the attribute to set and the value as the field holds it."""
    if field.many_to_one:
        return (field.attname, value) if not hasattr(value, "pk") else (field.name, value)
    try:
        return field.attname, field.to_python(value)
    except ValidationError:
        return field.attname, value  # reported with the rest when the row is validated


def _cleaned(model: type[models.Model], values: Mapping[str, Any]) -> dict:
    return dict(_column(model._meta.get_field(name), value) for name, value in values.items())


def _document_problems(row: models.Model, noun: "Noun") -> list[Reason]:
    judged = [(name, rules.list_problem) for name in noun.lists]
    judged += [(name, rules.object_problem) for name in noun.objects]
    return [
        Reason("NOT_VALID", problem, name)
        for name, judge in judged
        if (problem := judge(getattr(row, name)))
    ]


def _set_once_problems(row: models.Model, noun: "Noun", before: Mapping[str, Any]) -> list:
    fields = [row._meta.get_field(name) for name in noun.set_once]
    return rules.set_once_problems(
        {field.name: before[field.attname] for field in fields},
        {field.name: getattr(row, field.attname) for field in fields},
        {field.name: str(field.verbose_name) for field in fields},
    )


def _sync_scopes(change: Change, tool: Tool, wanted: list[dict]) -> None:
    """Amend scopes by name: grants point at them, so a new description makes no new row."""
    by_name = {values["name"]: values for values in wanted}
    if len(by_name) != len(wanted):
        raise Refused(Reason("NOT_VALID", "Two scopes have the same name.", "name"))
    for scope in ToolScope._base_manager.filter(tool=tool).order_by("pk"):
        values = by_name.pop(scope.name, None)
        if values is None:
            if ToolGrant._base_manager.filter(scope=scope).exists():
                raise Refused(
                    Reason("IN_USE", f"Releases use the scope {scope.name}; it stays.", "name")
                )
            change.remove(scope)
        elif any(getattr(scope, name) != value for name, value in values.items()):
            scope = change.lock(ToolScope, scope.pk)
            _assign(scope, values)
            change.save(scope)
    for values in by_name.values():
        change.save(ToolScope(tool=tool, **values))


# What is special about a noun


def _nothing_more(change: Change, row: Any, parts: Parts, person: Person) -> None:
    """Most nouns need nothing but what they were given."""


def _nothing_beside(pk: int, values: Mapping[str, Any]) -> list[int]:
    """Most nouns are judged alone."""
    return []


def _drafts_below(pk: int, values: Mapping[str, Any]) -> list[int]:
    """Return the keys of the drafts that a version would come from.

    They are locked with it: of two who make each other's version their base, one waits and is
    then refused.
    """
    versions = ModelVersion._base_manager
    if "base_version" in values:
        base = getattr(values["base_version"], "pk", values["base_version"])
    else:
        base = versions.values_list("base_version_id", flat=True).filter(pk=pk).first()
    return [draft.pk for draft in _drafts_from(base)]


def _drafts_from(pk: int | None) -> list[ModelVersion]:
    """Return the drafts from a version on, over base versions; what is sealed has sealed bases."""
    found: dict[int, ModelVersion] = {}
    while pk is not None and pk not in found:
        draft = ModelVersion._base_manager.filter(pk=pk, sealed_at=None).first()
        if draft is None:
            break
        found[pk] = draft
        pk = draft.base_version_id
    return list(found.values())


def _prepare_version(change: Change, version: ModelVersion, parts: Parts, person: Person):
    if version._state.adding:
        # Nothing comes from a version that is not saved yet.
        version.created_by = person
    elif reasons := rules.circle_reasons(lineage_circle(version, person)):
        raise Refused(reasons)
    elif not all(change.holds(draft) for draft in _drafts_from(version.base_version_id)):
        # The way grew after it was locked; what stands at its new end may change meanwhile.
        sentence = "Somebody changed a base version of this one meanwhile. Save again."
        raise Conflict(Reason("CHANGED", sentence, "base_version"))


def lineage_circle(version: ModelVersion, reader: Person | None = None) -> list[str]:
    """Return the path by which the lineage of a version comes back to it, or nothing.

    Versions are read anew: the one that was handed in may know an older base. Those that `reader`
    may not see are not named.
    """
    start = here = str(version)
    base_of: dict[str, str] = {}
    keys = {start: version.pk}
    base_pk = version.base_version_id
    while base_pk is not None and here not in base_of:
        base = ModelVersion._base_manager.select_related("model").get(pk=base_pk)
        base_of[here] = here = start if base.pk == version.pk else str(base)
        keys[here] = base.pk
        base_pk = base.base_version_id
    path = rules.circle(start, base_of)
    if not path or reader is None:
        return path
    seen = ModelVersion.objects.visible_to(reader).filter(pk__in=keys.values())
    known = {version.pk, *seen.values_list("pk", flat=True)}
    return [name if keys[name] in known else "one you may not see" for name in path]


def _prepare_endpoint(
    change: Change, endpoint: ServingEndpoint, parts: Parts, person: Person
) -> None:
    """Take the digest over the columns and the regions as they will be."""
    if (wanted := parts.get(EndpointRegion)) is not None:
        pairs = [(str(each["purpose"]), each["region"]) for each in wanted]
        keys = [getattr(region, "pk", region) for _, region in pairs]
        found = Region.objects.in_bulk([key for key in keys if key is not None])
        # A line without a region is refused when it is saved.
        regions = [
            (purpose, found[key])
            for (purpose, _), key in zip(pairs, keys, strict=True)
            if key in found
        ]
    else:
        links = endpoint.region_links.select_related("region") if endpoint.pk else ()
        regions = [(link.purpose, link.region) for link in links]
    if any(getattr(endpoint, f"{name}_id") is None for name in ("version", "host", "team")):
        endpoint.content = endpoint.digest = "-"  # validation asks for what is missing
        return
    content = canonical(documents.endpoint(endpoint, regions))
    endpoint.content, endpoint.digest = content.decode(), digest(content)


def _prepare_release(change: Change, release: Release, parts: Parts, person: Person) -> None:
    if release._state.adding:
        release.created_by = person
        if release.use_case_id:
            release.number = next_number(change, UseCase, release.use_case_id, "releases")


def next_number(change: Change, parent: type[GovernedModel], pk: int, children: str) -> int:
    """Lock the parent row and return the number after the last of its `children`."""
    row = change.lock(parent, pk)
    last = getattr(row, children).aggregate(last=models.Max("number"))["last"]
    return (last or 0) + 1


@dataclass(frozen=True)
class Noun:
    """What saving a noun asks for beyond its fields.

    `set_once` fields keep their first value; `lists` and `objects` are documents of that shape;
    `prepare` fills in what nobody types and judges what a field alone cannot; `beside` are the
    keys of the rows of the same noun that are locked for that.
    """

    set_once: tuple[str, ...] = ("slug",)
    lists: tuple[str, ...] = ()
    objects: tuple[str, ...] = ()
    prepare: Callable[[Change, Any, Parts, Person], None] = _nothing_more
    beside: Callable[[int, Mapping[str, Any]], list[int]] = _nothing_beside


NOUNS: dict[type[GovernedModel], Noun] = {
    Team: Noun(),
    Region: Noun(lists=("jurisdictions",)),
    Provider: Noun(),
    # Approvals were given under the stage gate: a stricter one is a new environment.
    Environment: Noun(set_once=("slug", "stage")),
    # Its tokens are bound to the environment with it.
    Router: Noun(set_once=("slug", "environment")),
    UseCase: Noun(),
    RegisteredModel: Noun(),
    ModelVersion: Noun(
        set_once=("model", "version"),
        lists=("input_modalities", "output_modalities", "capabilities"),
        prepare=_prepare_version,
        beside=_drafts_below,
    ),
    ServingEndpoint: Noun(prepare=_prepare_endpoint),
    Dataset: Noun(),
    DatasetVersion: Noun(set_once=("dataset", "version", "digest")),
    # Its versions were digested with the kind.
    PromptTemplate: Noun(set_once=("slug", "kind")),
    # What a pack binds is judged by its layer and jurisdiction: another is another pack.
    PolicyPack: Noun(set_once=("slug", "layer", "jurisdiction")),
    Tool: Noun(),
    EvaluationSuite: Noun(),
    Release: Noun(set_once=("use_case",), objects=("parameters",), prepare=_prepare_release),
}
