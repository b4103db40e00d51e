"""The judgements: values in, reasons out. Pure: no Django, no queries, time is an argument."""

from gates.rules.approvals import ApprovalFacts, Ending, endings, review_date, standing
from gates.rules.facts import Demand, Evidence, Facts, Known, Requirement, Score, Verified
from gates.rules.findings import (
    Finding,
    Status,
    applies,
    assess,
    effective_gate,
    in_the_way,
)
from gates.rules.signing import (
    MEANINGS,
    PersonFacts,
    ReviewFacts,
    SignOff,
    Slot,
    counting,
    objections,
    open_slots,
)

__all__ = [
    "MEANINGS",
    "ApprovalFacts",
    "Demand",
    "Ending",
    "Evidence",
    "Facts",
    "Finding",
    "Known",
    "PersonFacts",
    "Requirement",
    "ReviewFacts",
    "Score",
    "SignOff",
    "Slot",
    "Status",
    "Verified",
    "applies",
    "assess",
    "counting",
    "effective_gate",
    "endings",
    "in_the_way",
    "objections",
    "open_slots",
    "review_date",
    "standing",
]
