"""The verbs that write what runs: placing, taking out, suspending, rolling back."""

from runtime.transitions.placing import activate, rank, remove
from runtime.transitions.rolling import roll_back
from runtime.transitions.suspending import lift, suspend

__all__ = ["activate", "lift", "rank", "remove", "roll_back", "suspend"]
