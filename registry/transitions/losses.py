"""Declaring that entries which were signed are lost: by two people, in two roles.

One is an administrator and one a risk owner, both for all teams. Until both have put their names
under it nothing is signed; afterwards the log goes on under another origin.
"""

from collections.abc import Iterable

from django.db import transaction

from audit import Conflict, Reason, Refused, change, checkpoints, keys
from audit.losses.finding import Loss, NotALoss, find
from audit.models import LossConfirmation, LossDeclaration
from audit.rules import canonical, digest
from audit.verify_audit import LOSS_CONFIRMED, LOSS_DECLARED
from registry.models import Person
from registry.rights import acting, demand, may
from registry.roles import DECLARE_LOSSES
from registry.showing import Shown, show_again

#: Checkpoints that were kept elsewhere: where, and the signed note.
Outside = Iterable[tuple[str, str]]


def declare_loss(
    *, password: Shown | str, actor: Person, reason: str, outside: Outside = ()
) -> LossDeclaration:
    """Say that what was signed and is not in the log any more is lost.

    `outside` are checkpoints that the checkpoint file lacks: where, and the signed note. Raises
    `NotAllowed`, `Refused` where nothing is lost or something else is wrong, and `Conflict` for
    what somebody declared already.
    """
    shown = show_again(actor, password)
    loss = lost(outside)
    with change(actor=actor, reason=reason) as opened:
        person = acting(opened, actor)
        demand(person, "declare_loss", LossDeclaration)
        if (standing := waiting(loss)) is not None:
            raise Conflict(
                Reason(
                    "DECLARED_ALREADY",
                    f"{standing.printed_name} declared this already. Somebody else confirms it.",
                )
            )
        return opened.save(
            LossDeclaration(
                epoch=loss.epoch,
                kept_size=loss.kept_size,
                kept_root=loss.kept_root,
                ended=list(loss.notes),
                digest=loss.digest,
                declared_by=person,
                declared_at=opened.now,
                printed_name=person.name,
                authentication=shown.code,
                reason=opened.reason,
            ),
            event=LOSS_DECLARED,
            facts={"loss": loss.document} | shown.told,
        )


def confirm_loss(pk: int, *, password: Shown | str, actor: Person, reason: str) -> LossConfirmation:
    """Say the same as somebody else did: from now on the log goes on under another origin.

    What is lost is looked at once more. Raises `NotAllowed`, `Refused`, and `Conflict` when what
    was declared is no longer what is lost.
    """
    shown = show_again(actor, password)
    seen = LossDeclaration.objects.get(pk=pk)
    loss = lost([("the declaration", note) for note in seen.ended])
    with change(actor=actor, reason=reason) as opened:
        person, declarer = acting(opened, actor, seen.declared_by_id)
        demand(person, "declare_loss", LossDeclaration)
        if reasons := confirming_problems(seen, loss, person, declarer):
            raise (Conflict if reasons[0].code == "OTHER_LOSS" else Refused)(reasons)
        declared_as, confirmed_as = roles_of(declarer, person)
        made = opened.save(
            LossConfirmation(
                declaration=seen,
                epoch=seen.epoch,
                declared_by=declarer,
                declared_as=declared_as,
                confirmed_by=person,
                confirmed_as=confirmed_as,
                confirmed_at=opened.now,
                printed_name=person.name,
                authentication=shown.code,
                reason=opened.reason,
            ),
            event=LOSS_CONFIRMED,
            facts={
                "loss": seen.document,
                "declared_as": declared_as,
                "confirmed_as": confirmed_as,
            }
            | shown.told,
        )
        # What goes on is signed for at once, and told to every place that takes checkpoints.
        transaction.on_commit(checkpoints.attempt)
        return made


def lost(outside: Outside = ()) -> Loss:
    """Return what is lost. Raises `Refused` if nothing is, or if something else is wrong."""
    try:
        found = find(outside)
    except (NotALoss, keys.NoKey, OSError) as error:
        raise Refused(Reason("NOT_A_LOSS", str(error))) from error
    if found is None:
        raise Refused(
            Reason(
                "NOTHING_LOST",
                "The log agrees with every checkpoint that is known here. There is nothing to "
                "declare; a checkpoint that was kept elsewhere may be given.",
                "outside",
            )
        )
    return found


def confirming_problems(
    declaration: LossDeclaration, loss: Loss, person: Person, declarer: Person
) -> list[Reason]:
    """Return why `person` may not confirm what `declarer` said, of what is lost now."""
    if digest(canonical(declaration.document)) != loss.digest:
        sentence = "What is lost is no longer what was declared. Declare it anew."
        return [Reason("OTHER_LOSS", sentence)]
    if person.pk == declarer.pk:
        sentence = "You declared it. Somebody else confirms it: nobody declares a loss alone."
        return [Reason("ONESELF", sentence)]
    if may(declarer, "declare_loss", LossDeclaration):
        sentence = f"{declarer} may no longer declare a loss. Declare it anew."
        return [Reason("DECLARER", sentence)]
    if roles_of(declarer, person) is None:
        sentence = "One of the two is an administrator, the other a risk owner, for all teams."
        return [Reason("TWO_ROLES", sentence)]
    return []


def roles_of(declarer: Person, confirmer: Person) -> tuple[str, str] | None:
    """Return a role for each of the two, such that both roles are there; None if there is none."""
    held = [{role for role, team in one.grants if team is None} for one in (declarer, confirmer)]
    for first, second in (DECLARE_LOSSES, DECLARE_LOSSES[::-1]):
        if first in held[0] and second in held[1]:
            return first.value, second.value
    return None


def waiting(loss: Loss) -> LossDeclaration | None:
    """Return a declaration of the same by somebody who still may, if it waits to be confirmed."""
    rows = LossDeclaration.objects.filter(digest=loss.digest, confirmation=None)
    for row in rows.select_related("declared_by"):
        if not may(row.declared_by, "declare_loss", LossDeclaration):
            return row
    return None
