"""The way on from a sealed row: a new draft that begins as its copy."""

import audit
from registry import rights
from registry.models import (
    ModelVersion,
    Objective,
    Release,
    ReleasePrompt,
    ToolGrant,
    UseCase,
    VersionDataset,
)
from registry.transitions.rows import next_number

#: What a new version takes over from the one it is made from.
VERSION_FIELDS = (
    "model",
    "identifier",
    "maker",
    "context_window",
    "output_limit",
    "input_modalities",
    "output_modalities",
    "capabilities",
    "licence",
    "base_version",
    "fine_tuning",
    "weights_digest",
    "retires_on",
    "no_retirement_announced",
    "card",
)
RELEASE_FIELDS = ("use_case", "model_version", "parameters", "on_call_team", "runbook", "notes")
RELEASE_PARTS = (
    (ReleasePrompt, ("prompt_version",)),
    (ToolGrant, ("scope", "authorization")),
    (Objective, ("metric", "objective", "window")),
)


def new_version_from(pk: int, *, version: str, actor, reason: str) -> ModelVersion:
    """Return a draft named `version` with all that version `pk` says, its datasets included."""
    with audit.change(actor=actor, reason=reason) as change:
        person = rights.acting(change, actor)
        source = change.lock(ModelVersion, pk)
        rights.demand(person, "save", source)
        copied = {name: getattr(source, name) for name in VERSION_FIELDS}
        draft = change.save(
            ModelVersion(**copied, version=version, created_by=person),
            facts={"from": source.key},
        )
        _copy_parts(change, source, draft, VersionDataset, ("dataset_version", "role"))
    return draft


def new_release_from(pk: int, *, actor, reason: str) -> Release:
    """Return a draft with all that release `pk` is made of, numbered next in its use case."""
    use_case_pk = Release._base_manager.values_list("use_case_id", flat=True).get(pk=pk)
    with audit.change(actor=actor, reason=reason) as change:
        person = rights.acting(change, actor)
        number = next_number(change, UseCase, use_case_pk, "releases")
        source = change.lock(Release, pk)
        rights.demand(person, "save", source)
        copied = {name: getattr(source, name) for name in RELEASE_FIELDS}
        draft = change.save(
            Release(**copied, number=number, derived_from=source, created_by=person),
            facts={"from": source.key},
        )
        for model, fields in RELEASE_PARTS:
            _copy_parts(change, source, draft, model, fields)
    return draft


def _copy_parts(change, source, draft, model, fields) -> None:
    for part in model._base_manager.filter(**{model.part_of: source}).order_by("pk"):
        values = {name: getattr(part, name) for name in fields}
        change.save(model(**{model.part_of: draft}, **values))
