"""Use cases, regions and environments in answers."""

from rest_framework import serializers

from audit.serializers import Named, RowSerializer, Texts
from registry.lifecycle_api import LifecycleSerializer
from registry.models import (
    Environment,
    Region,
    ScoreDemand,
    UseCase,
)


class DemandSerializer(RowSerializer):
    suite = serializers.SlugField(source="metric.suite_version.suite.slug", read_only=True)
    suite_version = serializers.IntegerField(source="metric.suite_version.number", read_only=True)
    metric = Named("name")
    unit = serializers.CharField(source="metric.unit", read_only=True)
    higher_is_better = serializers.BooleanField(source="metric.higher_is_better", read_only=True)

    class Meta:
        model = ScoreDemand
        fields = ("suite", "suite_version", "metric", "unit", "higher_is_better", "threshold")


class UseCaseSerializer(RowSerializer):
    team = Named()
    score_demands = DemandSerializer(many=True, read_only=True)
    lifecycle = LifecycleSerializer(source="standing", read_only=True)

    class Meta:
        model = UseCase
        fields = (
            "slug",
            "name",
            "purpose",
            "team",
            "risk_tier",
            "data_classification",
            "score_demands",
            "lifecycle",
        )


class RegionSerializer(RowSerializer):
    jurisdictions = Texts()

    class Meta:
        model = Region
        fields = ("slug", "name", "country", "jurisdictions")


class EnvironmentSerializer(RowSerializer):
    regions = serializers.SerializerMethodField()

    class Meta:
        model = Environment
        fields = ("slug", "name", "stage", "jurisdiction", "regions")

    def get_regions(self, environment) -> RegionSerializer(many=True):
        links = environment.region_links.all()
        return RegionSerializer([link.region for link in links], many=True).data
