"""What an MLflow registry answers: registered models, versions, aliases, tags and runs. Pure.

Tags, metrics and aliases are lists of key and value, keys without content are left out, versions
are texts and times are milliseconds.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from evidence.imports.said import (
    Base,
    Model,
    Run,
    Said,
    Score,
    Version,
    kept,
    mapping,
    mappings,
    slug_of,
    texts,
)
from evidence.rules import parse_score

#: Figures of a run that say how much was measured, and not how well.
NOT_SCORES = ("example_count",)
LONGEST_NAME = 100


def pairs(listed: Any, key: str = "key") -> dict[str, str]:
    """Return a list of key and value (aliases: alias and version) as a dict."""
    name = "version" if key == "alias" else "value"
    return {
        found[0]: (texts(item.get(name)) or [""])[0]
        for item in mappings(listed)
        if (found := texts(item.get(key)))
    }


def read_run(run: Mapping, warnings: list[str]) -> Run | None:
    """Return one run with its figures, or None for one that did not finish or measured nothing.

    An answer holds the last value of each metric, and says no unit.
    """
    info, data = mapping(run.get("info")), mapping(run.get("data"))
    name = _text(info, "run_name") or _text(info, "run_id")
    if _text(info, "status") != "FINISHED":
        status = _text(info, "status") or "unknown"
        warnings.append(f"The run {name} has the status {status}; its figures are left out.")
        return None
    scores = {}
    for metric in mappings(data.get("metrics")):
        key, text = _text(metric, "key"), _text(metric, "value")
        if key in NOT_SCORES:
            continue
        if not key or len(key) > LONGEST_NAME or parse_score(text) is None:
            warnings.append(f"The run {name} has a figure {key[:60]} that is no number.")
            continue
        scores[key] = Score(key, text)
    if not scores:
        return None
    datasets = [
        mapping(item.get("dataset"))
        for item in mappings(mapping(run.get("inputs")).get("dataset_inputs"))
    ]
    config = {
        "run": {"id": _text(info, "run_id"), "name": name},
        "params": pairs(data.get("params")),
        "datasets": [
            {"name": _text(dataset, "name"), "digest": _text(dataset, "digest")}
            for dataset in datasets
        ],
    }
    return Run(
        suite=name[:LONGEST_NAME],
        source=f"MLflow run {name}"[:200],
        scores=tuple(scores.values()),
        config=kept(config),
        ran_at=_instant(info.get("end_time") or info.get("start_time")),
    )


def read(
    models: Iterable[Mapping],
    versions: Iterable[Mapping],
    runs: Iterable[Mapping] = (),
    *,
    source: str,
    warnings: Iterable[str] = (),
) -> Said:
    """Return what the answers say; `versions` are those of all models, `runs` those they name."""
    told, notes = list(warnings), []
    found: dict[str, Run | None] = {}
    for run in runs:
        found[_text(mapping(run.get("info")), "run_id")] = read_run(run, notes)
    of_model: dict[str, list[Mapping]] = {}
    for version in versions:
        of_model.setdefault(_text(version, "name"), []).append(version)
    listed = {name: model for model in models if (name := _text(model, "name"))}
    told += [
        f"Versions of {name or 'a model without a name'} have no model beside them."
        for name in sorted(of_model.keys() - listed.keys())
    ]
    said = [_model(model, of_model.get(name, []), found) for name, model in listed.items()]
    return Said("MLflow registry", source, tuple(said), tuple(dict.fromkeys([*told, *notes])))


def _model(model: Mapping, versions: list[Mapping], runs: Mapping[str, Run | None]) -> Model:
    tags, aliases = pairs(model.get("tags")), pairs(model.get("aliases"), "alias")
    tags_of = {_text(each, "version"): pairs(each.get("tags")) for each in versions}
    return Model(
        name=_text(model, "name"),
        description=_description(_text(model, "description"), tags, aliases, tags_of),
        versions=tuple(_version(each, runs) for each in versions if _text(each, "version")),
        details={"aliases": aliases, "tags": tags},
    )


def _description(text: str, tags: dict, aliases: dict, tags_of: dict[str, dict]) -> str:
    """Return the description with what moves at the source: aliases, and tags of versions too.

    They stand with the model, because its versions are sealed one day and aliases move on.
    """
    lines = [text] if text else []
    if aliases:
        told = ", ".join(f"{alias} → {version}" for alias, version in sorted(aliases.items()))
        lines.append(f"MLflow aliases: {told}.")
    if tags:
        lines.append(f"MLflow tags: {_tags(tags)}.")
    for version, its in sorted(tags_of.items()):
        if its:
            lines.append(f"MLflow tags of version {version}: {_tags(its)}.")
    return "\n".join(lines)


def _tags(tags: dict[str, str]) -> str:
    return ", ".join(f"{key} {value}".strip() for key, value in sorted(tags.items()))


def _version(version: Mapping, runs: Mapping[str, Run | None]) -> Version:
    name, number = _text(version, "name"), _text(version, "version")
    tags, run = pairs(version.get("tags")), runs.get(_text(version, "run_id"))
    lines = [_text(version, "description"), ""]
    for label, key in (("Kept at", "source"), ("Made by the run", "run_id")):
        if value := _text(version, key):
            lines.append(f"- {label} `{value.replace('`', '')}`")
    return Version(
        name=slug_of(number),
        identifier=f"models:/{name}/{number}"[:200],
        card="\n".join(lines).strip(),
        bases=tuple(map(Base, texts(tags.get("base_model", "")))),
        runs=(run,) if run else (),
        details={"tags": tags, "status": _text(version, "status")},
    )


def _text(row: Mapping, key: str) -> str:
    value = row.get(key)
    return "" if isinstance(value, bool) else (texts(value) or [""])[0]


def _instant(milliseconds: Any) -> datetime | None:
    if isinstance(milliseconds, bool) or not isinstance(milliseconds, int):
        return None
    try:
        return datetime.fromtimestamp(milliseconds / 1000, UTC)
    except (OverflowError, OSError, ValueError):
        return None
