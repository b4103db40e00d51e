"""The evidence of a promotion: what it rests on, what else was given, what is not taken in."""

from dataclasses import dataclass
from datetime import datetime

from audit.naming import Unseen
from evidence.kinds import KINDS
from gates.models import Promotion
from gates.pages import words
from gates.pages.loaded import Loaded

#: Items beyond those it rests on that a page lists; the rest is one link away.
OTHERS = 20


@dataclass(frozen=True)
class EvidenceRow:
    """One item, as `portal/_evidence.html` lays it out."""

    title: str
    url: str
    note: str
    state: str
    author: str
    standing: str
    created: datetime
    expires: datetime
    digest: str


@dataclass(frozen=True)
class NewerEvidence:
    """What was given or accepted after the promotion took evidence in."""

    sentence: str


def rested_on(loaded: Loaded) -> set[str]:
    """Return the ids of the items that the package on show rests on."""
    return {one["id"] for rest in loaded.document["rests_on"] for one in rest["evidence"]}


def evidence_rows(loaded: Loaded) -> tuple[list[EvidenceRow], int]:
    """Return what it rests on, then the newest others; and how many more there are."""
    basis = rested_on(loaded)
    items = loaded.package.gathered.items.values()
    late = _late_items(loaded)
    first = [item for item in items if str(item.pk) in basis]
    others = sorted(
        (item for item in items if str(item.pk) not in basis and loaded.sees(item)),
        key=lambda item: item.created_at,
        reverse=True,
    )
    rows = [_row(item, loaded, "it rests on this") for item in first]
    rows += [
        _row(item, loaded, "not taken in" if str(item.pk) in late else "")
        for item in others[:OTHERS]
    ]
    return rows, max(0, len(others) - OTHERS)


def unlisted(loaded: Loaded) -> int:
    """Return how many items it does not rest on the reader may not see."""
    basis = rested_on(loaded)
    items = loaded.package.gathered.items.values()
    return sum(1 for item in items if str(item.pk) not in basis and not loaded.sees(item))


def _row(item, loaded: Loaded, said: str) -> EvidenceRow:
    withdrawn = hasattr(item, "withdrawal")
    ended = item.expires_at <= loaded.now
    kind = KINDS[item.kind].name if item.kind in KINDS else item.kind
    about = "model version" if item.version_id else "release"
    return EvidenceRow(
        title=item.title,
        url=item.get_absolute_url() if loaded.sees(item) else "",
        note=f"{kind} of the {about}{f'; {said}' if said else ''}",
        state="withdrawn" if withdrawn else "expired" if ended else item.verdict,
        author=item.vouched_by,
        standing=f"{item.get_standing_display()}, given by {item.author.username}",
        created=item.created_at,
        expires=item.expires_at,
        digest=item.digest,
    )


def _late_items(loaded: Loaded) -> set[str]:
    """Items given after the promotion took evidence in."""
    up_to = loaded.promotion.evidence_up_to
    if up_to is None:
        return set()
    return {
        str(item.pk)
        for item in loaded.package.gathered.items.values()
        if item.change.number > up_to and not hasattr(item, "withdrawal")
    }


def newer_evidence(loaded: Loaded) -> NewerEvidence | None:
    """Return what waits to be taken in, while the promotion is in review."""
    if loaded.promotion.state != Promotion.State.IN_REVIEW:
        return None
    gathered, late = loaded.package.gathered, _late_items(loaded)
    said = [
        f"“{item.title}” by {item.author.username}"
        if loaded.sees(item)
        else str(Unseen(type(item)))
        for pk, item in gathered.items.items()
        if pk in late
    ]
    up_to = loaded.promotion.evidence_up_to
    runs = {
        run
        for (run, _), score in gathered.scores.items()
        if (acceptance := getattr(score.run, "acceptance", None))
        and acceptance.change.number > up_to
        and str(score.run.item_id) not in late
    }
    said += [f"run {run}" for run in sorted(runs)]
    if not said:
        return None
    return NewerEvidence(f"{words.listed(said)} came after this was submitted.")
