"""How things stand, in answers: whether they are in use, and what to take instead."""

from functools import reduce
from operator import or_

from rest_framework import serializers

from audit.api.filters import Choices
from registry import lifecycle
from registry.models import Retirement


class SuccessorSerializer(serializers.Serializer):
    """What to take instead, at the end of a chain; one that may not be seen has no id."""

    id = serializers.IntegerField(source="successor_id", allow_null=True)
    name = serializers.CharField(source="successor")
    retired = serializers.BooleanField(source="successor_retired")


class LifecycleSerializer(serializers.Serializer):
    """How a thing stands; `through` names what it is deprecated or retired with."""

    state = serializers.ChoiceField(Retirement.State.choices)
    reason = serializers.CharField()
    by = serializers.CharField()
    at = serializers.DateTimeField(allow_null=True)
    through = serializers.CharField()
    successor = serializers.SerializerMethodField()

    def get_successor(self, standing) -> SuccessorSerializer(allow_null=True):
        return SuccessorSerializer(standing).data if standing.successor else None


class LifecycleFilter(Choices):
    """In use, deprecated or retired, judged with what a row belongs to."""

    def __init__(self, **options):
        about = "In use, deprecated or retired."
        super().__init__("pk", about, Retirement.State.choices, **options)

    def filter(self, qs, value):
        if not value:
            return qs
        return qs.filter(reduce(or_, (lifecycle.in_state(qs.model, one) for one in value)))


class Stands:
    """For views of nouns that are deprecated and retired: each row says how it stands."""

    def prepare(self, rows):
        super().prepare(rows)
        found = lifecycle.standings(rows, self.request.user)
        for row in rows:
            row.standing = found[type(row), row.pk]
