"""What is recorded of a version or a release, and where each gap is filled.

Pages show it as a checklist by gate; the gates' metadata requirements are judged by its codes.
The number of queries does not grow with the number of rows; only a longer lineage costs more.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Model, prefetch_related_objects

from audit.naming import Unseen, seen_keys
from audit.rules import listed
from registry import rules
from registry.models import ModelUse, ModelVersion, Release, ServingEndpoint, UseCase
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


def facts_of_version(version: ModelVersion, reader=None) -> list[Fact]:
    """Return all facts that are told of a model version, in the order of the checklist.

    What `reader` may not see is judged and counted, not named; without one, everything is named.
    """
    endpoints = list(version.endpoints.order_by("slug"))
    seen = _Seen(reader)
    said = _said_of_version(version, seen) | _said_of_endpoints(endpoints, seen)
    stances = _stances(version)
    hidden = {case.slug for case in seen.hidden(case for case, _ in stances)}
    said["intended_use"] = rules.intended_said(None, _by_slug(stances), hidden)
    return _facts(said, version, endpoints, None, seen)


def facts_of_release(
    release: Release,
    endpoints: Iterable[ServingEndpoint] | None = None,
    reader=None,
    number: int | None = None,
) -> list[Fact]:
    """Return all facts of a release, its model version and `endpoints`.

    Without `endpoints`, those of its model version are taken: before anybody asked for some. What
    `reader` may not see is judged and counted, not named. After change `number`, what models are
    meant for is as it was then; the rest is sealed.
    """
    version = release.model_version
    endpoints = list(version.endpoints.order_by("slug") if endpoints is None else endpoints)
    seen = _Seen(reader)
    said = _said_of_version(version, seen) | _said_of_endpoints(endpoints, seen)
    said |= _said_of_release(release, seen)
    said["intended_use"] = rules.intended_said(
        release.use_case.slug, _by_slug(_stances(version, number))
    )
    return _facts(said, version, endpoints, release, seen)


@dataclass(frozen=True)
class Gap:
    """One row of a lineage without a digest: which, and the sentence that names it."""

    row: Model
    sentence: str


def lineage_gaps(subject: Release | ModelVersion, reader=None) -> list[str]:
    """Return a sentence for each dataset, base version or prompt version without a digest.

    The lineage is followed through all base versions. What `reader` may not see is counted in a
    last sentence.
    """
    gaps = _gaps(subject)
    hidden = set(_Seen(reader).hidden(gap.row for gap in gaps))
    said = [gap.sentence for gap in gaps if gap.row not in hidden]
    return said + (
        [_without_digest(len(hidden), "part", " that you may not see")] if hidden else []
    )


def counted_gaps(subject: Release | ModelVersion, number: int | None = None) -> list[str]:
    """Return how many rows of each noun in the lineage have no digest, for readers of any team.

    With `number`, digests are those that were recorded by that change.
    """
    counts = Counter(gap.row._meta.verbose_name for gap in _gaps(subject, number))
    return [_without_digest(count, noun) for noun, count in counts.items()]


def _without_digest(number: int, noun: str, which: str = "") -> str:
    many = number > 1
    return f"{number} {noun}{'s' if many else ''}{which} {'have' if many else 'has'} no digest."


def _gaps(subject: Release | ModelVersion, number: int | None = None) -> list[Gap]:
    gaps = []
    version = subject
    if isinstance(subject, Release):
        version = subject.model_version
        links = subject.prompt_links.select_related("prompt_version__template")
        gaps += [
            Gap(link.prompt_version, f"Prompt version {link.prompt_version} has no digest.")
            for link in links
            if not link.prompt_version.digest
        ]
    passed: set[int] = set()
    while version is not None and version.pk not in passed:
        passed.add(version.pk)
        if not _digest_at(version, number):
            sentence = f"Model version {version} is not sealed and has no digest."
            gaps.append(Gap(version, sentence))
        links = version.dataset_links.select_related("dataset_version__dataset")
        gaps += [
            Gap(
                link.dataset_version,
                f"Dataset {link.dataset_version} ({link.get_role_display()} of {version}) "
                "has no digest.",
            )
            for link in links.order_by("role", "dataset_version")
            if not _digest_at(link.dataset_version, number)
        ]
        version = version.base_version
    return gaps


class _Seen:
    """Which rows one reader may not see; without a reader there are none."""

    def __init__(self, reader):
        self.reader = reader

    def hidden(self, rows: Iterable[Model]) -> list[Model]:
        """Return those of the rows that the reader may not see: a query for each noun of them."""
        rows = list(rows)
        if self.reader is None:
            return []
        hidden = []
        for noun in {type(row) for row in rows}:
            of_noun = [row for row in rows if type(row) is noun]
            seen = seen_keys(noun, (row.pk for row in of_noun), self.reader)
            hidden += [row for row in of_noun if row.pk not in seen]
        return hidden


def _digest_at(row, number: int | None) -> str:
    """Return the digest of a version, now or after change `number`."""
    then = row if number is None else row_at(row, number)
    return then.digest if then else ""


# What is said, by code: nothing said is the empty string


def _said_of_version(version: ModelVersion, seen: _Seen) -> dict[str, str]:
    base = version.base_version
    if base and seen.hidden([base]):
        base = Unseen(ModelVersion)
    method = version.get_fine_tuning_display() if version.fine_tuning else ""
    links = version.dataset_links.select_related("dataset_version__dataset")
    datasets = [(link.role, link.dataset_version) for link in links]
    unseen = set(seen.hidden(dataset for _, dataset in datasets))
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
            version.fine_tuning,
            [(role, "" if dataset in unseen else str(dataset)) for role, dataset in datasets],
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


def _stances(version: ModelVersion, number: int | None = None) -> list[tuple[UseCase, str]]:
    if number is not None:
        uses = rows_at(ModelUse, number, model=version.model_id)
        return [(use.use_case, use.stance) for use in uses]
    uses = version.model.uses.select_related("use_case")
    return [(use.use_case, use.stance) for use in uses]


def _by_slug(stances: list[tuple[UseCase, str]]) -> dict[str, str]:
    return {use_case.slug: stance for use_case, stance in stances}


def _said_of_endpoints(endpoints: list[ServingEndpoint], seen: _Seen) -> dict[str, str]:
    regions = _regions(endpoints)
    hidden = set(seen.hidden(endpoints))
    return {
        "region": rules.processing_said(regions),
        "endpoints": rules.endpoints_said(regions, {endpoint.slug for endpoint in hidden}),
        # The database holds that each endpoint says one or the other.
        "served_release_id": listed(
            (
                endpoint.served_release_id or endpoint.get_exposure_display()
                for endpoint in endpoints
                if endpoint not in hidden
            ),
            len(hidden),
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


def _said_of_release(release: Release, seen: _Seen) -> dict[str, str]:
    links = release.prompt_links.select_related("prompt_version__template")
    prompts = [link.prompt_version for link in links]
    hidden = set(seen.hidden(prompts))
    grants = release.tool_grants.select_related("scope__tool")
    # A list that is empty is an answer of its own: none is used.
    return {
        "prompts_digest": listed(
            (str(prompt) for prompt in prompts if prompt not in hidden), len(hidden)
        )
        or "none",
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
    seen: _Seen,
) -> list[Fact]:
    beyond: set[Model] = set(seen.hidden(endpoints))
    if release and seen.hidden([version]):
        # What is recorded of a version is told to whoever sees it; to others, that it is.
        said |= {
            code: f"stated on {Unseen(ModelVersion)}"
            for code, value in said.items()
            if value
            and rules.ASKED[code].told_on in ("version", "model")
            and code != "intended_use"
        }
        beyond |= {version, version.model}
    facts = []
    for code, asked in rules.ASKED.items():
        if code not in said:
            continue
        fix, url = "", ""
        if not said[code]:
            fix, url = _remedy(code, asked, version, endpoints, release, beyond)
        facts.append(Fact(code, asked.label, bool(said[code]), said[code], fix, url, asked.gate))
    return facts


def _remedy(code, asked, version, endpoints, release, beyond: set[Model]) -> tuple[str, str]:
    """Return what to do and where; there is no address for what is `beyond` the reader's sight."""
    if asked.told_on == "model":
        return asked.fix, _form(version.model, beyond)
    if asked.told_on == "endpoint":
        if not endpoints:
            add = f"/registry/servingendpoint/add/?version={version.pk}"
            return (
                "Register an endpoint that serves this version.",
                "" if version in beyond else add,
            )
        purposes = ("processing",) if code == "region" else rules.PURPOSES
        regions = _regions(endpoints)
        wanting = [e for e in endpoints if any(not regions[e.slug].get(p) for p in purposes)]
        open_to = [e for e in wanting or endpoints if e not in beyond]
        return asked.fix, _form(open_to[0]) if open_to else ""
    row = release if asked.told_on == "release" else version
    if row.sealed_at is None:
        return asked.fix, _form(row, beyond)
    new = "release" if row is release else "version"
    fix = f"{asked.fix} This one is sealed: make a new {new} from it."
    return fix, "" if row in beyond else f"/registry/{row._meta.model_name}/{row.pk}/new-{new}/"


def _form(row, beyond: Iterable[Model] = ()) -> str:
    return (
        "" if row in beyond else f"/{row._meta.app_label}/{row._meta.model_name}/{row.pk}/change/"
    )
