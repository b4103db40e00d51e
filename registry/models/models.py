"""Registered models and their versions."""

from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import F, Q
from simple_history.models import HistoricalRecords

from audit.fields import DocumentField
from audit.models import DIGEST_LENGTH, GovernedModel
from registry.models.datasets import DIGEST, DatasetVersion
from registry.models.people import Person, Team
from registry.models.places import Provider
from registry.models.use_cases import UseCase
from registry.visibility import visible


class RegisteredModel(GovernedModel):
    """A model that keeps its name over its versions, and the team that answers for it."""

    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=200)
    description = models.TextField(blank=True)
    team = models.ForeignKey(Team, models.PROTECT, related_name="models")
    on_call_team = models.ForeignKey(Team, models.PROTECT, related_name="+")
    shared = models.BooleanField(
        default=False, help_text="Every team may see it and build releases on it."
    )

    objects = visible("team", "shared")
    history = HistoricalRecords()

    class Meta(GovernedModel.Meta):
        ordering = ("slug",)

    def __str__(self):
        return self.slug

    def get_absolute_url(self):
        return f"/models/{self.slug}/"


class ModelUse(GovernedModel):
    """A use case that a model is meant for, or must not serve."""

    class Stance(models.TextChoices):
        INTENDED = "intended", "intended"
        DISALLOWED = "disallowed", "disallowed"

    part_of = "model"

    model = models.ForeignKey(RegisteredModel, models.PROTECT, related_name="uses")
    use_case = models.ForeignKey(UseCase, models.PROTECT, related_name="model_uses")
    stance = models.CharField(max_length=12, choices=Stance)

    history = HistoricalRecords()

    class Meta(GovernedModel.Meta):
        constraints = [
            # Intended and disallowed at once would let each reader pick.
            models.UniqueConstraint(
                fields=["model", "use_case"],
                name="modeluse_one_stance",
                violation_error_message="This use case is listed already.",
            ),
        ]

    def __str__(self):
        return f"{self.use_case}: {self.stance}"


class ModelVersion(GovernedModel):
    """One version of a model with the minimum metadata; sealed by its owner or its first release.

    Context window and output limit are in tokens.
    """

    class FineTuning(models.TextChoices):
        NONE = "", "not fine-tuned by us"
        FULL = "full", "full fine-tune"
        ADAPTER = "adapter", "adapter (LoRA and similar)"
        PREFERENCE = "preference", "preference tuning (RLHF, DPO)"
        DISTILLED = "distilled", "distillation"
        QUANTISED = "quantised", "quantisation"
        MERGED = "merged", "merge"

    sealed_by = "sealed_at"
    undigested = ("content",)  # covered by `digest`, and kept out of the history rows

    model = models.ForeignKey(RegisteredModel, models.PROTECT, related_name="versions")
    version = models.SlugField(max_length=60, help_text="Our name for it in addresses, such as 3.")
    identifier = models.CharField(
        max_length=200,
        blank=True,
        help_text="The maker's own name, such as gpt-4.1-2025-04-14.",
    )
    maker = models.ForeignKey(
        Provider, models.PROTECT, null=True, blank=True, related_name="made_versions"
    )
    context_window = models.PositiveIntegerField(
        "context window (tokens)",
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
    )
    output_limit = models.PositiveIntegerField(
        "output limit (tokens)",
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
    )
    input_modalities = DocumentField(default=list, blank=True)
    output_modalities = DocumentField(default=list, blank=True)
    capabilities = DocumentField(
        default=list, blank=True, help_text="Such as tool use, structured output."
    )
    licence = models.CharField(max_length=100, blank=True)
    base_version = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, related_name="derived_versions"
    )
    fine_tuning = models.CharField(
        "fine-tuning method", max_length=20, choices=FineTuning, blank=True, default=""
    )
    weights_digest = models.CharField(
        max_length=71,
        blank=True,
        validators=[DIGEST],
        help_text="Digest of the weights, where we hold them.",
    )
    retires_on = models.DateField("retirement date", null=True, blank=True)
    no_retirement_announced = models.BooleanField(
        default=False, help_text="The maker has announced no retirement date."
    )
    card = models.TextField("model card", blank=True, max_length=500_000, help_text="Markdown.")
    created_by = models.ForeignKey(Person, models.PROTECT, editable=False, related_name="+")
    sealed_at = models.DateTimeField(null=True, blank=True, editable=False)
    content = models.TextField(blank=True, editable=False)
    digest = models.CharField(max_length=DIGEST_LENGTH, blank=True, db_index=True, editable=False)

    objects = visible("model__team", "model__shared")
    history = HistoricalRecords(excluded_fields=["content"])

    class Meta(GovernedModel.Meta):
        ordering = ("model__slug", "-pk")
        indexes = [models.Index(fields=["sealed_at"], name="modelversion_sealed")]
        constraints = [
            # Address and lineage name a version by model and name.
            models.UniqueConstraint(
                fields=["model", "version"],
                name="modelversion_once",
                violation_error_message="This model has a version of this name already.",
            ),
            # A seal without content, or content without a seal, proves nothing.
            models.CheckConstraint(
                condition=Q(sealed_at=None, digest="", content="")
                | Q(~Q(digest=""), ~Q(content=""), sealed_at__isnull=False),
                name="modelversion_seal_is_whole",
            ),
            # The shortest circle of all.
            models.CheckConstraint(
                condition=Q(base_version=None) | ~Q(base_version=F("id")),
                name="modelversion_not_its_own_base",
                violation_error_message="A version cannot be its own base version.",
            ),
            # A method says how it was made from something.
            models.CheckConstraint(
                condition=Q(fine_tuning="") | Q(base_version__isnull=False),
                name="modelversion_method_has_a_base",
                violation_error_message="A fine-tuning method needs a base version.",
            ),
            # Both at once is a contradiction in the minimum metadata.
            models.CheckConstraint(
                condition=Q(no_retirement_announced=False) | Q(retires_on=None),
                name="modelversion_retirement_is_one",
                violation_error_message=(
                    "Give a retirement date or say that none is announced, not both."
                ),
            ),
        ]

    def __str__(self):
        return f"{self.model} {self.version}"

    def get_absolute_url(self):
        return f"/models/{self.model.slug}/{self.version}/"


class VersionDataset(GovernedModel):
    """A dataset version that a model version came from or is fed by."""

    class Use(models.TextChoices):
        TRAINING = "training", "training"
        FINE_TUNING = "fine_tuning", "fine-tuning"
        EVALUATION = "evaluation", "evaluation"
        RETRIEVAL = "retrieval", "retrieval"

    part_of = "version"

    version = models.ForeignKey(ModelVersion, models.PROTECT, related_name="dataset_links")
    dataset_version = models.ForeignKey(
        DatasetVersion, models.PROTECT, related_name="version_links"
    )
    role = models.CharField(max_length=12, choices=Use)

    history = HistoricalRecords()

    class Meta(GovernedModel.Meta):
        constraints = [
            # The same edge twice would be drawn and counted twice.
            models.UniqueConstraint(
                fields=["version", "dataset_version", "role"],
                name="versiondataset_once",
                violation_error_message="This dataset version is listed in this role already.",
            ),
        ]

    def __str__(self):
        return f"{self.dataset_version} ({self.get_role_display()})"
