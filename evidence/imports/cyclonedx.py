"""CycloneDX bills of materials with machine-learning components, 1.5 to 1.7. Pure."""

import hashlib
import re
from collections.abc import Iterator, Mapping
from typing import Any

from evidence.imports.reading import MEBIBYTE, json_of, refuse_too_many, unreadable
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
from evidence.intervals import Interval, problems
from evidence.rules import parse_score

LARGEST = 8 * MEBIBYTE
SPEC_VERSIONS = ("1.5", "1.6", "1.7")
MODEL = "machine-learning-model"
LONGEST_NAME = 100
HEX = re.compile(r"[0-9a-f]{64}")

#: The part of a model card that becomes text, with the words above it.
CONSIDERATIONS = {
    "users": "Users",
    "useCases": "Use cases",
    "technicalLimitations": "Technical limitations",
    "performanceTradeoffs": "Performance trade-offs",
    "ethicalConsiderations": "Ethical considerations",
    "fairnessAssessments": "Fairness assessments",
    "environmentalConsiderations": "Environmental considerations",
}


def read(data: bytes, *, name: str, version: str = "1") -> Said:
    """Return the models that a bill of materials lists, with supplier, datasets and metrics.

    `version` names those of which the file names none. Raises `NotUnderstood`, with line and
    column for what is not JSON.
    """
    bom = json_of(data, name=name, limit=LARGEST)
    if bom.get("bomFormat") != "CycloneDX" or bom.get("specVersion") not in SPEC_VERSIONS:
        raise unreadable(
            f"“{name}” is not a CycloneDX file of version {', '.join(SPEC_VERSIONS)}. "
            "Its bomFormat and specVersion say otherwise."
        )
    top = mapping(mapping(bom.get("metadata")).get("component"))
    components = [c for c in _components([top, *mappings(bom.get("components", []))]) if c]
    by_ref = {ref: c for c in components for ref in texts(c.get("bom-ref"))}
    warnings: list[str] = []
    versions: dict[str, list[Version]] = {}
    for component in components:
        if component.get("type") != MODEL:
            continue
        if not (called := _text(component, "name")):
            warnings.append("A model without a name is left out.")
            continue
        versions.setdefault(called, []).append(_version(component, by_ref, version, warnings))
    if not versions:
        warnings.append("The file lists no machine-learning model.")
    refuse_too_many((run for each in versions.values() for v in each for run in v.runs), name)
    details = _details(bom)
    sha256 = hashlib.sha256(data).hexdigest()
    return Said(
        kind="CycloneDX file",
        source=f"{name} (sha256:{sha256})",
        models=tuple(
            Model(name=called, versions=tuple(found), details=details)
            for called, found in versions.items()
        ),
        warnings=tuple(warnings),
    )


def _components(listed: list[dict]) -> Iterator[dict]:
    """Yield components and those within them."""
    waiting = list(reversed(listed))
    while waiting:
        component = waiting.pop()
        yield component
        waiting += reversed(mappings(component.get("components", [])))


def _version(
    component: Mapping, by_ref: Mapping[str, dict], version: str, warnings: list[str]
) -> Version:
    name, group = _text(component, "name"), _text(component, "group")
    card = mapping(component.get("modelCard"))
    parameters = mapping(card.get("modelParameters"))
    identifier = _identifier(component) or "/".join(filter(None, (group, name)))
    makers = [
        _text(mapping(component.get("supplier")), "name"),
        _text(mapping(component.get("manufacturer")), "name"),
        _text(component, "publisher"),
        group,
    ]
    told = {
        key: parameters[key]
        for key in ("approach", "task", "architectureFamily", "modelArchitecture")
        if key in parameters
    }
    references = mappings(component.get("externalReferences", []))
    return Version(
        name=slug_of(_text(component, "version") or version),
        identifier=identifier[:200],
        makers=tuple(dict.fromkeys(filter(None, makers))),
        licence=_licence(component, warnings),
        card=_card(component, mapping(card.get("considerations"))),
        weights_digest=_sha256(component),
        bases=_bases(component),
        relation=_ours(component, "fine-tuning"),
        data=_datasets(parameters, by_ref, warnings),
        runs=_runs(name, parameters, card, warnings),
        details=kept({**told, "externalReferences": references}),
    )


def _identifier(component: Mapping) -> str:
    return _text(component, "purl") or _ours(component, "identifier")


def _ours(component: Mapping, name: str) -> str:
    """Return what a property says of a model that we exported."""
    for found in mappings(component.get("properties", [])):
        if found.get("name") == f"gatehouse:model:{name}":
            return _text(found, "value")
    return ""


def _bases(component: Mapping) -> tuple[Base, ...]:
    """Return the models that a model descends from."""
    pedigree = mapping(component.get("pedigree"))
    found = [one for one in mappings(pedigree.get("ancestors", [])) if one.get("type") == MODEL]
    return tuple(
        Base(
            name=_text(one, "name"),
            version=_text(one, "version"),
            identifier=_identifier(one),
            weights_digest=_sha256(one),
        )
        for one in found
        if _text(one, "name")
    )


