"""Who lets it pass: gates, promotions, packages with their people, waivers and conditions."""

from gates.models.conditions import Condition, ConditionClosing
from gates.models.discussion import Comment, Thread
from gates.models.emergencies import BreakGlass, BreakGlassEnd, BreakGlassReview
from gates.models.helping import Assignment, SignOffAsk
from gates.models.latest import LatestEnd
from gates.models.notices import Delivery, MutedKind, Notice
from gates.models.packages import Challenge, Package, PackageEvidence, PackagePerson
from gates.models.promotions import Promotion, PromotionEndpoint
from gates.models.revocations import Revocation
from gates.models.versions import GateVersion, Requirement, SignOffSlot
from gates.models.waivers import PackageWaiver, Waiver, WaiverAnswer
from gates.models.webhooks import Webhook

__all__ = [
    "Assignment",
    "BreakGlass",
    "BreakGlassEnd",
    "BreakGlassReview",
    "Challenge",
    "Comment",
    "Condition",
    "ConditionClosing",
    "Delivery",
    "GateVersion",
    "LatestEnd",
    "MutedKind",
    "Notice",
    "Package",
    "PackageEvidence",
    "PackagePerson",
    "PackageWaiver",
    "Promotion",
    "PromotionEndpoint",
    "Requirement",
    "Revocation",
    "SignOffAsk",
    "SignOffSlot",
    "Thread",
    "Waiver",
    "WaiverAnswer",
    "Webhook",
]
