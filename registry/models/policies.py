"""Policy packs and their versions: constraints at one layer, published by a second person."""

from django.db import models
from django.db.models import F, Q
from simple_history.models import HistoricalRecords

from audit.fields import DocumentField
from audit.models import DIGEST_LENGTH, GovernedModel
from registry.models.people import Person
from registry.models.use_cases import UseCase
from registry.visibility import visible


class PolicyPack(GovernedModel):
    """Constraints that keep their name while their clauses change."""

    class Layer(models.TextChoices):
        ORGANISATION = "organisation", "organisation"
        JURISDICTION = "jurisdiction", "jurisdiction"
        DOMAIN = "domain", "domain"
        USE_CASE = "use_case", "use case"

    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=200)
    description = models.TextField(blank=True, help_text="What it protects, in a sentence or two.")
    layer = models.CharField(max_length=12, choices=Layer)
    jurisdiction = models.CharField(
        max_length=20,
        blank=True,
        help_text="For a pack of a jurisdiction: whose environments it binds, such as EU.",
    )

    objects = visible()
    history = HistoricalRecords()

    class Meta(GovernedModel.Meta):
        ordering = ("slug",)
        constraints = [
            # A jurisdiction's pack without one binds nothing; another's with one misleads.
            models.CheckConstraint(
                condition=Q(~Q(jurisdiction=""), layer="jurisdiction")
                | Q(~Q(layer="jurisdiction"), jurisdiction=""),
                name="policypack_jurisdiction_is_named",
                violation_error_message=(
                    "A pack of a jurisdiction names it, and no other pack names one."
                ),
            ),
        ]

    def __str__(self):
        return self.slug


class PolicyVersion(GovernedModel):
    """One set of clauses of a pack, with the use cases it binds: a draft until it is published.

    What a domain pack binds belongs to the version: taking a use case out loosens as much as
    taking a clause out, and wants the same second person.
    """

    sealed_by = "published_at"
    about = "pack"
    undigested = ("content",)  # covered by `digest`, and kept out of the history rows

    pack = models.ForeignKey(PolicyPack, models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField(editable=False)
    #: clause -> {"value", "why"}
    clauses = DocumentField(default=dict, blank=True)
    notes = models.TextField(blank=True, help_text="What is new in this version, and why.")
    drafted_by = models.ForeignKey(Person, models.PROTECT, editable=False, related_name="+")
    published_at = models.DateTimeField(null=True, blank=True, editable=False)
    published_by = models.ForeignKey(
        Person, models.PROTECT, null=True, blank=True, editable=False, related_name="+"
    )
    content = models.TextField(blank=True, editable=False)
    digest = models.CharField(max_length=DIGEST_LENGTH, blank=True, db_index=True, editable=False)

    objects = visible()
    history = HistoricalRecords(excluded_fields=["content"])

    class Meta(GovernedModel.Meta):
        ordering = ("pack__slug", "-number")
        constraints = [
            # Decisions name pack and number; two under one would be a swap.
            models.UniqueConstraint(
                fields=["pack", "number"],
                name="policyversion_once",
                violation_error_message="This pack has a version of this number already.",
            ),
            # Of two drafts, the one published last would undo the other unseen.
            models.UniqueConstraint(
                fields=["pack"],
                condition=Q(published_at=None),
                name="policyversion_one_draft",
                violation_error_message="This pack has a draft already. Go on with that one.",
            ),
            # What is in force has a publisher and a digest; a draft has neither.
            models.CheckConstraint(
                condition=Q(published_at=None, published_by=None, digest="", content="")
                | Q(
                    ~Q(digest=""),
                    ~Q(content=""),
                    published_at__isnull=False,
                    published_by__isnull=False,
                ),
                name="policyversion_publication_is_whole",
            ),
            # Four eyes, even for scripts and the shell.
            models.CheckConstraint(
                condition=Q(published_by=None) | ~Q(published_by=F("drafted_by")),
                name="policyversion_four_eyes",
                violation_error_message="Somebody other than the drafter publishes a version.",
            ),
        ]

    def __str__(self):
        return f"{self.pack} v{self.number}"


class PolicyUseCase(GovernedModel):
    """A use case that a version of a domain's or a use case's pack binds."""

    part_of = "version"

    version = models.ForeignKey(PolicyVersion, models.PROTECT, related_name="use_case_links")
    use_case = models.ForeignKey(UseCase, models.PROTECT, related_name="policy_links")

    objects = visible("use_case__team")
    history = HistoricalRecords()

    class Meta(GovernedModel.Meta):
        verbose_name = "bound use case"
        constraints = [
            # A use case listed twice would survive being taken out once.
            models.UniqueConstraint(
                fields=["version", "use_case"],
                name="policyusecase_once",
                violation_error_message="This use case is bound already.",
            ),
        ]

    def __str__(self):
        return str(self.use_case)
