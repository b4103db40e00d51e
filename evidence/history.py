"""The scores of a model over its versions, beside what use cases demand."""

from collections import defaultdict
from dataclasses import dataclass, field
from decimal import Decimal

from django.db.models import Case, F, Q, When, Window
from django.db.models.functions import Coalesce, RowNumber

from evidence.latest import counting
from evidence.models import Score
from evidence.significance import Compared, Measured, compare
from registry.models import ModelVersion, RegisteredModel, ScoreDemand, UseCase

#: The newest versions that are looked at, and of these the scores, metrics and thresholds.
MOST_VERSIONS, MOST_SCORES, MOST_SERIES, MOST_DEMANDS = 30, 3000, 40, 200


def measured(score: Score) -> Measured:
    """Return a score as it is compared."""
    stderr = Decimal(score.stderr) if score.stderr else None
    return Measured(Decimal(score.text), stderr, score.samples)


def _measures(score: Score) -> tuple[int, int | None]:
    release = score.run.item.release
    return score.metric_id, release.use_case_id if release else None


@dataclass
class Series:
    """One headline metric of a suite, in one unit and direction, whatever the suite's version."""

    suite: str
    metric: str
    unit: str
    higher_is_better: bool
    #: One a version, oldest version first.
    scores: list[Score] = field(default_factory=list)
    #: What use cases demand of it, the strictest first.
    demands: list[ScoreDemand] = field(default_factory=list)

    @property
    def name(self) -> str:
        """Suite and metric, as people say it."""
        return f"{self.suite} {self.metric}"

    def misses(self, score: Score) -> list[ScoreDemand]:
        """Return the demands that a score does not meet."""
        value = Decimal(score.text)
        return [
            row
            for row in self.demands
            if (value < row.threshold if self.higher_is_better else value > row.threshold)
        ]

    def compared(self, place: int) -> Compared | None:
        """Return how the score at `place` stands to the one before it, or None for the first.

        Nor are figures compared that may not measure the same: of two versions of the suite, or
        one of a version alone and one of a release, or of releases for two purposes.
        """
        before, now = self.scores[place - 1 : place + 1] if place else (None, None)
        if before is None or _measures(before) != _measures(now):
            return None
        return compare(
            measured(before),
            measured(now),
            higher_is_better=self.higher_is_better,
            unit=self.unit,
        )


@dataclass
class History:
    """All series, by name, and whether there is more than is told."""

    series: list[Series]
    older_versions: bool = False
    more_series: int = 0


def history(model: RegisteredModel, user) -> History:
    """Return what counts for each version of a model that the reader may see: three queries.

    A headline metric is the metric itself, without filter or subset. Of each version the newest
    complete, accepted run about it counts; of one without any, that of a release made with it.
    Each score says its `version`.
    """
    rows = ModelVersion.objects.visible_to(user).filter(model=model).order_by("-pk")
    versions = {row.pk: row for row in rows.defer("card", "content")[: MOST_VERSIONS + 1]}
    older = len(versions) > MOST_VERSIONS
    if older:
        del versions[min(versions)]
    found = _series(_scores(versions, user))
    found.sort(key=lambda one: (one.name, one.unit))
    told = found[:MOST_SERIES]
    for one in told:
        for score in one.scores:
            score.version = versions[score.subject]
            score.version.model = model
    _add_demands(told, user)
    return History(told, older, len(found) - len(told))


_UNREAD = ("content", "answers", "release__content")


def _scores(versions: dict, user) -> list[Score]:
    """Return one score per version, suite and metric, oldest version first."""
    about = Q(run__item__version__in=versions) | Q(run__item__release__model_version__in=versions)
    place = Window(
        RowNumber(),
        partition_by=[F("subject"), F("metric__suite_version__suite"), F("metric__name")],
        order_by=[F("whole").asc(), F("run__ran_at").desc(), F("run_id").desc()],
    )
    newest = (
        counting(Score.objects.visible_to(user).filter(about))
        .annotate(
            subject=Coalesce("run__item__version_id", "run__item__release__model_version_id"),
            # What is about the version itself comes first.
            whole=Case(When(run__item__release=None, then=0), default=1),
        )
        .annotate(place=place)
        .filter(place=1)
        .select_related("metric__suite_version__suite", "run__item__release__use_case")
        .defer("run__config", *(f"run__item__{name}" for name in _UNREAD))
        .order_by("-subject", "pk")
    )
    return list(newest[:MOST_SCORES])[::-1]


def _series(scores) -> list[Series]:
    found: dict[tuple, Series] = {}
    for score in scores:
        metric = score.metric
        key = (
            metric.suite_version.suite.slug,
            metric.name,
            metric.unit,
            metric.higher_is_better,
        )
        found.setdefault(key, Series(*key)).scores.append(score)
    return list(found.values())


def _add_demands(series: list[Series], user) -> None:
    """Add what use cases that the reader sees demand, of any version of the suite."""
    known: dict[tuple, list[ScoreDemand]] = defaultdict(list)
    rows = ScoreDemand.objects.filter(
        metric__suite_version__suite__slug__in={one.suite for one in series},
        metric__name__in={one.metric for one in series},
        use_case__in=UseCase.objects.visible_to(user),
    ).select_related("metric__suite_version__suite", "use_case")
    for row in rows.order_by("pk")[:MOST_DEMANDS]:
        metric = row.metric
        key = metric.suite_version.suite.slug, metric.name, metric.unit, metric.higher_is_better
        known[key].append(row)
    for one in series:
        key = one.suite, one.metric, one.unit, one.higher_is_better
        one.demands = sorted(
            known[key], key=lambda row: row.threshold, reverse=one.higher_is_better
        )
