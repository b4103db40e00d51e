"""From what a source says to rows, in one change; and the plan of it.

A plan is the import itself, undone at its end: it meets the same rules and the same rights, so
that it cannot promise what the import then refuses.
"""

import audit
from audit import Reason
from audit.refusals import Conflict
from evidence.imports.plan import Plan, Wish
from evidence.imports.said import Said
from evidence.imports.walk import Walk, mark_of
from registry import rights
from registry.models import Person, RegisteredModel


class _Undone(Exception):
    """Ends the change of a plan, so that nothing of it is kept."""


def make(said: Said, wish: Wish, *, actor: Person) -> Plan:
    """Return what `carry_out` would do now; it is undone and nothing is written."""
    plan = None
    try:
        with audit.change(actor=actor, reason="The plan of an import, undone.") as change:
            plan = _carried(change, said, wish, actor)
            raise _Undone
    except _Undone:
        return plan


def carry_out(said: Said, wish: Wish, *, actor: Person, reason: str, shown: str = "") -> Plan:
    """Import all that is not so already, in one change that names its source; return what it did.

    What conflicts stays as it is. With `shown`, the digest of the plan that somebody agreed to, it
    raises `Conflict` when the plan is another by now. Raises `NotAllowed` and `Refused`, and then
    nothing is imported.
    """
    mark = f"{reason.strip()} [{mark_of(said.kind)}{said.source}]" if reason.strip() else ""
    with audit.change(actor=actor, reason=mark) as change:
        plan = _carried(change, said, wish, actor)
        if shown and shown != plan.digest:
            raise Conflict(
                Reason("PLAN_CHANGED", "The plan is another since it was shown. Look at it again.")
            )
    return plan


def _carried(change, said: Said, wish: Wish, actor: Person) -> Plan:
    person = rights.acting(change, actor)
    rights.demand(person, "save", RegisteredModel(team=wish.team))
    walk = Walk(change, person, said, wish)
    walk.everything()
    return Plan(
        kind=said.kind,
        source=said.source,
        team=wish.team.slug,
        steps=tuple(walk.steps),
        warnings=(*said.warnings, *walk.warnings),
    )
