"""Who lets it pass: gate versions, promotions, packages and the people on them."""

from gates.models.discussion import Comment, Thread
from gates.models.helping import Assignment, SignOffAsk
from gates.models.notices import Delivery, MutedKind, Notice
from gates.models.packages import Challenge, Package, PackageEvidence, PackagePerson
from gates.models.promotions import Promotion, PromotionEndpoint
from gates.models.versions import GateVersion, Requirement, SignOffSlot
from gates.models.webhooks import Webhook

__all__ = [
    "Assignment",
    "Challenge",
    "Comment",
    "Delivery",
    "GateVersion",
    "MutedKind",
    "Notice",
    "Package",
    "PackageEvidence",
    "PackagePerson",
    "Promotion",
    "PromotionEndpoint",
    "Requirement",
    "SignOffAsk",
    "SignOffSlot",
    "Thread",
    "Webhook",
]
