"""The pages of a lineage: a picture read from left to right, and the same facts as a table."""

from django.contrib import admin
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.views.decorators.http import require_safe

from registry import layout, lineage
from registry.models import ModelVersion, Release

#: Nodes that are drawn at once; with more, origins without a gap wait behind a link, and of those
#: that stand alike there is one box for all but the first.
READABLE = 30
#: Nodes of one kind with the same neighbours that are drawn one by one, and how many then still.
ALIKE, FIRST = 6, 3
#: Characters of a line inside a box.
FITS = 24

HEADS = {
    "release": {0: "Release", 1: "Parts", 2: "Origins", -1: "Where"},
    "version": {0: "Model version", 1: "Made from", 2: "Origins", -1: "Releases", -2: "Where"},
}


@require_safe
def of_version(request, slug, version):
    """The lineage of a model version."""
    rows = ModelVersion.objects.visible_to(request.user).select_related("model", "maker")
    found = get_object_or_404(rows, model__slug=slug, version=version)
    title = f"Lineage of {found.model.name} {found.version}"
    return _page(request, found, title, lineage.of_version(found, request.user), "version")


@require_safe
def of_release(request, slug, number):
    """The lineage of a release."""
    rows = Release.objects.visible_to(request.user).select_related(
        "use_case", "derived_from__use_case"
    )
    found = get_object_or_404(rows, use_case__slug=slug, number=number)
    title = f"Lineage of {found.use_case.name}, release {found.number}"
    return _page(request, found, title, lineage.of_release(found, request.user), "release")


def _page(request, row, title: str, graph: lineage.Graph, noun: str):
    everything = request.GET.get("all") == "1"
    drawn, folded = _readable(graph, everything)
    drawing = layout.place(drawn.subject, list(drawn.nodes), drawn.edges)
    in_order = sorted(graph.nodes.values(), key=lambda node: not node.gap)
    context = {
        **admin.site.each_context(request),
        "title": title,
        "row": row,
        "opts": row._meta,
        "graph": graph,
        "gaps": graph.gaps,
        "finding": _finding(graph),
        "width": drawing.width,
        "height": drawing.height,
        "heads": _heads(drawing, HEADS[noun]),
        "boxes": [_box(drawn, box) for box in drawing.boxes],
        "arrows": [
            {"path": arrow.path, "gap": bool(drawn.nodes[arrow.source].gap)}
            for arrow in drawing.arrows
        ],
        "folded": folded,
        "rows": [{"node": node, "used_by": graph.used_by(node.key)} for node in in_order],
    }
    request.current_app = admin.site.name
    return TemplateResponse(request, "registry/lineage.html", context)


def _readable(graph: lineage.Graph, everything: bool) -> tuple[lineage.Graph, int]:
    """Return what to draw, and how many nodes that lack nothing are not drawn one by one."""
    keys = list(graph.nodes)
    if everything or len(keys) <= READABLE:
        return graph, 0
    rank = layout.ranks(graph.subject, keys, graph.edges)
    kept = {key for key in keys if rank[key] < 2 or graph.nodes[key].gap}
    # A gap is drawn with the whole way from it to the subject.
    for key in sorted(kept, key=rank.__getitem__, reverse=True):
        kept |= _way(graph, key)
    drawn = _stacked(graph, [key for key in keys if key in kept])
    return drawn, len(keys) - sum(1 for key in drawn.nodes if key in graph.nodes)


def _stacked(graph: lineage.Graph, keys: list[str]) -> lineage.Graph:
    """Return the lineage of `keys`, with one box for all but the first of many that are alike."""
    before, after = ({key: set() for key in keys} for _ in range(2))
    for source, target in graph.edges:
        if source in after and target in before:
            after[source].add(target)
            before[target].add(source)
    alike: dict[tuple, list[str]] = {}
    for key in keys:
        node = graph.nodes[key]
        # What lacks something, and what the page is about, is drawn for itself.
        own = key if node.gap or key == graph.subject else ""
        place = (own, node.kind, frozenset(before[key]), frozenset(after[key]))
        alike.setdefault(place, []).append(key)
    drawn = lineage.Graph(graph.subject)
    for (_, kind, sources, targets), group in alike.items():
        shown = group[:FIRST] if len(group) > ALIKE else group
        drawn.nodes |= {key: graph.nodes[key] for key in shown}
        if rest := group[len(shown) :]:
            key = f"more:{rest[0]}"
            name, note = f"{len(rest)} more", "the table names them"
            drawn.nodes[key] = lineage.Node(key, kind, name, "?all=1", note)
            drawn.edges += [(source, key) for source in sorted(sources)]
            drawn.edges += [(key, target) for target in sorted(targets)]
    # A neighbour may itself stand in a box with others.
    edges = (*drawn.edges, *graph.edges)
    drawn.edges = [edge for edge in edges if drawn.nodes.keys() >= set(edge)]
    return drawn


def _way(graph: lineage.Graph, key: str) -> set[str]:
    """Return all nodes that a node leads to."""
    found: set[str] = set()
    waiting = [key]
    while waiting:
        for node in graph.used_by(waiting.pop()):
            if node.key not in found:
                found.add(node.key)
                waiting.append(node.key)
    return found


def _heads(drawing: layout.Drawing, words: dict[int, str]) -> list[dict]:
    """Return the heads of the columns; origins of any depth have one, at their left."""
    first = max(drawing.columns)
    return [
        {"x": x, "word": words[min(rank, 2)]}
        for rank, x in drawing.columns.items()
        if rank < 2 or rank == first
    ]


def _box(graph: lineage.Graph, box: layout.Box) -> dict:
    node = graph.nodes[box.key]
    digest = f"{node.digest[7:13]}…" if node.digest else ""
    return {
        "node": node,
        "css": "subject" if box.key == graph.subject else "gap" if node.gap else "",
        "x": box.x,
        "y": box.y,
        "width": layout.WIDTH,
        "height": layout.HEIGHT,
        "text_x": box.x + 8,
        "lines_y": (box.y + 16, box.y + 32, box.y + 47),
        "kind": _fitting(node.kind),
        "name": _fitting(node.name, FITS - 4, kept=6),
        "note": _fitting(node.gap or " · ".join(word for word in (node.note, digest) if word)),
    }


def _fitting(text: str, most: int = FITS, kept: int = 0) -> str:
    """Return a text short enough; of a name the end is `kept`, where its version stands."""
    if len(text) <= most:
        return text
    return f"{text[: most - kept - 1]}…{text[len(text) - kept :]}"


def _finding(graph: lineage.Graph) -> str:
    """Return what the picture shows, in one sentence."""
    if gaps := graph.gaps:
        listed = ", ".join(f"{node.name} ({node.gap})" for node in gaps[:4])
        beside = f" and {len(gaps) - 4} more" if gaps[4:] else ""
        are = "are" if gaps[1:] else "is"
        return f"{len(gaps)} of {graph.digests} digests {are} missing: {listed}{beside}."
    return f"All {graph.digests} digests are recorded."
