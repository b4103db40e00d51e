"""The kinds of things that others rest on, and which releases each of them reaches in which way.

Each app adds its own to `KINDS` in `AppConfig.ready()`.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlencode

from django.db.models import Model, Q
from django.http import QueryDict

from audit import Reason
from audit.rules import article
from registry.impact.trails import MOST, Trail, follow
from registry.models import (
    Dataset,
    DatasetVersion,
    ModelVersion,
    PromptTemplate,
    PromptVersion,
    Provider,
    Release,
    ReleasePrompt,
    ServingEndpoint,
    Tool,
    ToolGrant,
    VersionDataset,
)

UNSEEN = "a version that you may not see"


@dataclass(frozen=True)
class Way:
    """How a release rests on something: a sentence, and whether it takes no step of lineage.

    `endpoint` names the endpoint if nothing but being called there makes it so.
    """

    sentence: str
    direct: bool = True
    endpoint: str = ""


@dataclass(frozen=True)
class Reach:
    """What rests on one thing: which releases, each in which ways, and in which environments."""

    releases: Q
    #: Takes loaded releases and returns {release key: its ways}.
    ways: Callable[[Sequence[Release]], Mapping[int, list[Way]]]
    environments: Q = field(default_factory=Q)
    #: Model versions that are the thing, have it in them, or come from such.
    versions: Trail = field(default_factory=Trail)
    #: Endpoints that the thing hosts.
    endpoints: Q | None = None
    #: What is to be known before the rest is read.
    note: str = ""
    #: Whether more leads to it than was followed.
    cut: bool = False


@dataclass(frozen=True)
class Kind:
    """One noun that is asked about, by the column that an address names it with."""

    name: str
    noun: type[Model]
    #: Takes (row, reader).
    reach: Callable[[Model, Model], Reach]
    column: str = "pk"
    related: tuple[str, ...] = ()
    pattern: str = "[0-9]{1,18}"
    #: What the key is, for whoever gave none.
    key: str = "the id of its row"

    def address(self, row: Model) -> str:
        """Return the address of the page about `row`."""
        return f"/impact/?{urlencode({'kind': self.name, 'key': getattr(row, self.column)})}"


#: Every kind by its name in addresses.
KINDS: dict[str, Kind] = {}


def problems(given: QueryDict | Mapping) -> list[Reason]:
    """Return why an address names nothing that can be asked about."""
    kind = KINDS.get(given.get("kind", ""))
    if kind is None:
        return [Reason("KIND", f"Name one of these kinds: {', '.join(KINDS)}.", "kind")]
    if not re.fullmatch(kind.pattern, given.get("key", "")):
        noun = article(kind.noun._meta.verbose_name)
        sentence = f"The key of {noun} is {kind.key}. Give that."
        return [Reason("KEY", sentence, "key")]
    return []


def asked(given: QueryDict | Mapping, reader) -> tuple[Kind, Model | None]:
    """Return the kind and the row that an address names; None for a row that is not seen."""
    kind = KINDS[given["kind"]]
    rows = kind.noun.objects.visible_to(reader).select_related(*kind.related)
    return kind, rows.filter(**{kind.column: given["key"]}).first()


# Through model versions


def version_names(keys: Iterable[int], reader) -> dict[int, str]:
    """Return the names of those versions that the reader may see."""
    rows = ModelVersion.objects.visible_to(reader).filter(pk__in=set(keys))
    named = rows.values_list("pk", "model__slug", "version")
    return {pk: f"{slug} {version}" for pk, slug, version in named}


def through_versions(trail: Trail, said: Mapping[int, str], reader):
    """Return the `ways` of releases made with versions of a trail.

    `said` tells of each version that the trail begins with, after "which", why it does.
    """

    def ways(releases: Sequence[Release]) -> dict[int, list[Way]]:
        found = {one.pk: trail.way(one.model_version_id) for one in releases if _on(trail, one)}
        names = version_names({key for way in found.values() for key in way}, reader)
        return {pk: [_version_way(way, names, said)] for pk, way in found.items()}

    return ways


def _on(trail: Trail, release: Release) -> bool:
    return release.model_version_id in trail.parents


def _version_way(way: list[int], names: Mapping[int, str], said: Mapping[int, str]) -> Way:
    root, *between = (names.get(key, UNSEEN) for key in way)
    why = said.get(way[0], "")
    if not between:
        return Way(f"Made with {root}, which {why}." if why else "Made with this version.")
    *steps, last = between
    base = f"base version {root}, which {why}" if why else "this version as its base"
    by_way = f", by way of {', '.join(steps)}" if steps else ""
    return Way(f"Through {base}: made with {last}{by_way}.", direct=False)


def _of_version(version: ModelVersion, reader) -> Reach:
    trail = follow(ModelVersion, "base_version", [version.pk])
    return Reach(
        Q(model_version__in=list(trail.parents)),
        through_versions(trail, {}, reader),
        versions=trail,
        cut=trail.cut,
    )


def _of_dataset(dataset: Dataset, reader) -> Reach:
    return _with_data(Q(dataset_version__dataset=dataset), reader)


def _of_dataset_version(version: DatasetVersion, reader) -> Reach:
    return _with_data(Q(dataset_version=version), reader)


def _with_data(wanted: Q, reader) -> Reach:
    rows = VersionDataset.objects.filter(wanted).select_related("dataset_version__dataset")
    roles: dict[int, list[str]] = {}
    links = list(rows.order_by("version", "pk")[: MOST + 1])
    for link in links[:MOST]:
        told = f"{link.dataset_version} for {link.get_role_display()}"
        roles.setdefault(link.version_id, []).append(told)
    said = {pk: f"uses {' and '.join(told)}" for pk, told in roles.items()}
    trail = follow(ModelVersion, "base_version", said)
    return Reach(
        Q(model_version__in=list(trail.parents)),
        through_versions(trail, said, reader),
        versions=trail,
        cut=trail.cut or len(links) > MOST,
    )


# Providers: who makes, and who hosts


def _of_provider(provider: Provider, reader) -> Reach:
    made = ModelVersion.objects.filter(maker=provider).order_by("-pk")
    roots = list(made.values_list("pk", flat=True)[:MOST])
    trail = follow(ModelVersion, "base_version", roots)
    by_version = through_versions(
        trail, dict.fromkeys(roots, f"is made by {provider.name}"), reader
    )
    hosted = ServingEndpoint.objects.filter(host=provider)

    def ways(releases: Sequence[Release]) -> dict[int, list[Way]]:
        found = by_version(releases)
        served = hosted.filter(version__in={one.model_version_id for one in releases})
        seen = dict(served.visible_to(reader).values_list("pk", "slug"))
        at: dict[int, list[str]] = {}
        for pk, version in served.order_by("slug").values_list("pk", "version"):
            at.setdefault(version, []).append(seen.get(pk, ""))
        for one in releases:
            for slug in at.get(one.model_version_id, ()):
                where = slug or "an endpoint that you may not see"
                sentence = f"Served at {where}, which {provider.name} hosts."
                found.setdefault(one.pk, []).append(Way(sentence, endpoint=slug))
        return found

    return Reach(
        Q(model_version__in=list(trail.parents)) | Q(model_version__in=hosted.values("version")),
        ways,
        versions=trail,
        endpoints=Q(host=provider),
        cut=trail.cut,
    )


# Prompts and tools


def _of_prompt(template: PromptTemplate, reader) -> Reach:
    versions = template.versions.order_by("-number").values_list("pk", flat=True)
    return _with_prompts(list(versions[:MOST]), reader, of_template=True)


def _of_prompt_version(version: PromptVersion, reader) -> Reach:
    return _with_prompts([version.pk], reader)


def _with_prompts(roots: list[int], reader, *, of_template: bool = False) -> Reach:
    trail = follow(PromptVersion, "parent", roots)
    links = ReleasePrompt.objects.filter(prompt_version__in=list(trail.parents))

    def ways(releases: Sequence[Release]) -> dict[int, list[Way]]:
        found: dict[int, list[Way]] = {}
        rows = links.filter(release__in=releases).select_related("prompt_version__template")
        for link in rows.order_by("pk"):
            name, direct = str(link.prompt_version), link.prompt_version_id in roots
            if not direct:
                way = Way(f"Through {name}, whose text comes from this one.", direct=False)
            else:
                way = Way(f"It uses {name}." if of_template else "It uses this prompt version.")
            found.setdefault(link.release_id, []).append(way)
        return found

    return Reach(Q(pk__in=links.values("release")), ways, cut=trail.cut)


def _of_tool(tool: Tool, reader) -> Reach:
    grants = ToolGrant.objects.filter(scope__tool=tool)

    def ways(releases: Sequence[Release]) -> dict[int, list[Way]]:
        found: dict[int, list[Way]] = {}
        rows = grants.filter(release__in=releases).select_related("scope__tool")
        for grant in rows.order_by("pk"):
            how = grant.get_authorization_display()
            way = Way(f"It may call {grant.scope}; authorisation: {how}.")
            found.setdefault(grant.release_id, []).append(way)
        return found

    return Reach(Q(pk__in=grants.values("release")), ways)


_SLUG = {"column": "slug", "pattern": "[-a-zA-Z0-9_]{1,60}", "key": "its slug"}

#: The kinds that the registry itself has.
OURS = (
    Kind("provider", Provider, _of_provider, **_SLUG),
    Kind("model-version", ModelVersion, _of_version, related=("model", "maker")),
    Kind("dataset", Dataset, _of_dataset, **_SLUG),
    Kind("dataset-version", DatasetVersion, _of_dataset_version, related=("dataset",)),
    Kind("prompt", PromptTemplate, _of_prompt, **_SLUG),
    Kind("prompt-version", PromptVersion, _of_prompt_version, related=("template",)),
    Kind("tool", Tool, _of_tool, **_SLUG),
)
