"""What a release lacks for a gate, in the API: the same findings as its page."""

import re

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from audit import Reason
from audit.api.answers import Answers
from audit.refusals import NotUnderstood
from gates.readiness import readiness
from gates.serializers import FindingSerializer
from registry.api import KEY, SLUG
from registry.models import Environment, Release
from registry.serializers import ReleaseNameSerializer


class ReadinessSerializer(serializers.Serializer):
    """A release before a gate; what stands in the way is first, each with how it is mended."""

    release = ReleaseNameSerializer()
    environment = serializers.SlugField(source="environment.slug")
    gate = serializers.CharField(source="gate.name")
    why = serializers.CharField(source="gate.why", help_text="Why it is this gate.")
    complete = serializers.BooleanField(help_text="Whether nothing but signatures is wanted.")
    in_the_way = FindingSerializer(many=True)
    findings = FindingSerializer(many=True, help_text="All of them.")
    slots = serializers.SerializerMethodField(help_text="The roles that sign.")

    def get_slots(self, found) -> list[str]:
        return [slot.role for slot in found.gate.slots]


class ReadinessView(Answers, APIView):
    """What a release, draft or sealed, lacks for the gate and the policy of an environment.

    It is judged as a promotion would be that asks now for all endpoints of its model version.
    """

    @extend_schema(
        operation_id="readiness",
        parameters=[
            OpenApiParameter("release", int, required=True, description="Id of the release."),
            OpenApiParameter("environment", str, required=True, description="Its slug."),
        ],
        responses=ReadinessSerializer,
    )
    def get(self, request):
        given, reasons = request.query_params, []
        if not re.fullmatch(KEY, given.get("release", "")):
            reasons.append(Reason("NOT_A_NUMBER", "Give the id of a release.", "release"))
        if not re.fullmatch(SLUG, given.get("environment", "")):
            reasons.append(Reason("NOT_A_SLUG", "Give the slug of an environment.", "environment"))
        if reasons:
            raise NotUnderstood(reasons)
        releases = Release.objects.visible_to(request.user)
        release = get_object_or_404(
            releases.select_related("use_case", "model_version"), pk=given["release"]
        )
        environments = Environment.objects.visible_to(request.user)
        environment = get_object_or_404(environments, slug=given["environment"])
        return Response(ReadinessSerializer(readiness(release, environment)).data)

    def parameters(self):
        return frozenset({"release", "environment"})
