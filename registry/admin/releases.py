"""Releases: what is approved."""

from django.contrib import admin

from audit.admin import Act, GovernedInline, VisibleRelatedFilter
from registry.admin.base import RegistryAdmin, SealedColumn, SealedFilter, form_url
from registry.models import Objective, Release, ReleasePrompt, ToolGrant
from registry.transitions import new_release_from, seal_release
from registry.transitions.sealing import release_problems


class ReleasePromptInline(GovernedInline):
    model = ReleasePrompt
    naming = {"prompt_version": ("template",)}
    verbose_name = "prompt version"
    verbose_name_plural = "Prompt versions"

    def formfield_for_foreignkey(self, db_field, request, **kwargs):
        field = super().formfield_for_foreignkey(db_field, request, **kwargs)
        if db_field.name == "prompt_version":
            field.label_from_instance = _with_kind
        return field


def _with_kind(version) -> str:
    """Return the name of a prompt version in the menu, a policy's told from the others."""
    return f"{version} (policy)" if version.template.is_policy else str(version)


class ToolGrantInline(GovernedInline):
    model = ToolGrant
    naming = {"scope": ("tool",)}
    verbose_name_plural = "Tool grants"


class ObjectiveInline(GovernedInline):
    model = Objective
    verbose_name_plural = "Service level objectives"


class Seal(Act):
    name = "seal"
    label = "Seal…"
    lead = "Sealing is for good."
    note = (
        "What stands in the release now gets a digest, which is what people sign and deployment "
        "tools ask about. Its model version is sealed with it. To change something later, make "
        "a new release from this one."
    )
    done = "The release is sealed."
    primary = True

    def offered(self, row):
        return row.sealed_at is None

    def objections(self, model_admin, request, row):
        return [
            *super().objections(model_admin, request, row),
            *release_problems(row, request.user),
        ]

    def run(self, request, row, cleaned):
        return seal_release(row.pk, actor=request.user, reason=cleaned["reason"])


class NewRelease(Act):
    name = "new-release"
    label = "New release from this one…"
    right = "change"
    lead = "A draft with all that this release is made of."
    note = "It gets the next number of the use case. This release stays as it is."
    done = "The draft is made. Change what is new, then seal it."

    def run(self, request, row, cleaned):
        return form_url(new_release_from(row.pk, actor=request.user, reason=cleaned["reason"]))


@admin.register(Release)
class ReleaseAdmin(SealedColumn, RegistryAdmin):
    list_display = ("__str__", "model_version", "state", "created_by", "changed")
    list_filter = (
        SealedFilter,
        ("use_case__team", VisibleRelatedFilter),
        "use_case__risk_tier",
        "use_case__data_classification",
        "use_case",
    )
    list_select_related = ("use_case", "model_version__model", "created_by")
    list_late = ("content", "model_version__card", "model_version__content")
    ordering = ("-pk",)
    search_fields = (
        "use_case__slug",
        "use_case__name",
        "digest",
        "notes",
    )
    date_hierarchy = "sealed_at"
    naming = {"model_version": ("model",)}
    inlines = (ReleasePromptInline, ToolGrantInline, ObjectiveInline)
    acts = (Seal(), NewRelease())
    fieldsets = (
        (
            None,
            {
                "fields": ("use_case", "model_version", "parameters", "notes"),
                "description": "A release is the unit of approval: everything in it is sealed "
                "under one digest, and only sealed releases can be promoted.",
            },
        ),
        (
            "When it misbehaves",
            {
                "fields": ("on_call_team", "runbook"),
                "description": "The production gate asks for both, and for one service level "
                "objective at least.",
            },
        ),
        ("Record", {"fields": ("number", "derived_from", "created_by", "sealed_at", "digest")}),
    )
    readonly_fields = ("number", "derived_from", "created_by", "sealed_at", "digest")

    def get_fieldsets(self, request, obj=None):
        return self.fieldsets if obj is not None else self.fieldsets[:-1]
