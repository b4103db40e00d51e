"""Stories of what runs: an approved release, placed by an operator."""

from gates.models import Promotion
from registry.models import Environment, Person
from registry.roles import Role
from runtime import transitions
from runtime.models import Deployment
from tests import make
from tests.gates.stories import WHY, Story, approved


def operator(told: Story) -> Person:
    """Return somebody who operates for the story's team, and does nothing else."""
    return told.signer(Role.OPERATOR)


def place(told: Story, *, actor: Person | None = None, **values) -> Deployment:
    """Activate the story's release at its endpoint."""
    values = {"endpoints": [told.endpoint], "reason": WHY, **values}
    placed = transitions.activate(
        told.release, told.environment, actor=actor or operator(told), **values
    )
    return placed[0]


def running(stage: str = "sandbox", **values) -> Story:
    """Return a story whose release is approved and placed."""
    told = approved(stage, **values)
    place(told)
    return told


def next_release(told: Story, **values) -> Story:
    """Return the same story with its next release, approved in the same environment."""
    values = {"parameters": {"seed": 2}, **values}
    release = make.make_release(
        use_case=told.use_case, version=told.release.model_version, **values
    )
    after = Story(
        use_case=told.use_case,
        release=release,
        environment=told.environment,
        endpoint=told.endpoint,
        suite=told.suite,
        requester=told.requester,
        contributor=told.contributor,
        people=told.people,
    )
    after.give_all()
    after.ask()
    after.promotion = after.sign_all()
    assert after.promotion.state == Promotion.State.APPROVED
    return after


def generations(environment: Environment) -> list[tuple[int, str]]:
    """Return (generation, cause) of an environment, oldest first."""
    rows = environment.activations.order_by("generation")
    return list(rows.values_list("generation", "cause"))
