"""Use cases: the purposes that releases serve."""

from django.contrib import admin

from audit.admin import GovernedInline
from registry.admin.base import RegistryAdmin
from registry.admin.retiring import Retirable
from registry.models import ScoreDemand, UseCase


class ScoreDemandInline(GovernedInline):
    model = ScoreDemand
    naming = {"metric": ("suite_version__suite",)}
    verbose_name_plural = "Scores that every release must reach"


@admin.register(UseCase)
class UseCaseAdmin(Retirable, RegistryAdmin):
    list_display = ("slug", "name", "team", "risk_tier", "data_classification", "changed")
    list_filter = ("risk_tier", "data_classification", "team")
    list_select_related = ("team",)
    search_fields = ("slug", "name", "purpose")
    inlines = (ScoreDemandInline,)
    fieldsets = (
        (None, {"fields": ("slug", "name", "purpose", "team")}),
        (
            "Risk",
            {
                "fields": ("risk_tier", "data_classification"),
                "description": "The tier decides the gate: high passes the regulated gate in "
                "every environment but a sandbox. An approval lasts 12 months for high, 18 for "
                "limited, 24 for minimal.",
            },
        ),
    )
    help_texts = {
        "slug": "Its name in addresses and tools; it never changes.",
        "data_classification": "The most closely held data that reaches the model.",
    }
