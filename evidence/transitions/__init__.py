"""The verbs that write evidence: give an item, withdraw it, add a run, accept a run.

Locks are taken in the order people, model versions, releases, items, runs. Files are in the
storage before a change opens, so that no lock is held while they are written.
"""

from evidence.transitions.items import give, give_in, withdraw
from evidence.transitions.runs import accept_run, add_run, may_accept

__all__ = ["accept_run", "add_run", "give", "give_in", "may_accept", "withdraw"]
