"""What a model version or a release was made from, and where it went, as nodes and edges.

The reader sees the nodes that they may see; the others are counted. One query for each kind of
node, and one for each base version along the way.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from django.db.models import Model

from registry import lifecycle
from registry.models import (
    Dataset,
    ModelVersion,
    PromptTemplate,
    Provider,
    Release,
    VersionDataset,
)
from registry.past import as_then

#: Base versions that are followed; a longer way than this is nobody's lineage.
DEEPEST = 30
#: Releases of a version, and promotions of each noun, that are drawn.
MOST = 30


@dataclass(frozen=True)
class Node:
    """One thing of a lineage: what it is, its name, a note, and what it lacks.

    `gap` is empty, or says in a few words what is not recorded.
    """

    key: str
    kind: str
    name: str
    url: str = ""
    note: str = ""
    digest: str = ""
    gap: str = ""
    state: str = "recorded"
    #: Of what is deprecated or retired: what to take instead, as a sentence.
    standing: str = ""


@dataclass
class Graph:
    """A lineage: nodes by key, edges (source, target), and how many nodes are hidden."""

    subject: str
    nodes: dict[str, Node] = field(default_factory=dict)
    edges: list[tuple[str, str]] = field(default_factory=list)
    hidden: int = 0
    #: Releases beyond those drawn.
    more: int = 0
    #: The rows that nodes stand for, by key, of nouns that are deprecated and retired.
    rows: dict[str, Model] = field(default_factory=dict)

    def add(self, node: Node, row: Model | None = None, *, into: str = "", out_of: str = "") -> str:
        """Add a node that stands for `row`, with an edge into or out of another; return its key."""
        self.nodes.setdefault(node.key, node)
        if row is not None:
            self.rows.setdefault(node.key, row)
        edge = (node.key, into) if into else (out_of, node.key) if out_of else None
        if edge and edge not in self.edges:
            self.edges.append(edge)
        return node.key

    @property
    def gaps(self) -> list[Node]:
        """The nodes of which something is not recorded."""
        return [node for node in self.nodes.values() if node.gap]

    @property
    def digests(self) -> int:
        """How many nodes ought to have a digest."""
        return sum(1 for node in self.nodes.values() if node.digest or node.gap)

    def used_by(self, key: str) -> list[Node]:
        """Return the nodes that a node leads to."""
        return [self.nodes[target] for source, target in self.edges if source == key]


def _say_how_they_stand(graph: Graph, reader) -> Graph:
    """Note on each node what is deprecated or retired, and what to take instead."""
    found = lifecycle.standings(graph.rows.values(), reader)
    for key, row in graph.rows.items():
        stand = found[type(row), row.pk]
        if not stand.in_use:
            node = graph.nodes[key]
            note = " · ".join(word for word in (stand.state, node.note) if word)
            graph.nodes[key] = replace(node, note=note, state=stand.state, standing=stand.instead)
    return graph


#: Called with (graph, reader, {release: key}), each adds where the releases went.
onward: list[Callable[[Graph, Model, dict[Release, str]], None]] = []


def of_release(release: Release, reader) -> Graph:
    """Return the lineage of a release."""
    graph = made_of(release, reader)
    for follow in onward:
        follow(graph, reader, {release: graph.subject})
    return _say_how_they_stand(graph, reader)


def made_of(release: Release, reader, number: int | None = None) -> Graph:
    """Return what a release was made of: what is sealed with it, and nothing that came later.

    With `number`, what is not sealed with it is called what it was called after that change.
    """
    graph = Graph(f"release:{release.pk}")
    graph.add(_release(release))
    if release.derived_from:
        [source] = as_then([release.derived_from], number, "use_case").values()
        graph.add(_release(source, "Made from release"), into=graph.subject)
    seen = ModelVersion.objects.visible_to(reader).filter(pk=release.model_version_id)
    if version := seen.select_related("model", "maker").first():
        _add_version(graph, version, reader, graph.subject, number)
    else:
        graph.hidden += 1
    _add_prompts(graph, release, reader)
    grants = list(release.tool_grants.select_related("scope__tool").order_by("pk"))
    tools = as_then((grant.scope.tool for grant in grants), number)
    for grant in grants:
        graph.add(
            Node(
                f"grant:{grant.pk}",
                f"Tool grant, {grant.get_authorization_display()}",
                str(grant.scope),
                f"/registry/tool/{grant.scope.tool_id}/change/",
                tools[grant.scope.tool_id].name,
            ),
            grant.scope,
            into=graph.subject,
        )
    return graph


def of_version(version: ModelVersion, reader) -> Graph:
    """Return the lineage of a model version, with the releases that are made with it."""
    graph = Graph(f"version:{version.pk}")
    _add_version(graph, version, reader, "")
    rows = Release.objects.visible_to(reader).filter(model_version=version)
    releases = list(rows.select_related("use_case").defer("content").order_by("-pk")[: MOST + 1])
    graph.more = max(0, rows.count() - MOST) if len(releases) > MOST else 0
    drawn = {one: graph.add(_release(one), out_of=graph.subject) for one in releases[:MOST]}
    for follow in onward:
        follow(graph, reader, drawn)
    return _say_how_they_stand(graph, reader)


def _release(release: Release, kind: str = "Release") -> Node:
    return Node(
        f"release:{release.pk}",
        kind if release.sealed_at else f"{kind}, draft",
        str(release),
        release.get_absolute_url(),
        "" if release.sealed_at else "not sealed yet",
        release.digest,
        state="sealed" if release.sealed_at else "draft",
    )


def _add_version(
    graph: Graph, version: ModelVersion, reader, into: str, number: int | None = None
) -> None:
    """Add a version with its base versions, their makers and datasets."""
    seen = ModelVersion.objects.visible_to(reader).select_related("model", "maker")
    keys: dict[int, str] = {}
    made_by: list[tuple[Provider, str]] = []
    while version is not None and version.pk not in keys and len(keys) < DEEPEST:
        kind = "Base version" if keys else "Model version"
        method = f", {version.get_fine_tuning_display()}" if version.fine_tuning else ""
        node = Node(
            f"version:{version.pk}",
            f"{kind}{method}",
            str(version),
            version.get_absolute_url(),
            version.identifier,
            version.digest,
            "" if version.digest else "not sealed, no digest",
            "sealed" if version.digest else "draft",
        )
        into = keys[version.pk] = graph.add(node, version, into=into)
        if version.maker:
            made_by.append((version.maker, into))
        base, version = version.base_version_id, None
        if base:
            version = seen.filter(pk=base).first()
            graph.hidden += version is None
    then = as_then((maker for maker, _ in made_by), number)
    for maker, made in made_by:
        graph.add(
            Node(
                f"provider:{maker.pk}",
                "Provider",
                then[maker.pk].name,
                f"/registry/provider/{maker.pk}/change/",
            ),
            into=made,
        )
    _add_datasets(graph, keys, reader, number)


def _add_datasets(graph: Graph, keys: dict[int, str], reader, number: int | None) -> None:
    links = VersionDataset.objects.filter(version__in=keys).order_by("pk")
    links = list(links.select_related("dataset_version__dataset"))
    then = as_then((link.dataset_version for link in links), number, "dataset")
    known = set(
        Dataset.objects.visible_to(reader)
        .filter(versions__version_links__version__in=keys)
        .values_list("pk", flat=True)
    )
    hidden = set()
    for link in links:
        data = then[link.dataset_version_id]
        if data.dataset_id not in known:
            hidden.add((data.pk, link.role))
            continue
        graph.add(
            Node(
                f"dataset:{data.pk}:{link.role}",
                f"Dataset, {link.get_role_display()}",
                str(data),
                f"/registry/datasetversion/{data.pk}/change/",
                f"{data.get_classification_display()}, {data.jurisdiction}",
                data.digest,
                "" if data.digest else "digest not recorded",
            ),
            data,
            into=keys[link.version_id],
        )
    graph.hidden += len(hidden)


def _add_prompts(graph: Graph, release: Release, reader) -> None:
    links = release.prompt_links.select_related(
        "prompt_version__template", "prompt_version__parent__template"
    )
    known = set(
        PromptTemplate.objects.visible_to(reader)
        .filter(versions__release_links__release=release)
        .values_list("pk", flat=True)
    )
    for link in links.order_by("pk"):
        prompt = link.prompt_version
        if prompt.template_id not in known:
            graph.hidden += 1
            continue
        key = graph.add(_prompt(prompt), prompt, into=graph.subject)
        if prompt.parent:
            graph.add(_prompt(prompt.parent), prompt.parent, into=key)


def _prompt(prompt) -> Node:
    return Node(
        f"prompt:{prompt.pk}",
        f"Prompt version, {prompt.template.get_kind_display()}",
        str(prompt),
        prompt.get_absolute_url(),
        digest=prompt.digest,
        state="sealed",
    )
