"""Impact in the API: the same facts as the page, from the same functions."""

from django.http import Http404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from audit import clock
from audit.api.answers import Answers
from audit.refusals import NotUnderstood
from registry.impact.finding import impact
from registry.impact.kinds import KINDS, asked, problems
from registry.serializers import ReleaseNameSerializer, VersionNameSerializer


class WaySerializer(serializers.Serializer):
    """How a release rests on the thing; not direct is through lineage."""

    sentence = serializers.CharField()
    direct = serializers.BooleanField()


class PlaceSerializer(serializers.Serializer):
    """A release in an environment: let in until `until`, or asked for."""

    release = ReleaseNameSerializer()
    environment = serializers.SlugField(source="environment.slug")
    state = serializers.CharField()
    until = serializers.DateTimeField(allow_null=True, help_text="When it ends; null: not let in.")
    note = serializers.CharField()
    url = serializers.CharField(help_text="The promotion's page.")
    endpoints = serializers.ListField(child=serializers.SlugField())
    rests = serializers.CharField(help_text="How an evidence item is part of its package.")
    ways = WaySerializer(many=True)


class DependentSerializer(serializers.Serializer):
    release = ReleaseNameSerializer()
    direct = serializers.BooleanField()
    ways = WaySerializer(many=True)


class ThereSerializer(serializers.Serializer):
    environment = serializers.SlugField(source="environment.slug")
    allowed = serializers.IntegerField()
    asked = serializers.IntegerField()
    first_end = serializers.DateTimeField(allow_null=True)


class OwnerSerializer(serializers.Serializer):
    """A team to tell: what it owns, what it is on call for, where it is reached."""

    team = serializers.CharField()
    contact = serializers.CharField()
    owns = serializers.ListField(child=serializers.CharField())
    on_call = serializers.ListField(child=serializers.CharField())


class DerivedSerializer(serializers.Serializer):
    version = VersionNameSerializer()
    through = serializers.CharField(help_text="The versions that it comes from, first one first.")


class StandingSerializer(serializers.Serializer):
    release = serializers.CharField()
    until = serializers.DateTimeField()


class JudgedSerializer(serializers.Serializer):
    """Another release there: left, or not, with the code and the sentence that say why."""

    release = serializers.CharField(source="standing.release")
    until = serializers.DateTimeField(source="standing.until")
    left = serializers.BooleanField()
    code = serializers.CharField()
    sentence = serializers.CharField()


class OutlookSerializer(serializers.Serializer):
    """One use case in one environment: what rests there on the version, and what else there is."""

    use_case = serializers.SlugField()
    environment = serializers.SlugField()
    resting = StandingSerializer(many=True)
    others = JudgedSerializer(many=True)


class RetirementSerializer(serializers.Serializer):
    version = VersionNameSerializer()
    day = serializers.DateField()
    past = serializers.BooleanField()
    releases = serializers.IntegerField()
    hidden = serializers.IntegerField()
    outlooks = OutlookSerializer(many=True)


class RetirementsSerializer(serializers.Serializer):
    """What retires when, soonest first, and what each use case would have left."""

    rows = RetirementSerializer(many=True)
    hidden = serializers.IntegerField(help_text="Versions that the caller may not see.")
    more = serializers.IntegerField(help_text="Versions that retire later and are not named.")
    undated = serializers.IntegerField(help_text="Versions without a date.")
    cut = serializers.BooleanField(help_text="Whether more approvals stand than were looked at.")


class ImpactSerializer(serializers.Serializer):
    """All that rests on a thing, of which the caller may see what is named."""

    kind = serializers.CharField(source="kind.name")
    name = serializers.CharField(source="subject.__str__")
    note = serializers.CharField()
    places = PlaceSerializer(source="places.rows", many=True)
    places_more = serializers.BooleanField(source="places.more")
    use_cases = serializers.SerializerMethodField()
    releases = DependentSerializer(many=True, help_text="At most 100.")
    releases_total = serializers.IntegerField(source="total")
    releases_hidden = serializers.IntegerField(source="hidden")
    environments = ThereSerializer(many=True)
    owners = OwnerSerializer(many=True)
    versions = DerivedSerializer(many=True, help_text="At most 100.")
    versions_total = serializers.IntegerField()
    versions_hidden = serializers.IntegerField()
    endpoints = serializers.SerializerMethodField(help_text="That a provider hosts; at most 100.")
    endpoints_hidden = serializers.IntegerField()
    cut = serializers.BooleanField(
        help_text="Whether the lineage may go on beyond what is followed."
    )
    retirement = RetirementsSerializer(allow_null=True)

    def get_use_cases(self, found) -> list[str]:
        return [one.slug for one in found.use_cases]

    def get_endpoints(self, found) -> list[str]:
        return [one.slug for one in found.endpoints]


class ImpactView(Answers, APIView):
    """What rests on a thing: releases, environments and owners, direct and through lineage.

    Of a provider and of a model version it also says what retires when, and which other releases
    each use case would have left.
    """

    @extend_schema(
        operation_id="impact",
        parameters=[
            OpenApiParameter("kind", str, required=True, enum=list(KINDS)),
            OpenApiParameter(
                "key", str, required=True, description="Its slug, or the id of its row."
            ),
        ],
        responses=ImpactSerializer,
    )
    def get(self, request):
        if reasons := problems(request.query_params):
            raise NotUnderstood(reasons)
        kind, subject = asked(request.query_params, request.user)
        if subject is None:
            raise Http404
        found = impact(kind, subject, request.user, clock.now().date())
        return Response(ImpactSerializer(found).data)

    def parameters(self):
        return frozenset({"kind", "key"})
