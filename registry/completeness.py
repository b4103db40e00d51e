"""What is recorded of a version or a release, and where each gap is filled.

Pages show it as a checklist by gate; the gates' metadata requirements are judged by its codes.
The number of queries does not grow with the number of rows; only a longer lineage costs more.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import prefetch_related_objects

from registry import rules
from registry.models import ModelUse, ModelVersion, Release, ServingEndpoint
from registry.past import row_at, rows_at


@dataclass(frozen=True)
class Fact:
    """One fact: its value in words, or what to do and at which address while it is unknown."""

    code: str
    label: str
    known: bool
    value: str
    fix: str
    url: str
    #: The gate that first asks for it; the gates after it ask too.
    gate: str


def facts_of_version(version: ModelVersion) -> list[Fact]:
    """Return all facts that are told of a model version, in the order of the checklist."""
    endpoints = list(version.endpoints.order_by("slug"))
    said = _said_of_version(version) | _said_of_endpoints(endpoints)
    said["intended_use"] = rules.intended_said(None, _stances(version))
    return _facts(said, version, endpoints, None)


def facts_of_release(
    release: Release,
    endpoints: Iterable[ServingEndpoint] | None = None,
    number: int | None = None,
) -> list[Fact]:
    """Return all facts of a release, its model version and `endpoints`.

    Without `endpoints`, those of its model version are taken: before anybody asked for some.
    After change `number`, what models are meant for is as it was then; the rest is sealed.
    """
    version = release.model_version
    endpoints = list(version.endpoints.order_by("slug") if endpoints is None else endpoints)
    said = _said_of_version(version) | _said_of_endpoints(endpoints) | _said_of_release(release)
    said["intended_use"] = rules.intended_said(release.use_case.slug, _stances(version, number))
    return _facts(said, version, endpoints, release)


def lineage_gaps(subject: Release | ModelVersion, number: int | None = None) -> list[str]:
    """Return a sentence for each dataset, base version or prompt version without a digest.

    The lineage is followed through all base versions; with `number`, digests are those that were
    recorded by that change.
    """
    gaps = []
    version = subject
    if isinstance(subject, Release):
        version = subject.model_version
        links = subject.prompt_links.select_related("prompt_version__template")
        gaps += [
            f"Prompt version {link.prompt_version} has no digest."
            for link in links
            if not link.prompt_version.digest
        ]
    seen: set[int] = set()
    while version is not None and version.pk not in seen:
        seen.add(version.pk)
        if not _digest_at(version, number):
            gaps.append(f"Model version {version} is not sealed and has no digest.")
        links = version.dataset_links.select_related("dataset_version__dataset")
        gaps += [
            f"Dataset {link.dataset_version} ({link.get_role_display()} of {version}) "
            "has no digest."
            for link in links.order_by("role", "dataset_version")
            if not _digest_at(link.dataset_version, number)
        ]
        version = version.base_version
    return gaps


def _digest_at(row, number: int | None) -> str:
    """Return the digest of a version, now or after change `number`."""
    then = row if number is None else row_at(row, number)
    return then.digest if then else ""


# What is said, by code: nothing said is the empty string


def _said_of_version(version: ModelVersion) -> dict[str, str]:
    base = version.base_version
    method = version.get_fine_tuning_display() if version.fine_tuning else ""
    links = version.dataset_links.select_related("dataset_version__dataset")
    inwards, outwards = version.input_modalities, version.output_modalities
    return {
        "identifier": version.identifier,
        "maker": version.maker.name if version.maker else "",
        "context_window": _tokens(version.context_window),
        "output_limit": _tokens(version.output_limit),
        "modalities": f"{', '.join(inwards)} → {', '.join(outwards)}"
        if inwards and outwards
        else "",
        "capabilities": ", ".join(version.capabilities),
        "licence": version.licence,
        "lineage": rules.lineage_said(str(base) if base else "", method),
        "datasets": rules.datasets_said(
            version.fine_tuning, [(link.role, str(link.dataset_version)) for link in links]
        ),
        "retirement": "none announced"
        if version.no_retirement_announced
        else f"{version.retires_on:%d %b %Y}"
        if version.retires_on
        else "",
        "card": f"{len(version.card.split()):,} words" if version.card.strip() else "",
    }


def _tokens(number: int | None) -> str:
    return f"{number:,} tokens" if number else ""


def _stances(version: ModelVersion, number: int | None = None) -> dict[str, str]:
    if number is not None:
        uses = rows_at(ModelUse, number, model=version.model_id)
        return {use.use_case.slug: use.stance for use in uses}
    uses = version.model.uses.select_related("use_case")
    return {use.use_case.slug: use.stance for use in uses}


def _said_of_endpoints(endpoints: list[ServingEndpoint]) -> dict[str, str]:
    regions = _regions(endpoints)
    return {
        "region": rules.processing_said(regions),
        "endpoints": rules.endpoints_said(regions),
        # The database holds that each endpoint says one or the other.
        "served_release_id": ", ".join(
            endpoint.served_release_id or endpoint.get_exposure_display() for endpoint in endpoints
        ),
    }


def _regions(endpoints: list[ServingEndpoint]) -> dict[str, dict[str, list[str]]]:
    prefetch_related_objects(endpoints, "region_links__region")
    found: dict[str, dict[str, list[str]]] = {}
    for endpoint in endpoints:
        by_purpose = found.setdefault(endpoint.slug, {})
        for link in endpoint.region_links.all():
            by_purpose.setdefault(link.purpose, []).append(link.region.slug)
    return found


def _said_of_release(release: Release) -> dict[str, str]:
    prompts = release.prompt_links.select_related("prompt_version__template")
    grants = release.tool_grants.select_related("scope__tool")
    # A list that is empty is an answer of its own: none is used.
    return {
        "prompts_digest": ", ".join(str(link.prompt_version) for link in prompts) or "none",
        "tools": ", ".join(str(grant) for grant in grants) or "none",
        "parameters": ", ".join(f"{key} {value}" for key, value in release.parameters.items())
        or "the provider's defaults",
        "objectives": ", ".join(str(objective) for objective in release.objectives.all()),
        "on_call": release.on_call_team.name if release.on_call_team else "",
        "runbook": release.runbook,
    }


# Where a gap is filled


def _facts(
    said: dict[str, str],
    version: ModelVersion,
    endpoints: list[ServingEndpoint],
    release: Release | None,
) -> list[Fact]:
    facts = []
    for code, asked in rules.ASKED.items():
        if code not in said:
            continue
        fix, url = "", ""
        if not said[code]:
            fix, url = _remedy(code, asked, version, endpoints, release)
        facts.append(Fact(code, asked.label, bool(said[code]), said[code], fix, url, asked.gate))
    return facts


def _remedy(code, asked, version, endpoints, release) -> tuple[str, str]:
    if asked.told_on == "model":
        return asked.fix, _form(version.model)
    if asked.told_on == "endpoint":
        if not endpoints:
            return (
                "Register an endpoint that serves this version.",
                f"/registry/servingendpoint/add/?version={version.pk}",
            )
        purposes = ("processing",) if code == "region" else rules.PURPOSES
        regions = _regions(endpoints)
        wanting = [e for e in endpoints if any(not regions[e.slug].get(p) for p in purposes)]
        return asked.fix, _form((wanting or endpoints)[0])
    row = release if asked.told_on == "release" else version
    if row.sealed_at is None:
        return asked.fix, _form(row)
    new = "release" if row is release else "version"
    fix = f"{asked.fix} This one is sealed: make a new {new} from it."
    return fix, f"/registry/{row._meta.model_name}/{row.pk}/new-{new}/"


def _form(row) -> str:
    return f"/{row._meta.app_label}/{row._meta.model_name}/{row.pk}/change/"
