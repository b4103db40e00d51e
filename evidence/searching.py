"""What the search page finds of evidence."""

from evidence.models import EvidenceItem
from registry.search import Source

searched = Source(
    EvidenceItem,
    (
        "title",
        "vouched_by",
        "release__use_case__slug",
        "version__model__slug",
        "files__name",
        "files__sha256",
    ),
    lambda item: f"{item.get_kind_display()} of {item.subject}",
    ("release__use_case", "version__model"),
    ("content", "answers", "release__content", "version__content", "version__card"),
    digest="digest",
)
