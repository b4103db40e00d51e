"""How the nouns of the registry are written in answers.

A row's line names other rows by their slugs and digests; its own page says all it holds. `content`
is the canonical text that `digest` is taken over, so that a reader can check it.
"""

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from audit.serializers import Named, RowSerializer, Texts
from registry import lifecycle, placeholders
from registry.completeness import facts_of_release, facts_of_version, lineage_gaps
from registry.lifecycle_api import LifecycleSerializer
from registry.models import (
    Dataset,
    DatasetVersion,
    EndpointRegion,
    Environment,
    ModelUse,
    ModelVersion,
    Objective,
    PolicyPack,
    PolicyVersion,
    PromptTemplate,
    PromptVersion,
    Region,
    RegisteredModel,
    Release,
    ReleasePrompt,
    ScoreDemand,
    ServingEndpoint,
    Tool,
    ToolGrant,
    ToolScope,
    UseCase,
    VersionDataset,
)


class FactSerializer(serializers.Serializer):
    """One fact of the completeness checklist; `fix` says what to do while it is unknown."""

    code = serializers.CharField()
    label = serializers.CharField()
    known = serializers.BooleanField()
    value = serializers.CharField()
    fix = serializers.CharField()
    gate = serializers.CharField(help_text="The gate that first asks for it.")


#: A document cannot be told in part: its digest is over all of it.
WITHHELD = "The canonical text; null when it names what the caller may not see."


def whole(row) -> str | None:
    """Return the canonical text of a row, unless it names what the caller may not see."""
    return None if row.unnamed else row.content


def _reader(serializer):
    return serializer.context["request"].user


class Hidden(serializers.IntegerField):
    """How many of the rows that a row names are not in its answer."""

    def __init__(self):
        super().__init__(read_only=True, help_text="Rows that it names and the caller may not see.")


# Models and versions


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
        return FactSerializer(facts_of_version(version, reader=_reader(self)), many=True).data

    def get_lineage_gaps(self, version) -> list[str]:
        return lineage_gaps(version, _reader(self))

    def get_content(self, version) -> serializers.CharField(allow_null=True):
        return whole(version)


# Datasets, prompts, tools


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
        newest.standing = lifecycle.standing_of(newest, _reader(self))
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


# Policy


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


# Use cases and environments


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


# Releases


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
        return FactSerializer(facts_of_release(release, reader=_reader(self)), many=True).data

    def get_lineage_gaps(self, release) -> list[str]:
        return lineage_gaps(release, _reader(self))

    def get_content(self, release) -> serializers.CharField(allow_null=True):
        return whole(release)


# Lineage and comparison


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
