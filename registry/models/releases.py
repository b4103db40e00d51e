"""Releases: the unit of approval, sealed under one content digest."""

from django.db import models
from django.db.models import Q
from simple_history.models import HistoricalRecords

from audit.fields import DocumentField
from audit.models import DIGEST_LENGTH, GovernedModel
from registry.models.models import ModelVersion
from registry.models.people import Person, Team
from registry.models.prompts import PromptVersion
from registry.models.tools import ToolScope
from registry.models.use_cases import UseCase
from registry.visibility import visible


class Release(GovernedModel):
    """For one use case: a model version, prompts, tool grants, parameters, objectives, on-call."""

    sealed_by = "sealed_at"
    undigested = ("content",)  # covered by `digest`, and kept out of the history rows

    use_case = models.ForeignKey(UseCase, models.PROTECT, related_name="releases")
    number = models.PositiveIntegerField(editable=False)
    model_version = models.ForeignKey(ModelVersion, models.PROTECT, related_name="releases")
    parameters = DocumentField(
        "generation parameters",
        default=dict,
        blank=True,
        help_text='JSON, such as {"temperature": "0.2", "max_output_tokens": 1024}.',
    )
    on_call_team = models.ForeignKey(
        Team, models.PROTECT, null=True, blank=True, related_name="on_call_releases"
    )
    runbook = models.URLField(blank=True, help_text="What to do when it misbehaves.")
    notes = models.TextField(blank=True, help_text="What is new in this release, and why.")
    derived_from = models.ForeignKey(
        "self",
        models.PROTECT,
        null=True,
        blank=True,
        editable=False,
        related_name="derived",
    )
    created_by = models.ForeignKey(Person, models.PROTECT, editable=False, related_name="+")
    sealed_at = models.DateTimeField(null=True, blank=True, editable=False)
    content = models.TextField(blank=True, editable=False)
    digest = models.CharField(max_length=DIGEST_LENGTH, blank=True, db_index=True, editable=False)

    objects = visible("use_case__team")
    history = HistoricalRecords(excluded_fields=["content"])

    class Meta(GovernedModel.Meta):
        ordering = ("use_case__slug", "-number")
        indexes = [models.Index(fields=["sealed_at"], name="release_sealed")]
        constraints = [
            # People say "release 14"; there must be one.
            models.UniqueConstraint(
                fields=["use_case", "number"],
                name="release_once",
                violation_error_message="This use case has a release of this number already.",
            ),
            # A seal without content, or content without a seal, proves nothing.
            models.CheckConstraint(
                condition=Q(sealed_at=None, digest="", content="")
                | Q(~Q(digest=""), ~Q(content=""), sealed_at__isnull=False),
                name="release_seal_is_whole",
            ),
            # A sealed release is known by its digest alone in deployment tools.
            models.UniqueConstraint(
                fields=["digest"],
                condition=~Q(digest=""),
                name="release_digest_once",
                violation_error_message="A release with exactly this content is sealed already.",
            ),
        ]

    def __str__(self):
        return f"{self.use_case} {self.number}"

    def get_absolute_url(self):
        return f"/releases/{self.use_case.slug}/{self.number}/"


class ReleasePrompt(GovernedModel):
    """A prompt version that a release uses."""

    part_of = "release"

    release = models.ForeignKey(Release, models.PROTECT, related_name="prompt_links")
    prompt_version = models.ForeignKey(PromptVersion, models.PROTECT, related_name="release_links")

    history = HistoricalRecords()

    class Meta(GovernedModel.Meta):
        constraints = [
            # The same text twice says nothing more.
            models.UniqueConstraint(
                fields=["release", "prompt_version"],
                name="releaseprompt_once",
                violation_error_message="This prompt version is in the release already.",
            ),
        ]

    def __str__(self):
        return str(self.prompt_version)


class ToolGrant(GovernedModel):
    """One scope of a tool that a release may use, and under whose authority it acts."""

    class Authorization(models.TextChoices):
        NONE = "none", "none"
        USER = "user_delegated", "user-delegated"
        SERVICE = "service_account", "service account"
        HUMAN = "human_approval", "human approval per call"

    part_of = "release"

    release = models.ForeignKey(Release, models.PROTECT, related_name="tool_grants")
    scope = models.ForeignKey(ToolScope, models.PROTECT, related_name="grants")
    authorization = models.CharField(max_length=20, choices=Authorization)

    history = HistoricalRecords()

    class Meta(GovernedModel.Meta):
        constraints = [
            # Two patterns for one scope would leave the weaker one open.
            models.UniqueConstraint(
                fields=["release", "scope"],
                name="toolgrant_once",
                violation_error_message="This scope is granted already.",
            ),
        ]

    def __str__(self):
        return f"{self.scope} ({self.get_authorization_display()})"


class Objective(GovernedModel):
    """A service level objective: a metric, what it must reach, over which window."""

    part_of = "release"

    release = models.ForeignKey(Release, models.PROTECT, related_name="objectives")
    metric = models.CharField(max_length=100, help_text="Such as answered within 2 s.")
    objective = models.CharField(max_length=100, help_text="Such as ≥ 99.5 %.")
    window = models.CharField(max_length=40, help_text="Such as 30 days.")

    history = HistoricalRecords()

    class Meta(GovernedModel.Meta):
        verbose_name = "service level objective"
        constraints = [
            # Two objectives for one metric and window leave open which one is promised.
            models.UniqueConstraint(
                fields=["release", "metric", "window"],
                name="objective_once",
                violation_error_message="This metric has an objective for this window already.",
            ),
        ]

    def __str__(self):
        return f"{self.metric} {self.objective} over {self.window}"
