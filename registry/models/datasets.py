"""Datasets and their versions: what models were trained on and are judged by."""

from django.core.validators import RegexValidator
from django.db import models
from simple_history.models import HistoricalRecords

from audit.models import GovernedModel
from registry.models.people import Team
from registry.models.use_cases import DataClass
from registry.visibility import visible

DIGEST = RegexValidator(
    r"^sha256:[0-9a-f]{64}$", "Write a digest as sha256: and 64 hexadecimal digits."
)


class Dataset(GovernedModel):
    """A named body of data that a team answers for."""

    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=200)
    team = models.ForeignKey(Team, models.PROTECT, related_name="datasets")
    shared = models.BooleanField(default=False, help_text="Every team may see and name it.")
    description = models.TextField(blank=True)

    objects = visible("team", "shared")
    history = HistoricalRecords()

    class Meta(GovernedModel.Meta):
        ordering = ("slug",)

    def __str__(self):
        return self.slug


class DatasetVersion(GovernedModel):
    """One state of a dataset. Its digest may be recorded later; until then lineage has a gap."""

    dataset = models.ForeignKey(Dataset, models.PROTECT, related_name="versions")
    version = models.CharField(max_length=60)
    classification = models.CharField(max_length=20, choices=DataClass)
    jurisdiction = models.CharField(max_length=20, help_text="Where the data comes under law.")
    digest = models.CharField(max_length=71, blank=True, validators=[DIGEST])
    source = models.CharField(max_length=500, blank=True, help_text="Where it is kept.")

    objects = visible("dataset__team", "dataset__shared")
    history = HistoricalRecords()

    class Meta(GovernedModel.Meta):
        ordering = ("dataset__slug", "version")
        indexes = [
            models.Index(fields=["classification"], name="datasetversion_classification"),
            models.Index(fields=["jurisdiction"], name="datasetversion_jurisdiction"),
        ]
        constraints = [
            # Two states under one name cannot be told apart in a lineage.
            models.UniqueConstraint(
                fields=["dataset", "version"],
                name="datasetversion_once",
                violation_error_message="This dataset has a version of this name already.",
            ),
        ]

    def __str__(self):
        return f"{self.dataset} {self.version}"
