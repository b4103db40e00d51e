"""What ends an approval at once."""

from django.db import models
from django.db.models import Q

from audit.models import GovernedModel
from gates.models.promotions import Promotion
from registry.models import Person
from registry.visibility import visible


class Revocation(GovernedModel):
    """A risk owner ended an approval, at once and for good."""

    append_only = True
    about = "promotion"

    promotion = models.OneToOneField(Promotion, models.PROTECT, related_name="revocation")
    revoked_by = models.ForeignKey(Person, models.PROTECT, related_name="revocations")
    revoked_at = models.DateTimeField(db_index=True)
    reason = models.TextField()
    printed_name = models.CharField(max_length=200)
    authentication = models.CharField(max_length=40)

    objects = visible("promotion__release__use_case__team")

    class Meta(GovernedModel.Meta):
        constraints = [
            # Whoever revoked was there in person and said why.
            models.CheckConstraint(
                condition=~Q(authentication="") & ~Q(reason=""), name="revocation_says_why"
            ),
        ]

    def __str__(self):
        return f"revocation of promotion {self.promotion_id}"
