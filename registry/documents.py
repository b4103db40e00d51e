"""The canonical documents that sealed nouns and endpoints are digested over.

Each names its schema. A change to what one says is a new schema, and the old builder stays: what
was sealed is only ever compared in the schema it was sealed in.
"""

from collections.abc import Iterable

from registry.models import (
    ModelVersion,
    PolicyVersion,
    PromptVersion,
    Region,
    Release,
    ServingEndpoint,
)


def model_version(version: ModelVersion) -> dict:
    """Return all of the minimum metadata of a version, its base and its datasets."""
    base = version.base_version
    links = version.dataset_links.select_related("dataset_version__dataset")
    return {
        "schema": "gatehouse.model-version/1",
        "model": version.model.slug,
        "version": version.version,
        "identifier": version.identifier,
        "maker": version.maker.slug if version.maker else None,
        "context_window": version.context_window,
        "output_limit": version.output_limit,
        "input_modalities": version.input_modalities,
        "output_modalities": version.output_modalities,
        "capabilities": version.capabilities,
        "licence": version.licence,
        "base_version": base
        and {"model": base.model.slug, "version": base.version, "digest": base.digest},
        "fine_tuning": version.fine_tuning,
        "weights_digest": version.weights_digest,
        "retires_on": version.retires_on,
        "no_retirement_announced": version.no_retirement_announced,
        "card": version.card,
        "datasets": sorted(
            (
                {
                    "role": link.role,
                    "dataset": link.dataset_version.dataset.slug,
                    "version": link.dataset_version.version,
                    "digest": link.dataset_version.digest,
                    "classification": link.dataset_version.classification,
                    "jurisdiction": link.dataset_version.jurisdiction,
                }
                for link in links
            ),
            key=lambda link: (link["role"], link["dataset"], link["version"]),
        ),
    }


def prompt_version(prompt: PromptVersion) -> dict:
    """Return the text of a prompt with the names that identify it."""
    return {
        "schema": "gatehouse.prompt-version/1",
        "template": prompt.template.slug,
        "kind": prompt.template.kind,
        "number": prompt.number,
        "text": prompt.text,
        "variables": prompt.variables,
    }


def release(release: Release) -> dict:
    """Return what a release is made of.

    Use case and number are part of it: two releases of equal parts are two approvals.
    """
    version = release.model_version
    prompts = release.prompt_links.select_related("prompt_version__template")
    grants = release.tool_grants.select_related("scope__tool")
    return {
        "schema": "gatehouse.release/1",
        "use_case": release.use_case.slug,
        "number": release.number,
        "model_version": {
            "model": version.model.slug,
            "version": version.version,
            "identifier": version.identifier,
            "digest": version.digest,
        },
        "prompts": sorted(
            (
                {
                    "template": link.prompt_version.template.slug,
                    "kind": link.prompt_version.template.kind,
                    "number": link.prompt_version.number,
                    "digest": link.prompt_version.digest,
                }
                for link in prompts
            ),
            key=lambda prompt: (prompt["template"], prompt["number"]),
        ),
        "tool_grants": sorted(
            (
                {
                    "tool": grant.scope.tool.slug,
                    "scope": grant.scope.name,
                    "authorization": grant.authorization,
                }
                for grant in grants
            ),
            key=lambda grant: (grant["tool"], grant["scope"]),
        ),
        "parameters": release.parameters,
        "objectives": sorted(
            (
                {"metric": slo.metric, "objective": slo.objective, "window": slo.window}
                for slo in release.objectives.all()
            ),
            key=lambda slo: (slo["metric"], slo["window"]),
        ),
        "on_call_team": release.on_call_team.slug if release.on_call_team else None,
        "runbook": release.runbook,
    }


def endpoint(endpoint: ServingEndpoint, regions: Iterable[tuple[str, Region]]) -> dict:
    """Return where an endpoint is and what it does where; `regions` are (purpose, region).

    The version is named, not digested: that it seals later is no change of the endpoint.
    """
    pairs = list(regions)
    return {
        "schema": "gatehouse.endpoint/1",
        "endpoint": endpoint.slug,
        "model": endpoint.version.model.slug,
        "version": endpoint.version.version,
        "host": endpoint.host.slug,
        "team": endpoint.team.slug,
        "address": endpoint.address,
        "latency_class": endpoint.latency_class,
        "cost_class": endpoint.cost_class,
        "exposure": endpoint.exposure,
        "served_release_id": endpoint.served_release_id,
        "regions": {
            purpose: sorted({region.slug for where, region in pairs if where == purpose})
            for purpose in ("processing", "storage", "telemetry", "support")
        },
    }


def policy_version(version: PolicyVersion) -> dict:
    """Return the clauses of a pack's version with what they bind."""
    pack = version.pack
    links = version.use_case_links.select_related("use_case")
    return {
        "schema": "gatehouse.policy-version/1",
        "pack": pack.slug,
        "layer": pack.layer,
        "jurisdiction": pack.jurisdiction,
        "number": version.number,
        "use_cases": sorted(link.use_case.slug for link in links),
        "clauses": version.clauses,
    }
