"""Reading evidence: find what the caller may see, and say it."""

from django.db.models import Prefetch
from django_filters import rest_framework as filters
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.decorators import action
from rest_framework.generics import get_object_or_404
from rest_framework.response import Response

from audit import Reason
from audit.api.filters import LARGEST, Choices, Ids, Numbers, Words
from audit.api.rows import RowsView
from audit.refusals import NotUnderstood
from evidence import serializers
from evidence.history import history
from evidence.latest import latest_scores
from evidence.models import EvaluationRun, EvidenceItem, Score, kind_choices
from registry.models import ModelVersion, RegisteredModel, Release

#: Texts that are long and that no line of a list shows.
UNREAD = ("version__card", "version__content", "release__content")


class EvidenceFilters(filters.FilterSet):
    kind = Choices("kind", "Kinds of evidence.", kind_choices())
    release = Words("release__digest", "Digests of the releases it is about.")
    version = Numbers("version", "Ids of the model versions it is about.")
    author = Words("author__username", "User names of its authors.")
    digest = Words("digest", "Digests of the items.")


class EvidenceView(RowsView):
    """Evidence items, newest first; one of them also says its answers, files and runs."""

    model = EvidenceItem
    order = ("-created_at", "-pk")
    lookup_value_regex = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
    serializer_class = serializers.ItemLineSerializer
    row_serializer_class = serializers.ItemSerializer
    filterset_class = EvidenceFilters

    def rows(self, visible):
        return self._named(visible).defer("content", "answers", *UNREAD)

    def row(self, visible):
        return (
            self._named(visible)
            .select_related("replaced_by")
            .prefetch_related(
                "files__scans",
                Prefetch("runs", EvaluationRun.objects.only("pk", "item").order_by("pk")),
            )
        )

    def _named(self, visible):
        return visible.select_related(
            "release__use_case", "version__model", "author", "withdrawal__withdrawn_by"
        )


class RunFilters(filters.FilterSet):
    item = Ids("item", "Ids of the evidence items they are given under.")
    suite = Words("suite_version__suite__slug", "Slugs of the suites.")
    release = Words("item__release__digest", "Digests of the releases they are about.")
    version = Numbers("item__version", "Ids of the model versions they are about.")
    given_by = Words("given_by__username", "User names of those who gave them.")


class RunsView(RowsView):
    """Evaluation runs, newest first by number; one of them comes with its settings and scores."""

    model = EvaluationRun
    lookup_value_regex = "[0-9]{1,18}"
    serializer_class = serializers.RunLineSerializer
    row_serializer_class = serializers.RunSerializer
    filterset_class = RunFilters
    #: What the latest scores, and their history, may be asked about.
    subjects = {"latest": ("release", "version", "model"), "history": ("model",)}

    def rows(self, visible):
        unread = (f"item__{path}" for path in (*UNREAD, "content", "answers"))
        return self._named(visible).defer("config", *unread)

    def row(self, visible):
        scores = Score.objects.select_related("metric").order_by("metric__name", "pk")
        return self._named(visible).prefetch_related(Prefetch("scores", scores))

    def _named(self, visible):
        return visible.select_related(
            "suite_version__suite",
            "item__release__use_case",
            "item__version__model",
            "given_by",
            "acceptance__accepted_by",
        )

    def parameters(self):
        return frozenset(self.subjects.get(self.action) or super().parameters())

    @extend_schema(
        filters=False,
        parameters=[
            OpenApiParameter("release", str, description="Digest of a release."),
            OpenApiParameter("version", int, description="Id of a model version."),
            OpenApiParameter("model", str, description="Slug of a model."),
        ],
        responses=serializers.LatestScoreSerializer(many=True),
    )
    @action(detail=False, pagination_class=None, filter_backends=())
    def latest(self, request):
        """The latest score of each suite and metric: of a release, a model version or a model.

        Taken from complete, accepted runs of items that are not withdrawn; name one subject.
        """
        scores = latest_scores(**self._subject(request), user=request.user)
        return Response(serializers.LatestScoreSerializer(scores, many=True).data)

    @extend_schema(
        filters=False,
        parameters=[OpenApiParameter("model", str, required=True, description="Slug of a model.")],
        responses=serializers.SeriesSerializer(many=True),
    )
    @action(detail=False, pagination_class=None, filter_backends=())
    def history(self, request):
        """Scores of a model over its newest 30 versions, a series for each suite and metric.

        Of each version the newest complete, accepted run about it counts, or else that of a release
        made with it; oldest version first.
        """
        found = history(self._subject(request)["model"], request.user)
        return Response(serializers.SeriesSerializer(found.series, many=True).data)

    def _subject(self, request) -> dict:
        given = {name: request.query_params[name] for name in request.query_params}
        if len(given) != 1:
            asked = self.subjects[self.action]
            sentence = f"Name one subject: {' or '.join(f'a {name}' for name in asked)}."
            raise NotUnderstood(Reason("SUBJECT", sentence, next(iter(given), asked[0])))
        [(name, value)] = given.items()
        if name == "version" and not (value.isascii() and value.isdigit() and int(value) < LARGEST):
            raise NotUnderstood(Reason("NOT_A_NUMBER", "Give the id of a model version.", name))
        model, field = {
            "release": (Release, "digest"),
            "version": (ModelVersion, "pk"),
            "model": (RegisteredModel, "slug"),
        }[name]
        return {name: get_object_or_404(model.objects.visible_to(request.user), **{field: value})}


routes = (("evidence", EvidenceView), ("evaluation-runs", RunsView))
