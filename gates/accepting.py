"""Runs that wait to be accepted: those that would count if somebody did."""

from django.db.models import Exists, OuterRef, Q, QuerySet, TextField
from django.db.models.functions import Cast

from audit import clock
from evidence.models import OpenRun
from gates.models import Requirement
from gates.tasks import Held, Waiting
from registry.models import ModelVersion, Person, Release


def runs_to_accept(user: Person, held: Held) -> QuerySet:
    """Return the open runs that others gave and `user` may accept, oldest first.

    Partial ones only if some gate takes such. Where a newer complete run that they may accept
    measures the same and holds as long, an older one changes nothing: it waits no longer.
    """
    takes_partial = Requirement.objects.annotate(said=Cast("terms", TextField())).filter(
        said__contains='"partial":true', gate_version__published_at__isnull=False
    )
    theirs = OpenRun.objects.filter(expires_at__gt=clock.now()).exclude(given_by=user)
    newer = theirs.filter(
        Q(ran_at__gt=OuterRef("ran_at")) | Q(ran_at=OuterRef("ran_at"), pk__gt=OuterRef("pk")),
        suite_version=OuterRef("suite_version"),
        expires_at__gte=OuterRef("expires_at"),
        complete=True,
    )
    rows = theirs.visible_to(user).filter(
        Q(complete=True) | Exists(takes_partial),
        ~Exists(newer.filter(release=OuterRef("release"))),
        ~Exists(newer.filter(version=OuterRef("version"))),
    )
    if None not in held.values():
        teams = set().union(*held.values())
        # Asked of each that waits: joined, a database may begin with all that a team ever had.
        releases = Release.objects.filter(pk=OuterRef("release"), use_case__team__in=teams)
        versions = ModelVersion.objects.filter(pk=OuterRef("version"), model__team__in=teams)
        rows = rows.filter(Exists(releases) | Exists(versions))
    return rows.select_related(
        "run__item__release__use_case",
        "run__item__version__model",
        "run__suite_version__suite",
        "given_by",
    ).order_by("created_at", "pk")


def accept(row: OpenRun) -> Waiting:
    """Say one of them in words."""
    run = row.run
    return Waiting(
        sentence=f"Accept run {run.pk} of {run.suite_version} on {run.item.subject}",
        url=run.item.get_absolute_url(),
        why="not yours, so you may",
        since=run.created_at,
        note=f"given by {row.given_by}",
    )
