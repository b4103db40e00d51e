"""What may run and who is on call, in the API: the same facts as the pages."""

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from audit.api.answers import Answers
from audit.naming import Unseen
from audit.refusals import NotUnderstood
from gates.may_run import NAMES, may_run, on_call, read
from registry.serializers import ReleaseNameSerializer, VersionNameSerializer


class PurposeSerializer(serializers.Serializer):
    """The regions where an endpoint does one thing with what it is sent; none is unknown."""

    purpose = serializers.CharField()
    regions = serializers.ListField(child=serializers.SlugField())


class WhereSerializer(serializers.Serializer):
    endpoint = serializers.SlugField(source="endpoint.slug")
    host = serializers.SlugField(source="endpoint.host.slug")
    maker = serializers.SlugField(
        source="endpoint.version.maker.slug", default=None, allow_null=True
    )
    purposes = serializers.SerializerMethodField()
    outside = serializers.ListField(
        child=serializers.CharField(),
        help_text="What it does outside of the region or jurisdiction that was asked for.",
    )

    def get_purposes(self, where) -> PurposeSerializer(many=True):
        return [{"purpose": label, "regions": list(found)} for label, found in where.regions]


class TeamReachedSerializer(serializers.Serializer):
    slug = serializers.SlugField()
    name = serializers.CharField()
    contact = serializers.CharField()


class MayRunSerializer(serializers.Serializer):
    """A release that may run in an environment, at endpoints, until an instant."""

    release = ReleaseNameSerializer()
    model_version = serializers.SerializerMethodField(
        help_text="Null where the caller may not see it."
    )
    environment = serializers.SlugField(source="environment.slug")
    endpoints = WhereSerializer(many=True)
    runs_at = serializers.ListField(
        child=serializers.SlugField(), help_text="Endpoints at which it is offered to routers now."
    )
    until = serializers.DateTimeField()
    note = serializers.CharField(help_text="What ends it first.")
    on_call = TeamReachedSerializer(source="release.on_call_team", allow_null=True)

    def get_model_version(self, row) -> VersionNameSerializer(allow_null=True):
        version = row.release.model_version
        return None if isinstance(version, Unseen) else VersionNameSerializer(version).data


class AllowedSerializer(serializers.Serializer):
    results = MayRunSerializer(source="rows", many=True, help_text="Soonest end first.")
    hidden = serializers.IntegerField(help_text="Places that the caller may not see.")
    more = serializers.BooleanField(help_text="Whether there are more, which end later.")


class CalledForSerializer(serializers.Serializer):
    release = ReleaseNameSerializer()
    environment = serializers.SlugField(source="environment.slug")
    runbook = serializers.CharField(source="release.runbook")


class OnCallSerializer(serializers.Serializer):
    """A team with what it is on call for; null where a release names none."""

    team = TeamReachedSerializer(allow_null=True)
    releases = CalledForSerializer(source="places", many=True)
    models = serializers.ListField(child=serializers.SlugField())


class OnCallAnswerSerializer(serializers.Serializer):
    results = OnCallSerializer(many=True)
    hidden = serializers.IntegerField(help_text="Places that the caller may not see.")
    more = serializers.BooleanField(help_text="Whether there are more, which end later.")


def _slugs(*names: str) -> list[OpenApiParameter]:
    said = {"jurisdiction": "Where it is processed, such as EU."}
    return [OpenApiParameter(name, str, description=said.get(name, "Its slug.")) for name in names]


class MayRunView(Answers, APIView):
    """What may run now, by approvals that hold, at the endpoints that they cover.

    `provider` is who hosts an endpoint or made what it serves; `region` and `jurisdiction` are
    those of processing, and what an endpoint does elsewhere is said in `outside`.
    """

    names = NAMES

    @extend_schema(operation_id="may_run", parameters=_slugs(*NAMES), responses=AllowedSerializer)
    def get(self, request):
        return Response(AllowedSerializer(self.found()).data)

    def found(self):
        """Return what the filters find."""
        filters, reasons = read(self.request.query_params)
        if reasons:
            raise NotUnderstood(reasons)
        return may_run(filters, self.request.user)

    def parameters(self):
        return frozenset(self.names)


class OnCallView(MayRunView):
    """Who is on call for what may run now: for the releases, and for the models they use."""

    names = ("use_case", "environment", "team")

    @extend_schema(
        operation_id="on_call", parameters=_slugs(*names), responses=OnCallAnswerSerializer
    )
    def get(self, request):
        found = self.found()
        answer = {"results": on_call(found.rows), "hidden": found.hidden, "more": found.more}
        return Response(OnCallAnswerSerializer(answer).data)
