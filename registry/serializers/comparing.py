"""Lineage and comparison in answers."""

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers


class NodeSerializer(serializers.Serializer):
    """One thing of a lineage; `gap` says what is not recorded of it."""

    key = serializers.CharField(help_text="Names it in the edges.")
    kind = serializers.CharField()
    name = serializers.CharField()
    url = serializers.CharField(help_text="Its page.")
    note = serializers.CharField()
    digest = serializers.CharField()
    gap = serializers.CharField()
    state = serializers.CharField()
    standing = serializers.CharField(help_text="Of what is out of use: what to take instead.")


class EdgeSerializer(serializers.Serializer):
    """One step of a lineage: `source` is part of, or led to, `target`."""

    source = serializers.CharField()
    target = serializers.CharField()


class LineageSerializer(serializers.Serializer):
    """A lineage as nodes and edges, of which the caller may see those that are named."""

    subject = serializers.CharField(help_text="Key of the node that was asked for.")
    nodes = serializers.SerializerMethodField()
    edges = serializers.SerializerMethodField()
    hidden = serializers.IntegerField(help_text="Nodes that the caller may not see.")
    more = serializers.IntegerField(help_text="Earlier releases that are not named.")

    @extend_schema_field(NodeSerializer(many=True))
    def get_nodes(self, graph):
        return NodeSerializer(graph.nodes.values(), many=True).data

    @extend_schema_field(EdgeSerializer(many=True))
    def get_edges(self, graph):
        return [{"source": source, "target": target} for source, target in graph.edges]


class DifferenceSerializer(serializers.Serializer):
    """One thing that differs, with its two values in words.

    Of a policy's clauses, the notes say why each version asks for it.
    """

    state = serializers.ChoiceField(["changed", "added", "removed"])
    name = serializers.CharField()
    before = serializers.CharField()
    before_note = serializers.CharField()
    after = serializers.CharField()
    after_note = serializers.CharField()
    effect = serializers.CharField(
        help_text="Whether a change of policy is stricter or looser; else empty."
    )
    sentence = serializers.CharField()


class LineSerializer(serializers.Serializer):
    """One line of a text that differs, with its number in either text."""

    kind = serializers.ChoiceField(["same", "added", "removed", "skipped"])
    old = serializers.IntegerField(allow_null=True)
    new = serializers.IntegerField(allow_null=True)
    text = serializers.SerializerMethodField()

    def get_text(self, line) -> str:
        return "".join(text for text, _ in line.parts)


class WordingSerializer(serializers.Serializer):
    title = serializers.CharField()
    lines = LineSerializer(many=True)


class ComparisonSerializer(serializers.Serializer):
    """What differs from `a` to `b`."""

    kind = serializers.CharField(source="kind.name")
    a = serializers.IntegerField(source="a.pk")
    b = serializers.IntegerField(source="b.pk")
    changes = DifferenceSerializer(many=True)
    unchanged = serializers.ListField(child=serializers.CharField())
    texts = WordingSerializer(many=True)
    hidden = serializers.IntegerField(
        help_text="Parts of either that the caller may not see; they are not compared."
    )
    standings = serializers.ListField(
        child=serializers.CharField(), help_text="What is deprecated or retired of the two."
    )
