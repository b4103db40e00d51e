"""Conditions: set by a signature, closed by evidence that somebody else finds sufficient."""

from collections.abc import Iterable
from datetime import datetime

from audit import Change, Conflict, Refused, change
from evidence.kinds import KINDS
from evidence.models import EvidenceItem
from gates.conditions import facts_of, owners_for, with_closings
from gates.models import Condition, ConditionClosing, PackagePerson
from gates.rules.conditions import Asked, Proof, closing_objections, setting_problems
from gates.transitions.locking import lock_promotion
from registry.models import Person
from registry.rights import demand


def judge_conditions(
    verdict: str, asked: Iterable[Asked], *, team, now: datetime, review_at: datetime
) -> list[Asked]:
    """Return the conditions that a signature sets, or raise `Refused` with every problem."""
    asked = list(asked)
    problems = setting_problems(
        verdict,
        asked,
        owners=owners_for(team).values_list("pk", flat=True) if asked else (),
        kinds=KINDS,
        now=now,
        review_at=review_at,
    )
    if problems:
        raise Refused(problems)
    return asked


def set_conditions(opened: Change, sign_off: PackagePerson, asked: Iterable[Asked]) -> None:
    """Write the conditions of a signature, in its own change."""
    for number, one in enumerate(asked, 1):
        opened.save(
            Condition(
                sign_off=sign_off,
                promotion_id=sign_off.promotion_id,
                number=number,
                text=one.text.strip(),
                owner_id=one.owner,
                due_at=one.due_at,
                evidence_kind=one.evidence_kind,
                follows_from=one.follows_from,
            ),
            event="condition.set",
        )


def close_condition(pk: int, *, item: EvidenceItem, actor: Person, reason: str) -> ConditionClosing:
    """Find that `item` meets a condition. Raises `Refused` with every objection.

    Evidence is taken in by somebody other than its giver and other than the condition's owner.
    """
    promotion_pk = Condition.objects.values_list("promotion_id", flat=True).get(pk=pk)
    with change(actor=actor, reason=reason) as opened:
        person, promotion = lock_promotion(opened, promotion_pk, actor)
        demand(person, "close_condition", promotion.release)
        row = with_closings(Condition.objects.filter(pk=pk)).get()
        reasons = closing_objections(
            facts_of(row),
            proof_of(item.pk, promotion),
            person=person.pk,
            owner=row.owner_id,
            signed_at=row.sign_off.signed_at,
            now=opened.now,
        )
        if reasons:
            taken = any(one.code == "CLOSED" for one in reasons)
            raise (Conflict if taken else Refused)(reasons)
        return opened.save(
            ConditionClosing(
                condition=row,
                item=item,
                given_by_id=item.author_id,
                closed_by=person,
                closed_at=opened.now,
                reason=opened.reason,
            ),
            event="condition.closed",
            facts={"evidence": item.digest},
        )


def proof_of(item_pk, promotion) -> Proof:
    """Return an item as the rule sees it, read afresh; everybody who gave a run gave it too."""
    item = EvidenceItem.objects.select_related("withdrawal").get(pk=item_pk)
    gave = set(item.runs.values_list("given_by_id", flat=True)) | {item.author_id}
    return Proof(
        kind=item.kind,
        verdict=item.verdict,
        about=item.release_id == promotion.release_id
        or (item.version_id is not None and item.version_id == promotion.release.model_version_id),
        given_by=frozenset(gave),
        created_at=item.created_at,
        expires_at=item.expires_at,
        withdrawn=hasattr(item, "withdrawal"),
    )
