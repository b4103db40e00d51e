"""What runs where: use cases by environments, providers or regions, now or as of any instant.

Read from the snapshots that are (were) active, so it says what routers are (were) told. As many
queries for a thousand deployments as for one.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from django.db.models import OuterRef, QuerySet, Subquery
from django.http import Http404

from audit import Reason, clock
from audit.rules import instant_text
from gates.may_run import SLUG
from registry.effective import number_for
from registry.models import Environment, Person, Provider, Region, UseCase
from runtime.changing import seen_use_cases
from runtime.explaining import against, as_seen, in_sight_of
from runtime.models import Activation, Deployment

#: Use cases of one page, and environments that it looks at.
PAGE, ENVIRONMENTS = 50, 50
#: What the columns can be, with the words for it.
BY = {"environment": "environment", "provider": "provider", "region": "region of processing"}
NOT_RECORDED = "not recorded"


@dataclass(frozen=True)
class Filters:
    """What to name; every filter is a slug, and empty takes all. `after` begins a page."""

    use_case: str = ""
    environment: str = ""
    provider: str = ""
    region: str = ""
    after: str = ""


NAMES = tuple(one.name for one in fields(Filters))


@dataclass(frozen=True)
class Found:
    """A page of what runs, in the order of use cases, and how much the reader may not see."""

    rows: tuple[dict[str, Any], ...]
    #: The active generation of each environment that was looked at.
    environments: tuple[dict[str, Any], ...]
    hidden: int
    #: The use case after which the next page begins; empty on the last.
    next: str
    #: Environments that were not looked at.
    more: int


def read(given: Mapping[str, str]) -> tuple[Filters, list[Reason]]:
    """Return the filters that an address names, and what is wrong with them."""
    told = {name: given.get(name, "") for name in NAMES}
    reasons = [
        Reason("NOT_A_SLUG", "Give a slug: letters, digits, - and _, at most 60.", name)
        for name, value in told.items()
        if value and not re.fullmatch(SLUG, value)
    ]
    return Filters(**told), reasons


def matrix(filters: Filters, reader: Person, at: datetime | None = None) -> Found:
    """Return what runs (ran at `at`), a page of use cases with every deployment of theirs.

    Raises `Http404` for names that are not seen.
    """
    refuse_unseen(filters, reader)
    environments = Environment.objects.visible_to(reader).order_by("slug")
    if filters.environment:
        environments = environments.filter(slug=filters.environment)
    looked_at, activations = active_in(environments, at)
    documents = {one.pk: json.loads(one.snapshot.content) for one in activations.values()}
    rows = [
        (environment, activations[environment.pk], one)
        for environment in looked_at
        if environment.pk in activations
        for one in documents[activations[environment.pk].pk]["deployments"]
        if _wanted(one, filters)
    ]
    seen = seen_use_cases(reader, {one["use_case"] for _, _, one in rows})
    slugs = sorted(slug for slug in seen if slug > filters.after)
    page = set(slugs[:PAGE])
    shown = [row for row in rows if row[2]["use_case"] in page]
    reasons = {
        (environment.pk, name): said
        for environment, activation in {(row[0], row[1]) for row in shown}
        for name, said in against(
            documents[activation.pk],
            {one["use_case"] for where, _, one in shown if where == environment},
            at or clock.now(),
        ).items()
    }
    in_sight = in_sight_of(reader, [one for _, _, one in shown])
    since = _since(shown, at)
    cells = [
        _cell(
            environment,
            activation,
            one,
            as_seen(reasons.get((environment.pk, one["name"]), []), one["name"] in in_sight),
        )
        | {"since": since.get(_key(environment, one))}
        for environment, activation, one in shown
    ]
    cells.sort(key=lambda one: (one["use_case"], one["environment"], one["priority"], one["name"]))
    return Found(
        rows=tuple(cells),
        environments=tuple(
            {
                "environment": one.slug,
                "generation": activations[one.pk].generation,
                "since": instant_text(activations[one.pk].change.at),
            }
            for one in looked_at
            if one.pk in activations
        ),
        hidden=sum(1 for _, _, one in rows if one["use_case"] not in seen),
        next=slugs[PAGE - 1] if len(slugs) > PAGE else "",
        more=max(environments.count() - len(looked_at), 0),
    )


def active_in(
    environments: QuerySet, at: datetime | None = None, *, whole: bool = True
) -> tuple[list[Environment], dict[int, Activation]]:
    """Return the first environments, and what is (was) active in each by its key; two queries."""
    rows = Activation.objects.filter(environment=OuterRef("pk"))
    if (number := number_for(at)) is not None:
        rows = rows.filter(change__number__lte=number)
    newest = Subquery(rows.order_by("-generation").values("pk")[:1])
    looked_at = list(environments.annotate(active=newest)[:ENVIRONMENTS])
    found = Activation.objects.filter(pk__in=[one.active for one in looked_at if one.active])
    found = found.select_related("change", "environment", *(["snapshot"] if whole else []))
    return looked_at, {one.environment_id: one for one in found}


def heads(reader: Person) -> list[Activation]:
    """Return what is active in each environment, without what it says; two queries."""
    environments = Environment.objects.visible_to(reader).order_by("slug")
    looked_at, activations = active_in(environments, whole=False)
    return [activations[one.pk] for one in looked_at if one.pk in activations]


def refuse_unseen(filters: Filters, reader: Person) -> None:
    """Raise `Http404` for the name of something that is not there, or not seen."""
    for name, noun in (
        ("use_case", UseCase),
        ("environment", Environment),
        ("provider", Provider),
        ("region", Region),
    ):
        slug = getattr(filters, name)
        if slug and not noun.objects.visible_to(reader).filter(slug=slug).exists():
            raise Http404(f"There is no {name.replace('_', ' ')} “{slug}” that you may see.")


def _wanted(one: Mapping[str, Any], filters: Filters) -> bool:
    return (
        filters.use_case in ("", one["use_case"])
        and (not filters.provider or filters.provider in providers(one))
        and (not filters.region or filters.region in one["endpoint"]["regions"]["processing"])
    )


def providers(one: Mapping[str, Any]) -> set[str]:
    """Return who hosts a deployment and who made what it serves, as a snapshot names them."""
    return {one["endpoint"]["host"], one["model"]["maker"]} - {"", None}


def _key(environment: Environment, one: Mapping[str, Any]) -> tuple[int, str, str]:
    return environment.pk, one["release"]["digest"], one["endpoint"]["slug"]


def _since(shown: Iterable[tuple], at: datetime | None) -> dict[tuple[int, str, str], str]:
    """Return when each was placed; of several times, the last one by then."""
    shown = list(shown)
    rows = Deployment.objects.filter(
        environment__in={environment.pk for environment, _, _ in shown},
        release__digest__in={one["release"]["digest"] for _, _, one in shown},
    )
    if at is not None:
        rows = rows.filter(placed_at__lte=at)
    named = rows.order_by("placed_at").values_list(
        "environment", "release__digest", "endpoint__slug", "placed_at"
    )
    return {(where, digest, slug): instant_text(when) for where, digest, slug, when in named}


def _cell(
    environment: Environment, activation: Activation, one: Mapping[str, Any], reasons: list[dict]
) -> dict[str, Any]:
    endpoint, model = one["endpoint"], one["model"]
    return {
        "use_case": one["use_case"],
        "environment": environment.slug,
        "generation": activation.generation,
        "name": one["name"],
        "release": one["release"],
        "model": {name: model[name] for name in ("slug", "version", "identifier")},
        "endpoint": endpoint["slug"],
        "host": endpoint["host"],
        "maker": model["maker"] or None,
        "regions": endpoint["regions"]["processing"],
        "priority": one["priority"],
        "not_after": one["not_after"],
        "refused": reasons,
    }


def columns(found: Found, by: str) -> list[str]:
    """Return the columns of the matrix: all environments, or what hosts or holds something."""
    if by == "environment":
        return [one["environment"] for one in found.environments]
    return sorted(
        {place for row in found.rows for place in places(row, by)},
        key=lambda place: (place == NOT_RECORDED, place),
    )


def places(row: Mapping[str, Any], by: str) -> list[str]:
    """Return the columns that one deployment stands in."""
    if by == "region":
        return row["regions"] or [NOT_RECORDED]
    return [row["host"] if by == "provider" else row["environment"]]
