"""By when an approval has ended at the latest: a hint to look by, never a judgement."""

from django.db import models

from gates.models.promotions import Promotion


class LatestEnd(models.Model):
    """By when an approval ends, as far as its own package says. Derived, not governed.

    The package is frozen, so this never moves: what comes later (a revocation, a withdrawal, a
    failing run, policy) can only end an approval sooner. Lists look for candidates by it; whether
    one is active is always judged. `gates.latest` alone writes it, in the change that approves.
    """

    promotion = models.OneToOneField(
        Promotion, models.PROTECT, primary_key=True, related_name="latest_end"
    )
    ends_by = models.DateTimeField(db_index=True)

    class Meta:
        default_permissions = ()

    def __str__(self):
        return f"promotion {self.promotion_id} by {self.ends_by}"
