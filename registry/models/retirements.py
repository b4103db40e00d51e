"""Deprecation, retirement and reinstatement: rows of their own, since what is sealed stays."""

from functools import reduce
from operator import and_, or_

from django.db import models
from django.db.models import F, Q

from audit.models import GovernedManager, GovernedModel, GovernedQuerySet
from registry.models.datasets import Dataset, DatasetVersion
from registry.models.endpoints import ServingEndpoint
from registry.models.models import ModelVersion, RegisteredModel
from registry.models.people import Person
from registry.models.prompts import PromptTemplate, PromptVersion
from registry.models.tools import Tool
from registry.models.use_cases import UseCase

#: Every noun that is deprecated and retired, with the columns that name it: it and its successor.
SUBJECTS: dict[type[GovernedModel], str] = {
    RegisteredModel: "model",
    ModelVersion: "version",
    ServingEndpoint: "endpoint",
    PromptTemplate: "prompt",
    PromptVersion: "prompt_version",
    Dataset: "dataset",
    DatasetVersion: "dataset_version",
    Tool: "tool",
    UseCase: "use_case",
}
_NAMES = tuple(SUBJECTS.values())


def _of(noun: type[GovernedModel]) -> models.ForeignKey:
    return models.ForeignKey(
        noun, models.PROTECT, null=True, blank=True, related_name="retirements"
    )


def _successor(noun: type[GovernedModel]) -> models.ForeignKey:
    return models.ForeignKey(
        noun,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name="successor",
    )


def _of_one_thing() -> Q:
    each = (
        Q(**{f"{name}__isnull": False}, **{other: None for other in _NAMES if other != name})
        for name in _NAMES
    )
    return reduce(or_, each)


def _successor_of_its_kind() -> Q:
    each = (
        Q(**{f"successor_{name}": None})
        | Q(Q(**{f"{name}__isnull": False}), ~Q(**{f"successor_{name}": F(name)}))
        for name in _NAMES
    )
    return reduce(and_, each)


class RetirementQuerySet(GovernedQuerySet):
    def visible_to(self, user):
        """Whoever sees a thing sees how it stands."""
        seen = (
            Q(**{f"{name}__in": noun.objects.visible_to(user).order_by()})
            for noun, name in SUBJECTS.items()
        )
        return self.filter(reduce(or_, seen))


class Retirement(GovernedModel):
    """How one registered thing stands from now on; of several about one thing the newest counts.

    A deprecated thing may still be named and says so; a retired one is named by nothing new. What
    is approved goes on: this is no revocation.
    """

    class State(models.TextChoices):
        DEPRECATED = "deprecated", "deprecated"
        RETIRED = "retired", "retired"
        IN_USE = "in_use", "in use"

    append_only = True
    about = _NAMES

    state = models.CharField(max_length=10, choices=State)
    model = _of(RegisteredModel)
    version = _of(ModelVersion)
    endpoint = _of(ServingEndpoint)
    prompt = _of(PromptTemplate)
    prompt_version = _of(PromptVersion)
    dataset = _of(Dataset)
    dataset_version = _of(DatasetVersion)
    tool = _of(Tool)
    use_case = _of(UseCase)
    successor_model = _successor(RegisteredModel)
    successor_version = _successor(ModelVersion)
    successor_endpoint = _successor(ServingEndpoint)
    successor_prompt = _successor(PromptTemplate)
    successor_prompt_version = _successor(PromptVersion)
    successor_dataset = _successor(Dataset)
    successor_dataset_version = _successor(DatasetVersion)
    successor_tool = _successor(Tool)
    successor_use_case = _successor(UseCase)
    reason = models.TextField()
    declared_by = models.ForeignKey(Person, models.PROTECT, related_name="+")
    declared_at = models.DateTimeField()

    objects = GovernedManager.from_queryset(RetirementQuerySet)()

    class Meta(GovernedModel.Meta):
        constraints = [
            # `choices` binds forms only: a state that nobody knows would read as "in use".
            models.CheckConstraint(
                condition=Q(state__in=["deprecated", "retired", "in_use"]),
                name="retirement_state_is_known",
            ),
            # Of nothing it says nothing; of two things, one would be retired unseen.
            models.CheckConstraint(
                condition=_of_one_thing(),
                name="retirement_of_one_thing",
                violation_error_message="One thing is deprecated or retired at a time.",
            ),
            # Readers are sent on to the successor: a tool is no way on from a prompt, and what
            # succeeds itself sends them in a circle.
            models.CheckConstraint(
                condition=_successor_of_its_kind(),
                name="retirement_successor_of_its_kind",
                violation_error_message="A successor is another thing of the same kind.",
            ),
            # What is in use again would send its readers away.
            models.CheckConstraint(
                condition=~Q(state="in_use") | Q(**{f"successor_{name}": None for name in _NAMES}),
                name="retirement_in_use_has_no_successor",
                violation_error_message="What is in use has no successor.",
            ),
        ]

    def __str__(self):
        return f"{self.get_state_display()} since {self.declared_at:%d %b %Y}"

    @property
    def name(self) -> str:
        """The column that names the thing it is about."""
        return next(name for name in _NAMES if getattr(self, f"{name}_id") is not None)

    @property
    def subject_id(self) -> int:
        """The key of the thing it is about."""
        return getattr(self, f"{self.name}_id")

    @property
    def successor_id(self) -> int | None:
        """The key of the successor, which is of the same noun."""
        return getattr(self, f"successor_{self.name}_id")
