"""A CycloneDX 1.6 bill of materials of a model version or a release. Pure.

Written out here and not with a library: none that is maintained has classes for a model card. Its
bytes follow from what is told alone, its serial number from its bytes.
"""

import json
import uuid
from collections.abc import Iterable, Mapping
from typing import Any

from audit.rules import canonical
from evidence.exports.gathering import Told, regions_of
from evidence.exports.words import address, instant, score_said, spdx
from registry.models import ModelVersion, ServingEndpoint

MEDIA_TYPE = "application/vnd.cyclonedx+json"
CONTENT_TYPE = f"{MEDIA_TYPE}; version=1.6"
#: Before the name of every property that no standard has; each is listed in docs/exports.md.
NAMESPACE = "gatehouse"
#: What serial numbers are derived in.
SERIALS = uuid.uuid5(uuid.NAMESPACE_URL, "urn:gatehouse:cyclonedx")


def bom(told: Told) -> dict[str, Any]:
    """Return the bill of materials as a document, without its serial number."""
    components = [_dataset(link, told.datasets) for link in _once(told.datasets)]
    components += [_prompt(prompt) for prompt in told.prompts]
    model = _model(told) if told.version else None
    subject = model
    if told.release is not None:
        components[:0] = [model] if model else []
        subject = _release(told)
    services = [_service(endpoint) for endpoint in told.endpoints]
    document = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "timestamp": instant(told.at),
            "tools": {"components": [{"type": "application", "name": "Gatehouse"}]},
            "component": subject,
            "properties": properties(
                ("hidden", f"{number} {noun}") for noun, number in sorted(told.hidden.items())
            ),
        },
        "components": components,
        "services": services,
        "dependencies": _dependencies(told, model),
    }
    return _without_nothing(document)


def written(document: Mapping[str, Any]) -> bytes:
    """Return the bytes of a bill of materials, with the serial number that follows from them."""
    serial = uuid.uuid5(SERIALS, canonical(document).decode())
    head = {name: document[name] for name in ("$schema", "bomFormat", "specVersion")}
    whole = {**head, "serialNumber": f"urn:uuid:{serial}", **document}
    return (json.dumps(whole, indent=2, ensure_ascii=False) + "\n").encode()


def properties(pairs: Iterable[tuple[str, Any]]) -> list[dict[str, str]]:
    """Return properties of our namespace for what has a value; lists once for each."""
    found = []
    for name, value in pairs:
        for one in value if isinstance(value, list | tuple) else [value]:
            if one not in (None, ""):
                text = one if isinstance(one, str) else canonical(one).decode()
                found.append({"name": f"{NAMESPACE}:{name}", "value": text})
    return found


def ref_of_release(release) -> str:
    """Return what other parts of the document call a release."""
    return f"release:{release.use_case.slug}/{release.number}"


def _ref(version: ModelVersion) -> str:
    return f"model:{version.model.slug}/{version.version}"


def _hashes(digest: str) -> list[dict[str, str]]:
    return [{"alg": "SHA-256", "content": digest.removeprefix("sha256:")}] if digest else []


def _licences(name: str) -> list[dict]:
    if not name:
        return []
    return [{"license": {"id": spdx(name)} if spdx(name) else {"name": name}}]


def _model(told: Told) -> dict[str, Any]:
    version = told.version
    return {
        "type": "machine-learning-model",
        "bom-ref": _ref(version),
        "supplier": _organisation(version.maker) if version.maker else None,
        "name": version.model.slug,
        "version": version.version,
        "description": version.model.description,
        "hashes": _hashes(version.weights_digest),
        "licenses": _licences(version.licence),
        "pedigree": _pedigree(told),
        "modelCard": _card(told),
        "properties": properties(
            [
                ("model:name", version.model.name),
                ("model:identifier", version.identifier),
                ("model:digest", version.digest),
                ("model:context-window", version.context_window),
                ("model:output-limit", version.output_limit),
                ("model:capability", version.capabilities),
                ("model:fine-tuning", version.fine_tuning),
                ("model:retires-on", version.retires_on and version.retires_on.isoformat()),
                ("model:no-retirement-announced", version.no_retirement_announced or None),
                ("model:sealed-at", version.sealed_at and instant(version.sealed_at)),
            ]
        ),
    }


