"""The latest score of each metric on a release, a model version or a model."""

from django.db.models import Case, F, Q, QuerySet, Value, When, Window
from django.db.models.functions import RowNumber

from evidence.models import EvaluationRun, Score
from registry.models import ModelVersion, RegisteredModel, Release


def latest_scores(
    *,
    release: Release | None = None,
    version: ModelVersion | None = None,
    model: RegisteredModel | None = None,
    user=None,
    number: int | None = None,
) -> list[Score]:
    """Return the score of the newest complete, accepted run per suite and metric: one query.

    On a release its own scores come first and those of its model version fill what it has none
    of; on a model the versions are taken together. Runs of withdrawn items do not count, ended
    ones do: their date is shown. With `user`, only what they may see. Each score comes with its
    metric, run, item and acceptance; `score.of` says which it speaks of, "release" or "version".
    With `number`, what later changes than that accepted or withdrew is not looked at.
    """
    if release is not None:
        about = Q(run__item__release=release) | Q(run__item__version=release.model_version_id)
    elif version is not None:
        about = Q(run__item__version=version)
    else:
        about = Q(run__item__version__model=model)
    scores = counting(Score.objects.filter(about), number)
    if user is not None:
        scores = scores.visible_to(user)
    place = Window(
        RowNumber(),
        partition_by=[F("metric__suite_version__suite"), F("metric__name")],
        order_by=[F("of").asc(), F("run__ran_at").desc(), F("run_id").desc()],
    )
    own = When(run__item__release__isnull=False, then=Value("release"))
    return list(
        scores.annotate(of=Case(own, default=Value("version")))
        .annotate(place=place)
        .filter(place=1)
        .select_related(
            "metric__suite_version__suite",
            "run__item__release__use_case",
            "run__item__version__model",
            "run__acceptance__accepted_by",
        )
        .order_by("metric__suite_version__suite__slug", "metric__name")
    )


def counting(scores: QuerySet[Score], number: int | None = None) -> QuerySet[Score]:
    """Return those that are their metric itself, of complete, accepted runs that stand.

    With `number`, as it was after that change.
    """
    accepted, stands = Q(run__acceptance__isnull=False), Q(run__item__withdrawal__isnull=True)
    if number is not None:
        accepted = Q(run__acceptance__change__number__lte=number)
        stands |= Q(run__item__withdrawal__change__number__gt=number)
    return scores.filter(
        accepted,
        stands,
        filter="",
        subset="",
        run__completeness=EvaluationRun.Completeness.COMPLETE,
    )
