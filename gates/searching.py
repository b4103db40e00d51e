"""What the search page finds of promotions."""

from gates.models import Promotion
from registry.search import Source

searched = Source(
    Promotion,
    ("release__use_case__slug", "environment__slug", "requested_by__username"),
    lambda promotion: (
        f"{promotion.release} into {promotion.environment}, {promotion.get_state_display()}"
    ),
    ("release__use_case", "environment"),
    ("release__content",),
)