def _details(bom: Mapping) -> dict:
    workflows = [
        workflow
        for formula in mappings(bom.get("formulation", []))
        for workflow in mappings(formula.get("workflows", []))
    ]
    return {
        "serialNumber": _text(bom, "serialNumber"),
        "specVersion": _text(bom, "specVersion"),
        "dependencies": len(mappings(bom.get("dependencies", []))),
        "workflows": [len(mappings(each.get("tasks", []))) for each in workflows],
    }


def _licence(component: Mapping, warnings: list[str]) -> str:
    names = []
    for entry in mappings(component.get("licenses", [])):
        licence = mapping(entry.get("license"))
        names += [_text(entry, "expression") or _text(licence, "id") or _text(licence, "name")]
    licence = ", ".join(filter(None, names))
    if len(licence) > LONGEST_NAME:
        warnings.append(f"The licence “{licence[:40]}…” is longer than {LONGEST_NAME} characters.")
        return ""
    return licence


def _sha256(component: Mapping) -> str:
    for found in mappings(component.get("hashes", [])):
        content = _text(found, "content").lower()
        if found.get("alg") == "SHA-256" and HEX.fullmatch(content):
            return f"sha256:{content}"
    return ""


def _datasets(
    parameters: Mapping, by_ref: Mapping[str, dict], warnings: list[str]
) -> tuple[Data, ...]:
    """Return the datasets, each a reference to a `data` component or written out in place."""
    found = []
    for entry in mappings(parameters.get("datasets", [])):
        ref = _text(entry, "ref")
        component = by_ref.get(ref, {}) if ref else {}
        if ref and not component:
            warnings.append(f"The dataset {ref} is named and not in the file.")
            continue
        inner = (mappings(component.get("data", [])) or [{}])[0] if ref else entry
        name = _text(component, "name") or _text(inner, "name")
        if not name:
            warnings.append("A dataset without a name is left out.")
            continue
        found.append(
            Data(
                name=name,
                version=_text(component, "version")[:60],
                digest=_sha256(component),
                source=_text(mapping(inner.get("contents")), "url"),
                classification=_text(inner, "classification"),
                note="The file does not say for what; it is listed as training data.",
            )
        )
    return tuple(found)


def _runs(name: str, parameters: Mapping, card: Mapping, warnings: list[str]) -> tuple[Run, ...]:
    suite = (_text(parameters, "task") or name)[:LONGEST_NAME]
    scores, told = {}, []
    analysis = mapping(card.get("quantitativeAnalysis"))
    for metric in mappings(analysis.get("performanceMetrics", [])):
        kind, text = _text(metric, "type")[:LONGEST_NAME], _text(metric, "value")
        unit = "%" if text.endswith("%") else ""
        text = text.removesuffix("%").strip()
        subset = _text(metric, "slice")[:LONGEST_NAME]
        if not kind or parse_score(text) is None or (kind, subset) in scores:
            warnings.append(f"{name}: “{kind or 'a metric'}” has no number of its own.")
            continue
        interval = mapping(metric.get("confidenceInterval"))
        low, high = (
            _text(interval, bound).removesuffix("%").strip()
            for bound in ("lowerBound", "upperBound")
        )
        if problems(kind, Interval(low, high), ""):
            warnings.append(f"{name}: the interval of “{kind}” is no two numbers; it is left out.")
            low = high = ""
        scores[kind, subset] = Score(kind, text, subset=subset, unit=unit, low=low, high=high)
        told += [{"type": kind, "slice": subset, "interval": interval}]
    if not scores:
        return ()
    config = kept({"metrics": told})
    return (Run(suite, f"Model card of {name}"[:200], tuple(scores.values()), config),)


def _card(component: Mapping, considerations: Mapping) -> str:
    """Return what a model card considers, as Markdown."""
    parts = [_text(component, "description")]
    for key, heading in CONSIDERATIONS.items():
        if lines := list(_lines(considerations.get(key))):
            parts.append("\n".join([f"## {heading}", "", *lines]))
    return "\n\n".join(filter(None, parts))


def _lines(value: Any, depth: int = 0, label: str = "") -> Iterator[str]:
    """Yield a value as nested list items; the reader bounded how deep it is."""
    indent = "    " * depth
    start = f"{indent}- {f'**{label}:** ' if label else ''}"
    if isinstance(value, list):
        for item in value:
            yield from _lines(item, depth, label)
    elif isinstance(value, dict):
        if label:
            yield start.rstrip()
        for key, item in value.items():
            yield from _lines(item, depth + bool(label), str(key))
    elif value not in (None, ""):
        yield f"{start}{' '.join(str(kept(value)).split())}"


def _text(row: Mapping, key: str) -> str:
    value = row.get(key)
    return "" if isinstance(value, bool) else (texts(value) or [""])[0]
