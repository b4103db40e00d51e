"""Keeping test facts of a use case, and dropping them."""

from audit import Conflict, Reason, Refused, change
from registry.models import UseCase
from registry.rights import acting, demand
from runtime import routing
from runtime.keeping import MOST, written
from runtime.models import KeptFacts


def keep_facts(
    use_case: UseCase, *, name: str, facts: routing.Facts, expected: str, actor, reason: str
) -> KeptFacts:
    """Keep the facts of a request under a name, with what is expected of its route.

    Drills and rollbacks try them again. Raises `NotAllowed` without the role operator in the use
    case's team, `Refused` when too many are kept.
    """
    with change(actor=actor, reason=reason) as opened:
        person = acting(opened, actor)
        use_case = opened.lock(UseCase, use_case.pk)
        demand(person, "operate", use_case)
        if facts.use_case != use_case.slug:
            raise Refused(Reason("NOT_A_FACT", f"These facts are of {facts.use_case}.", "use_case"))
        if KeptFacts.objects.filter(use_case=use_case, dropped_at=None).count() >= MOST:
            sentence = f"{use_case} keeps {MOST} already. Drop one first."
            raise Refused(Reason("TOO_MANY", sentence, "name"))
        return opened.save(
            KeptFacts(
                use_case=use_case,
                name=name.strip(),
                facts=written(facts),
                expected=expected,
                kept_by=person,
                kept_at=opened.now,
            ),
            event="testfacts.kept",
        )


def drop_facts(pk: int, *, actor, reason: str) -> KeptFacts:
    """Drop test facts: nothing is tried by them any more."""
    with change(actor=actor, reason=reason) as opened:
        person = acting(opened, actor)
        row = opened.lock(KeptFacts, pk)
        demand(person, "operate", row.use_case)
        if row.dropped_at is not None:
            raise Conflict(Reason("DROPPED", f"The test facts {row} were dropped already."))
        row.dropped_at = opened.now
        return opened.save(row, event="testfacts.dropped")
