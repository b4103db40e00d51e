"""Reading promotions, and the question that deployment tools ask before they act."""

from datetime import datetime

from django.http import Http404
from django_filters import rest_framework as filters
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework.decorators import action
from rest_framework.generics import get_object_or_404
from rest_framework.response import Response
from rest_framework.views import APIView

from audit import clock
from audit.api.answers import Answers, is_held
from audit.api.filters import Choices, Words
from audit.api.rows import RowsView
from audit.kept import kept
from audit.refusals import NotUnderstood
from audit.rules import canonical, digest, instant_text
from gates import serializers
from gates.decisions import decide_for_a_while
from gates.models import Promotion
from gates.pages.loaded import WITH, load
from gates.pages.scores import compared
from gates.rules.questions import Question, read_question
from registry.models import Environment, Release


class PromotionFilters(filters.FilterSet):
    release = Words("release__digest", "Digests of releases.")
    environment = Words("environment__slug", "Slugs of environments.")
    state = Choices("state", "Stored states.", Promotion.State.choices)
    requested_by = Words("requested_by__username", "User names of requesters.")


class PromotionsView(RowsView):
    """Promotions, newest first. Whether one allows anything is what `decision/` answers.

    One of them also says its package, findings, sign-offs and how an approval stands.
    """

    model = Promotion
    lookup_value_regex = "[0-9]{1,18}"
    serializer_class = serializers.PromotionLineSerializer
    row_serializer_class = serializers.PromotionSerializer
    filterset_class = PromotionFilters

    @extend_schema(filters=False, responses=serializers.ComparedScoresSerializer)
    @action(detail=True, pagination_class=None, filter_backends=())
    def scores(self, request, pk: str):
        """Each demanded score beside that of what is approved there: better, worse, or by chance.

        Once this one is decided, beside what was approved there before it.
        """
        rows = Promotion.objects.visible_to(request.user).select_related(*WITH)
        found = compared(load(get_object_or_404(rows, pk=pk), request.user))
        return Response(serializers.ComparedScoresSerializer(found).data)

    def parameters(self):
        return frozenset() if self.action == "scores" else super().parameters()

    def rows(self, visible):
        return visible.select_related(
            "release__use_case", "environment", "requested_by", "decided_package"
        ).defer("release__content", "decided_package__content")

    def row(self, visible):
        return visible.select_related(
            "release__use_case",
            "release__model_version__model",
            "environment",
            "requested_by",
            "decided_package",
        )


ALLOWED = {
    "allowed": True,
    "reasons": [
        {
            "code": "APPROVED",
            "sentence": "Promotion 41 was approved on 2 Mar 2026 and holds until 1 Sep 2026. "
            "First to end it: The evidence “Red team, March” ends.",
        }
    ],
    "release": "sha256:9f2c1e0b7a5d4f3c8e6a1b2d3c4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60",
    "environment": "production-eu",
    "promotion": 41,
    "at": "2026-03-03T08:30:00.000000Z",
    "expires_at": "2026-09-01T00:00:00.000000Z",
    "endpoints": ["heron-frankfurt"],
    "conditions": [
        {
            "text": "Measure the share of refusals every month.",
            "owner": "claims.lead",
            "due_at": "2026-06-30T23:59:59.999999Z",
            "evidence": "benchmark",
            "promotion": 41,
        }
    ],
}
REFUSED = ALLOWED | {
    "allowed": False,
    "reasons": [
        {"code": "IN_REVIEW", "sentence": "Promotion 42 is in review."},
        {"code": "SIGN_OFF_WANTED", "sentence": "A sign-off as risk owner is wanted."},
    ],
    "promotion": None,
    "expires_at": None,
    "endpoints": [],
    "conditions": [],
}


class DecisionView(Answers, APIView):
    """May this release run in this environment? Anything but `allowed: true` means no.

    An answer is about one instant, so nothing between may keep it: it says `no-store`. Its weak
    ETag marks all that it says but the instant; whoever sends it back hears 304 where the very
    same was answered just now, judged anew.
    """

    @extend_schema(
        operation_id="decision",
        parameters=[
            OpenApiParameter("release", str, required=True, description="Digest of the release."),
            OpenApiParameter(
                "environment", str, required=True, description="Slug of the environment."
            ),
            OpenApiParameter(
                "at",
                {"type": "string", "format": "date-time"},
                description="A past instant (RFC 3339); what was known then counts. Default: now.",
            ),
        ],
        responses=serializers.DecisionSerializer,
        examples=[
            OpenApiExample("allowed", value=ALLOWED, response_only=True),
            OpenApiExample("not allowed", value=REFUSED, response_only=True),
        ],
    )
    def get(self, request):
        question, reasons = read_question(request.query_params, now=clock.now())
        if question is None:
            raise NotUnderstood(reasons)
        answer = kept.answer(
            ("decision", request.user.pk, question),
            lambda: _decide(request.user, question),
            request.position,
        )
        tag = f'W/"{digest(canonical({**answer, "at": None}))[7:39]}"'
        headers = {"Cache-Control": "no-store", "ETag": tag}
        if is_held(tag, request.headers.get("If-None-Match", "")):
            return Response(status=304, headers=headers)
        if question.at is None:
            # Kept is what holds over a while; what is asked for is this instant.
            answer = answer | {"at": instant_text(clock.now())}
        return Response(answer, headers=headers)

    def parameters(self):
        return frozenset({"release", "environment", "at"})


def _decide(user, question: Question) -> tuple[dict, datetime | None]:
    """Return the answer and until when it may be kept. Raises `Http404` for what is not seen."""
    try:
        release = Release.objects.visible_to(user).get(digest=question.release)
        environment = Environment.objects.visible_to(user).get(slug=question.environment)
    except (Release.DoesNotExist, Environment.DoesNotExist):
        raise Http404 from None
    answer, until = decide_for_a_while(release, environment, question.at)
    return answer, until if question.at is None else None


routes = (("promotions", PromotionsView),)
