"""Asking people by name: to mend a finding, to sign, and once more."""

from datetime import date

import audit
from audit import Reason, Refused, clock
from audit.refusals import Conflict, NotAllowed
from gates.models import Assignment, Notice, Promotion, SignOffAsk
from gates.notices.writing import note
from gates.packages import live
from gates.pages.loaded import WITH, Loaded, load
from gates.review import person_facts, review_facts
from gates.rules import objections, open_slots
from gates.rules.helping import assigning_problems, code_of
from registry.models import Person
from registry.rights import acting, demand, may

#: Promotions reminded of by one press.
MOST_REMINDED = 200


def _read(pk: int) -> Promotion:
    return Promotion.objects.select_related(*WITH).get(pk=pk)


def assign(
    pk: int, *, finding: str, assignee: Person, due_on: date, actor: Person, reason: str
) -> Assignment:
    """Ask somebody who sees the promotion to mend one of its findings by a day."""
    promotion = _read(pk)
    package = live(promotion)
    reasons = assigning_problems(
        package.findings,
        finding,
        due_on,
        clock.now().date(),
        undecided=promotion.is_undecided,
    )
    if not _may_be_asked(assignee, promotion):
        reasons.append(
            Reason("PERSON_CANNOT_SEE", "Choose somebody who sees this promotion.", "person")
        )
    if reasons:
        raise Refused(reasons)
    judged = next(one for one in package.findings if code_of(one) == finding)
    with audit.change(actor=actor, reason=reason) as change:
        person = acting(change, actor)
        demand(person, "request", promotion.release)
        there = Assignment.objects.filter(
            promotion=promotion, finding=finding, done_at=None, withdrawn_at=None
        )
        if there.exists():
            raise Conflict(Reason("ASSIGNED", "Somebody is on this finding already.", "finding"))
        row = change.save(
            Assignment(
                promotion=promotion,
                finding=finding,
                sentence=judged.sentence,
                kind=judged.fix_at[1] if judged.fix_at[0] == "evidence" else "",
                assignee=assignee,
                due_on=due_on,
                assigned_by=person,
                assigned_at=change.now,
            ),
            event="finding.assigned",
            facts={"finding": finding, "to": assignee.username, "due": due_on.isoformat()},
        )
        facts = {
            "people": [assignee.pk],
            "by": person.username,
            "sentence": judged.sentence,
            "due": due_on.isoformat(),
        }
        note(change, "finding.assigned", promotion=pk, facts=facts, once=f"assigned:{row.pk}")
        return row


def _may_be_asked(person: Person, promotion: Promotion) -> bool:
    return (
        person.is_active
        and person.kind == Person.Kind.PERSON
        and Promotion.objects.visible_to(person).filter(pk=promotion.pk).exists()
    )


def withdraw_assignment(pk: int, *, actor: Person, reason: str) -> Assignment:
    """Take back what somebody was asked to mend."""
    with audit.change(actor=actor, reason=reason) as change:
        person = acting(change, actor)
        row = change.lock(Assignment, pk)
        demand(person, "request", row.promotion.release)
        if not row.is_open:
            raise Conflict(Reason("CLOSED", "This is done or withdrawn already."))
        row.withdrawn_at = change.now
        return change.save(row, event="finding.unassigned", facts={"finding": row.finding})


def close_met() -> str:
    """Close what is assigned and met by now, whoever brought it about. Part of `tick`."""
    pending = Assignment.objects.filter(
        done_at=None, withdrawn_at=None, promotion__state__in=Promotion.UNDECIDED
    )
    closed = 0
    for pk in list(pending.order_by().values_list("promotion", flat=True).distinct()):
        findings = {code_of(one): one for one in live(_read(pk)).findings}
        met = [
            row.pk
            for row in pending.filter(promotion=pk)
            if row.finding not in findings or not findings[row.finding].stands_in_the_way
        ]
        if not met:
            continue
        reason = "The finding does not stand in the way any more."
        with audit.change(actor=audit.system("tick"), reason=reason) as change:
            rows = change.lock(Assignment, *met)
            for row in rows if isinstance(rows, list) else [rows]:
                if row.is_open:
                    row.done_at = change.now
                    change.save(row, event="finding.mended", facts={"finding": row.finding})
                    closed += 1
    return f"{closed} assignments done"


