"""That a pack was built: of what, as of when, by whom, and the digest of its manifest.

The archive itself is not kept. It is made of what does not change, as of an instant, so it is made
again when somebody downloads it, and handed out if its manifest has this digest still.
"""

from django.db import models
from django.db.models import Q

from audit.models import DIGEST_LENGTH, GovernedManager, GovernedModel, GovernedQuerySet
from gates.models import Promotion
from registry.models import Environment, Person


class PackQuerySet(GovernedQuerySet):
    def visible_to(self, user):
        """A pack is its builder's, and shows what they saw: others see it who see all."""
        if not user.grants:
            return self.none()
        return self if user.sees_all else self.filter(built_by=user.pk)


class EvidencePack(GovernedModel):
    """One pack, of one promotion or of one environment over a period."""

    append_only = True
    moves_answers = False
    about = ("promotion", "environment")

    promotion = models.ForeignKey(
        Promotion, models.PROTECT, null=True, blank=True, related_name="packs"
    )
    environment = models.ForeignKey(
        Environment, models.PROTECT, null=True, blank=True, related_name="packs"
    )
    #: Where the period of an environment begins; it ends at `as_of`.
    since = models.DateTimeField(null=True, blank=True)
    #: What was known then is in it, and nothing that came later.
    as_of = models.DateTimeField()
    with_pdf = models.BooleanField(default=False)
    #: Entries of the log under the checkpoint in it.
    log_size = models.BigIntegerField()
    manifest = models.CharField(max_length=DIGEST_LENGTH)
    size = models.BigIntegerField(help_text="Bytes of the archive.")
    files = models.PositiveIntegerField()
    left_out = models.PositiveIntegerField()
    #: None where the command built it.
    built_by = models.ForeignKey(
        Person, models.PROTECT, null=True, blank=True, related_name="packs_built"
    )
    built_at = models.DateTimeField()

    objects = GovernedManager.from_queryset(PackQuerySet)()

    class Meta(GovernedModel.Meta):
        verbose_name = "evidence pack"
        ordering = ("-pk",)
        indexes = [
            models.Index(fields=["promotion", "-id"], name="pack_of_promotion"),
            models.Index(fields=["environment", "-id"], name="pack_of_environment"),
        ]
        constraints = [
            # A pack of nothing, or of two things, would be recorded on nobody's timeline.
            models.CheckConstraint(
                condition=Q(promotion__isnull=False, environment=None, since=None)
                | Q(promotion=None, environment__isnull=False, since__isnull=False),
                name="evidencepack_of_one_thing",
            ),
            # Without its digest, nothing could be compared with it.
            models.CheckConstraint(condition=~Q(manifest=""), name="evidencepack_is_named"),
        ]

    def __str__(self):
        return f"evidence pack {self.pk}"

    def get_absolute_url(self):
        return f"/packs/{self.pk}/"

    @property
    def name(self) -> str:
        """What its file is called, without an ending."""
        if self.promotion_id:
            return f"promotion-{self.promotion_id}-{self.as_of:%Y%m%dT%H%M%SZ}"
        return f"{self.environment.slug}-{self.since:%Y%m%d}-{self.as_of:%Y%m%dT%H%M%SZ}"
