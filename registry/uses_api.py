"""Intended and disallowed uses across models, in the API: the same facts as the page."""

import re

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from audit import Reason
from audit.api.answers import Answers
from audit.refusals import NotUnderstood
from registry.uses import SLUG, contested


class StancesSerializer(serializers.Serializer):
    """A use case with the models that are meant for it and those that must not serve it."""

    use_case = serializers.SlugField(source="use_case.slug")
    team = serializers.SlugField(source="use_case.team.slug")
    intended = serializers.SerializerMethodField(help_text="Slugs of models.")
    disallowed = serializers.SerializerMethodField(help_text="Slugs of models.")
    hidden = serializers.IntegerField(help_text="Models that the caller may not see.")

    def get_intended(self, stances) -> list[str]:
        return [model.slug for model in stances.intended]

    def get_disallowed(self, stances) -> list[str]:
        return [model.slug for model in stances.disallowed]


class ContestedSerializer(serializers.Serializer):
    results = StancesSerializer(source="rows", many=True, help_text="At most 100.")
    total = serializers.IntegerField()


class UsesView(Answers, APIView):
    """Use cases that are intended on one model and disallowed on another.

    With `use_case`, what every model says of that one.
    """

    @extend_schema(
        operation_id="uses",
        parameters=[OpenApiParameter("use_case", str, description="Its slug.")],
        responses=ContestedSerializer,
    )
    def get(self, request):
        wanted = request.query_params.get("use_case", "")
        if wanted and not re.fullmatch(SLUG, wanted):
            raise NotUnderstood(Reason("NOT_A_SLUG", "Give the slug of a use case.", "use_case"))
        return Response(ContestedSerializer(contested(request.user, wanted)).data)

    def parameters(self):
        return frozenset({"use_case"})
