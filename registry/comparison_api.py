"""Comparing two rows in the API: the same differences as the page."""

from django.http import Http404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.response import Response
from rest_framework.views import APIView

from audit import Reason
from audit.api.answers import Answers
from audit.refusals import NotUnderstood
from registry import comparison, serializers


class CompareView(Answers, APIView):
    """What differs from one version of a model, prompt or policy, or release, to another.

    Without `a`, it is the row that `b` was made from, or the one before it; texts that differ are
    named, and their lines are given as they changed.
    """

    @extend_schema(
        operation_id="compare",
        parameters=[
            OpenApiParameter("kind", str, required=True, enum=list(comparison.KINDS)),
            OpenApiParameter("a", int, description="Id of the row to compare from."),
            OpenApiParameter("b", int, required=True, description="Id of the row to compare to."),
        ],
        responses=serializers.ComparisonSerializer,
    )
    def get(self, request):
        reasons = comparison.problems(request.query_params)
        if "b" not in request.query_params:
            reasons.append(Reason("MISSING", "Name the row to compare to.", "b"))
        if reasons:
            raise NotUnderstood(reasons)
        kind, a, b = comparison.asked(request.query_params, request.user)
        if a is None or b is None:
            raise Http404
        found = comparison.compare(kind, a, b, request.user)
        return Response(serializers.ComparisonSerializer(found).data)

    def parameters(self):
        return frozenset({"kind", "a", "b"})
