"""Admin pages of the registry, one module per noun."""

from django.contrib import admin
from django.contrib.auth.models import Group

from registry.admin import (
    datasets,
    endpoints,
    models,
    people,
    places,
    policies,
    prompts,
    releases,
    suites,
    teams,
    tokens,
    tools,
    use_cases,
)

__all__ = [
    "datasets",
    "endpoints",
    "models",
    "people",
    "places",
    "policies",
    "prompts",
    "releases",
    "suites",
    "teams",
    "tokens",
    "tools",
    "use_cases",
]

# Rights are role grants; a group would promise some and give none.
admin.site.unregister(Group)
