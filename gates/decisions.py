"""May this release run in this environment? The answer that deployment tools act on."""

from datetime import datetime, timedelta

from audit import clock
from audit.rules import instant_text
from gates import emergencies
from gates.approvals import Approval, approvals
from gates.models import Promotion
from gates.packages import live
from gates.review import review_facts
from gates.rules import in_the_way, open_slots
from gates.rules.conditions import Condition, state
from gates.rules.findings import day
from registry.effective import number_at
from registry.models import Environment, Release

#: How long a refusal is taken for true. Time alone never turns it into leave, but it may add a
#: reason: another finding goes stale.
REFUSAL_HOLDS = timedelta(minutes=1)


def decide(release: Release, environment: Environment, at: datetime | None = None) -> dict:
    """Return the decision for (release, environment, time) with every reason.

    `at` defaults to now; for a past instant only what was known then counts. Any approval that
    holds allows, the answer names the one that ends last, and its endpoints are those of all of
    them that are still as approved. Anything but `allowed: true` means no.
    """
    answer, _ = decide_for_a_while(release, environment, at)
    return answer


def decide_for_a_while(
    release: Release, environment: Environment, at: datetime | None = None
) -> tuple[dict, datetime]:
    """Return the decision, and until when it stays the same if no change lands.

    Where several approvals hold, the first of them to end takes its endpoints along, before the
    answer's own `expires_at`. A break-glass allows like an approval, under a code of its own.
    """
    now = clock.now()
    at = at or now
    promotions = Promotion.objects.filter(release=release, environment=environment)
    gathered = approvals(promotions, at)
    holding = sorted(
        (one for one in gathered if one.holds), key=lambda one: (one.until, one.promotion.pk)
    )
    opened = emergencies.of(release, environment, at)
    broken = sorted((one for one in opened if one.holds), key=lambda one: one.until)
    answer = {
        "allowed": bool(holding or broken),
        "reasons": [],
        "release": release.digest,
        "environment": environment.slug,
        "promotion": None,
        "at": instant_text(at),
        "expires_at": None,
        "endpoints": [],
        "conditions": [],
    }
    if holding or broken:
        untils = [one.until for one in (*holding, *broken)]
        covered = {slug for one in holding for slug in one.covered}
        covered |= {slug for one in broken for slug in one.facts.covered}
        answer |= {
            "reasons": [
                *(_reason("APPROVED", _approved_sentence(one)) for one in holding[-1:]),
                *(_reason("BREAK_GLASS", _broken_sentence(one)) for one in broken),
            ],
            "promotion": holding[-1].promotion.pk if holding else None,
            "expires_at": instant_text(max(untils)),
            "endpoints": sorted(covered),
            "conditions": [_condition(one, condition) for one, condition in _open(holding, at)],
        }
        return answer, min(untils)
    answer["reasons"] = [
        _reason(
            ending.code,
            f"{ending.sentence} Promotion {one.promotion.pk} ended by that"
            f"{'' if ending.at == at else f' on {day(ending.at)}'}.",
        )
        for one in gathered
        for ending in one.ended_by
    ]
    answer["reasons"] += [
        _reason(ending.code, f"{ending.sentence} Break-glass {one.row.pk} ended by that.")
        for one in opened
        for ending in one.ends
        if ending.at <= at
    ] + _other_reasons(promotions, at, now)
    if not answer["reasons"]:
        answer["reasons"] = [
            _reason(
                "NEVER_REQUESTED",
                f"Nobody has asked to let {release} into {environment.slug}.",
            )
        ]
    return answer, now + REFUSAL_HOLDS


def _reason(code: str, sentence: str) -> dict:
    return {"code": code, "sentence": sentence}


def _broken_sentence(one: emergencies.Standing) -> str:
    return (
        f"{one.facts.opened_by} broke the glass for incident {one.row.incident}, for "
        f"{one.row.hours} hours at most. It ends on {day(one.until)} at {one.until:%H:%M} UTC."
    )


def _open(holding: list[Approval], at: datetime) -> list[tuple[Approval, Condition]]:
    """Return the conditions that are not met yet, soonest due first."""
    found = [
        (one, condition)
        for one in holding
        for condition in one.facts.conditions
        if state(condition, at) == "open"
    ]
    return sorted(found, key=lambda pair: (pair[1].due_at, pair[1].id))


def _condition(approval: Approval, condition: Condition) -> dict:
    return {
        "text": condition.text,
        "owner": condition.owner,
        "due_at": instant_text(condition.due_at),
        "evidence": condition.evidence_kind,
        "promotion": approval.promotion.pk,
    }


def _approved_sentence(approval: Approval) -> str:
    first = approval.ends[0]
    return (
        f"Promotion {approval.promotion.pk} was approved on {day(approval.promotion.decided_at)} "
        f"and holds until {day(first.at)}. First to end it: {first.coming}"
    )


def _other_reasons(promotions, at: datetime, now: datetime) -> list[dict]:
    """Say where the newest promotion that is no approval stood at `at`."""
    if at < now:
        number = number_at(at)
        states = (
            Promotion.history.filter(id__in=promotions.values("pk"), change__number__lte=number)
            .order_by("-id", "-change__number", "-history_id")
            .values_list("id", "state")
        )
        newest = next(iter(states[:1]), None)
        if newest is None or newest[1] == Promotion.State.APPROVED:
            return []
        pk, state = newest
        return [_reason(state.upper(), f"Promotion {pk} was {state.replace('_', ' ')} then.")]
    newest = (
        promotions.exclude(state=Promotion.State.APPROVED)
        .select_related("release__use_case", "release__model_version__model", "environment")
        .order_by("-pk")
        .first()
    )
    if newest is None:
        return []
    state = newest.get_state_display()
    reasons = [_reason(newest.state.upper(), f"Promotion {newest.pk} is {state}.")]
    if not newest.is_undecided:
        return reasons
    package = live(newest)
    reasons += [
        _reason(f"FINDING_{finding.status.upper()}", f"{finding.sentence} {finding.fact}")
        for finding in in_the_way(package.findings)
    ]
    reasons += [
        _reason("SIGN_OFF_WANTED", f"A sign-off as {slot.role.replace('_', ' ')} is wanted.")
        for slot in open_slots(review_facts(newest, package))
    ]
    return reasons
