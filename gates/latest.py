"""Keeping by when each approval has ended at the latest: in the change that approves it."""

import json
from collections.abc import Iterable
from datetime import datetime

from audit import Change
from gates.models import LatestEnd, Promotion
from gates.rules.approvals import ends_by


def keep_latest_ends(change: Change) -> None:
    """Write the latest end of each promotion that the change approved; a consequence."""
    keys = change.saved.get(Promotion)
    if not keys:
        return
    approved = Promotion.objects.filter(
        pk__in=keys, state=Promotion.State.APPROVED, latest_end=None
    )
    found = approved.values_list("pk", "review_at", "decided_package__content")
    LatestEnd.objects.bulk_create(latest_ends(LatestEnd, found))


def latest_ends(row: type, approved: Iterable[tuple[int, datetime, str]]) -> list:
    """Return a `row` for each (promotion, review date, content of the decided package)."""
    return [
        row(promotion_id=pk, ends_by=ends_by(review_at, json.loads(content)))
        for pk, review_at, content in approved
    ]
