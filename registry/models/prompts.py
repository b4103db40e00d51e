"""Prompt templates and their immutable versions."""

from django.db import models
from simple_history.models import HistoricalRecords

from audit.fields import DocumentField
from audit.models import DIGEST_LENGTH, GovernedModel
from registry.models.people import Person, Team
from registry.visibility import visible


class PromptTemplate(GovernedModel):
    """A prompt that keeps its name while its text changes."""

    class Kind(models.TextChoices):
        SYSTEM = "system", "system"
        USER = "user", "user"
        POLICY = "policy", "policy"

    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=200)
    team = models.ForeignKey(Team, models.PROTECT, related_name="prompts")
    kind = models.CharField(max_length=10, choices=Kind, default=Kind.SYSTEM)

    objects = visible("team")
    history = HistoricalRecords()

    class Meta(GovernedModel.Meta):
        ordering = ("slug",)
        indexes = [models.Index(fields=["kind", "slug"], name="prompttemplate_kind")]

    def __str__(self):
        return self.slug

    def get_absolute_url(self):
        return f"/prompts/{self.slug}/"

    @property
    def is_policy(self) -> bool:
        """Whether its text carries rules that a release must keep to; every list marks it."""
        return self.kind == self.Kind.POLICY


class PromptVersion(GovernedModel):
    """One text of a prompt, sealed from birth. The text is inert: nothing here renders it."""

    append_only = True
    about = "template"

    template = models.ForeignKey(PromptTemplate, models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField(editable=False)
    parent = models.ForeignKey(
        "self",
        models.PROTECT,
        null=True,
        blank=True,
        editable=False,
        related_name="children",
    )
    text = models.TextField(max_length=200_000)
    variables = DocumentField(
        default=list, blank=True, help_text="Names that are filled in at run time."
    )
    notes = models.TextField(blank=True, help_text="What changed, and why.")
    created_by = models.ForeignKey(Person, models.PROTECT, editable=False, related_name="+")
    created_at = models.DateTimeField(editable=False)
    content = models.TextField(editable=False)
    digest = models.CharField(max_length=DIGEST_LENGTH, db_index=True, editable=False)

    objects = visible("template__team")

    class Meta(GovernedModel.Meta):
        ordering = ("template__slug", "-number")
        indexes = [models.Index(fields=["created_at"], name="promptversion_created")]
        constraints = [
            # A release names template and number; two texts under one would be a swap.
            models.UniqueConstraint(
                fields=["template", "number"],
                name="promptversion_once",
                violation_error_message="This prompt has a version of this number already.",
            ),
        ]

    def __str__(self):
        return f"{self.template} v{self.number}"

    def get_absolute_url(self):
        return f"/prompts/{self.template.slug}/{self.number}/"
