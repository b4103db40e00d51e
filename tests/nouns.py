"""One row of every noun that has an admin page, and many at once.

A noun that is registered without a line here fails the tests that walk all of them: whoever adds
one says how it is made.
"""

import copy
from collections.abc import Callable

from django.apps import apps
from django.contrib import admin
from django.db import connection, models

from audit import clock
from tests import make


def _evidence(team):
    from tests.evidence.make import make_evidence

    return make_evidence(release=make.make_release(team=team))


def _run(team):
    from tests.evidence.make import make_evidence, make_run

    return make_run(make_evidence("benchmark", release=make.make_release(team=team)))


def _promotion(team):
    from tests.gates.stories import story

    return story().ask(submit=False)


def _webhook(team):
    from tests.gates.stories import make_webhook

    return make_webhook()[0]


def _waiver(team):
    from tests.gates.stories import story

    return story().ask_waiver()


def _condition(team):
    from tests.gates.stories import story

    told = story()
    told.give_all()
    return told.approve_on_condition()


def _break_glass(team):
    from tests.gates.stories import story

    return story().break_glass()


def _requirement(team):
    from gates import transitions
    from gates.models import GateVersion

    sandbox = GateVersion.objects.get(gate="sandbox")
    draft = transitions.new_gate_version_from(sandbox.pk, actor=make.author(), reason=make.WHY)
    return draft.requirements.first()


#: By model label: makes a row of the noun, owned by the team if the noun is owned by one.
MAKERS: dict[str, Callable] = {
    "registry.team": lambda team: team,
    "registry.region": lambda team: make.make_region(),
    "registry.provider": lambda team: make.make_provider(),
    "registry.environment": lambda team: make.make_environment(),
    "registry.router": lambda team: make.make_router(),
    "registry.usecase": lambda team: make.make_use_case(team=team),
    "registry.registeredmodel": lambda team: make.make_model(team=team),
    "registry.modelversion": lambda team: make.make_model_version(team=team),
    "registry.servingendpoint": lambda team: make.make_endpoint(
        version=make.make_model_version(team=team)
    ),
    "registry.dataset": lambda team: make.make_dataset_version(team=team).dataset,
    "registry.datasetversion": lambda team: make.make_dataset_version(team=team),
    "registry.prompttemplate": lambda team: make.make_prompt(team=team),
    "registry.promptversion": lambda team: make.make_prompt_version(make.make_prompt(team=team)),
    "registry.policypack": lambda team: make.make_pack(),
    "registry.policyversion": lambda team: make.make_policy(review_months=3),
    "registry.tool": lambda team: make.make_tool_scope().tool,
    "registry.evaluationsuite": lambda team: make.make_suite_version().suite,
    "registry.suiteversion": lambda team: make.make_suite_version(),
    "registry.release": lambda team: make.make_release(team=team, sealed=False),
    "registry.person": lambda team: make.make_person(),
    "registry.rolegrant": lambda team: make.grant(make.make_person(), "viewer", team=team),
    "registry.apitoken": lambda team: make.make_token_row(make.make_person())[0],
    "evidence.evidenceitem": _evidence,
    "evidence.evaluationrun": _run,
    "gates.promotion": _promotion,
    "gates.webhook": _webhook,
    "gates.requirement": _requirement,
    "gates.waiver": _waiver,
    "gates.condition": _condition,
    "gates.breakglass": _break_glass,
}
#: Nouns that belong to a team: who holds no role there does not see them.
OWNED = (
    "registry.team",
    "registry.usecase",
    "registry.registeredmodel",
    "registry.modelversion",
    "registry.servingendpoint",
    "registry.dataset",
    "registry.datasetversion",
    "registry.prompttemplate",
    "registry.promptversion",
    "registry.release",
    "registry.rolegrant",
    "registry.apitoken",
    "evidence.evidenceitem",
    "evidence.evaluationrun",
    "gates.promotion",
    "gates.waiver",
    "gates.condition",
    "gates.breakglass",
)
#: What the copies of a row are instead, where there can be only one like it.
COPIES: dict[str, dict] = {
    "registry.rolegrant": {"ended_at": clock.now()},
    "gates.promotion": {"state": "withdrawn", "decided_at": clock.now()},
}
REGISTERED = sorted(model._meta.label_lower for model in admin.site._registry)
OF_THE_REGISTRY = [label for label in REGISTERED if label.startswith("registry.")]


def make_one(label: str, team=None):
    """Return a row of a noun: a new one, or one that the migrations made."""
    if label not in MAKERS:
        found = apps.get_model(label)._base_manager.first()
        assert found is not None, f"tests/nouns.py does not say how a {label} is made."
        return found
    return MAKERS[label](team or make.make_team())


def multiply(row, number: int, /, *, begin: int = 0, **values) -> list:
    """Write `number` more rows like this one, past every verb, counted from `begin`; return them.

    Fields that must differ are numbered; everything else, foreign keys too, stays the same unless
    `values` say otherwise, each with a value or a function of the place.
    """
    model = type(row)
    unique = {field.name for field in model._meta.concrete_fields if field.unique}
    for constraint in model._meta.constraints:
        if isinstance(constraint, models.UniqueConstraint):
            unique |= _varied(model, constraint)
    rows = []
    for place in range(begin + 1, begin + number + 1):
        twin = copy.copy(row)
        twin._state = models.base.ModelState()
        twin.pk = None
        for name, value in COPIES.get(model._meta.label_lower, {}).items():
            setattr(twin, name, value)
        for name in unique - {model._meta.pk.name, *values}:
            field = model._meta.get_field(name)
            value = getattr(row, field.attname)
            if isinstance(field, models.IntegerField):
                setattr(twin, name, value + 1000 + place)
            elif value:
                setattr(twin, name, f"{value[: (field.max_length or 900) - 6]}x{place}")
        for name, value in values.items():
            setattr(twin, name, value(place) if callable(value) else value)
        rows.append(twin)
    # Plain SQL's way in: governed managers refuse this, and so they should.
    return models.QuerySet(model, using=connection.alias).bulk_create(rows)


def _varied(model, constraint) -> set[str]:
    """Return one field of a constraint that can be numbered."""
    for name in constraint.fields:
        field = model._meta.get_field(name)
        if isinstance(field, models.CharField | models.IntegerField) and not field.choices:
            return {name}
    return set()
