"""Regions, providers, environments, routers: where data may be, who hosts, where releases run."""

from django import forms
from django.contrib import admin

from audit.admin import GovernedForm
from registry.admin.base import RegistryAdmin
from registry.models import Environment, EnvironmentRegion, Provider, Region, Router


@admin.register(Region)
class RegionAdmin(RegistryAdmin):
    list_display = ("slug", "name", "country", "law", "changed")
    list_filter = ("country",)
    search_fields = ("slug", "name", "country")
    list_fields = ("jurisdictions",)
    fieldsets = (
        (
            None,
            {
                "fields": ("slug", "name", "country", "jurisdictions"),
                "description": "A region that is not listed is unknown, and unknown is refused. "
                "Name it as the provider does, such as eu-central-1.",
            },
        ),
    )

    @admin.display(description="jurisdictions")
    def law(self, obj):
        return ", ".join(obj.jurisdictions) or None


@admin.register(Provider)
class ProviderAdmin(RegistryAdmin):
    list_display = ("slug", "name", "country", "website", "changed")
    list_filter = ("country",)
    search_fields = ("slug", "name")
    fieldsets = (
        (
            None,
            {
                "fields": ("slug", "name", "country", "website"),
                "description": "An organisation that makes models or hosts them, or both.",
            },
        ),
    )


class EnvironmentForm(GovernedForm):
    """An environment with the regions it spans, ticked in one list."""

    regions = forms.ModelMultipleChoiceField(
        queryset=Region.objects.none(),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="Where releases of this environment may run. None ticked: none is known.",
    )

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        if "regions" in self.fields:
            self.fields["regions"].queryset = Region.objects.all()
            if self.instance.pk:
                links = self.instance.region_links.values_list("region", flat=True)
                self.initial.setdefault("regions", list(links))

    def parts(self):
        return {EnvironmentRegion: [{"region": region} for region in self.cleaned_data["regions"]]}


@admin.register(Environment)
class EnvironmentAdmin(RegistryAdmin):
    form = EnvironmentForm
    list_display = ("slug", "name", "stage", "jurisdiction", "changed")
    list_filter = ("stage", "jurisdiction")
    search_fields = ("slug", "name")
    fieldsets = (
        (None, {"fields": ("slug", "name")}),
        (
            "What it takes to run here",
            {
                "fields": ("stage", "jurisdiction", "regions"),
                "description": "The stage gate is the least that a promotion into this "
                "environment must pass; a use case of high risk passes the regulated gate "
                "wherever it runs outside the sandbox.",
            },
        ),
    )


@admin.register(Router)
class RouterAdmin(RegistryAdmin):
    list_display = ("slug", "name", "environment", "team", "is_active", "changed")
    list_filter = ("environment", "is_active")
    list_select_related = ("environment", "team")
    search_fields = ("slug", "name")
    fieldsets = (
        (
            None,
            {
                "fields": ("slug", "name", "environment", "team", "is_active"),
                "description": "A client that sends requests where the environment's snapshot "
                "lets them go. Its tokens are issued under API tokens; it reports which "
                "generation it decides from.",
            },
        ),
    )
