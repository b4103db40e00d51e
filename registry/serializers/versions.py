"""Registered models, their versions and serving endpoints in answers."""

from rest_framework import serializers

from audit.serializers import Named, RowSerializer, Texts
from registry.completeness import facts_of_version, lineage_gaps
from registry.lifecycle_api import LifecycleSerializer
from registry.models import (
    DatasetVersion,
    EndpointRegion,
    ModelUse,
    ModelVersion,
    RegisteredModel,
    ServingEndpoint,
    VersionDataset,
)
from registry.serializers.shared import WITHHELD, FactSerializer, Hidden, reader_of, whole


class ModelUseSerializer(RowSerializer):
    use_case = Named()

    class Meta:
        model = ModelUse
        fields = ("use_case", "stance")


class ModelSerializer(RowSerializer):
    team = Named()
    on_call_team = Named()
    uses = ModelUseSerializer(many=True, read_only=True)
    hidden = Hidden()
    lifecycle = LifecycleSerializer(source="standing", read_only=True)

    class Meta:
        model = RegisteredModel
        fields = (
            "slug",
            "name",
            "description",
            "team",
            "on_call_team",
            "shared",
            "uses",
            "hidden",
            "lifecycle",
        )


class VersionNameSerializer(RowSerializer):
    """A model version as other rows name it."""

    model = Named()

    class Meta:
        model = ModelVersion
        fields = ("id", "model", "version", "identifier", "digest")


class VersionLineSerializer(RowSerializer):
    model = Named()
    maker = Named()
    input_modalities = Texts()
    output_modalities = Texts()
    capabilities = Texts()
    base_version = VersionNameSerializer(read_only=True, allow_null=True)
    created_by = Named("username")
    hidden = Hidden()
    lifecycle = LifecycleSerializer(source="standing", read_only=True)

    class Meta:
        model = ModelVersion
        fields = (
            "id",
            "model",
            "version",
            "identifier",
            "maker",
            "context_window",
            "output_limit",
            "input_modalities",
            "output_modalities",
            "capabilities",
            "licence",
            "base_version",
            "fine_tuning",
            "weights_digest",
            "retires_on",
            "no_retirement_announced",
            "created_by",
            "sealed_at",
            "digest",
            "hidden",
            "lifecycle",
        )


class VersionDatasetSerializer(RowSerializer):
    dataset = serializers.SlugField(source="dataset_version.dataset.slug", read_only=True)
    version = serializers.CharField(source="dataset_version.version", read_only=True)
    digest = serializers.CharField(source="dataset_version.digest", read_only=True)
    classification = serializers.ChoiceField(
        DatasetVersion._meta.get_field("classification").choices,
        source="dataset_version.classification",
        read_only=True,
    )
    jurisdiction = serializers.CharField(source="dataset_version.jurisdiction", read_only=True)

    class Meta:
        model = VersionDataset
        fields = ("role", "dataset", "version", "digest", "classification", "jurisdiction")


class EndpointRegionSerializer(RowSerializer):
    region = Named()

    class Meta:
        model = EndpointRegion
        fields = ("purpose", "region")


class EndpointSerializer(RowSerializer):
    host = Named()
    team = Named()
    regions = EndpointRegionSerializer(source="region_links", many=True, read_only=True)
    lifecycle = LifecycleSerializer(source="standing", read_only=True)

    class Meta:
        model = ServingEndpoint
        fields = (
            "slug",
            "host",
            "team",
            "address",
            "latency_class",
            "cost_class",
            "exposure",
            "served_release_id",
            "regions",
            "digest",
            "lifecycle",
        )


class VersionSerializer(VersionLineSerializer):
    datasets = VersionDatasetSerializer(source="seen_datasets", many=True, read_only=True)
    endpoints = EndpointSerializer(source="seen_endpoints", many=True, read_only=True)
    content = serializers.SerializerMethodField(help_text=WITHHELD)
    completeness = serializers.SerializerMethodField()
    lineage_gaps = serializers.SerializerMethodField()

    class Meta:
        model = ModelVersion
        fields = (
            *VersionLineSerializer.Meta.fields,
            "card",
            "datasets",
            "endpoints",
            "completeness",
            "lineage_gaps",
            "content",
        )

    def get_completeness(self, version) -> FactSerializer(many=True):
        return FactSerializer(facts_of_version(version, reader=reader_of(self)), many=True).data

    def get_lineage_gaps(self, version) -> list[str]:
        return lineage_gaps(version, reader_of(self))

    def get_content(self, version) -> serializers.CharField(allow_null=True):
        return whole(version)