def _organisation(provider) -> dict[str, Any]:
    url = address(provider.website)
    return {"name": provider.name, "url": [url] if url else []}


def _pedigree(told: Told) -> dict[str, Any] | None:
    if told.base is None:
        return None
    base = told.base
    return {
        "ancestors": [
            {
                "type": "machine-learning-model",
                "bom-ref": _ref(base),
                "name": base.model.slug,
                "version": base.version,
                "hashes": _hashes(base.weights_digest),
                "licenses": _licences(base.licence),
                "properties": properties(
                    [("model:identifier", base.identifier), ("model:digest", base.digest)]
                ),
            }
        ],
        "notes": told.version.get_fine_tuning_display() if told.version.fine_tuning else "",
    }


def _card(told: Told) -> dict[str, Any]:
    version = told.version
    intended = [use.use_case for use in told.uses if use.stance == "intended"]
    disallowed = [use.use_case for use in told.uses if use.stance == "disallowed"]
    return {
        "modelParameters": {
            "datasets": [{"ref": _ref_of_data(link)} for link in _once(told.datasets)],
            "inputs": [{"format": one} for one in version.input_modalities],
            "outputs": [{"format": one} for one in version.output_modalities],
        },
        "quantitativeAnalysis": {"performanceMetrics": [_metric(one) for one in told.scores]},
        "considerations": {
            "useCases": [_use(one) for one in intended],
            "technicalLimitations": [f"Not to be used for {_use(one)}" for one in disallowed],
        },
        "properties": properties(
            [
                ("use:intended", [one.slug for one in intended]),
                ("use:disallowed", [one.slug for one in disallowed]),
                ("score", [score_said(one) for one in told.scores]),
            ]
        ),
    }


def _use(use_case) -> str:
    purpose = " ".join(use_case.purpose.split())
    return f"{use_case.name}: {purpose}" if purpose else use_case.name


def _metric(score) -> dict[str, Any]:
    unit = "%" if score.metric.unit == "%" else ""
    version = score.metric.suite_version
    interval = {"lowerBound": score.low, "upperBound": score.high} if score.low else None
    return {
        "type": score.metric.name,
        "value": f"{score.text}{unit}",
        "slice": f"{version.suite.slug} {version.number}",
        "confidenceInterval": interval,
    }


def _once(links: Iterable) -> list:
    """Return the first link to each dataset version: one may be used in two roles."""
    return list({link.dataset_version_id: link for link in reversed(list(links))}.values())[::-1]


def _ref_of_data(link) -> str:
    data = link.dataset_version
    return f"dataset:{data.dataset.slug}/{data.version}"


def _dataset(link, links: Iterable) -> dict[str, Any]:
    data = link.dataset_version
    roles = sorted(one.role for one in links if one.dataset_version_id == data.pk)
    url = address(data.source)
    return {
        "type": "data",
        "bom-ref": _ref_of_data(link),
        "name": data.dataset.slug,
        "version": data.version,
        "description": data.dataset.description,
        "hashes": _hashes(data.digest),
        "data": [
            {
                "type": "dataset",
                "name": data.dataset.name,
                "contents": {"url": url} if url else None,
                "classification": data.classification,
            }
        ],
        "properties": properties(
            [
                ("dataset:role", roles),
                ("dataset:jurisdiction", data.jurisdiction),
                ("dataset:source", "" if url else data.source),
            ]
        ),
    }


