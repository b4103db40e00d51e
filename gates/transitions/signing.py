"""Signing: one person's verdict on one package, and the decision when it falls."""

import uuid
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db import transaction

from audit import Change, Conflict, Reason, Refused, change, checkpoints, clock
from gates.models import Challenge, PackagePerson, Promotion
from gates.notices.writing import note
from gates.packages import Live, live
from gates.review import person_facts, review_facts, sign_offs
from gates.rules import PersonFacts, ReviewFacts, Slot, objections, open_slots, review_date
from gates.rules.conditions import Asked
from gates.rules.signing import VERDICTS, free_slot, meanings
from gates.transitions.conditions import judge_conditions, set_conditions
from gates.transitions.locking import lock_promotion
from gates.transitions.writing import write_package
from registry.models import Person
from registry.showing import Shown, show_again

#: How long a challenge may be answered.
CHALLENGE_LIFE = timedelta(minutes=10)


def issue_challenge(pk: int, *, actor: Person, verdict: str, package_digest: str) -> Challenge:
    """Give `actor` one chance to sign the package they are shown. Not a governed change.

    Their earlier challenges that ran out unanswered are thrown away.
    """
    now = clock.now()
    Challenge.objects.filter(person=actor, sign_off=None, expires_at__lt=now).delete()
    return Challenge.objects.create(
        person=actor,
        promotion_id=pk,
        package_digest=package_digest,
        verdict=verdict,
        created_at=now,
        expires_at=now + CHALLENGE_LIFE,
    )


def open_challenge(
    pk: int, challenge: str, *, actor: Person, verdict: str, package_digest: str
) -> Challenge | None:
    """Return a challenge that was issued for exactly this, if it may still be answered."""
    try:
        key = uuid.UUID(challenge)
    except ValueError:
        return None
    return Challenge.objects.filter(
        pk=key,
        person=actor,
        promotion_id=pk,
        package_digest=package_digest,
        verdict=verdict,
        sign_off=None,
        expires_at__gt=clock.now(),
    ).first()


def sign(
    pk: int,
    *,
    challenge: uuid.UUID | str,
    package_digest: str,
    verdict: str,
    meaning: str,
    reason: str,
    password: Shown | str,
    actor: Person,
    role: str = "",
    conditions: Iterable[Asked] = (),
) -> PackagePerson:
    """Sign the package of `package_digest` with a verdict, and decide if this is what was wanted.

    `role` chooses the slot for somebody with several roles; `conditions` come with the verdict
    approve_with_conditions alone, which otherwise is an approval like another. A reject or a
    request for changes decides at once; an approval decides when every slot has one that counts.
    Raises `Refused` with every objection (422), `Conflict` when the package changed or somebody
    was first (409).
    """
    if verdict not in VERDICTS:
        raise Refused(Reason("VERDICT_UNKNOWN", "Choose one of the verdicts.", "verdict"))
    # A password hash takes a quarter of a second: checked before the database is locked.
    shown = show_again(actor, password, purpose=f"challenge:{challenge}")
    signers = Promotion.objects.get(pk=pk).people.filter(kind=PackagePerson.Kind.SIGNER)
    with change(actor=actor, reason=reason) as opened:
        person, promotion = lock_promotion(
            opened, pk, actor, signers=tuple(signers.values_list("person_id", flat=True))
        )
        if promotion.decided_at is not None:
            raise Conflict(
                Reason(
                    "DECIDED",
                    f"Already decided: it was {promotion.get_state_display()} on "
                    f"{promotion.decided_at:%d %b %Y at %H:%M:%S} UTC. Nothing was signed.",
                )
            )
        package = live(promotion, opened.now)
        if package.digest != package_digest:
            raise Conflict(
                Reason(
                    "PACKAGE_CHANGED",
                    "The package changed while you were reading. You were shown "
                    f"{package_digest}; it is {package.digest} now. Nothing was signed.",
                )
            )
        answered = _answer(challenge, person, promotion, package_digest, verdict, opened)
        signed = sign_offs(promotion)
        review = review_facts(promotion, package, signed)
        facts = person_facts(person, promotion, package)
        slot = _judge(review, facts, verdict, meaning, role)
        asked = judge_conditions(
            verdict,
            conditions,
            team=promotion.release.use_case.team,
            now=opened.now,
            review_at=_review_at(package, opened),
        )
        row = opened.save(
            PackagePerson(
                promotion=promotion,
                package=write_package(opened, package),
                person=person,
                kind=PackagePerson.Kind.SIGNER,
                slot=str(slot),
                role=slot.role,
                verdict=verdict,
                meaning=meaning,
                reason=opened.reason,
                package_digest=package.digest,
                printed_name=person.name,
                authentication=shown.code,
                challenge=answered,
                signed_at=opened.now,
            ),
            event=f"promotion.signed_{verdict}",
            facts={"package": package.digest, "slot": str(slot), "meaning": meaning} | shown.told,
        )
        set_conditions(opened, row, asked)
        note(
            opened,
            "sign_off.receipt",
            promotion=promotion.pk,
            facts={"people": [person.pk], "signature": row.pk},
        )
        _decide(opened, promotion, package, row, review_facts(promotion, package))
        # The signer's receipt names a state of the log that holds the signature.
        transaction.on_commit(checkpoints.attempt)
        return row


