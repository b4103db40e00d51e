"""Reading incidents: a list of them, and one with all that is computed of it."""

from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.response import Response

from audit.api.filters import Words
from audit.api.rows import RowsView
from runtime.incidents.following import STATES
from runtime.incidents.models import Incident
from runtime.incidents.reading import WITH, find, said_of


class IncidentSerializer(serializers.Serializer):
    """One incident as lists say it."""

    id = serializers.IntegerField(source="pk")
    title = serializers.CharField()
    severity = serializers.IntegerField(help_text="1 is the worst of 4.")
    state = serializers.ChoiceField(Incident.State.choices)
    use_case = serializers.SerializerMethodField()
    environment = serializers.SerializerMethodField()
    owner = serializers.SlugField(source="owner.slug", help_text="The team that deals with it.")
    begins_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField(allow_null=True, help_text="null while it goes on.")
    opened_at = serializers.DateTimeField()

    @extend_schema_field(serializers.SlugField(allow_null=True))
    def get_use_case(self, row):
        return row.use_case.slug if row.use_case else None

    @extend_schema_field(serializers.SlugField(allow_null=True))
    def get_environment(self, row):
        return row.environment.slug if row.environment else None


class AffectedSerializer(serializers.Serializer):
    requests = serializers.IntegerField()
    first_at = serializers.DateTimeField(allow_null=True)
    last_at = serializers.DateTimeField(allow_null=True)
    hidden = serializers.IntegerField(help_text="As many again that the caller may not see.")


class ActSerializer(serializers.Serializer):
    kind = serializers.CharField()
    sentence = serializers.CharField()
    at = serializers.DateTimeField()
    url = serializers.CharField()


class NoteSerializer(serializers.Serializer):
    kind = serializers.CharField()
    text = serializers.CharField()
    by = serializers.CharField()
    at = serializers.DateTimeField()


class BecameSerializer(serializers.Serializer):
    """A requirement of a gate, or a condition of an approval, that follows from a follow-up."""

    kind = serializers.ChoiceField([(one, one) for one in ("requirement", "condition")])
    state = serializers.ChoiceField([(one, one) for one in STATES])
    sentence = serializers.CharField()
    url = serializers.CharField(help_text="Its page in the portal.")


class FollowUpSerializer(serializers.Serializer):
    id = serializers.IntegerField()
    text = serializers.CharField()
    owner = serializers.CharField()
    due_on = serializers.DateField()
    done_at = serializers.DateTimeField(allow_null=True)
    outcome = serializers.CharField(allow_blank=True)
    became = BecameSerializer(many=True)


class IncidentPageSerializer(serializers.Serializer):
    """One incident with what was done, what is computed, and what follows from it."""

    id = serializers.IntegerField()
    title = serializers.CharField()
    severity = serializers.IntegerField(help_text="1 is the worst of 4.")
    state = serializers.ChoiceField(Incident.State.choices)
    use_case = serializers.SlugField(allow_null=True)
    environment = serializers.SlugField(allow_null=True)
    owner = serializers.SlugField()
    ticket = serializers.CharField(allow_blank=True, help_text="Where it is handled elsewhere.")
    begins_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField(allow_null=True)
    detected_at = serializers.DateTimeField()
    opened_by = serializers.CharField()
    opened_at = serializers.DateTimeField()
    mitigated_at = serializers.DateTimeField(allow_null=True)
    resolved_at = serializers.DateTimeField(allow_null=True)
    reviewed_at = serializers.DateTimeField(allow_null=True)
    trigger = serializers.CharField(allow_blank=True)
    learnt = serializers.CharField(allow_blank=True)
    affected = AffectedSerializer(
        help_text="What linked releases served in the window, and linked requests."
    )
    seconds_to_detect = serializers.IntegerField(allow_null=True)
    seconds_to_mitigate = serializers.IntegerField(allow_null=True)
    records_held = serializers.IntegerField(help_text="Kept until the incident is reviewed.")
    records_held_hidden = serializers.IntegerField(
        help_text="As many again that the caller may not see."
    )
    releases = serializers.ListField(child=serializers.CharField(), help_text="Digests.")
    requests = serializers.ListField(child=serializers.CharField())
    acts = ActSerializer(many=True, help_text="What was done because of it.")
    participants = serializers.ListField(child=serializers.CharField())
    notes = NoteSerializer(many=True)
    follow_ups = FollowUpSerializer(many=True)
    hidden = serializers.IntegerField(help_text="Links that the caller may not see.")


class IncidentFilters(filters.FilterSet):
    state = Words("state", "States.")
    use_case = Words("use_case__slug", "Slugs.")
    environment = Words("environment__slug", "Slugs.")


class IncidentsView(RowsView):
    """Incidents, newest first, and each with its figures.

    What changed in its window is `timeline/`; its archive is on its page in the portal.
    """

    model = Incident
    order = ("-pk",)
    lookup_value_regex = r"[0-9]{1,18}"
    serializer_class = IncidentSerializer
    row_serializer_class = IncidentPageSerializer
    filterset_class = IncidentFilters

    def rows(self, visible):
        return visible.select_related(*WITH)

    def retrieve(self, request, *args, **kwargs):
        row = self.get_object()
        return Response(IncidentPageSerializer(said_of(find(row, request.user), request.user)).data)


routes = (("incidents", IncidentsView),)
