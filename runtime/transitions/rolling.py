"""Rolling back: what an earlier generation offered is offered again, as a new generation."""

from audit import Change, Conflict, Reason, Refused, change
from gates.rules.emergencies import INCIDENT
from registry.models import Environment, UseCase
from registry.rights import acting, demand
from registry.showing import Shown, show_again
from runtime.changing import seen_use_cases
from runtime.models import Activation, Deployment, Rollback, RollbackReview, Suspension
from runtime.publishing import TOLD, current
from runtime.replaying import broken, replay
from runtime.targets import Target, target_of


def roll_back(
    environment: Environment,
    generation: int,
    *,
    use_case: UseCase | None = None,
    incident: str = "",
    part_of: str = "",
    password: Shown | str,
    actor,
    reason: str,
) -> Activation:
    """Put back what `generation` offered, in all or for one use case; return the next generation.

    What it put back must pass every hard rule of today. A release that is left is quarantined in
    the environment until somebody lifts that, so that it does not come back by itself. Kept facts
    that would be refused stand in the way, unless an `incident` makes it an emergency, which
    somebody else reviews within a day; `part_of` names the incident of a rollback that is none.
    Raises `NotAllowed` without the role operator in the team
    of every use case that changes, `Refused` when the target cannot be chosen today, `Conflict`
    when nothing would change.
    """
    shown = show_again(actor, password)
    with change(actor=actor, reason=reason) as opened:
        person = acting(opened, actor)
        environment = opened.lock(Environment, environment.pk)
        target = target_of(environment, generation, use_case.slug if use_case else "")
        if target is None:
            of = f" that offered something for {use_case}" if use_case else ""
            sentence = f"{environment.slug} has no generation {generation}{of} to go back to."
            raise Refused(Reason("NO_SUCH_GENERATION", sentence, "generation"))
        for release in target.moved:
            demand(person, "operate", release)
        slugs = {slug for slug, _ in target.against}
        reasons = target.objections(seen_use_cases(person, slugs))
        if not incident.strip():
            reasons += broken(replay(target.before, target.after, opened.now))
        if reasons:
            raise Refused(reasons)
        if not target.moved:
            raise Conflict(
                Reason("NOTHING_TO_DO", f"What generation {generation} offered is offered now.")
            )
        _carry_out(opened, person, environment, target)
        opened.save(
            Rollback(
                environment=environment,
                generation=generation,
                use_case=use_case,
                emergency=bool(incident.strip()),
                incident=incident.strip(),
                reason=opened.reason,
                rolled_back_by=person,
                rolled_back_at=opened.now,
            ),
            event="rollback.done",
            facts={"generation": generation, "incident": incident.strip() or part_of.strip()}
            | shown.told,
        )
        opened.told[TOLD] = (Activation.Cause.ROLLED_BACK, generation)
        opened.told[INCIDENT] = incident.strip() or part_of
    return current(environment)


def _carry_out(opened: Change, person, environment: Environment, target: Target) -> None:
    for one in target.leaving:
        row = opened.lock(Deployment, one.pk)
        row.removed_at = opened.now
        opened.save(row, event="deployment.removed")
    for one in target.coming:
        one.placed_by, one.placed_at = person, opened.now
        opened.save(one, event="deployment.placed")
    for release in target.left:
        opened.save(
            Suspension(
                release=release,
                environment=environment,
                quarantine=True,
                why=f"Quarantined by a rollback: {opened.reason}",
                suspended_by=person,
                suspended_at=opened.now,
            ),
            event="suspension.begun",
        )


def review_rollback(pk: int, *, outcome: str, actor, reason: str) -> RollbackReview:
    """Find an emergency justified or not, afterwards, by somebody else than who rolled back.

    Raises `NotAllowed` without a reviewing role in the team of every use case that it moved.
    """
    with change(actor=actor, reason=reason) as opened:
        person = acting(opened, actor)
        row = opened.lock(Rollback, pk)
        for use_case in moved_by(row):
            demand(person, "review_rollback", use_case)
        reasons = []
        if not row.emergency:
            reasons.append(Reason("NO_EMERGENCY", "It was no emergency; there is no review."))
        if row.rolled_back_by_id == person.pk:
            sentence = "You rolled back yourself; somebody else reviews that."
            reasons.append(Reason("ONESELF", sentence))
        if outcome not in RollbackReview.Outcome.values:
            reasons.append(Reason("OUTCOME_UNKNOWN", "Say whether it was justified.", "outcome"))
        if reasons:
            raise Refused(reasons)
        if RollbackReview.objects.filter(rollback=row).exists():
            raise Conflict(Reason("REVIEWED", "Somebody reviewed it already."))
        return opened.save(
            RollbackReview(
                rollback=row,
                outcome=outcome,
                rolled_back_by_id=row.rolled_back_by_id,
                reviewed_by=person,
                reviewed_at=opened.now,
                reason=opened.reason,
            ),
            event="rollback.reviewed",
            facts={"outcome": outcome},
        )


def moved_by(rollback: Rollback) -> list[UseCase]:
    """Return the use cases for which a rollback placed something or took it out."""
    moved = Deployment.history.filter(change=rollback.change_id)
    rows = UseCase.objects.filter(releases__deployments__in=moved.values("id"))
    return list(rows.select_related("team").distinct().order_by("slug"))
