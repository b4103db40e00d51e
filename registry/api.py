"""Reading the registry: find what the caller may see, and say it."""

from django.db.models import Count, Prefetch, Q
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.decorators import action
from rest_framework.generics import get_object_or_404
from rest_framework.response import Response

from audit.api.rows import RowsView
from audit.naming import naming_seen
from registry import lifecycle, lineage, serializers
from registry.api_filters import (
    BySlug,
    DatasetFilters,
    DatasetVersionFilters,
    ModelFilters,
    PromptFilters,
    PromptVersionFilters,
    ReleaseFilters,
    ToolFilters,
    UseCaseFilters,
    VersionFilters,
)
from registry.lifecycle_api import Stands
from registry.models import (
    Dataset,
    DatasetVersion,
    EndpointRegion,
    Environment,
    EnvironmentRegion,
    ModelUse,
    ModelVersion,
    Objective,
    PolicyPack,
    PolicyUseCase,
    PolicyVersion,
    PromptTemplate,
    PromptVersion,
    RegisteredModel,
    Release,
    ReleasePrompt,
    ScoreDemand,
    ServingEndpoint,
    Tool,
    ToolGrant,
    UseCase,
    VersionDataset,
)

SLUG = "[-a-zA-Z0-9_]{1,60}"
#: No more digits than both databases' keys hold.
KEY = "[0-9]{1,18}"
NUMBER = "[0-9]{1,9}"


def parts(relation: str, model, named: str, *order: str) -> Prefetch:
    """Return a prefetch of the parts in `relation` with the rows that they name.

    In one order, always: the ETag is taken over the bytes.
    """
    return Prefetch(relation, model.objects.select_related(named).order_by(*order, "pk"))


class SlugsView(RowsView):
    """Nouns with a slug, in the order of their slugs."""

    order = ("slug",)
    lookup_field = "slug"
    lookup_value_regex = SLUG


class ModelsView(Stands, SlugsView):
    """Registered models, with the use cases they are meant for and must not serve.

    Of the use cases, those that the caller may see are named.
    """

    model = RegisteredModel
    serializer_class = serializers.ModelSerializer
    filterset_class = ModelFilters
    line_parts = ((ModelUse, "model", "use_case"),)

    def rows(self, visible):
        uses = naming_seen(ModelUse.objects.all(), "use_case", self.request.user)
        return visible.select_related("team", "on_call_team").prefetch_related(
            Prefetch("uses", uses.select_related("use_case").order_by("use_case__slug"))
        )


class VersionsView(Stands, RowsView):
    """Model versions with their minimum metadata, newest first.

    One version also says its card, datasets, serving endpoints, and what is not recorded yet.
    """

    model = ModelVersion
    lookup_value_regex = KEY
    serializer_class = serializers.VersionLineSerializer
    row_serializer_class = serializers.VersionSerializer
    filterset_class = VersionFilters
    names = ("base_version",)
    row_parts = ((VersionDataset, "version", "dataset_version"),)

    def prepare(self, rows):
        super().prepare(rows)
        if self.of_list:
            return
        (version,) = rows
        seen = version.seen_endpoints
        version.hidden += ServingEndpoint.objects.filter(version=version).count() - len(seen)
        found = lifecycle.standings(seen, self.request.user)
        for endpoint in seen:
            endpoint.standing = found[ServingEndpoint, endpoint.pk]

    def rows(self, visible):
        return visible.select_related("model", "maker", "base_version__model", "created_by").defer(
            "card", "content", "base_version__card", "base_version__content"
        )

    def row(self, visible):
        endpoints = ServingEndpoint.objects.visible_to(self.request.user).order_by("slug")
        return visible.select_related(
            "model", "maker", "base_version__model", "created_by"
        ).prefetch_related(
            # Beside the relations, which the checklist judges whole.
            Prefetch("dataset_links", self._datasets(), to_attr="seen_datasets"),
            Prefetch(
                "endpoints", endpoints.select_related("host", "team"), to_attr="seen_endpoints"
            ),
            parts("seen_endpoints__region_links", EndpointRegion, "region", "purpose"),
        )

    def _datasets(self):
        links = naming_seen(VersionDataset.objects.all(), "dataset_version", self.request.user)
        return links.select_related("dataset_version__dataset").order_by("role", "pk")

    @extend_schema(responses=serializers.LineageSerializer)
    @action(detail=True)
    def lineage(self, request, pk):
        """What the version was made from, by whom and on which data, and where it went."""
        version = self.get_object()
        graph = lineage.of_version(version, request.user)
        return Response(serializers.LineageSerializer(graph).data)


class DatasetsView(Stands, SlugsView):
    """Datasets; their versions are a list of their own."""

    model = Dataset
    serializer_class = serializers.DatasetSerializer
    filterset_class = DatasetFilters

    def rows(self, visible):
        return visible.select_related("team")


@extend_schema(parameters=[OpenApiParameter("dataset", str, "path", description="Its slug.")])
class DatasetVersionsView(Stands, RowsView):
    """The versions of one dataset, newest first."""

    model = DatasetVersion
    lookup_value_regex = KEY
    serializer_class = serializers.DatasetVersionSerializer
    filterset_class = DatasetVersionFilters

    def visible(self):
        seen = Dataset.objects.visible_to(self.request.user)
        dataset = get_object_or_404(seen, slug=self.kwargs["dataset"])
        return super().visible().filter(dataset=dataset)

    def rows(self, visible):
        return visible.select_related("dataset")


