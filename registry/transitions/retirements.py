"""Deprecating, retiring and reinstating what is registered: each is a row of its own."""

from itertools import pairwise

import audit
from audit import Change, Reason, Refused
from audit.models import GovernedModel
from audit.refusals import Conflict
from registry import lifecycle, rights, standing
from registry.models import Person, Retirement
from registry.models.retirements import SUBJECTS


def deprecate(
    noun: type[GovernedModel], pk: int, *, successor: int | None = None, actor, reason: str
) -> Retirement:
    """Declare a thing deprecated: what names it from now on is warned, and goes on.

    `successor` is the key of what to take instead. Raises `Refused` when nothing is new or the
    successors would lead in a circle, `NotAllowed` for whoever is no registrar of its team.
    """
    return _declare(noun, pk, Retirement.State.DEPRECATED, successor, actor, reason)


def retire(
    noun: type[GovernedModel], pk: int, *, successor: int | None = None, actor, reason: str
) -> Retirement:
    """Declare a thing retired: nothing new names it. What is approved with it goes on."""
    return _declare(noun, pk, Retirement.State.RETIRED, successor, actor, reason)


def reinstate(noun: type[GovernedModel], pk: int, *, actor, reason: str) -> Retirement:
    """Declare a thing that was deprecated or retired to be in use again."""
    return _declare(noun, pk, Retirement.State.IN_USE, None, actor, reason)


def _declare(noun, pk, state, successor, actor, reason) -> Retirement:
    # Read before the change: all along the chain is locked in one order, so that of two chains
    # that would make a circle together only one is made.
    chain = lifecycle.chain(noun, successor)
    with audit.change(actor=actor, reason=reason) as change:
        person = rights.acting(change, actor)
        row = _locked(change, noun, pk, chain)
        rights.demand(person, "retire", row)
        now = lifecycle.newest([(noun, pk)]).get((noun, pk))
        if reasons := [
            *_not_theirs(person, noun, now, successor),
            *_problems(noun, row, now, state, successor, chain),
        ]:
            raise Refused(reasons)
        if lifecycle.chain(noun, successor) != chain:
            raise Conflict(
                Reason("CHANGED", "Its successor was retired meanwhile. Look again.", "successor")
            )
        name = SUBJECTS[noun]
        declared = Retirement(
            state=state,
            reason=change.reason,
            declared_by=person,
            declared_at=change.now,
            **{name: row, f"successor_{name}_id": successor},
        )
        word = "reinstated" if state == Retirement.State.IN_USE else state.value
        return change.save(declared, event=f"{noun._meta.model_name}.{word}")


def _locked(change: Change, noun, pk: int, chain: list[int]) -> GovernedModel:
    try:
        found = change.lock(noun, *{pk, *chain})
    except noun.DoesNotExist:
        # A successor that is not there is refused in words, as one that may not be seen.
        return change.lock(noun, pk)
    return next(row for row in (found if isinstance(found, list) else [found]) if row.pk == pk)


def _not_theirs(person: Person, noun, now, successor: int | None) -> list[Reason]:
    if successor is None or (now and now.successor_id == successor):
        return []  # somebody else chose it
    if noun.objects.visible_to(person).filter(pk=successor).exists():
        return []
    sentence = f"There is no such {noun._meta.verbose_name}, or it is not yours to name."
    return [Reason("NOT_FOUND", sentence, "successor")]


def _problems(noun, row, now, state, successor, chain) -> list[Reason]:
    named = {one.pk: str(one) for one in noun._base_manager.filter(pk__in=[row.pk, *chain])}
    if successor is not None and successor not in named:
        return []  # said already
    steps = [named[key] for key in chain]
    if row.pk in chain:
        steps = steps[: chain.index(row.pk) + 1]
    return standing.declaring_problems(
        noun=noun._meta.verbose_name,
        name=named[row.pk],
        state=state.value,
        now=now.state if now else standing.IN_USE,
        successor=named.get(successor, ""),
        successors=dict(pairwise(steps)),
        same=bool(now) and now.successor_id == successor,
    )
