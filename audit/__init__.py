"""What was done: the append-only log, its proofs, and the one way to change a governed row.

Other apps need only what is exported here::

    with audit.change(actor=user, reason="Bias report read, in bounds.") as change:
        release = change.lock(Release, pk)
        ...
        change.save(release, event="release.sealed")
"""

from audit import clock
from audit.changes import Change, change, consequences, current_change, projections
from audit.refusals import Conflict, Reason, Refused
from audit.rules import Actor, system
from audit.verifying import verifiers

__all__ = [
    "Actor",
    "Change",
    "Conflict",
    "Reason",
    "Refused",
    "change",
    "clock",
    "consequences",
    "current_change",
    "projections",
    "system",
    "verifiers",
]
