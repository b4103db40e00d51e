"""The preview of a policy draft in the API: the same facts as its page."""

import re

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from audit import Reason
from audit.api.answers import Answers
from audit.refusals import NotUnderstood
from gates.policy_pages import previewed
from registry.api import NUMBER, SLUG
from registry.models import PolicyVersion
from registry.serializers import DifferenceSerializer, ReleaseNameSerializer


class BreachSerializer(serializers.Serializer):
    code = serializers.CharField()
    clause = serializers.CharField()
    endpoint = serializers.CharField(help_text="Empty: it is about the release.")
    sentence = serializers.CharField()


class EffectSerializer(serializers.Serializer):
    """What the draft would do to one promotion, and whose that is."""

    promotion = serializers.IntegerField(source="promotion.pk")
    release = ReleaseNameSerializer(source="promotion.release")
    environment = serializers.SlugField(source="promotion.environment.slug")
    approved = serializers.BooleanField(help_text="An approval; else a request still open.")
    team = serializers.SlugField(source="promotion.release.use_case.team.slug")
    requested_by = serializers.CharField(source="promotion.requested_by.username")
    broken = BreachSerializer(many=True)
    freed = BreachSerializer(many=True)


class TouchedSerializer(serializers.Serializer):
    environment = serializers.SlugField(source="environment.slug")
    broken = serializers.IntegerField()
    freed = serializers.IntegerField()
    teams = serializers.ListField(child=serializers.CharField())


class RouteDifferenceSerializer(serializers.Serializer):
    code = serializers.CharField()
    state = serializers.ChoiceField(["added", "removed", "changed"])
    sentence = serializers.CharField()
    use_cases = serializers.ListField(child=serializers.SlugField())
    effect = serializers.CharField(allow_blank=True, help_text="Whether policy asks for more.")


class FollowedSerializer(serializers.Serializer):
    """A generation that would be published, and what would differ from the active one."""

    environment = serializers.SlugField()
    generation = serializers.IntegerField()
    changes = RouteDifferenceSerializer(many=True)
    hidden = serializers.IntegerField(help_text="Changes that the caller may not see.")


class PolicyPreviewSerializer(serializers.Serializer):
    draft = serializers.CharField(source="draft.__str__")
    headline = serializers.CharField()
    effects = EffectSerializer(many=True)
    hidden = serializers.IntegerField(help_text="Promotions that the caller may not see.")
    environments = TouchedSerializer(many=True)
    changes = DifferenceSerializer(
        many=True, help_text="What it says otherwise than the version in force."
    )
    use_cases_hidden = serializers.IntegerField(
        help_text="Bound use cases that the caller may not see."
    )
    generations = FollowedSerializer(many=True)


class PolicyPreviewView(Answers, APIView):
    """What publishing a draft of a pack would break or free, and what routes would be told."""

    @extend_schema(
        operation_id="policy_preview",
        parameters=[
            OpenApiParameter("pack", str, required=True, description="Slug of the pack."),
            OpenApiParameter("version", int, required=True, description="Number of the draft."),
        ],
        responses=PolicyPreviewSerializer,
    )
    def get(self, request):
        given, reasons = request.query_params, []
        if not re.fullmatch(SLUG, given.get("pack", "")):
            reasons.append(Reason("NOT_A_SLUG", "Give the slug of a policy pack.", "pack"))
        if not re.fullmatch(NUMBER, given.get("version", "")):
            reasons.append(Reason("NOT_A_NUMBER", "Give the number of its draft.", "version"))
        if reasons:
            raise NotUnderstood(reasons)
        rows = PolicyVersion.objects.visible_to(request.user).select_related("pack")
        draft = get_object_or_404(
            rows, pack__slug=given["pack"], number=given["version"], published_at=None
        )
        return Response(PolicyPreviewSerializer(previewed(draft, request.user)).data)

    def parameters(self):
        return frozenset({"pack", "version"})
