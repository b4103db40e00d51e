"""Model cards as model hubs have them: YAML settings with a `model-index`, then Markdown. Pure."""

import hashlib
from typing import Any

from evidence.imports import front_matter
from evidence.imports.reading import MEBIBYTE, refuse_too_many, text_of, unreadable
from evidence.imports.said import (
    Base,
    Data,
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

LARGEST = MEBIBYTE
#: What a version's card may hold.
LONGEST_CARD = 500_000
LONGEST_NAME = 100

#: How cards name the way from the base model, in our words.
RELATIONS = {
    "adapter": "adapter",
    "finetune": "full",
    "quantized": "quantised",
    "merge": "merged",
}
#: Settings that say something for the plan, and for no column of ours.
DETAILS = (
    "pipeline_tag",
    "library_name",
    "language",
    "tags",
    "license_link",
    "co2_eq_emissions",
    "extra_gated_fields",
    "base_model_relation",
)


def read(data: bytes, *, name: str, version: str = "1", model: str = "") -> Said:
    """Return what a card says of one version of a model.

    A card names neither its version nor always its model: the importing person does. Raises
    `NotUnderstood` with the line for what cannot be read.
    """
    text = text_of(data, name=name, limit=LARGEST).replace("\r\n", "\n")
    if len(text) > LONGEST_CARD:
        raise unreadable(
            f"“{name}” is longer than {LONGEST_CARD:,} characters, the most that a card has.",
            "TOO_LARGE",
        )
    block, _ = front_matter.split(text, name)
    settings = front_matter.parsed(block, name)
    warnings: list[str] = []
    if not block:
        warnings.append("The card has no settings at its head; only its text is taken.")
    index = mappings(settings.get("model-index"))
    if len(index) > 1:
        warnings.append(f"The card lists {len(index)} models; the first is taken.")
    results = mappings(mapping(index[0] if index else None).get("results"))
    named = (texts(mapping(index[0] if index else None).get("name")) or [""])[0]
    runs = _runs(results, name, warnings)
    refuse_too_many(runs, name)
    relation = RELATIONS.get(str(settings.get("base_model_relation", "")), "")
    tuned = relation in ("adapter", "full")
    said = Version(
        name=slug_of(version),
        identifier=named,
        licence=_licence(settings, warnings),
        card=text,
        bases=tuple(map(Base, texts(settings.get("base_model")))),
        relation=relation,
        data=tuple(
            Data(item, role="fine_tuning" if tuned else "training")
            for item in dict.fromkeys(texts(settings.get("datasets")))
        ),
        runs=runs,
        details=kept({key: settings[key] for key in DETAILS if key in settings}),
    )
    called = model or named or name.rpartition("/")[2].rpartition(".")[0] or "model"
    sha256 = hashlib.sha256(data).hexdigest()
    return Said(
        kind="model card",
        source=f"{name} (sha256:{sha256})",
        models=(Model(name=called, versions=(said,)),),
        warnings=tuple(warnings),
    )


def _licence(settings: dict, warnings: list[str]) -> str:
    names = texts(settings.get("license"))
    if names == ["other"]:
        names = texts(settings.get("license_name")) or names
    licence = ", ".join(names)
    if len(licence) > LONGEST_NAME:
        warnings.append(f"The licence “{licence[:40]}…” is longer than {LONGEST_NAME} characters.")
        return ""
    return licence


def _runs(results: list[dict], name: str, warnings: list[str]) -> tuple[Run, ...]:
    """Return a run per suite, source and settings; several results of one suite are one run."""
    figures: dict[tuple, dict[tuple[str, str, str], Score]] = {}
    configs: dict[tuple, dict] = {}
    for result in results:
        task, dataset = mapping(result.get("task")), mapping(result.get("dataset"))
        suite = _first(dataset.get("name"), dataset.get("type"), task.get("name"), task.get("type"))
        if not suite:
            warnings.append("A result names neither a dataset nor a task and is left out.")
            continue
        source = mapping(result.get("source"))
        subset = "/".join(texts(dataset.get("config")) + texts(dataset.get("split")))
        config = kept(
            {
                "task": task,
                "dataset": {k: v for k, v in dataset.items() if k not in ("config", "split")},
                "source": source,
            }
        )
        key = (suite, repr(config))
        config = configs.setdefault(key, config)
        scores = figures.setdefault(key, {})
        for metric in mappings(result.get("metrics")):
            _add(scores, metric, subset, suite, warnings)
            told = {name: metric[name] for name in ("type", "name", "verified") if name in metric}
            config.setdefault("metrics", []).append(kept(told))
    return tuple(
        Run(
            suite=key[0],
            source=(_first(configs[key]["source"].get("name")) or f"Model card {name}")[:200],
            scores=tuple(scores.values()),
            config=configs[key],
        )
        for key, scores in figures.items()
        if scores
    )


def _add(scores: dict, metric: dict, subset: str, suite: str, warnings: list[str]) -> None:
    """Add one figure; two of one type are told apart by `config`, else by name."""
    kind = _first(metric.get("type"), metric.get("name"))
    text = _figure(metric.get("value"))
    unit = ""
    if text.endswith("%"):
        text, unit = text[:-1].strip(), "%"
    if not kind or parse_score(text) is None:
        warnings.append(f"{suite}: “{kind or 'a metric'}” has no number and is left out.")
        return
    config = _first(metric.get("config"), metric.get("args"))
    score = Score(kind, text, filter=config, subset=subset[:LONGEST_NAME], unit=unit)
    if (kind, config, score.subset) in scores:
        if scores[kind, config, score.subset] == score:
            return
        config = _first(metric.get("name"))
        if not config or (kind, config, score.subset) in scores:
            warnings.append(f"{suite}: a second {kind} of {text} cannot be told from the first.")
            return
        score = Score(kind, text, filter=config, subset=score.subset, unit=unit)
    scores[kind, config, score.subset] = score


def _figure(value: Any) -> str:
    return "" if isinstance(value, bool) or value is None else (texts(value) or [""])[0]


def _first(*values: Any) -> str:
    """Return the first that says anything, cut to what a name may have."""
    found = next((text for value in values for text in texts(value)), "")
    return " ".join(found.split())[:LONGEST_NAME].strip()
