"""What retires when, what rests on it, and what each use case would have left."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from django.db.models import Count, Model, QuerySet

from registry.impact.outlook import Outlook, Standing, outlooks
from registry.impact.places import let_in
from registry.impact.trails import follow, origins
from registry.models import Environment, ModelVersion, Provider, Release

#: Versions with a retirement date that are shown, soonest first.
SHOWN = 20
#: Approvals that are looked at; with more, what is left may be more than is said.
LOOKED_AT = 500


@dataclass(frozen=True)
class Retirement:
    """A version that retires on a day, the releases that rest on it, and what would be left."""

    version: ModelVersion
    day: date
    past: bool
    releases: int
    hidden: int
    outlooks: tuple[Outlook, ...]

    @property
    def stranded(self) -> tuple[Outlook, ...]:
        """Where nothing would be left."""
        return tuple(one for one in self.outlooks if not one.left)


@dataclass(frozen=True)
class Retirements:
    """All that retires, soonest first, and how many versions have no date."""

    rows: tuple[Retirement, ...]
    hidden: int
    more: int
    undated: int
    #: Whether more approvals stand than were looked at.
    cut: bool


def retirements(subject: Model, reader, today: date) -> Retirements | None:
    """Return what retires of a provider's versions, or of one version and what it comes from.

    None for other things.
    """
    if not isinstance(subject, Provider | ModelVersion):
        return None
    of_provider = isinstance(subject, Provider)
    # A version goes with its base versions.
    wanted = (
        {"maker": subject}
        if of_provider
        else {"pk__in": origins([subject.pk])[subject.pk].versions}
    )
    dated = ModelVersion.objects.filter(**wanted, retires_on__isnull=False)
    seen = ModelVersion.objects.visible_to(reader).filter(**wanted)
    rows = seen.filter(retires_on__isnull=False)
    number = rows.count()
    shown = list(
        rows.select_related("model").defer("card", "content").order_by("retires_on", "pk")[:SHOWN]
    )
    provider = subject.pk if of_provider else None
    found, cut = _judged(shown, reader, today, provider)
    return Retirements(
        rows=tuple(found),
        hidden=dated.count() - number,
        more=number - len(shown),
        undated=seen.filter(retires_on=None).count(),
        cut=cut,
    )


def _judged(
    versions: list[ModelVersion], reader, today: date, provider: int | None
) -> tuple[list[Retirement], bool]:
    """Judge all retiring versions at once: their releases, and the approvals beside them."""
    if not versions:
        return [], False
    resting, made_with = _resting([version.pk for version in versions])
    seen = Release.objects.visible_to(reader).filter(model_version__in=made_with)
    standing, cut = _standing(seen, reader)
    numbers, seen_numbers = _numbers(Release.objects.filter(model_version__in=made_with), seen)
    found = []
    for version in versions:
        number = sum(seen_numbers.get(key, 0) for key in resting[version.pk])
        whole = sum(numbers.get(key, 0) for key in resting[version.pk])
        judged = outlooks(standing, version.pk, version.retires_on, provider=provider)
        past = version.retires_on <= today
        found.append(
            Retirement(version, version.retires_on, past, number, whole - number, tuple(judged))
        )
    return found, cut


def _resting(roots: list[int]) -> tuple[dict[int, set[int]], list[int]]:
    """Return {retiring version: those that come from it, itself among them}, and all of these."""
    made_with = list(follow(ModelVersion, "base_version", roots).parents)
    resting: dict[int, set[int]] = {root: set() for root in roots}
    for key, found in origins(made_with).items():
        for root in found.versions & resting.keys():
            resting[root].add(key)
    return resting, made_with


def _numbers(*releases: QuerySet) -> Iterable[dict[int, int]]:
    """Return the number of releases by model version, of each of the queries."""
    for rows in releases:
        counted = rows.order_by().values("model_version").annotate(number=Count("pk"))
        yield dict(counted.values_list("model_version", "number"))


def _standing(resting: QuerySet, reader) -> tuple[list[Standing], bool]:
    """Return every approval of the use cases that `resting` releases serve."""
    beside = Release.objects.visible_to(reader).filter(
        use_case__in=resting.order_by().values("use_case")
    )
    found = let_in(beside, Environment.objects.visible_to(reader), reader, None, LOOKED_AT)
    allowed = [one for one in found.rows if one.until]
    made = origins(one.release.model_version_id for one in allowed)
    standing = []
    for one in allowed:
        origin = made[one.release.model_version_id]
        standing.append(
            Standing(
                use_case=one.release.use_case.slug,
                environment=one.environment.slug,
                release=str(one.release),
                until=one.until,
                versions=origin.versions,
                makers=origin.makers,
                retires_on=min(origin.retiring.values(), default=None),
            )
        )
    return standing, found.more
