"""What exports tell of a model version or a release, read once and as far as the reader sees."""

from copy import copy
from dataclasses import dataclass, field
from datetime import datetime

from audit.naming import naming_seen, seen_keys
from evidence.latest import latest_scores
from evidence.models import Score
from registry.models import (
    EndpointRegion,
    ModelUse,
    ModelVersion,
    Objective,
    PromptVersion,
    Release,
    ServingEndpoint,
    ToolGrant,
    UseCase,
    VersionDataset,
)
from registry.past import as_then, rows_at


@dataclass
class Told:
    """A version, and the release that is made with it where one is exported.

    Without a `version`, it is one that the reader may not see; what else is not seen is counted
    in `hidden`, by what it is called.
    """

    version: ModelVersion | None
    base: ModelVersion | None = None
    uses: list[ModelUse] = field(default_factory=list)
    datasets: list[VersionDataset] = field(default_factory=list)
    endpoints: list[ServingEndpoint] = field(default_factory=list)
    scores: list[Score] = field(default_factory=list)
    release: Release | None = None
    prompts: list[PromptVersion] = field(default_factory=list)
    grants: list[ToolGrant] = field(default_factory=list)
    objectives: list[Objective] = field(default_factory=list)
    hidden: dict[str, int] = field(default_factory=dict)
    #: The instant of the last change of what is told: the same state says the same instant.
    at: datetime | None = None

    def saw(self, *instants: datetime) -> None:
        """Move `at` to the latest of these, if it is later."""
        self.at = max([*instants, *([self.at] if self.at else [])])

    def hide(self, noun: str, number: int) -> None:
        """Count rows that the reader may not see."""
        if number:
            self.hidden[noun] = self.hidden.get(noun, 0) + number


def of_version(version: ModelVersion, reader) -> Told:
    """Return what is told of a version, a fixed number of queries."""
    told = Told(version)
    _tell_version(told, version, reader)
    told.scores = latest_scores(version=version, user=reader)
    _tell_endpoints(told, version.endpoints.all(), reader)
    _see_scores(told)
    return told


def of_release(release: Release, reader, endpoints=None, number: int | None = None) -> Told:
    """Return what is told of a release, at `endpoints` or at all of its version's.

    With `number`, its scores, its use case, and what its model is meant for are as they were after
    that change: what came later is nothing that was approved by it.
    """
    version = release.model_version
    if number is not None:
        release = copy(release)
        [release.use_case] = as_then([release.use_case], number, "team").values()
    seen = seen_keys(ModelVersion, [version.pk], reader)
    told = Told(version if seen else None, release=release)
    told.saw(release.change.at, release.use_case.change.at)
    if seen:
        _tell_version(told, version, reader, number)
    else:
        told.hide("model version", 1)
    told.scores = latest_scores(release=release, user=reader, number=number)
    _tell_endpoints(told, version.endpoints.all() if endpoints is None else endpoints, reader)
    _see_scores(told)
    links = release.prompt_links.all()
    shown = naming_seen(links, "prompt_version", reader).select_related(
        "prompt_version__template__change", "prompt_version__change"
    )
    told.prompts = [
        link.prompt_version
        for link in shown.order_by("prompt_version__template__slug", "prompt_version__number")
    ]
    told.hide("prompt version", links.count() - len(told.prompts))
    told.grants = list(
        release.tool_grants.select_related("scope__tool", "change").order_by(
            "scope__tool__slug", "scope__name"
        )
    )
    told.objectives = list(release.objectives.order_by("metric", "window"))
    told.saw(*(one.change.at for one in (*told.prompts, *told.grants)))
    return told


def _tell_version(told: Told, version: ModelVersion, reader, number: int | None = None) -> None:
    told.saw(version.change.at, version.model.change.at)
    if version.maker:
        told.saw(version.maker.change.at)
    if version.base_version_id:
        rows = ModelVersion.objects.visible_to(reader).select_related("model", "change")
        told.base = rows.filter(pk=version.base_version_id).defer("content", "card").first()
        told.hide("model version", told.base is None)
        if told.base:
            told.saw(told.base.change.at)
    _tell_uses(told, version, reader, number)
    links = version.dataset_links.all()
    told.datasets = list(
        naming_seen(links, "dataset_version", reader)
        .select_related("dataset_version__dataset", "dataset_version__change", "change")
        .order_by("role", "dataset_version__dataset__slug", "dataset_version__version")
    )
    told.hide("dataset", links.count() - len(told.datasets))
    told.saw(
        *(use.change.at for use in told.uses),
        *(use.use_case.change.at for use in told.uses),
        *(link.change.at for link in told.datasets),
        *(link.dataset_version.change.at for link in told.datasets),
    )


def _tell_uses(told: Told, version: ModelVersion, reader, number: int | None) -> None:
    if number is None:
        uses = version.model.uses.all()
        shown = naming_seen(uses, "use_case", reader).select_related("use_case__change", "change")
        told.uses, count = list(shown), uses.count()
    else:
        then = rows_at(ModelUse, number, model=version.model_id)
        keys = seen_keys(UseCase, [one.use_case_id for one in then], reader)
        cases = as_then(UseCase.objects.filter(pk__in=keys), number)
        told.uses, count = [one for one in then if one.use_case_id in cases], len(then)
        for one in told.uses:
            one.use_case = cases[one.use_case_id]
    told.uses.sort(key=lambda one: (one.stance, one.use_case.slug))
    told.hide("use case", count - len(told.uses))


def _tell_endpoints(told: Told, rows, reader) -> None:
    told.endpoints = list(
        rows.visible_to(reader)
        .select_related("host__change", "change")
        .prefetch_related("region_links__region")
        .order_by("slug")
    )
    told.hide("endpoint", rows.count() - len(told.endpoints))
    told.saw(
        *(one.change.at for one in told.endpoints), *(e.host.change.at for e in told.endpoints)
    )


def _see_scores(told: Told) -> None:
    for score in told.scores:
        told.saw(score.run.created_at, score.run.acceptance.accepted_at)


def regions_of(endpoint: ServingEndpoint) -> dict[str, list[str]]:
    """Return the slugs of an endpoint's regions for each purpose, also where there are none."""
    links = endpoint.region_links.all()
    return {
        purpose.value: sorted(link.region.slug for link in links if link.purpose == purpose)
        for purpose in EndpointRegion.Purpose
    }
