"""Where one can go back to and what that would do, in the API: the same facts as its pages."""

import re

from django.http import Http404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.generics import get_object_or_404
from rest_framework.response import Response
from rest_framework.views import APIView

from audit import Reason
from audit.api.answers import Answers
from audit.refusals import NotUnderstood
from gates.policy_api import RouteDifferenceSerializer
from gates.serializers import ReasonSerializer
from registry.api import NUMBER, SLUG
from registry.models import Environment
from registry.serializers import ReleaseNameSerializer
from runtime.changing import seen_use_cases
from runtime.dry_running import dry_run, objections_to, offered
from runtime.replaying import VERDICTS
from runtime.targets import target_of

ENVIRONMENT = OpenApiParameter("slug", str, "path", description="Its slug.")


class OrNone(serializers.SlugField):
    """A slug; null for none."""

    def __init__(self, **kwargs):
        super().__init__(allow_null=True, **kwargs)

    def to_representation(self, value):
        return value or None


class TargetSerializer(serializers.Serializer):
    """An earlier state; it can be chosen if there are no objections."""

    generation = serializers.IntegerField()
    use_case = OrNone(help_text="The one that would go back; null for all of them.")
    title = serializers.CharField()
    since = serializers.DateTimeField(source="activation.change.at")
    coming = serializers.ListField(child=serializers.CharField(), help_text="Deployments.")
    leaving = serializers.ListField(child=serializers.CharField(), help_text="Deployments.")
    hidden = serializers.IntegerField(help_text="Deployments that the caller may not see.")
    objections = ReasonSerializer(many=True)


class TargetsSerializer(serializers.Serializer):
    environment = serializers.SlugField()
    results = TargetSerializer(many=True)


class TargetsView(Answers, APIView):
    """What an environment can go back to: earlier releases of use cases, and earlier generations.

    Each is judged by the rules of today, and by what the caller may do. Going back itself is done
    on the environment's page, where a person signs it.
    """

    @extend_schema(
        operation_id="rollback_targets", parameters=[ENVIRONMENT], responses=TargetsSerializer
    )
    def get(self, request, slug):
        environment = _environment(request, slug)
        found = {"environment": slug, "results": offered(environment, request.user)}
        return _now(TargetsSerializer(found).data)

    def parameters(self):
        return frozenset()


class TriedSerializer(serializers.Serializer):
    """What goes to the same deployments, and would go to the same afterwards."""

    use_case = serializers.SlugField()
    verdict = serializers.ChoiceField(VERDICTS)
    before = serializers.CharField(allow_null=True, help_text="The deployment that serves now.")
    after = serializers.CharField(allow_null=True, help_text="The one that would.")
    count = serializers.IntegerField()


class TriedRequestsSerializer(TriedSerializer):
    reason = serializers.CharField(allow_blank=True, help_text="Why it would be refused.")
    request = serializers.CharField(help_text="Id of the newest of them.")


class TriedFactsSerializer(TriedSerializer):
    name = serializers.CharField(source="kept.name")


class ReplaySerializer(serializers.Serializer):
    total = serializers.IntegerField()
    counts = serializers.DictField(child=serializers.IntegerField(), help_text="By verdict.")
    hidden = serializers.IntegerField(help_text="Of use cases that the caller may not see.")


class ReplayedRequestsSerializer(ReplaySerializer):
    since = serializers.DateTimeField(allow_null=True)
    until = serializers.DateTimeField(allow_null=True)
    rows = TriedRequestsSerializer(many=True, help_text="Those that change; at most 100.")


class ReplayedFactsSerializer(ReplaySerializer):
    rows = TriedFactsSerializer(many=True, help_text="Those that change; at most 100.")


class DryRunSerializer(serializers.Serializer):
    """What going back would do; nothing was done."""

    environment = serializers.SlugField()
    generation = serializers.IntegerField(help_text="The one to go back to.")
    use_case = OrNone(help_text="The one that would go back; null for all of them.")
    next = serializers.IntegerField(help_text="The generation that would be published.")
    objections = ReasonSerializer(many=True, help_text="Why the caller cannot do it now.")
    changes = RouteDifferenceSerializer(many=True)
    hidden = serializers.IntegerField(help_text="Changes that the caller may not see.")
    quarantined = ReleaseNameSerializer(source="left", many=True)
    replayed = serializers.ChoiceField(
        ["requests", "test_facts", "nothing"],
        help_text="What tells how many change route: recorded requests, or until there are some, "
        "test facts.",
    )
    requests = ReplayedRequestsSerializer(help_text="The newest that were recorded; at most 500.")
    test_facts = ReplayedFactsSerializer()
    broken = ReasonSerializer(many=True, help_text="Test facts that only an emergency goes past.")


class DryRunView(Answers, APIView):
    """What going back to a generation would do, in all or for one use case.

    The difference, what stands against it, and how the newest recorded requests and the kept test
    facts would be routed by then.
    """

    @extend_schema(
        operation_id="rollback_dry_run",
        parameters=[
            ENVIRONMENT,
            OpenApiParameter("generation", int, required=True, description="An earlier one."),
            OpenApiParameter("use_case", str, description="Its slug; without, all go back."),
        ],
        responses=DryRunSerializer,
    )
    def get(self, request, slug):
        given, reasons = request.query_params, []
        generation, use_case = given.get("generation", ""), given.get("use_case", "")
        if not re.fullmatch(NUMBER, generation):
            sentence = "Give the number of an earlier generation."
            reasons.append(Reason("NOT_A_NUMBER", sentence, "generation"))
        if use_case and not re.fullmatch(SLUG, use_case):
            reasons.append(Reason("NOT_A_SLUG", "Give the slug of a use case.", "use_case"))
        if reasons:
            raise NotUnderstood(reasons)
        environment = _environment(request, slug)
        if use_case and not seen_use_cases(request.user, [use_case]):
            raise Http404
        target = target_of(environment, int(generation), use_case)
        if target is None:
            raise Http404
        found = {
            "environment": slug,
            "objections": objections_to(target, request.user),
            **dry_run(environment, target, request.user),
        }
        return _now(DryRunSerializer(found).data)

    def parameters(self):
        return frozenset({"generation", "use_case"})


def _environment(request, slug: str) -> Environment:
    return get_object_or_404(Environment.objects.visible_to(request.user), slug=slug)


def _now(data) -> Response:
    # The answer is about this very instant.
    return Response(data, headers={"Cache-Control": "no-store"})
