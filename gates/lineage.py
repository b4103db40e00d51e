"""Where releases went, for the lineage of a release or a model version."""

from gates.models import Promotion
from registry.lineage import MOST, Graph, Node
from registry.models import Release

#: What a promotion says of the way into its environment, by its state.
SAID = {
    Promotion.State.DRAFT: "Drafted",
    Promotion.State.IN_REVIEW: "Asked for",
    Promotion.State.CHANGES_REQUESTED: "Changes wanted",
    Promotion.State.APPROVED: "Approved",
    Promotion.State.REJECTED: "Rejected",
    Promotion.State.WITHDRAWN: "Withdrawn",
}


def add_promotions(graph: Graph, reader, releases: dict[Release, str]) -> None:
    """Add the newest promotion of each release into each environment that `reader` may see."""
    rows = Promotion.objects.visible_to(reader).filter(release__in=releases)
    keys = {release.pk: key for release, key in releases.items()}
    added: set[tuple[int, int]] = set()
    for one in rows.select_related("environment").order_by("-pk"):
        way = (one.release_id, one.environment_id)
        if way in added or len(added) == MOST:
            continue
        added.add(way)
        graph.add(
            Node(
                f"promotion:{one.pk}",
                f"{SAID[one.state]}, promotion {one.pk}",
                one.environment.slug,
                one.get_absolute_url(),
                f"stage {one.environment.get_stage_display()}",
                state=one.state,
            ),
            out_of=keys[one.release_id],
        )
