"""How a verb says no: every reason at once, each a code for tools and a sentence for people."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Reason:
    """One reason: a stable code, a sentence with its remedy, and the field it is about, if any."""

    code: str
    sentence: str
    field: str = ""

    def __str__(self) -> str:
        return self.sentence


class Refused(Exception):
    """A verb was refused and wrote nothing; `reasons` holds all that stood in the way."""

    status = 422

    def __init__(self, reasons: Iterable[Reason] | Reason):
        self.reasons: tuple[Reason, ...] = (
            (reasons,) if isinstance(reasons, Reason) else tuple(reasons)
        )
        super().__init__(" ".join(reason.sentence for reason in self.reasons))


class NotUnderstood(Refused):
    """What was asked cannot be read; nothing was looked up."""

    status = 400


class NotAllowed(Refused):
    """The actor may see the row but not do this to it."""

    status = 403


class Conflict(Refused):
    """Somebody else was first, or the row is no longer what the actor was shown."""

    status = 409
