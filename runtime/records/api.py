"""What served a request, for tools: the same answer as the page."""

from django.http import Http404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from audit.api.answers import Answers
from runtime.records.investigating import investigate
from runtime.running_api import ChangesSerializer
from runtime.serializers import RouteSerializer


class RecordSerializer(serializers.Serializer):
    """One record, as its router sent it; what is empty was not said."""

    id = serializers.UUIDField()
    kind = serializers.CharField(help_text="route (before the call) or outcome (after it).")
    at = serializers.DateTimeField(help_text="By the router's clock.")
    received_at = serializers.DateTimeField(help_text="By ours.")
    environment = serializers.SlugField()
    router = serializers.CharField()
    seq = serializers.IntegerField(help_text="The router's own number, without gaps.")
    request = serializers.CharField()
    attempt = serializers.IntegerField()
    trace = serializers.CharField(allow_blank=True)
    conversation = serializers.CharField(allow_blank=True)
    use_case = serializers.SlugField()
    status = serializers.CharField()
    reason = serializers.CharField(allow_blank=True)
    failure = serializers.CharField(allow_blank=True)
    generation = serializers.IntegerField(allow_null=True)
    snapshot = serializers.CharField(allow_blank=True)
    deployment = serializers.CharField(allow_blank=True)
    release = serializers.CharField(allow_blank=True)
    prompts = serializers.ListField(child=serializers.CharField())
    policy = serializers.CharField(allow_blank=True)
    served_release = serializers.CharField(allow_blank=True)
    engine = serializers.CharField(allow_blank=True)
    facts = serializers.DictField()
    tokens_in = serializers.IntegerField(allow_null=True)
    tokens_out = serializers.IntegerField(allow_null=True)
    latency_ms = serializers.IntegerField(allow_null=True)
    erased = serializers.ListField(child=serializers.CharField())
    masked = serializers.ListField(child=serializers.CharField())
    unverified = serializers.CharField(
        allow_blank=True, help_text="Code of what does not agree with what was published."
    )
    skewed = serializers.BooleanField(help_text="Whether the router's clock was off.")


class RequestNamedSerializer(serializers.Serializer):
    """One request among those that carry the id."""

    request = serializers.CharField()
    at = serializers.DateTimeField()
    environment = serializers.SlugField()
    use_case = serializers.SlugField()
    status = serializers.CharField()
    deployment = serializers.CharField(allow_blank=True)
    records = serializers.IntegerField()
    doubtful = serializers.BooleanField()


class DiscrepancySerializer(serializers.Serializer):
    """Something that does not agree."""

    code = serializers.CharField()
    sentence = serializers.CharField()


class PublishedSerializer(serializers.Serializer):
    """The generation that a record names, as it was published."""

    generation = serializers.IntegerField()
    snapshot = serializers.CharField()
    since = serializers.DateTimeField()
    cause = serializers.CharField()
    restored = serializers.IntegerField(allow_null=True)
    by = serializers.CharField()
    reason = serializers.CharField()


class PromptTextSerializer(serializers.Serializer):
    """A prompt version of the release; its text is null for those who may not see it."""

    template = serializers.SlugField()
    kind = serializers.CharField()
    number = serializers.IntegerField()
    digest = serializers.CharField()
    text = serializers.CharField(allow_null=True)
    url = serializers.CharField(allow_blank=True)


class ServedSerializer(serializers.Serializer):
    """The deployment that was chosen, as its snapshot has it."""

    deployment = serializers.CharField()
    release = serializers.DictField()
    model = serializers.DictField()
    endpoint = serializers.DictField()
    prompts = PromptTextSerializer(many=True)
    tools = serializers.ListField(child=serializers.DictField())
    parameters = serializers.DictField()


class ClauseSerializer(serializers.Serializer):
    clause = serializers.CharField()
    value = serializers.JSONField()
    packs = serializers.ListField(child=serializers.CharField())


class BoundBySerializer(serializers.Serializer):
    """The effective policy of the route, as its snapshot has it."""

    digest = serializers.CharField()
    data_classification = serializers.CharField()
    clauses = ClauseSerializer(many=True)


class ReplaySerializer(serializers.Serializer):
    """The route decided once more: agrees, differs, or not_possible."""

    status = serializers.CharField()
    sentence = serializers.CharField()
    answer = RouteSerializer(allow_null=True)


class SignedSerializer(serializers.Serializer):
    by = serializers.CharField()
    role = serializers.CharField()
    verdict = serializers.CharField()
    reason = serializers.CharField()
    at = serializers.DateTimeField()


class RestedOnSerializer(serializers.Serializer):
    id = serializers.UUIDField()
    title = serializers.CharField()
    kind = serializers.CharField()
    verdict = serializers.CharField()
    digest = serializers.CharField(help_text="As it was signed.")
    url = serializers.CharField()


class ApprovedSerializer(serializers.Serializer):
    """An approval that held at that instant, as it was known then."""

    promotion = serializers.IntegerField()
    url = serializers.CharField()
    approved_at = serializers.DateTimeField()
    until = serializers.DateTimeField()
    package = serializers.CharField()
    signed = SignedSerializer(many=True)
    evidence = RestedOnSerializer(many=True)
    hidden = serializers.IntegerField(help_text="Evidence that the caller may not see.")


class BrokenGlassSerializer(serializers.Serializer):
    id = serializers.IntegerField()
    url = serializers.CharField()
    opened_by = serializers.CharField()
    incident = serializers.CharField()
    until = serializers.DateTimeField()


class LetInSerializer(serializers.Serializer):
    """Who let the release in, at that instant."""

    approvals = ApprovedSerializer(many=True)
    break_glasses = BrokenGlassSerializer(many=True)


class AttemptSerializer(serializers.Serializer):
    """One attempt: what is recorded, what was published, and where they differ."""

    attempt = serializers.IntegerField()
    router = serializers.CharField()
    environment = serializers.SlugField()
    route = RecordSerializer(allow_null=True)
    outcome = RecordSerializer(allow_null=True)
    discrepancies = DiscrepancySerializer(many=True)
    published = PublishedSerializer(allow_null=True)
    served = ServedSerializer(allow_null=True)
    policy = BoundBySerializer(allow_null=True)
    replay = ReplaySerializer()
    let_in = LetInSerializer()
    since = ChangesSerializer(allow_null=True)


class InvestigationSerializer(serializers.Serializer):
    """All that is known of a request, or the requests of a trace or conversation."""

    id = serializers.CharField()
    found_by = serializers.ChoiceField(choices=["request", "trace", "conversation"])
    requests = RequestNamedSerializer(many=True)
    more = serializers.BooleanField(help_text="Whether there are more records than were read.")
    records = RecordSerializer(many=True)
    attempts = AttemptSerializer(many=True)


class RequestView(Answers, APIView):
    """What served a request: found by its id, or that of its trace, conversation or a record.

    Model version, prompts, policy, tools and deployment are those of the snapshot that its router
    named; the route is decided once more from it. Where several requests carry the id, they are
    listed.
    """

    @extend_schema(
        operation_id="request",
        parameters=[OpenApiParameter("name", str, "path", description="Any of its ids.")],
        responses=InvestigationSerializer,
    )
    def get(self, request, name):
        found = investigate(name, request.user)
        if found is None:
            raise Http404
        return Response(InvestigationSerializer(found).data)
