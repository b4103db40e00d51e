"""The verbs that write what runs: placing, taking out, suspending, rolling back, keeping facts."""

from runtime.transitions.keeping import drop_facts, keep_facts
from runtime.transitions.placing import activate, rank, remove
from runtime.transitions.rolling import review_rollback, roll_back
from runtime.transitions.suspending import lift, suspend

__all__ = [
    "activate",
    "drop_facts",
    "keep_facts",
    "lift",
    "rank",
    "remove",
    "review_rollback",
    "roll_back",
    "suspend",
]