def _answer(
    pk, person: Person, promotion: Promotion, digest: str, verdict: str, opened: Change
) -> Challenge:
    """Return the challenge if it is this person's, for exactly this, unused and in time."""
    try:
        challenge = Challenge.objects.get(
            pk=uuid.UUID(str(pk)),
            person=person,
            promotion=promotion,
            package_digest=digest,
            verdict=verdict,
        )
    except (Challenge.DoesNotExist, ValueError):
        raise Refused(
            Reason("CHALLENGE_UNKNOWN", "This form was not made for this signature. Open it again.")
        ) from None
    if PackagePerson.objects.filter(challenge=challenge).exists():
        raise Conflict(
            Reason("CHALLENGE_USED", "This form has signed once already. Open it again.")
        )
    if challenge.expires_at <= opened.now:
        raise Refused(
            Reason(
                "CHALLENGE_ENDED",
                "The form was open for more than ten minutes. Read it again and sign.",
            )
        )
    return challenge


def _judge(review: ReviewFacts, facts: PersonFacts, verdict: str, meaning: str, role: str) -> Slot:
    """Return the slot to sign in, or raise with every objection."""
    roles = facts.roles & {role} if role else facts.roles
    reasons = objections(review, facts, verdict)
    if role and role not in facts.roles:
        reasons.append(Reason("ROLE_NOT_HELD", "You do not hold that role here.", "role"))
    if reasons:
        taken = {"ALREADY_SIGNED", "SLOT_FILLED"} & {one.code for one in reasons}
        raise (Conflict if taken else Refused)(reasons)
    slot = free_slot(review, roles)
    if slot is None:
        raise Conflict(Reason("SLOT_FILLED", "Somebody has signed in that slot already.", "role"))
    if meaning not in {code for code, _ in meanings(verdict, slot.role)}:
        raise Refused(Reason("MEANING_UNKNOWN", "Choose what your signature means.", "meaning"))
    return slot


def _review_at(package: Live, opened: Change) -> datetime:
    """Return when an approval given now is looked at again."""
    tier = package.gathered.facts.risk_tier
    return review_date(opened.now, tier, package.policy.policy.value("review_months"))


def _decide(
    opened: Change,
    promotion: Promotion,
    package: Live,
    row: PackagePerson,
    review: ReviewFacts,
) -> None:
    """Write the decision, if this signature brought it about."""
    states = Promotion.State
    if row.verdict == PackagePerson.Verdict.REQUEST_CHANGES:
        promotion.state = states.CHANGES_REQUESTED
    elif row.verdict == PackagePerson.Verdict.REJECT:
        promotion.state = states.REJECTED
        promotion.decided_at = opened.now
        promotion.decided_package = row.package
    elif not open_slots(review):
        promotion.state = states.APPROVED
        promotion.decided_at = opened.now
        promotion.decided_package = row.package
        promotion.review_at = _review_at(package, opened)
    else:
        return
    opened.save(promotion, event=f"promotion.{promotion.state}")
