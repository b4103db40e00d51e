"""Which releases an evidence item speaks of: its own, or all that are made with its version."""

from collections.abc import Sequence

from django.db.models import Q

from evidence.models import EvidenceItem
from registry.impact import Kind, Reach, Trail, Way
from registry.models import Release


def of_item(item: EvidenceItem, reader) -> Reach:
    """Return the releases that an item is about; one made from its version is none of them."""
    if item.release_id:
        releases, said, trail = Q(pk=item.release_id), "It is about this release.", Trail()
    else:
        releases = Q(model_version=item.version_id)
        said = f"It is about model version {item.version}."
        trail = Trail({item.version_id: None})

    def ways(loaded: Sequence[Release]) -> dict[int, list[Way]]:
        return {one.pk: [Way(said)] for one in loaded}

    return Reach(releases, ways, versions=trail)


#: The kind that `registry.impact` is given in `AppConfig.ready()`.
KIND = Kind(
    "evidence",
    EvidenceItem,
    of_item,
    related=("release__use_case", "version__model"),
    pattern="[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}",
    key="the id of the item",
)