def ask_to_sign(pk: int, *, person: Person, actor: Person, reason: str) -> SignOffAsk:
    """Ask one eligible person by name to sign; they are told, and why it is they."""
    promotion = _read(pk)
    package = live(promotion)
    against = objections(
        review_facts(promotion, package), person_facts(person, promotion, package), "reject"
    )
    if against or not person.is_active:
        # The sentences of objections speak to whoever would sign, who is not the one who reads.
        why = "They hold no role that is wanted now, had a hand in it, or signed it already."
        raise Refused(Reason("NOT_ELIGIBLE", f"{person} cannot sign this. {why}", "person"))
    with audit.change(actor=actor, reason=reason) as change:
        asker = acting(change, actor)
        demand(asker, "discuss", promotion.release)
        if SignOffAsk.objects.filter(
            promotion=promotion, submission=promotion.submission, person=person
        ).exists():
            raise Conflict(
                Reason("ASKED", "They were asked already; remind them instead.", "person")
            )
        row = change.save(
            SignOffAsk(
                promotion=promotion,
                submission=promotion.submission,
                person=person,
                asked_by=asker,
                asked_at=change.now,
            ),
            event="sign_off.asked",
            facts={"person": person.username},
        )
        facts = {"people": [person.pk], "by": asker.username, "reason": change.reason}
        note(change, "sign_off.asked", promotion=pk, facts=facts, once=f"asked:{row.pk}")
        return row


def remind(pk: int, *, actor: Person) -> list[str]:
    """Remind whoever was asked to sign, or else everybody who may; return their user names.

    At most once a day for one promotion. Not a governed change: it says what is known already.
    Raises `NotAllowed`, `Refused` when nobody is wanted, `Conflict` when it was done today.
    """
    promotion = _read(pk)
    if reasons := may(actor, "discuss", promotion.release, fresh=True):
        raise NotAllowed(reasons)
    people = _to_remind(load(promotion))
    if promotion.state != Promotion.State.IN_REVIEW or not people:
        raise Refused(Reason("NOBODY_WANTED", "Nobody is wanted to sign this now."))
    now = clock.now()
    _, new = Notice.objects.get_or_create(
        once=f"reminder:{pk}:{now:%Y-%m-%d}",
        defaults={
            "kind": "sign_off.reminder",
            "promotion": promotion,
            "actor": actor,
            "facts": {"people": [one.pk for one in people], "by": actor.username},
            "created_at": now,
        },
    )
    if not new:
        raise Conflict(Reason("REMINDED", "A reminder went out today already."))
    return [one.username for one in people]


def _to_remind(loaded: Loaded) -> list[Person]:
    """Return those who were asked and may still sign; if nobody was, all who may."""
    eligible = {
        person.pk: person
        for slot in open_slots(loaded.review)
        for person in loaded.eligible.get(slot.role, ())
    }
    promotion = loaded.promotion
    asked = SignOffAsk.objects.filter(promotion=promotion, submission=promotion.submission)
    named = [eligible[pk] for pk in asked.values_list("person", flat=True) if pk in eligible]
    return named or list(eligible.values())


def remind_all(promotions, *, actor: Person) -> tuple[int, list[str]]:
    """Remind of each of these promotions; return for how many, and what was said of the others."""
    done, others = 0, []
    for promotion in promotions[:MOST_REMINDED]:
        try:
            remind(promotion.pk, actor=actor)
        except Refused as refused:
            others.append(f"{promotion}: {refused}")
        else:
            done += 1
    return done, others
