"""Policy packs, their versions and the effective policy in answers."""

from rest_framework import serializers

from audit.serializers import Named, RowSerializer
from registry.models import (
    PolicyPack,
    PolicyVersion,
)
from registry.serializers.shared import Hidden


class PolicyVersionSerializer(RowSerializer):
    """A version of a pack; a draft has no digest and binds nobody."""

    drafted_by = Named("username")
    published_by = Named("username")
    use_cases = serializers.SerializerMethodField(
        help_text="The use cases that it binds and the caller may see."
    )
    hidden = Hidden()

    class Meta:
        model = PolicyVersion
        fields = (
            "id",
            "number",
            "clauses",
            "use_cases",
            "hidden",
            "notes",
            "drafted_by",
            "published_by",
            "published_at",
            "digest",
        )

    def get_use_cases(self, version) -> list[str]:
        return [link.use_case.slug for link in version.use_case_links.all()]


class PolicyPackLineSerializer(RowSerializer):
    class Meta:
        model = PolicyPack
        fields = ("slug", "name", "description", "layer", "jurisdiction")


class PolicyPackSerializer(PolicyPackLineSerializer):
    versions = PolicyVersionSerializer(many=True, read_only=True)

    class Meta(PolicyPackLineSerializer.Meta):
        fields = (*PolicyPackLineSerializer.Meta.fields, "versions")


class OriginSerializer(serializers.Serializer):
    """What one pack says in a clause; `role` is sets, same, narrows or looser (overruled)."""

    pack = serializers.SlugField()
    version = serializers.IntegerField()
    layer = serializers.ChoiceField(PolicyPack.Layer.choices)
    digest = serializers.CharField()
    value = serializers.JSONField()
    why = serializers.CharField()
    role = serializers.CharField()


class EffectiveClauseSerializer(serializers.Serializer):
    clause = serializers.CharField()
    value = serializers.JSONField()
    origins = OriginSerializer(many=True)


class EffectivePolicySerializer(serializers.Serializer):
    use_case = serializers.SlugField()
    environment = serializers.SlugField()
    at = serializers.DateTimeField(allow_null=True, help_text="The past instant asked about.")
    digest = serializers.CharField()
    packs = serializers.ListField(child=serializers.CharField())
    clauses = EffectiveClauseSerializer(many=True)
    content = serializers.CharField(help_text="The canonical text that the digest is over.")
