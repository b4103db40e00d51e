"""Releases in answers."""

from rest_framework import serializers

from audit.serializers import Named, RowSerializer
from registry.completeness import facts_of_release, lineage_gaps
from registry.models import (
    Objective,
    PromptTemplate,
    Release,
    ReleasePrompt,
    ToolGrant,
)
from registry.serializers.shared import WITHHELD, FactSerializer, Hidden, reader_of, whole
from registry.serializers.versions import VersionNameSerializer


class ReleaseNameSerializer(RowSerializer):
    """A release as other rows name it."""

    use_case = Named()

    class Meta:
        model = Release
        fields = ("id", "use_case", "number", "digest")


class ReleaseLineSerializer(ReleaseNameSerializer):
    model_version = VersionNameSerializer(read_only=True, allow_null=True)
    parameters = serializers.DictField(read_only=True)
    on_call_team = Named()
    derived_from = ReleaseNameSerializer(read_only=True, allow_null=True)
    created_by = Named("username")
    hidden = Hidden()

    class Meta:
        model = Release
        fields = (
            *ReleaseNameSerializer.Meta.fields,
            "model_version",
            "parameters",
            "on_call_team",
            "runbook",
            "notes",
            "derived_from",
            "created_by",
            "sealed_at",
            "hidden",
        )


class ReleasePromptSerializer(RowSerializer):
    prompt = serializers.SlugField(source="prompt_version.template.slug", read_only=True)
    kind = serializers.ChoiceField(
        PromptTemplate.Kind.choices, source="prompt_version.template.kind", read_only=True
    )
    number = serializers.IntegerField(source="prompt_version.number", read_only=True)
    digest = serializers.CharField(source="prompt_version.digest", read_only=True)

    class Meta:
        model = ReleasePrompt
        fields = ("prompt", "kind", "number", "digest")


class ToolGrantSerializer(RowSerializer):
    tool = serializers.SlugField(source="scope.tool.slug", read_only=True)
    scope = Named("name")

    class Meta:
        model = ToolGrant
        fields = ("tool", "scope", "authorization")


class ObjectiveSerializer(RowSerializer):
    class Meta:
        model = Objective
        fields = ("metric", "objective", "window")


class ReleaseSerializer(ReleaseLineSerializer):
    prompts = ReleasePromptSerializer(source="seen_prompts", many=True, read_only=True)
    tool_grants = ToolGrantSerializer(many=True, read_only=True)
    objectives = ObjectiveSerializer(many=True, read_only=True)
    content = serializers.SerializerMethodField(help_text=WITHHELD)
    completeness = serializers.SerializerMethodField()
    lineage_gaps = serializers.SerializerMethodField()

    class Meta:
        model = Release
        fields = (
            *ReleaseLineSerializer.Meta.fields,
            "prompts",
            "tool_grants",
            "objectives",
            "completeness",
            "lineage_gaps",
            "content",
        )

    def get_completeness(self, release) -> FactSerializer(many=True):
        return FactSerializer(facts_of_release(release, reader=reader_of(self)), many=True).data

    def get_lineage_gaps(self, release) -> list[str]:
        return lineage_gaps(release, reader_of(self))

    def get_content(self, release) -> serializers.CharField(allow_null=True):
        return whole(release)
