"""How tests lose entries that were signed, as a restore from an older backup does."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import transaction

from audit import change, checkpoints, clock, sinks, tree
from audit.kept import kept
from audit.models import Checkpoint, LossConfirmation, LossDeclaration
from audit.verify_audit import EMPTY_ROOT, epoch_origin
from registry import transitions
from registry.models import Person
from tests import make

WHY = "The disk broke, and the last backup is of yesterday."


@contextmanager
def lost() -> Iterator[None]:
    """Forget what the database took in meanwhile; what left it meanwhile stays outside."""
    saved = transaction.savepoint()
    yield
    transaction.savepoint_rollback(saved)
    kept.clear()


def sign_beyond(entries: int = 50, epoch: int = 1, root: bytes = b"") -> str:
    """Put a checkpoint over more entries than there are into the file, signed by our key."""
    size, now = tree.state().size + entries, clock.now()
    name = epoch_origin(checkpoints.name(), epoch)
    note = checkpoints.sign_note(name, size, root or os.urandom(32), now)
    if sinks.path() is not None:
        sinks.path().parent.mkdir(parents=True, exist_ok=True)
        with sinks.path().open("ab") as file:
            file.write(
                sinks.line_of(Checkpoint(size=size, root=EMPTY_ROOT, note=note, signed_at=now))
            )
    return note


def two() -> tuple[Person, Person]:
    """Return an administrator and a risk owner for all teams."""
    return make.admin(), make.make_person(make.name("risk"), "risk_owner")


def declare(actor: Person, **given) -> LossDeclaration:
    values = {"password": make.PASSWORD, "reason": WHY, **given}
    return transitions.declare_loss(**values, actor=actor)


def confirm(row: LossDeclaration, actor: Person, **given):
    values = {"password": make.PASSWORD, "reason": "It is so.", **given}
    return transitions.confirm_loss(row.pk, **values, actor=actor)


def forged(first: Person, second: Person, document: dict, other: dict | None = None) -> None:
    """Write a declaration and its confirmation past the verbs, with entries that hash right."""
    said = {
        "epoch": document["epoch"],
        "kept_size": document["kept"]["size"],
        "kept_root": document["kept"]["root"],
        "ended": document["ended"],
        "digest": f"sha256:{'0' * 64}",
        "printed_name": first.name,
        "authentication": "password",
        "reason": "Forged.",
    }
    with change(actor=first, reason="Forged.") as opened:
        row = LossDeclaration(**said, declared_by=first, declared_at=opened.now)
        opened.save(row, event="loss.declared", facts={"loss": document})
    # The database takes no two parts of one person: a forger names somebody.
    named = second if second != first else make.registrar()
    with change(actor=second, reason="Forged.") as opened:
        made = LossConfirmation(
            declaration=row,
            epoch=document["epoch"],
            declared_by=first,
            declared_as="administrator",
            confirmed_by=named,
            confirmed_as="risk_owner",
            confirmed_at=opened.now,
            printed_name=second.name,
            authentication="password",
            reason="Forged.",
        )
        opened.save(made, event="loss.confirmed", facts={"loss": other or document})
