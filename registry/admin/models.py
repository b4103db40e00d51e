"""Registered models and their versions."""

from django import forms
from django.contrib import admin

from audit.admin import Act, GovernedInline, ReasonForm, VisibleRelatedFilter
from registry.admin.base import (
    RegistryAdmin,
    SealedColumn,
    SealedFilter,
    add_button,
    form_url,
    list_section,
    offered_url,
)
from registry.admin.retiring import Retirable
from registry.models import ModelUse, ModelVersion, RegisteredModel, VersionDataset
from registry.transitions import new_version_from, seal_version
from registry.transitions.sealing import version_problems


class ModelUseInline(GovernedInline):
    model = ModelUse
    verbose_name = "use"
    verbose_name_plural = "Intended and disallowed use cases"


@admin.register(RegisteredModel)
class RegisteredModelAdmin(Retirable, RegistryAdmin):
    list_display = ("slug", "name", "team", "on_call_team", "shared", "changed")
    list_filter = ("team", "shared")
    list_select_related = ("team", "on_call_team")
    search_fields = ("slug", "name", "description")
    inlines = (ModelUseInline,)
    fieldsets = (
        (
            None,
            {
                "fields": ("slug", "name", "description"),
                "description": "A model keeps its name while its versions come and go. Its "
                "minimum metadata stands on the versions.",
            },
        ),
        ("Who answers for it", {"fields": ("team", "on_call_team", "shared")}),
    )
    help_texts = {
        "slug": "Its name in addresses and tools; it never changes.",
        "on_call_team": "Who is reached when it misbehaves.",
    }

    def act_buttons(self, request, obj):
        label = "Register a version…"
        button = add_button(request, label, obj, ModelVersion, model=obj.pk)
        return [button, *super().act_buttons(request, obj)]

    def sections(self, request, obj):
        versions = ModelVersion.objects.visible_to(request.user).filter(model=obj).order_by("-pk")
        rows = [
            (
                f"{obj.get_absolute_url()}{version.version}/",
                version.version,
                (
                    f"{version.identifier or 'no identifier yet'}, "
                    f"{'sealed' if version.sealed_at else 'draft'}"
                ),
            )
            for version in versions[:20]
        ]
        return [
            list_section(
                "Versions",
                rows,
                link=offered_url(request, ModelVersion, model=obj.pk),
                words="Register a version",
                empty="No version is registered yet.",
            )
        ]


class VersionDatasetInline(GovernedInline):
    model = VersionDataset
    naming = {"dataset_version": ("dataset",)}
    verbose_name = "dataset"
    verbose_name_plural = "Datasets it came from or is fed by"


class Seal(Act):
    name = "seal"
    label = "Seal…"
    lead = "Sealing is for good."
    note = (
        "What stands in the version now gets a digest and never changes again. To correct "
        "something later, make a new version from this one."
    )
    done = "The model version is sealed."

    def offered(self, row):
        return row.sealed_at is None

    def objections(self, model_admin, request, row):
        return [
            *super().objections(model_admin, request, row),
            *version_problems(row, request.user),
        ]

    def run(self, request, row, cleaned):
        return seal_version(row.pk, actor=request.user, reason=cleaned["reason"])


class NewVersionForm(ReasonForm):
    version = forms.SlugField(
        label="Name of the new version", max_length=60, help_text="In addresses, such as 4."
    )


class NewVersion(Act):
    name = "new-version"
    label = "New version from this one…"
    right = "change"
    lead = "A draft with all that this version says."
    note = "You change what is new in it, then seal it. This version stays as it is."
    done = "The draft is made. Change what is new, then seal it."
    form = NewVersionForm

    def run(self, request, row, cleaned):
        draft = new_version_from(
            row.pk, version=cleaned["version"], actor=request.user, reason=cleaned["reason"]
        )
        return form_url(draft)


@admin.register(ModelVersion)
class ModelVersionAdmin(Retirable, SealedColumn, RegistryAdmin):
    list_display = ("__str__", "identifier", "maker", "state", "retires_on", "changed")
    list_filter = (
        SealedFilter,
        "maker",
        ("model__team", VisibleRelatedFilter),
        "fine_tuning",
        "model",
    )
    list_select_related = ("model", "maker")
    list_late = ("card", "content")
    ordering = ("-pk",)
    search_fields = ("model__slug", "model__name", "version", "identifier", "digest")
    date_hierarchy = "sealed_at"
    list_fields = ("input_modalities", "output_modalities", "capabilities")
    verbatim = ("card",)
    naming = {"base_version": ("model",)}
    inlines = (VersionDatasetInline,)
    acts = (Seal(), NewVersion())
    fieldsets = (
        (None, {"fields": ("model", "version", "identifier", "maker", "licence")}),
        (
            "What it can do",
            {
                "fields": (
                    "context_window",
                    "output_limit",
                    "input_modalities",
                    "output_modalities",
                    "capabilities",
                )
            },
        ),
        (
            "Where it comes from",
            {
                "fields": ("base_version", "fine_tuning", "weights_digest"),
                "description": "Leave these empty for a model that somebody else made and you "
                "use as it is.",
            },
        ),
        ("Until when", {"fields": ("retires_on", "no_retirement_announced")}),
        ("Model card", {"fields": ("card",)}),
        ("Record", {"fields": ("created_by", "sealed_at", "digest")}),
    )
    readonly_fields = ("created_by", "sealed_at", "digest")
    help_texts = {
        "licence": "Its SPDX name, or what the contract is called.",
        "input_modalities": "Such as text, image.",
        "output_modalities": "Such as text.",
        "base_version": "The version it was made from, if it was fine-tuned, merged or quantised.",
        "card": "Markdown. Shown on the version's page; links stay, scripts and images do not.",
    }

    def get_fieldsets(self, request, obj=None):
        return self.fieldsets if obj is not None else self.fieldsets[:-1]
