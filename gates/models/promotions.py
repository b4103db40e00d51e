"""The request to let a release in."""

from django.db import models
from django.db.models import Q
from simple_history.models import HistoricalRecords

from audit.models import GovernedModel
from registry.models import Environment, Person, Release, ServingEndpoint
from registry.visibility import visible


class Promotion(GovernedModel):
    """The request to let one release into one environment at named endpoints.

    Stored is what people did; whether an approval is active is computed, never stored.
    """

    class State(models.TextChoices):
        DRAFT = "draft", "draft"
        IN_REVIEW = "in_review", "in review"
        CHANGES_REQUESTED = "changes_requested", "changes requested"
        APPROVED = "approved", "approved"
        REJECTED = "rejected", "rejected"
        WITHDRAWN = "withdrawn", "withdrawn"

    UNDECIDED = (State.DRAFT, State.IN_REVIEW, State.CHANGES_REQUESTED)

    sealed_by = "decided_at"

    release = models.ForeignKey(Release, models.PROTECT, related_name="promotions")
    environment = models.ForeignKey(Environment, models.PROTECT, related_name="promotions")
    purpose = models.TextField("why now", help_text="What this makes possible, and for whom.")
    wanted_by = models.DateField("decision wanted by", null=True, blank=True)
    requested_by = models.ForeignKey(
        Person, models.PROTECT, editable=False, related_name="promotions_requested"
    )
    created_at = models.DateTimeField(editable=False)
    state = models.CharField(
        max_length=20, choices=State, default=State.DRAFT, editable=False, db_index=True
    )
    #: How often it was submitted; part of the package, so that a new request is signed anew.
    submission = models.PositiveIntegerField(default=0, editable=False)
    submitted_at = models.DateTimeField(null=True, editable=False)
    #: Number of the change up to which evidence is taken in; what came later counts only against.
    evidence_up_to = models.BigIntegerField(null=True, editable=False)
    decided_at = models.DateTimeField(null=True, editable=False, db_index=True)
    decided_package = models.ForeignKey(
        "gates.Package", models.PROTECT, null=True, editable=False, related_name="+"
    )
    #: The day by which the approval is looked at again; it ends then.
    review_at = models.DateTimeField(null=True, editable=False)

    objects = visible("release__use_case__team")
    history = HistoricalRecords()

    class Meta(GovernedModel.Meta):
        ordering = ("-pk",)
        indexes = [
            models.Index(fields=["release", "environment", "state"], name="promotion_decision"),
            models.Index(fields=["environment", "state"], name="promotion_environment"),
        ]
        constraints = [
            # Two people asking at once must not open two reviews of the same thing.
            models.UniqueConstraint(
                fields=["release", "environment"],
                condition=Q(state__in=["draft", "in_review", "changes_requested"]),
                name="promotion_one_undecided",
                violation_error_message=(
                    "A promotion of this release into this environment is open already."
                ),
            ),
            # A verdict is dated; only an approval names the package and a review date.
            models.CheckConstraint(
                condition=Q(
                    state__in=["draft", "in_review", "changes_requested"],
                    decided_at=None,
                    decided_package=None,
                    review_at=None,
                )
                | Q(
                    state="approved",
                    decided_at__isnull=False,
                    decided_package__isnull=False,
                    review_at__isnull=False,
                )
                | Q(state="rejected", decided_at__isnull=False, review_at=None)
                | Q(
                    state="withdrawn",
                    decided_at__isnull=False,
                    decided_package=None,
                    review_at=None,
                ),
                name="promotion_verdict_is_whole",
            ),
            # What is in review was submitted, with its evidence fixed.
            models.CheckConstraint(
                condition=Q(state__in=["draft", "withdrawn"])
                | Q(
                    submission__gt=0,
                    submitted_at__isnull=False,
                    evidence_up_to__isnull=False,
                ),
                name="promotion_review_was_submitted",
            ),
        ]

    def __str__(self):
        return f"promotion {self.pk}"

    def get_absolute_url(self):
        return f"/promotions/{self.pk}/"

    @property
    def is_undecided(self) -> bool:
        """Whether somebody may still act on it."""
        return self.state in self.UNDECIDED


class PromotionEndpoint(GovernedModel):
    """An endpoint that a promotion asks for."""

    part_of = "promotion"

    promotion = models.ForeignKey(Promotion, models.PROTECT, related_name="endpoint_links")
    endpoint = models.ForeignKey(ServingEndpoint, models.PROTECT, related_name="promotion_links")

    history = HistoricalRecords()

    class Meta(GovernedModel.Meta):
        constraints = [
            # An endpoint asked for twice is asked for once.
            models.UniqueConstraint(
                fields=["promotion", "endpoint"],
                name="promotionendpoint_once",
                violation_error_message="This endpoint is asked for already.",
            ),
        ]

    def __str__(self):
        return str(self.endpoint)
