"""By what the API's lists of the registry are narrowed; each stands on an index."""

from django_filters import rest_framework as filters

from audit.api.filters import Choices, Numbers, Words
from registry.lifecycle_api import LifecycleFilter
from registry.models import DataClass, PromptTemplate, RiskTier


class BySlug(filters.FilterSet):
    slug = Words("slug", "Slugs.")


class ByTeam(BySlug):
    team = Words("team__slug", "Slugs of the owning teams.")


class ModelFilters(ByTeam):
    lifecycle = LifecycleFilter()


class DatasetFilters(ByTeam):
    lifecycle = LifecycleFilter()


class PromptFilters(ByTeam):
    kind = Choices("kind", "Kinds of prompts.", PromptTemplate.Kind.choices)
    lifecycle = LifecycleFilter()


class ToolFilters(BySlug):
    lifecycle = LifecycleFilter()


class UseCaseFilters(ByTeam):
    risk_tier = Choices("risk_tier", "Risk tiers.", RiskTier.choices)
    data_classification = Choices("data_classification", "Data classifications.", DataClass.choices)
    lifecycle = LifecycleFilter()


class VersionFilters(filters.FilterSet):
    model = Words("model__slug", "Slugs of the models.")
    version = Words("version", "Names of the versions.")
    maker = Words("maker__slug", "Slugs of the makers.")
    base_version = Numbers("base_version", "Ids of the base versions.")
    digest = Words("digest", "Digests of sealed versions.")
    lifecycle = LifecycleFilter()


class DatasetVersionFilters(filters.FilterSet):
    version = Words("version", "Names of the versions.")
    lifecycle = LifecycleFilter()


class PromptVersionFilters(filters.FilterSet):
    lifecycle = LifecycleFilter()


class ReleaseFilters(filters.FilterSet):
    use_case = Words("use_case__slug", "Slugs of the use cases.")
    model_version = Numbers("model_version", "Ids of the model versions.")
    digest = Words("digest", "Digests of sealed releases.")
