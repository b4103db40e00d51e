"""The verbs that write evidence: give an item, withdraw it, add runs, accept a run.

Locks are taken in the order people, model versions, releases, items, runs. Files are in the
storage before a change opens, so that no lock is held while they are written.
"""

from evidence.transitions.items import give, give_in, withdraw
from evidence.transitions.reading import give_read_scores
from evidence.transitions.runs import accept_run, add_run, add_runs, may_accept

__all__ = [
    "accept_run",
    "add_run",
    "add_runs",
    "give",
    "give_in",
    "give_read_scores",
    "may_accept",
    "withdraw",
]
