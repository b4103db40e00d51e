"""What served a request, for tools: the same answer as the page."""

import uuid

from django.http import Http404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from audit.api.answers import Answers
from audit.api.pages import CursorPages
from audit.refusals import NotUnderstood
from runtime.records import finding
from runtime.records.investigating import investigate
from runtime.records.models import RequestRecord
from runtime.records.newest import newest
from runtime.records.proofs import proof
from runtime.records.summing import summary
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
    seq = serializers.IntegerField(
        allow_null=True,
        help_text="The router's own number, without gaps; null of what came in a trace.",
    )
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
    named = serializers.BooleanField(
        help_text="Whether the record names it; otherwise it is what was active then."
    )
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


class ProvenBatchSerializer(serializers.Serializer):
    id = serializers.UUIDField()
    router = serializers.CharField()
    received_at = serializers.DateTimeField()
    count = serializers.IntegerField()
    first = serializers.UUIDField(help_text="Id of its first record.")
    last = serializers.UUIDField(help_text="Id of its last record.")
    root = serializers.CharField(help_text="Of the Merkle tree over its records.")


class ProvenEntrySerializer(serializers.Serializer):
    seq = serializers.IntegerField()
    event = serializers.CharField()
    body = serializers.CharField(help_text="As it is stored and hashed.")
    leaf = serializers.CharField()


class PathStepSerializer(serializers.Serializer):
    side = serializers.ChoiceField(choices=["left", "right"])
    hash = serializers.CharField()


class ProofSerializer(serializers.Serializer):
    """The proof of one record; `how` says how to check it with SHA-256 alone."""

    schema = serializers.CharField()
    how = serializers.CharField()
    holds = serializers.BooleanField(help_text="Whether it holds by our own check.")
    id = serializers.UUIDField()
    record = serializers.CharField(help_text="Its columns as canonical JSON, as they are hashed.")
    leaf = serializers.CharField()
    position = serializers.IntegerField(help_text="Among the records of its batch, from 0.")
    path = PathStepSerializer(many=True)
    batch = ProvenBatchSerializer()
    entry = ProvenEntrySerializer(allow_null=True)


class InvestigationExportSerializer(InvestigationSerializer):
    """An investigation with the proof of each record."""

    schema = serializers.CharField()
    exported_at = serializers.DateTimeField()
    exported_by = serializers.CharField()
    proofs = ProofSerializer(many=True)


class BarSerializer(serializers.Serializer):
    since = serializers.DateTimeField()
    until = serializers.DateTimeField()
    counts = serializers.DictField(child=serializers.IntegerField())


class SummarySerializer(serializers.Serializer):
    """How many records there were, counted by whole hours, and the first and last of them."""

    count = serializers.IntegerField(help_text="Those that retention took away as well.")
    counts = serializers.DictField(child=serializers.IntegerField(), help_text="By status.")
    doubtful = serializers.IntegerField(help_text="That were not published so.")
    first = serializers.DateTimeField(allow_null=True)
    last = serializers.DateTimeField(allow_null=True)
    step = serializers.DurationField(help_text="What one bar stands for.")
    bars = BarSerializer(many=True, help_text="Of the last 30 days, or from `from` on.")


INSTANT = {"type": "string", "format": "date-time"}
FILTERS = [
    OpenApiParameter("environment", str, description="Its slug."),
    OpenApiParameter("use_case", str, description="Its slug."),
    OpenApiParameter("router", str, description="Its slug."),
    OpenApiParameter("release", str, description="use-case/number of a release, or its digest."),
    OpenApiParameter("model", str, description="Slug of a model, or slug/version."),
    OpenApiParameter("prompt", str, description="template/number of a prompt, or its digest."),
    OpenApiParameter("policy", str, description="pack/number of a policy, or a policy's digest."),
    OpenApiParameter("deployment", str, description="Its name in snapshots."),
    OpenApiParameter("status", str, enum=finding.EVERY_STATUS),
    OpenApiParameter("doubtful", str, enum=["yes"], description="Only what was not published so."),
    OpenApiParameter("from", INSTANT, description="Made at or after."),
    OpenApiParameter("to", INSTANT, description="Made before."),
]


class Filtered(Answers, APIView):
    """Records by the filters of the page of requests."""

    def filters(self) -> finding.Filters:
        """Return the filters that the address names. Raises `NotUnderstood`."""
        found, reasons = finding.read(self.request.query_params)
        if reasons:
            raise NotUnderstood(reasons)
        return found


class RequestsView(Filtered):
    """What ran: the records that the filters name, newest first."""

    order = ("-id",)
    basename = "requests"

    @extend_schema(
        operation_id="requests",
        parameters=[
            *FILTERS,
            OpenApiParameter("cursor", str, description="Where to go on, as `next` says."),
            OpenApiParameter("limit", int, description="Rows on a page, 200 at most."),
        ],
        responses=inline_serializer(
            "RecordPage",
            {
                "next": serializers.URLField(allow_null=True),
                "results": RecordSerializer(many=True),
            },
        ),
    )
    def get(self, request):
        pages = CursorPages()
        rows = RequestRecord.objects.visible_to(request.user)
        found = pages.paginate_queryset(rows, request, self)
        said = [finding.said_of(row) for row in found]
        return pages.get_paginated_response(RecordSerializer(said, many=True).data)

    def first(self, rows, count, position):
        """Return records by what is counted of them by the hour, and not from all `rows`."""
        before = uuid.UUID(position[0]) if position else None
        return newest(self.filters(), self.request.user, count, before)

    def parameters(self):
        return frozenset({*finding.NAMES, "cursor", "limit"})


class RequestCountsView(Filtered):
    """How many requests something touched: count, first, last, and counts over time."""

    @extend_schema(operation_id="request_counts", parameters=FILTERS, responses=SummarySerializer)
    def get(self, request):
        return Response(SummarySerializer(summary(self.filters(), request.user)).data)

    def parameters(self):
        return frozenset(finding.NAMES)


class ProofView(Answers, APIView):
    """The proof that a record is one of those that an entry of the log stands for."""

    @extend_schema(
        operation_id="record_proof",
        parameters=[OpenApiParameter("pk", OpenApiTypes.UUID, "path", description="Its id.")],
        responses=ProofSerializer,
    )
    def get(self, request, pk):
        found = proof(pk, request.user)
        if found is None:
            raise Http404
        return Response(ProofSerializer(found).data)


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
