"""How the nouns of the registry are written in answers.

A row's line names other rows by their slugs and digests; its own page says all it holds. `content`
is the canonical text that `digest` is taken over, so that a reader can check it.
"""

from registry.serializers.comparing import (
    ComparisonSerializer,
    DifferenceSerializer,
    EdgeSerializer,
    LineageSerializer,
    LineSerializer,
    NodeSerializer,
    WordingSerializer,
)
from registry.serializers.materials import (
    DatasetSerializer,
    DatasetVersionSerializer,
    PromptLineSerializer,
    PromptSerializer,
    PromptVersionLineSerializer,
    PromptVersionSerializer,
    ToolScopeSerializer,
    ToolSerializer,
    WarningSerializer,
)
from registry.serializers.places import (
    DemandSerializer,
    EnvironmentSerializer,
    RegionSerializer,
    UseCaseSerializer,
)
from registry.serializers.policy import (
    EffectiveClauseSerializer,
    EffectivePolicySerializer,
    OriginSerializer,
    PolicyPackLineSerializer,
    PolicyPackSerializer,
    PolicyVersionSerializer,
)
from registry.serializers.releases import (
    ObjectiveSerializer,
    ReleaseLineSerializer,
    ReleaseNameSerializer,
    ReleasePromptSerializer,
    ReleaseSerializer,
    ToolGrantSerializer,
)
from registry.serializers.shared import (
    WITHHELD,
    FactSerializer,
    Hidden,
    reader_of,
    whole,
)
from registry.serializers.versions import (
    EndpointRegionSerializer,
    EndpointSerializer,
    ModelSerializer,
    ModelUseSerializer,
    VersionDatasetSerializer,
    VersionLineSerializer,
    VersionNameSerializer,
    VersionSerializer,
)

__all__ = [
    "WITHHELD",
    "ComparisonSerializer",
    "DatasetSerializer",
    "DatasetVersionSerializer",
    "DemandSerializer",
    "DifferenceSerializer",
    "EdgeSerializer",
    "EffectiveClauseSerializer",
    "EffectivePolicySerializer",
    "EndpointRegionSerializer",
    "EndpointSerializer",
    "EnvironmentSerializer",
    "FactSerializer",
    "Hidden",
    "LineSerializer",
    "LineageSerializer",
    "ModelSerializer",
    "ModelUseSerializer",
    "NodeSerializer",
    "ObjectiveSerializer",
    "OriginSerializer",
    "PolicyPackLineSerializer",
    "PolicyPackSerializer",
    "PolicyVersionSerializer",
    "PromptLineSerializer",
    "PromptSerializer",
    "PromptVersionLineSerializer",
    "PromptVersionSerializer",
    "RegionSerializer",
    "ReleaseLineSerializer",
    "ReleaseNameSerializer",
    "ReleasePromptSerializer",
    "ReleaseSerializer",
    "ToolGrantSerializer",
    "ToolScopeSerializer",
    "ToolSerializer",
    "UseCaseSerializer",
    "VersionDatasetSerializer",
    "VersionLineSerializer",
    "VersionNameSerializer",
    "VersionSerializer",
    "WarningSerializer",
    "WordingSerializer",
    "reader_of",
    "whole",
]