class PromptsView(Stands, SlugsView):
    """Prompt templates; one of them comes with its latest version, the others are a list."""

    model = PromptTemplate
    serializer_class = serializers.PromptLineSerializer
    row_serializer_class = serializers.PromptSerializer
    filterset_class = PromptFilters

    def rows(self, visible):
        return visible.select_related("team")


@extend_schema(parameters=[OpenApiParameter("prompt", str, "path", description="Its slug.")])
class PromptVersionsView(Stands, RowsView):
    """The versions of one prompt template, newest first; one of them comes with its text."""

    model = PromptVersion
    order = ("-number",)
    lookup_field = "number"
    lookup_value_regex = NUMBER
    serializer_class = serializers.PromptVersionLineSerializer
    row_serializer_class = serializers.PromptVersionSerializer
    filterset_class = PromptVersionFilters

    def visible(self):
        seen = PromptTemplate.objects.visible_to(self.request.user)
        template = get_object_or_404(seen, slug=self.kwargs["prompt"])
        return super().visible().filter(template=template)

    def rows(self, visible):
        return self.row(visible).defer("text", "content", "parent__text", "parent__content")

    def row(self, visible):
        return visible.select_related("template", "parent", "created_by")


class ToolsView(Stands, SlugsView):
    """Tools with their scopes."""

    model = Tool
    serializer_class = serializers.ToolSerializer
    filterset_class = ToolFilters

    def rows(self, visible):
        return visible.prefetch_related("scopes")


class UseCasesView(Stands, SlugsView):
    """Use cases with their risk tier, data classification and the scores they demand."""

    model = UseCase
    serializer_class = serializers.UseCaseSerializer
    filterset_class = UseCaseFilters

    def rows(self, visible):
        return visible.select_related("team").prefetch_related(
            parts("score_demands", ScoreDemand, "metric__suite_version__suite")
        )


class EnvironmentsView(SlugsView):
    """Environments with their stage gate, jurisdiction and regions."""

    model = Environment
    serializer_class = serializers.EnvironmentSerializer
    filterset_class = BySlug

    def rows(self, visible):
        return visible.prefetch_related(
            parts("region_links", EnvironmentRegion, "region", "region__slug")
        )


class ReleasesView(RowsView):
    """Releases, drafts among them, newest first; a sealed one has a digest.

    One release also says its prompts, tool grants, objectives and what is not recorded yet.
    """

    model = Release
    lookup_value_regex = KEY
    serializer_class = serializers.ReleaseLineSerializer
    row_serializer_class = serializers.ReleaseSerializer
    filterset_class = ReleaseFilters
    names = ("model_version",)
    row_parts = ((ReleasePrompt, "release", "prompt_version"),)

    def rows(self, visible):
        return self._named(visible).defer(
            "content", "model_version__card", "model_version__content", "derived_from__content"
        )

    def row(self, visible):
        return self._named(visible).prefetch_related(
            # Beside the relation, which the checklist judges whole.
            Prefetch("prompt_links", self._prompts(), to_attr="seen_prompts"),
            parts("tool_grants", ToolGrant, "scope__tool"),
            Prefetch("objectives", Objective.objects.order_by("pk")),
        )

    def _prompts(self):
        links = naming_seen(ReleasePrompt.objects.all(), "prompt_version", self.request.user)
        return links.select_related("prompt_version__template").order_by("pk")

    @extend_schema(responses=serializers.LineageSerializer)
    @action(detail=True)
    def lineage(self, request, pk):
        """What the release is made of, back to every origin, and where it was promoted."""
        graph = lineage.of_release(self.get_object(), request.user)
        return Response(serializers.LineageSerializer(graph).data)

    def _named(self, visible):
        return visible.select_related(
            "use_case",
            "model_version__model",
            "on_call_team",
            "derived_from__use_case",
            "created_by",
        )


class PolicyPacksView(SlugsView):
    """Policy packs; one of them comes with its versions, drafts among them, newest first.

    Of the use cases that a version binds, those that the caller may see are named.
    """

    model = PolicyPack
    serializer_class = serializers.PolicyPackLineSerializer
    row_serializer_class = serializers.PolicyPackSerializer
    filterset_class = BySlug

    def row(self, visible):
        seen = UseCase.objects.visible_to(self.request.user)
        links = PolicyUseCase.objects.filter(use_case__in=seen).select_related("use_case")
        unseen = Count("use_case_links", filter=~Q(use_case_links__use_case__in=seen.order_by()))
        versions = PolicyVersion.objects.select_related("drafted_by", "published_by")
        versions = versions.annotate(hidden=unseen)
        return visible.prefetch_related(
            Prefetch("versions", versions.order_by("-number")),
            Prefetch("versions__use_case_links", links.order_by("use_case__slug")),
        )


routes = (
    ("models", ModelsView),
    ("model-versions", VersionsView),
    ("prompts", PromptsView),
    (f"prompts/(?P<prompt>{SLUG})/versions", PromptVersionsView),
    ("datasets", DatasetsView),
    (f"datasets/(?P<dataset>{SLUG})/versions", DatasetVersionsView),
    ("tools", ToolsView),
    ("policy-packs", PolicyPacksView),
    ("use-cases", UseCasesView),
    ("environments", EnvironmentsView),
    ("releases", ReleasesView),
)
