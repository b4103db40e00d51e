"""What runs where, what changed, and what a loss would do: the same facts as the pages."""

from django.http import Http404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.generics import get_object_or_404
from rest_framework.response import Response
from rest_framework.views import APIView

from audit import clock
from audit.api.answers import Answers
from audit.refusals import NotUnderstood
from gates.policy_api import RouteDifferenceSerializer
from registry.models import Environment
from runtime import drilling, matrix
from runtime.api import AT
from runtime.asking import read_past
from runtime.changing import changes, read_span
from runtime.serializers import AgainstSerializer, ReleaseNamedSerializer


class ModelNamedSerializer(serializers.Serializer):
    slug = serializers.SlugField()
    version = serializers.CharField()
    identifier = serializers.CharField()


class CellSerializer(serializers.Serializer):
    """One deployment: a release offered at an endpoint in an environment."""

    use_case = serializers.SlugField()
    environment = serializers.SlugField()
    generation = serializers.IntegerField(help_text="The environment's generation.")
    name = serializers.CharField()
    release = ReleaseNamedSerializer()
    model = ModelNamedSerializer()
    endpoint = serializers.SlugField()
    host = serializers.SlugField()
    maker = serializers.SlugField(allow_null=True)
    regions = serializers.ListField(
        child=serializers.SlugField(), help_text="Where it processes; none is not recorded."
    )
    priority = serializers.IntegerField()
    since = serializers.DateTimeField(allow_null=True, help_text="When it was placed.")
    not_after = serializers.DateTimeField(
        allow_null=True, help_text="When its approval ends; null if none covers it."
    )
    refused = AgainstSerializer(many=True, help_text="What stands against it for any request.")


class StateSerializer(serializers.Serializer):
    environment = serializers.SlugField()
    generation = serializers.IntegerField()
    since = serializers.DateTimeField()


class MatrixSerializer(serializers.Serializer):
    """A page of what runs, by use case; `next` is what to give as `after` for the next page."""

    environments = StateSerializer(many=True)
    results = CellSerializer(source="rows", many=True)
    hidden = serializers.IntegerField(help_text="Deployments that the caller may not see.")
    more = serializers.IntegerField(help_text="Environments that were not looked at.")
    next = serializers.CharField(allow_blank=True)


class RunningView(Answers, APIView):
    """What runs where, or ran at an instant: every deployment, a page of use cases at a time.

    `provider` is who hosts an endpoint or made what it serves, `region` is one of processing.
    """

    @extend_schema(
        operation_id="running",
        parameters=[
            *(
                OpenApiParameter(name, str, description="Its slug.")
                for name in ("use_case", "environment", "provider", "region")
            ),
            OpenApiParameter("after", str, description="The use case before this page."),
            AT,
        ],
        responses=MatrixSerializer,
    )
    def get(self, request):
        filters, reasons = matrix.read(request.query_params)
        at, problems = read_past(request.query_params.get("at", ""), clock.now())
        if reasons + problems:
            raise NotUnderstood(reasons + problems)
        return Response(MatrixSerializer(matrix.matrix(filters, request.user, at)).data)

    def parameters(self):
        return frozenset({*matrix.NAMES, "at"})


class StepSerializer(serializers.Serializer):
    """One generation, and what differs from the one before it."""

    generation = serializers.IntegerField()
    snapshot = serializers.CharField()
    since = serializers.DateTimeField()
    cause = serializers.CharField()
    restored = serializers.IntegerField(allow_null=True)
    by = serializers.CharField()
    reason = serializers.CharField()
    changes = RouteDifferenceSerializer(many=True)
    hidden = serializers.IntegerField(help_text="Changes that the caller may not see.")


class ChangesSerializer(serializers.Serializer):
    """What changed in an environment, all in all and by generation, newest first."""

    environment = serializers.SlugField()
    to = serializers.IntegerField(help_text="The generation that it reaches up to.")
    changes = RouteDifferenceSerializer(many=True)
    hidden = serializers.IntegerField(help_text="Changes that the caller may not see.")
    generations = StepSerializer(many=True, help_text="At most 20.")
    earlier = serializers.IntegerField(
        allow_null=True, help_text="What to give as `to` for the generations before these."
    )

    def get_fields(self):
        # A name that Python keeps for itself.
        after = serializers.IntegerField(help_text="The generation after which it begins.")
        return {"from": after, **super().get_fields()}


class ChangesView(Answers, APIView):
    """What changed in an environment after one state of it up to another.

    Each end is a generation's number or an instant. Without `to` it reaches to what is active;
    without `from` it goes back 20 generations.
    """

    @extend_schema(
        operation_id="environment_changes",
        parameters=[
            OpenApiParameter("slug", str, "path", description="Its slug."),
            OpenApiParameter("from", str, description="A generation or an instant (RFC 3339)."),
            OpenApiParameter("to", str, description="A generation or an instant (RFC 3339)."),
        ],
        responses=ChangesSerializer,
    )
    def get(self, request, slug):
        environment = get_object_or_404(Environment.objects.visible_to(request.user), slug=slug)
        span, reasons = read_span(environment, request.query_params, clock.now())
        if reasons:
            raise NotUnderstood(reasons)
        if span is None:
            raise Http404
        return Response(changes(environment, span, request.user))

    def parameters(self):
        return frozenset({"from", "to"})


class FaredSerializer(serializers.Serializer):
    environment = serializers.SlugField()
    use_case = serializers.SlugField()
    facts = serializers.CharField(
        allow_null=True, help_text="Name of the test facts; null is any request."
    )
    verdict = serializers.ChoiceField(drilling.VERDICTS)
    before = serializers.CharField(allow_null=True, help_text="The deployment that serves now.")
    after = serializers.CharField(allow_null=True, help_text="The one that would.")
    lost = serializers.ListField(child=serializers.CharField())


class DrillSerializer(serializers.Serializer):
    """What would become of each route that the loss touches, worst first."""

    results = FaredSerializer(source="rows", many=True, help_text="At most 200.")
    counts = serializers.DictField(
        child=serializers.IntegerField(), help_text="Results by verdict."
    )
    use_cases = serializers.DictField(
        child=serializers.IntegerField(),
        help_text="Use cases by verdict, each once: the worst that becomes of it anywhere.",
    )
    untouched = serializers.IntegerField(help_text="Routes that lose nothing.")
    hidden = serializers.IntegerField(help_text="Routes that the caller may not see.")
    more = serializers.IntegerField(help_text="Results that are left out.")
    environments_more = serializers.IntegerField(help_text="Environments that were not looked at.")


class DrillView(Answers, APIView):
    """If this provider or region were gone: what each use case would fall back to, or nothing.

    Asked of what is active now, for any request and for the test facts that are kept. A
    deployment is gone if the provider hosts it or made its model, or if its endpoint processes,
    stores, sends telemetry or is supported from the region.
    """

    @extend_schema(
        operation_id="drill",
        parameters=[
            OpenApiParameter(name, str, description="Its slug.") for name in drilling.NAMES
        ],
        responses=DrillSerializer,
    )
    def get(self, request):
        filters, reasons = drilling.read_drill(request.query_params)
        if reasons:
            raise NotUnderstood(reasons)
        answer = DrillSerializer(drilling.drill(filters, request.user)).data
        # The answer is about this very instant.
        return Response(answer, headers={"Cache-Control": "no-store"})

    def parameters(self):
        return frozenset(drilling.NAMES)
