"""Reviewing the trail: that somebody read a stretch of the log is itself part of the record."""

from audit import Reason, Refused, change, tree
from audit.models import AuditReview, Head, LogExport
from registry.models import Person
from registry.rights import acting, demand


def review_trail(
    first_seq: int, last_seq: int, *, outcome: str, findings: str, actor: Person, reason: str
) -> AuditReview:
    """Record that `actor` read the entries from `first_seq` to `last_seq`, and what they found.

    Raises `NotAllowed` without the role auditor for all teams, `Refused` for a stretch that the
    log does not have.
    """
    size = Head.objects.get(pk=1).size
    if reasons := stretch_problems(first_seq, last_seq, size):
        raise Refused(reasons)
    # Before the change opens: entries never change, and the head is locked last.
    root = f"sha256:{tree.root_at(last_seq + 1).hex()}"
    with change(actor=actor, reason=reason) as opened:
        person = acting(opened, actor)
        demand(person, "review_trail", AuditReview)
        return opened.save(
            AuditReview(
                reviewed_by=person,
                reviewed_at=opened.now,
                first_seq=first_seq,
                last_seq=last_seq,
                outcome=outcome,
                root=root,
                findings=findings.strip(),
            ),
            event="trail.reviewed",
            facts={"entries": f"{first_seq} to {last_seq}", "outcome": outcome},
        )


def export_log(size: int, root: str, *, actor: Person, reason: str) -> LogExport:
    """Record that `actor` takes the log home, up to an entry; before the first byte leaves.

    Raises `NotAllowed` for all but auditors of all teams and administrators.
    """
    with change(actor=actor, reason=reason) as opened:
        person = acting(opened, actor)
        demand(person, "export_log", LogExport)
        row = LogExport(size=size, root=root, made_at=opened.now)
        return opened.save(row, event="log.exported")


def stretch_problems(first_seq: int, last_seq: int, size: int) -> list[Reason]:
    """Return what is wrong with a stretch of a log of `size` entries."""
    reasons = []
    if not 0 <= first_seq <= last_seq:
        sentence = "A review begins at an entry and ends at it or at a later one."
        reasons.append(Reason("STRETCH", sentence, "first_seq"))
    if last_seq >= size:
        sentence = f"The log ends at entry {size - 1}. Name that or an earlier one."
        reasons.append(Reason("STRETCH", sentence, "last_seq"))
    return reasons
