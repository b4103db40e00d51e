"""Datasets and their versions."""

from django.contrib import admin

from audit.admin import VisibleRelatedFilter
from registry.admin.base import RegistryAdmin, form_url, list_section, offered_url
from registry.admin.retiring import Retirable
from registry.models import Dataset, DatasetVersion


@admin.register(Dataset)
class DatasetAdmin(Retirable, RegistryAdmin):
    list_display = ("slug", "name", "team", "shared", "changed")
    list_filter = ("team", "shared")
    list_select_related = ("team",)
    search_fields = ("slug", "name", "description")
    fieldsets = ((None, {"fields": ("slug", "name", "team", "shared", "description")}),)
    help_texts = {"slug": "Its name in addresses and tools; it never changes."}

    def sections(self, request, obj):
        versions = DatasetVersion.objects.visible_to(request.user).filter(dataset=obj)
        rows = [
            (
                form_url(version),
                version.version,
                (
                    f"{version.get_classification_display()}, {version.jurisdiction}, "
                    f"{version.digest or 'no digest yet'}"
                ),
            )
            for version in versions.order_by("-pk")[:20]
        ]
        return [
            list_section(
                "Versions",
                rows,
                link=offered_url(request, DatasetVersion, dataset=obj.pk),
                words="Register a version",
                empty="No version is registered yet.",
            )
        ]


@admin.register(DatasetVersion)
class DatasetVersionAdmin(Retirable, RegistryAdmin):
    list_display = ("__str__", "classification", "jurisdiction", "has_digest", "changed")
    list_filter = (
        "classification",
        "jurisdiction",
        ("dataset__team", VisibleRelatedFilter),
        "dataset",
    )
    list_select_related = ("dataset",)
    ordering = ("-pk",)
    search_fields = ("dataset__slug", "dataset__name", "version", "digest")
    fieldsets = (
        (None, {"fields": ("dataset", "version", "source")}),
        ("What law it comes under", {"fields": ("classification", "jurisdiction")}),
        (
            "Digest",
            {
                "fields": ("digest",),
                "description": "The regulated gate asks for it: lineage is complete when every "
                "dataset has one. It may be recorded later, and never changes after that.",
            },
        ),
    )
    help_texts = {
        "jurisdiction": "Whose law the data comes under, such as EU.",
        "digest": "sha256: and 64 hexadecimal digits, such as sha256sum prints.",
    }

    @admin.display(description="digest", boolean=True)
    def has_digest(self, obj):
        return bool(obj.digest)
