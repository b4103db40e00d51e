"""For tools: what changed in a window, the lanes of its picture, and what was active at T."""

from django.http import Http404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.generics import get_object_or_404
from rest_framework.response import Response
from rest_framework.views import APIView

from audit import Reason, clock
from audit.api.answers import Answers
from audit.refusals import NotUnderstood
from registry.models import Environment, UseCase
from runtime.api import AT
from runtime.asking import read_past
from runtime.records.api import DiscrepancySerializer
from runtime.running_api import RouteDifferenceSerializer
from runtime.serializers import ActiveSerializer
from runtime.timeline import finding, picture
from runtime.timeline.active_at import active_at
from runtime.timeline.scopes import NAMES, Scope, read

SCOPE = [
    OpenApiParameter("environment", str, description="Its slug; without one, all that is seen."),
    OpenApiParameter("use_case", str, description="Its slug; without one, any."),
    OpenApiParameter("from", str, description="An instant (RFC 3339). Default: a day before."),
    OpenApiParameter("to", str, description="An instant (RFC 3339). Default: now."),
]


def scope_of(request) -> Scope:
    """Return what the parameters ask about; 400 for what cannot be read, 404 for what is hidden."""
    scope, reasons = read(request.query_params, request.user, clock.now())
    if reasons:
        raise NotUnderstood(reasons)
    if scope is None:
        raise Http404
    return scope


class RequestsTouchedSerializer(serializers.Serializer):
    requests = serializers.IntegerField(help_text="Routes recorded while it held.")
    outcomes = serializers.IntegerField()
    failed = serializers.IntegerField()


class EventSerializer(serializers.Serializer):
    """One change; what routers were told because of it, and the requests that it touched."""

    number = serializers.IntegerField(help_text="Its place in time among these, from 1.")
    at = serializers.DateTimeField()
    kind = serializers.CharField()
    sentence = serializers.CharField()
    by = serializers.CharField(allow_blank=True)
    reason = serializers.CharField(allow_blank=True)
    url = serializers.CharField(allow_blank=True)
    environment = serializers.CharField(allow_blank=True)
    generation = serializers.IntegerField(allow_null=True)
    changes = RouteDifferenceSerializer(many=True)
    hidden = serializers.IntegerField(help_text="Differences that the caller may not see.")
    touched = RequestsTouchedSerializer()


class TimelineSerializer(serializers.Serializer):
    """All that changed in a window."""

    since = serializers.DateTimeField()
    until = serializers.DateTimeField()
    environments = serializers.ListField(child=serializers.SlugField())
    whole = RequestsTouchedSerializer(help_text="All requests of the window.")
    events = EventSerializer(many=True, help_text="At most 200.")
    more = serializers.BooleanField(help_text="Whether some of what changed is left out.")


class TimelineView(Answers, APIView):
    """What changed between two instants, most recorded requests touched first.

    Activations and rollbacks, publications of policy and gates, sign-offs, evidence that arrived
    or ended, waivers, registrations, suspensions, incidents, what routers took up, and gaps in
    what they recorded. A change that published a generation touches the requests that generation
    decided for the use cases it changed, up to the next that changes the same.
    """

    @extend_schema(
        operation_id="timeline",
        parameters=[
            *SCOPE,
            OpenApiParameter(
                "order", str, enum=["touched", "time"], description="Default: touched."
            ),
        ],
        responses=TimelineSerializer,
    )
    def get(self, request):
        order = request.query_params.get("order", "touched")
        if order not in ("touched", "time"):
            raise NotUnderstood(Reason("NOT_READABLE", "Give touched or time.", "order"))
        scope = scope_of(request)
        found = finding.timeline(scope, request.user)
        events = found.ranked if order == "touched" else found.events
        answer = {
            "since": scope.since,
            "until": scope.until,
            "environments": [one.slug for one in scope.environments],
            "whole": found.whole,
            "events": events,
            "more": found.more,
        }
        return Response(TimelineSerializer(answer).data)

    def parameters(self):
        return frozenset({*NAMES, "order"})


class SpanSerializer(serializers.Serializer):
    label = serializers.CharField()
    since = serializers.DateTimeField()
    until = serializers.DateTimeField()


class SlotSerializer(serializers.Serializer):
    at = serializers.DateTimeField()
    requests = serializers.IntegerField()
    failed = serializers.IntegerField()


class LaneSerializer(serializers.Serializer):
    """One use case in one environment: what was offered first when, and requests over time."""

    use_case = serializers.SlugField()
    environment = serializers.SlugField()
    releases = SpanSerializer(source="spans", many=True)
    volume = SlotSerializer(source="slots", many=True)


class LanesSerializer(serializers.Serializer):
    since = serializers.DateTimeField()
    until = serializers.DateTimeField()
    lanes = LaneSerializer(many=True, help_text="At most 100, those with most requests first.")


class LanesView(Answers, APIView):
    """Which release was active when, for each use case and environment, with requests over time."""

    @extend_schema(operation_id="lanes", parameters=SCOPE, responses=LanesSerializer)
    def get(self, request):
        scope = scope_of(request)
        lanes = picture.lanes_of(scope, request.user)[:100]
        answer = {"since": scope.since, "until": scope.until, "lanes": lanes}
        return Response(LanesSerializer(answer).data)

    def parameters(self):
        return frozenset(NAMES)


class HeldSerializer(serializers.Serializer):
    router = serializers.SlugField()
    generation = serializers.IntegerField(allow_null=True, help_text="null: it had said nothing.")
    since = serializers.DateTimeField(allow_null=True)
    heard_at = serializers.DateTimeField(allow_null=True)


class UsedSerializer(serializers.Serializer):
    use_case = serializers.SlugField()
    release = serializers.IntegerField(allow_null=True)
    generation = serializers.IntegerField(allow_null=True)
    requests = serializers.IntegerField()
    unverified = serializers.CharField(allow_blank=True)


class ActiveAtSerializer(serializers.Serializer):
    """Three answers to what was active, and where they do not agree."""

    environment = serializers.SlugField()
    at = serializers.DateTimeField()
    published = ActiveSerializer(help_text="By what was activated.")
    held = HeldSerializer(many=True, help_text="By what each router said that it holds.")
    used = UsedSerializer(many=True, help_text="By the records of that minute.")
    used_from = serializers.DateTimeField()
    used_to = serializers.DateTimeField()
    discrepancies = DiscrepancySerializer(many=True)


class ActiveAtView(Answers, APIView):
    """What was active in an environment at an instant: published, held by routers, used.

    What requests used is free of clocks: each record names the generation that decided it.
    """

    @extend_schema(
        operation_id="environment_active_at",
        parameters=[
            OpenApiParameter("slug", str, "path", description="Its slug."),
            OpenApiParameter("use_case", str, description="Its slug; without one, any."),
            AT,
        ],
        responses=ActiveAtSerializer,
    )
    def get(self, request, slug):
        now = clock.now()
        at, reasons = read_past(request.query_params.get("at", ""), now)
        if reasons:
            raise NotUnderstood(reasons)
        user = request.user
        environment = get_object_or_404(Environment.objects.visible_to(user), slug=slug)
        use_case = None
        if name := request.query_params.get("use_case"):
            use_case = get_object_or_404(UseCase.objects.visible_to(user), slug=name)
        found = active_at(environment, user, at or now, use_case)
        if found is None:
            raise Http404
        answer = ActiveAtSerializer(found).data
        return Response(answer, headers={} if at else {"Cache-Control": "no-store"})

    def parameters(self):
        return frozenset({"at", "use_case"})
