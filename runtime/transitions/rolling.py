"""Rolling back: what an earlier generation offered is offered again, as a new generation."""

from audit import Change, Conflict, Reason, Refused, change
from registry.models import Environment
from registry.rights import acting, demand
from registry.sign_in import check_password_for_signing
from runtime.models import Activation, Deployment, Suspension
from runtime.publishing import TOLD, current
from runtime.targets import Target, target_of


def roll_back(
    environment: Environment, generation: int, *, password: str, actor, reason: str
) -> Activation:
    """Put back what `generation` offered, as the next generation; return that.

    What it put back must pass every hard rule of today. A release that is left is suspended in
    the environment until somebody lifts that, so that it does not come back by itself. Raises
    `NotAllowed` without the role operator in the team of every use case that changes, `Refused`
    when the target cannot be chosen today, `Conflict` when nothing would change.
    """
    if wrong := check_password_for_signing(actor, password):
        raise Refused(wrong)
    with change(actor=actor, reason=reason) as opened:
        person = acting(opened, actor)
        environment = opened.lock(Environment, environment.pk)
        target = target_of(environment, generation)
        if target is None:
            sentence = f"{environment.slug} has no generation {generation} to go back to."
            raise Refused(Reason("NO_SUCH_GENERATION", sentence, "generation"))
        for one in (*target.leaving, *target.coming):
            demand(person, "operate", one.release)
        if target.against:
            raise Refused(target.against)
        if not target.leaving and not target.coming:
            raise Conflict(
                Reason("NOTHING_TO_DO", f"What generation {generation} offered is offered now.")
            )
        _carry_out(opened, person, environment, target)
        opened.told[TOLD] = (Activation.Cause.ROLLED_BACK, generation)
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
                why=f"Rolled back: {opened.reason}",
                suspended_by=person,
                suspended_at=opened.now,
            ),
            event="suspension.begun",
        )
