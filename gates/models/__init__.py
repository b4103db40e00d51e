"""Who lets it pass: gates, promotions, packages with their people, waivers and conditions."""

from gates.models.conditions import Condition, ConditionClosing
from gates.models.emergencies import BreakGlass, BreakGlassEnd, BreakGlassReview
from gates.models.packages import Challenge, Package, PackageEvidence, PackagePerson
from gates.models.promotions import Promotion, PromotionEndpoint
from gates.models.revocations import Revocation
from gates.models.versions import GateVersion, Requirement, SignOffSlot
from gates.models.waivers import PackageWaiver, Waiver, WaiverAnswer

__all__ = [
    "BreakGlass",
    "BreakGlassEnd",
    "BreakGlassReview",
    "Challenge",
    "Condition",
    "ConditionClosing",
    "GateVersion",
    "Package",
    "PackageEvidence",
    "PackagePerson",
    "PackageWaiver",
    "Promotion",
    "PromotionEndpoint",
    "Requirement",
    "Revocation",
    "SignOffSlot",
    "Waiver",
    "WaiverAnswer",
]
