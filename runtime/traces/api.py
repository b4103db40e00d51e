"""Reading what models are used outside the registry, for tools."""

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from audit.api.answers import Answers
from audit.refusals import NotUnderstood
from runtime.traces import finding


class OutsideSerializer(serializers.Serializer):
    """What one service called one model in an environment, over the days asked for."""

    environment = serializers.SlugField()
    service = serializers.CharField(allow_blank=True, help_text="As it calls itself.")
    provider = serializers.CharField(allow_blank=True)
    model = serializers.CharField(allow_blank=True, help_text="As it was asked for.")
    answered_by = serializers.CharField(allow_blank=True)
    known = serializers.SerializerMethodField(help_text="Versions in the registry of that name.")
    calls = serializers.IntegerField()
    failed = serializers.IntegerField()
    tokens_in = serializers.IntegerField()
    tokens_out = serializers.IntegerField()
    tokens_cached = serializers.IntegerField()
    erased = serializers.IntegerField(help_text="Attributes with content that were dropped.")
    first_at = serializers.DateTimeField()
    last_at = serializers.DateTimeField()

    def get_known(self, line) -> list[str]:
        return [one.get_absolute_url() for one in line.known]


class OutsidePageSerializer(serializers.Serializer):
    """A page of lines, the most called first; `more` says whether there is another."""

    days = serializers.IntegerField()
    page = serializers.IntegerField()
    more = serializers.BooleanField()
    results = OutsideSerializer(many=True)


class OutsideView(Answers, APIView):
    """Calls of models that name neither release nor generation, by service and model."""

    @extend_schema(
        operation_id="unattributed_traffic",
        parameters=[
            OpenApiParameter("days", int, description="Days up to now; 30 if left out."),
            OpenApiParameter("environment", str, description="Its slug."),
            OpenApiParameter("service", str, description="As it calls itself."),
            OpenApiParameter("page", int, description="From 1."),
        ],
        responses=OutsidePageSerializer,
    )
    def get(self, request):
        narrowed, reasons = finding.read(request.query_params)
        if reasons:
            raise NotUnderstood(reasons)
        rows, more = finding.lines(narrowed, request.user)
        said = {"days": narrowed.days, "page": narrowed.page, "more": more, "results": rows}
        return Response(OutsidePageSerializer(said).data)

    def parameters(self):
        return frozenset({"days", "environment", "service", "page"})