def _prompt(prompt) -> dict[str, Any]:
    return {
        "type": "data",
        "bom-ref": f"prompt:{prompt.template.slug}/{prompt.number}",
        "name": prompt.template.slug,
        "version": str(prompt.number),
        "data": [{"type": "configuration", "name": prompt.template.name}],
        "properties": properties(
            [("prompt:kind", prompt.template.kind), ("prompt:digest", prompt.digest)]
        ),
    }


def _release(told: Told) -> dict[str, Any]:
    release = told.release
    case, team = release.use_case, release.on_call_team
    grants = [
        {"tool": one.scope.tool.slug, "scope": one.scope.name, "authorization": one.authorization}
        for one in told.grants
    ]
    objectives = [
        {"metric": one.metric, "objective": one.objective, "window": one.window}
        for one in told.objectives
    ]
    runbook = address(release.runbook)
    return {
        "type": "application",
        "bom-ref": ref_of_release(release),
        "name": case.slug,
        "version": str(release.number),
        "description": case.purpose,
        "externalReferences": [{"type": "documentation", "url": runbook, "comment": "Runbook"}]
        if runbook
        else [],
        "properties": properties(
            [
                ("release:digest", release.digest),
                ("release:sealed-at", release.sealed_at and instant(release.sealed_at)),
                ("release:model-digest", told.version.digest if told.version else ""),
                ("release:risk-tier", case.risk_tier),
                ("release:data-classification", case.data_classification),
                (
                    "release:prompt",
                    [
                        {"prompt": one.template.slug, "number": one.number, "digest": one.digest}
                        for one in told.prompts
                    ],
                ),
                ("release:tool-grant", grants),
                ("release:objective", objectives),
                ("release:parameters", release.parameters or None),
                ("release:on-call", {"team": team.slug, "contact": team.contact} if team else None),
                # Of the release itself: those of its version stand on the model's card.
                ("score", [score_said(one) for one in told.scores if one.of == "release"]),
            ]
        ),
    }


def _service(endpoint: ServingEndpoint) -> dict[str, Any]:
    url = address(endpoint.address)
    regions = regions_of(endpoint)
    return {
        "bom-ref": f"endpoint:{endpoint.slug}",
        "provider": _organisation(endpoint.host),
        "name": endpoint.slug,
        "endpoints": [url] if url else [],
        "properties": properties(
            [
                ("endpoint:digest", endpoint.digest),
                ("endpoint:deployment", "" if url else endpoint.address),
                ("endpoint:served-release-id", endpoint.served_release_id),
                (
                    "endpoint:served-release-id-exposed",
                    "yes" if endpoint.exposure == "exposed" else "no",
                ),
                ("endpoint:latency-class", endpoint.latency_class),
                ("endpoint:cost-class", endpoint.cost_class),
                *((f"endpoint:region:{purpose}", found) for purpose, found in regions.items()),
            ]
        ),
    }


def _dependencies(told: Told, model: Mapping | None) -> list[dict[str, Any]]:
    services = [f"endpoint:{one.slug}" for one in told.endpoints]
    found = []
    if told.release is not None:
        prompts = [f"prompt:{one.template.slug}/{one.number}" for one in told.prompts]
        rests = [*([model["bom-ref"]] if model else []), *prompts, *services]
        found.append({"ref": ref_of_release(told.release), "dependsOn": rests})
    if model:
        rests = [_ref_of_data(link) for link in _once(told.datasets)]
        if told.release is None:
            found += [{"ref": one, "dependsOn": [model["bom-ref"]]} for one in services]
        found.append({"ref": model["bom-ref"], "dependsOn": rests})
    return found


def _without_nothing(value: Any) -> Any:
    """Return a document without what says nothing: the schema takes no empty text for an answer."""
    if isinstance(value, Mapping):
        kept = {key: _without_nothing(one) for key, one in value.items()}
        return {key: one for key, one in kept.items() if one not in (None, "", [], {})}
    if isinstance(value, list | tuple):
        return [_without_nothing(one) for one in value]
    return value
