"""Datasets, prompts and tools in answers."""

from rest_framework import serializers

from audit.serializers import Named, RowSerializer, Texts
from registry import lifecycle, placeholders
from registry.lifecycle_api import LifecycleSerializer
from registry.models import (
    Dataset,
    DatasetVersion,
    PromptTemplate,
    PromptVersion,
    Tool,
    ToolScope,
)
from registry.serializers.shared import reader_of


class DatasetSerializer(RowSerializer):
    team = Named()
    lifecycle = LifecycleSerializer(source="standing", read_only=True)

    class Meta:
        model = Dataset
        fields = ("slug", "name", "team", "shared", "description", "lifecycle")


class DatasetVersionSerializer(RowSerializer):
    dataset = Named()
    lifecycle = LifecycleSerializer(source="standing", read_only=True)

    class Meta:
        model = DatasetVersion
        fields = (
            "id",
            "dataset",
            "version",
            "classification",
            "jurisdiction",
            "digest",
            "source",
            "lifecycle",
        )


class PromptVersionLineSerializer(RowSerializer):
    kind = serializers.ChoiceField(
        PromptTemplate.Kind.choices, source="template.kind", read_only=True
    )
    parent = serializers.IntegerField(
        source="parent.number", default=None, read_only=True, allow_null=True
    )
    variables = Texts()
    created_by = Named("username")
    lifecycle = LifecycleSerializer(source="standing", read_only=True)

    class Meta:
        model = PromptVersion
        fields = (
            "id",
            "number",
            "kind",
            "parent",
            "variables",
            "notes",
            "created_by",
            "created_at",
            "digest",
            "lifecycle",
        )


class WarningSerializer(serializers.Serializer):
    """What may be meant so, or not."""

    code = serializers.CharField()
    sentence = serializers.CharField()


class PromptVersionSerializer(PromptVersionLineSerializer):
    warnings = serializers.SerializerMethodField()

    class Meta:
        model = PromptVersion
        fields = (*PromptVersionLineSerializer.Meta.fields, "warnings", "text", "content")

    def get_warnings(self, version) -> WarningSerializer(many=True):
        found = placeholders.warnings(version.text, version.variables)
        return WarningSerializer(found, many=True).data


class PromptLineSerializer(RowSerializer):
    team = Named()
    lifecycle = LifecycleSerializer(source="standing", read_only=True)

    class Meta:
        model = PromptTemplate
        fields = ("slug", "name", "team", "kind", "lifecycle")


class PromptSerializer(PromptLineSerializer):
    latest = serializers.SerializerMethodField()

    class Meta:
        model = PromptTemplate
        fields = (*PromptLineSerializer.Meta.fields, "latest")

    def get_latest(self, template) -> PromptVersionSerializer(allow_null=True):
        versions = template.versions.select_related("template", "parent", "created_by")
        newest = versions.order_by("-number").first()
        if newest is None:
            return None
        newest.template = template
        newest.standing = lifecycle.standing_of(newest, reader_of(self))
        return PromptVersionSerializer(newest).data


class ToolScopeSerializer(RowSerializer):
    class Meta:
        model = ToolScope
        fields = ("name", "description")


class ToolSerializer(RowSerializer):
    scopes = ToolScopeSerializer(many=True, read_only=True)
    lifecycle = LifecycleSerializer(source="standing", read_only=True)

    class Meta:
        model = Tool
        fields = ("slug", "name", "description", "scopes", "lifecycle")
