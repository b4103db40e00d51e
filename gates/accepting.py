"""Runs that wait to be accepted: those that would count if somebody did."""

from datetime import datetime

from django.db.models import Exists, Max, Q, QuerySet, TextField
from django.db.models.functions import Cast

from audit import clock
from evidence.models import EvaluationRun
from gates.models import Requirement
from gates.tasks import Held, Waiting
from registry.models import Person

#: The newest runs that nobody accepted, among which those that would count are looked for.
LOOKED_AT = 2000
#: What a run is measured by and on: of those that agree in it, the newest one counts.
MEASURED = ("suite_version", "item__release", "item__version")


def runs_to_accept(user: Person, held: Held) -> QuerySet:
    """Return the runs that others gave and `user` may accept, oldest first.

    Partial ones only if some gate takes such. Where a newer complete run measures the same, an
    older one changes nothing by being accepted: it waits no longer, however many there are.
    """
    takes_partial = Requirement.objects.annotate(said=Cast("terms", TextField())).filter(
        said__contains='"partial":true', gate_version__published_at__isnull=False
    )
    complete = Q(completeness=EvaluationRun.Completeness.COMPLETE)
    unaccepted = _in_force().filter(complete | Exists(takes_partial), acceptance=None)
    # Found first: joined, a database may begin with all evidence that a team ever had.
    found = list(unaccepted.order_by("-pk").values_list("pk", "ran_at", *MEASURED)[:LOOKED_AT])
    newest = _newest({row[3] for row in found}, {row[4] for row in found})
    rows = EvaluationRun.objects.visible_to(user).filter(
        pk__in=[pk for pk, ran_at, *of in found if ran_at >= newest.get(tuple(of), ran_at)]
    )
    if None not in held.values():
        teams = set().union(*held.values())
        rows = rows.filter(
            Q(item__release__use_case__team__in=teams) | Q(item__version__model__team__in=teams)
        )
    return (
        rows.exclude(given_by=user)
        .select_related(
            "item__release__use_case", "item__version__model", "suite_version__suite", "given_by"
        )
        .order_by("created_at", "pk")
    )


def accept(run: EvaluationRun) -> Waiting:
    """Say one of them in words."""
    return Waiting(
        sentence=f"Accept run {run.pk} of {run.suite_version} on {run.item.subject}",
        url=run.item.get_absolute_url(),
        why="not yours, so you may",
        since=run.created_at,
        note=f"given by {run.given_by}",
    )


def _in_force() -> QuerySet:
    return EvaluationRun.objects.filter(item__withdrawal=None, item__expires_at__gt=clock.now())


def _newest(releases: set, versions: set) -> dict[tuple, datetime]:
    """Return by what is measured when the newest complete run of it was run."""
    rows = _in_force().filter(
        Q(item__release__in=releases - {None}) | Q(item__version__in=versions - {None}),
        completeness=EvaluationRun.Completeness.COMPLETE,
    )
    grouped = rows.order_by().values(*MEASURED).annotate(at=Max("ran_at"))
    return {tuple(of): at for *of, at in grouped.values_list(*MEASURED, "at")}
