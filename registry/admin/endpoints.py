"""Serving endpoints: where a version can be called, and where its data goes."""

from django import forms
from django.contrib import admin

from audit.admin import GovernedForm
from registry.admin.base import RegistryAdmin
from registry.admin.retiring import Retirable
from registry.models import EndpointRegion, Region, ServingEndpoint

PURPOSES = {
    "processing": "Where prompts and answers are computed.",
    "storage": "Where prompts, answers or copies of them are kept.",
    "telemetry": "Where logs and metrics about the calls go.",
    "support": "From where the host's staff can look at them.",
}


def _regions(purpose: str) -> forms.ModelMultipleChoiceField:
    return forms.ModelMultipleChoiceField(
        label=EndpointRegion.Purpose(purpose).label.capitalize(),
        queryset=Region.objects.all(),
        required=False,
        widget=forms.CheckboxSelectMultiple(attrs={"class": "regions"}),
        help_text=PURPOSES[purpose],
    )


class EndpointForm(GovernedForm):
    """An endpoint with its four sets of regions, each ticked in one list."""

    processing = _regions("processing")
    storage = _regions("storage")
    telemetry = _regions("telemetry")
    support = _regions("support")

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            for purpose, region in self.instance.region_links.values_list("purpose", "region"):
                self.initial.setdefault(purpose, []).append(region)

    def parts(self):
        return {
            EndpointRegion: [
                {"purpose": purpose, "region": region}
                for purpose in PURPOSES
                for region in self.cleaned_data[purpose]
            ]
        }


@admin.register(ServingEndpoint)
class ServingEndpointAdmin(Retirable, RegistryAdmin):
    form = EndpointForm
    list_display = ("slug", "version", "host", "team", "latency_class", "cost_class", "changed")
    list_filter = ("host", "team", "latency_class", "cost_class", "exposure")
    list_select_related = ("version__model", "host", "team")
    list_late = ("content", "version__card", "version__content")
    search_fields = ("slug", "address", "served_release_id", "digest")
    naming = {"version": ("model",)}
    readonly_fields = ("digest", *(f"shown_{purpose}" for purpose in PURPOSES))
    fieldsets = (
        (
            None,
            {
                "fields": ("slug", "version", "host", "address", "team"),
                "description": "An approval covers the endpoint as it is when it is signed: "
                "changing it later takes it out of the approval until it is approved again.",
            },
        ),
        (
            "Where its data goes",
            {
                "fields": tuple(PURPOSES),
                "description": "Tick every region that the contract or the host's documentation "
                "allows. A set without a tick is unknown, and unknown is refused.",
            },
        ),
        ("Served release", {"fields": ("exposure", "served_release_id")}),
        ("Classes", {"fields": ("latency_class", "cost_class")}),
    )
    help_texts = {
        "slug": "Its name in addresses and tools; it never changes.",
        "host": "The provider that runs it; it need not be the model's maker.",
        "exposure": "Whether the host tells which release of the model answers.",
    }

    def get_fieldsets(self, request, obj=None):
        if obj is None:
            return self.fieldsets
        sets = list(self.fieldsets)
        if not self.has_change_permission(request, obj):
            # Ticks that nobody may set are words.
            shown = {**sets[1][1], "fields": tuple(f"shown_{purpose}" for purpose in PURPOSES)}
            sets[1] = (sets[1][0], shown)
        return [*sets, ("Digest", {"fields": ("digest",)})]

    def _shown(self, obj, purpose):
        links = obj.region_links.filter(purpose=purpose).select_related("region")
        return ", ".join(sorted(link.region.slug for link in links)) or None

    @admin.display(description="processing")
    def shown_processing(self, obj):
        return self._shown(obj, "processing")

    @admin.display(description="storage")
    def shown_storage(self, obj):
        return self._shown(obj, "storage")

    @admin.display(description="telemetry")
    def shown_telemetry(self, obj):
        return self._shown(obj, "telemetry")

    @admin.display(description="support access")
    def shown_support(self, obj):
        return self._shown(obj, "support")
