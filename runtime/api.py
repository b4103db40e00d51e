"""Reading what runs, and trying a route."""

from django.http import Http404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.generics import get_object_or_404
from rest_framework.response import Response
from rest_framework.views import APIView

from audit import Reason, clock
from audit.api.answers import Answers
from audit.refusals import NotUnderstood
from registry.models import Environment, UseCase
from runtime import explaining, serializers
from runtime.asking import PARAMETERS, read_facts, read_past

AT = OpenApiParameter(
    "at",
    {"type": "string", "format": "date-time"},
    description="A past instant (RFC 3339); what was active then answers. Default: now.",
)


class ActiveView(Answers, APIView):
    """What runs in an environment, or ran there at an instant: its generation and deployments.

    Before the environment's first generation there is nothing to say: 404.
    """

    @extend_schema(
        operation_id="environment_active",
        parameters=[OpenApiParameter("slug", str, "path", description="Its slug."), AT],
        responses=serializers.ActiveSerializer,
    )
    def get(self, request, slug):
        at, reasons = read_past(request.query_params.get("at", ""), clock.now())
        if reasons:
            raise NotUnderstood(reasons)
        environment = get_object_or_404(Environment.objects.visible_to(request.user), slug=slug)
        found = explaining.active(environment, request.user, at)
        if found is None:
            raise Http404
        return Response(found)

    def parameters(self):
        return frozenset({"at"})


class ExplainView(Answers, APIView):
    """Where a request with these facts goes, what follows it, and every refused candidate.

    Nothing is called. All reasons of a candidate are told, each with its clause of policy, the
    packs that say it, and what would make the candidate eligible. Of candidates whose model or
    endpoint the caller may not see there are codes and counts.
    """

    @extend_schema(
        operation_id="route_explain",
        parameters=[
            OpenApiParameter("use_case", str, "path", description="Slug of the use case."),
            OpenApiParameter("environment", str, required=True, description="Its slug."),
            OpenApiParameter("regions", str, description="Where it may go, with commas."),
            OpenApiParameter("data_classification", str, description="Of what it brings."),
            OpenApiParameter("tools", str, description="Tools it needs, with commas."),
            OpenApiParameter("capabilities", str, description="What it needs, with commas."),
            OpenApiParameter("tokens", int, description="Prompt and answer together."),
            OpenApiParameter("exclude", str, description="Deployments it leaves out."),
            OpenApiParameter("unhealthy", str, description="Deployments that do not answer."),
            AT,
        ],
        responses=serializers.RouteSerializer,
    )
    def get(self, request, use_case):
        given = request.query_params
        facts, reasons = read_facts(given, use_case)
        at, problems = read_past(given.get("at", ""), clock.now())
        reasons += problems
        if not given.get("environment"):
            reasons.append(Reason("MISSING", "Give the slug of an environment.", "environment"))
        if reasons:
            raise NotUnderstood(reasons)
        user = request.user
        found = get_object_or_404(UseCase.objects.visible_to(user), slug=use_case)
        environments = Environment.objects.visible_to(user)
        environment = get_object_or_404(environments, slug=given["environment"])
        answer = explaining.explain(found, environment, facts, user, at)
        if answer is None:
            raise Http404
        # The answer is about this very instant.
        return Response(answer, headers={"Cache-Control": "no-store"})

    def parameters(self):
        return PARAMETERS
