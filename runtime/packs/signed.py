"""Who signed what, on which conditions, and which exceptions were made: as known at an instant."""

from typing import Any

from audit.models import Entry
from gates.conditions import facts_of, with_closings
from gates.models import Condition, ConditionClosing, Package, PackagePerson, Promotion, Waiver
from gates.pages import words
from gates.pages.records import SCHEMA
from gates.rules.conditions import state
from registry.showing import how
from runtime.packs.telling import Told, View


def tell_signatures(
    told: Told, promotion: Promotion, view: View, shown: Package | None
) -> list[dict[str, Any]]:
    """Return every signature by then, oldest first, on whichever package."""
    rows = view.known(promotion.people.filter(kind=PackagePerson.Kind.SIGNER))
    rows = list(rows.order_by("pk"))
    told.note(rows)
    entries = Entry.objects.filter(row__in=[one.key for one in rows], seq__lt=view.covered.end)
    seqs = dict(entries.order_by().values_list("row", "seq"))
    return [
        {
            "schema": SCHEMA,
            "printed_name": one.printed_name,
            "person": one.person_id,
            "role": one.role,
            "slot": one.slot,
            "verdict": one.verdict,
            "meaning": {"code": one.meaning, "sentence": words.meaning(one.verdict, one.meaning)},
            "reason": one.reason,
            "signed_at": one.signed_at,
            "package": one.package_digest,
            "on_the_package_shown": shown is not None and one.package_digest == shown.digest,
            "challenge": one.challenge_id,
            "authentication": {
                "code": one.authentication,
                "sentence": how(one.authentication),
            },
            "entry": seqs.get(one.key),
        }
        for one in rows
    ]


def tell_conditions(told: Told, promotion: Promotion, view: View) -> list[dict[str, Any]]:
    """Return what signatures were given on condition of, and what closed it by then."""
    rows = view.known(Condition.objects.filter(promotion=promotion))
    found = []
    for row in with_closings(rows, view.number):
        told.note([row])
        facts = facts_of(row, view.number)
        closings: list[ConditionClosing] = list(row.closings.all())
        told.items.update({str(one.item_id): one.item for one in closings})
        found.append(
            {
                "id": row.pk,
                "text": row.text,
                "owner": facts.owner,
                "due_at": row.due_at,
                "evidence_kind": row.evidence_kind,
                "set_by": row.sign_off.printed_name,
                "package": row.sign_off.package_digest,
                "state": state(facts, view.at),
                "closings": [
                    {
                        "item": str(one.item_id),
                        "by": one.closed_by.username,
                        "at": one.closed_at,
                        "reason": one.reason,
                        "withdrawn_at": said.withdrawn_at,
                    }
                    for one, said in zip(closings, facts.closings, strict=True)
                ],
            }
        )
    return found


def tell_waivers(told: Told, promotion: Promotion, view: View) -> list[dict[str, Any]]:
    """Return the exceptions asked for by then, with their answers, for this release there."""
    rows = Waiver.objects.filter(release=promotion.release_id, environment=promotion.environment_id)
    rows = view.known(rows).select_related(
        "requirement__gate_version", "asked_by", "answer__answered_by", "answer__change"
    )
    found = []
    for row in rows.order_by("pk"):
        told.note([row])
        answer = getattr(row, "answer", None)
        answer = answer if view.knows(answer) else None
        found.append(
            {
                "id": row.pk,
                "requirement": row.code,
                "reason": row.reason,
                "compensating_control": row.compensating_control,
                "asked_by": row.asked_by.username,
                "asked_at": row.asked_at,
                "ends_at": row.ends_at,
                "ended": row.ends_at <= view.at,
                "answer": answer
                and {
                    "verdict": answer.verdict,
                    "by": answer.answered_by.username,
                    "at": answer.answered_at,
                    "reason": answer.reason,
                    "authentication": how(answer.authentication),
                },
            }
        )
    return found
