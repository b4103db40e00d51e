"""Evaluation suites and their published versions."""

from django.contrib import admin

from audit.admin import GovernedInline
from registry.admin.base import RegistryAdmin, form_url, list_section, offered_url
from registry.models import EvaluationSuite, Metric, SuiteVersion
from registry.transitions import publish_suite_version


@admin.register(EvaluationSuite)
class EvaluationSuiteAdmin(RegistryAdmin):
    list_display = ("slug", "name", "description", "changed")
    search_fields = ("slug", "name", "description")
    fieldsets = (
        (
            None,
            {
                "fields": ("slug", "name", "description"),
                "description": "A suite keeps its name over time; its metrics stand in versions "
                "that never change.",
            },
        ),
    )
    help_texts = {"slug": "Its name in addresses and tools; it never changes."}

    def sections(self, request, obj):
        versions = obj.versions.prefetch_related("metrics").order_by("-number")[:20]
        rows = [
            (
                form_url(version),
                f"Version {version.number}",
                ", ".join(metric.name for metric in version.metrics.all()),
            )
            for version in versions
        ]
        return [
            list_section(
                "Versions",
                rows,
                link=offered_url(request, SuiteVersion, suite=obj.pk),
                words="Publish a version",
                empty="No version is published yet.",
            )
        ]


class MetricInline(GovernedInline):
    model = Metric
    fields = ("name", "unit", "higher_is_better")
    verbose_name_plural = "Metrics"

    def get_extra(self, request, obj=None, **kwargs):
        return 0 if obj is not None else 3 + len(_metrics_before(request))


def _metrics_before(request) -> list[dict]:
    """Return the metrics of the newest version of the suite that the address names."""
    suite = request.GET.get("suite", "")
    if not suite.isdecimal():
        return []
    newest = SuiteVersion.objects.filter(suite=suite).order_by("-number").first()
    if newest is None:
        return []
    return list(newest.metrics.values("name", "unit", "higher_is_better"))


@admin.register(SuiteVersion)
class SuiteVersionAdmin(RegistryAdmin):
    list_display = ("__str__", "notes", "names")
    list_filter = ("suite",)
    list_select_related = ("suite",)
    list_prefetch = ("metrics",)
    search_fields = ("suite__slug", "suite__name", "notes", "metrics__name")
    inlines = (MetricInline,)
    fieldsets = (
        (
            None,
            {
                "fields": ("suite", "notes"),
                "description": "Saving publishes the version: it never changes after that. The "
                "form begins with the metrics of the newest version.",
            },
        ),
    )

    @admin.display(description="metrics")
    def names(self, obj):
        return ", ".join(metric.name for metric in obj.metrics.all())

    def get_formset_kwargs(self, request, obj, inline, prefix):
        kwargs = super().get_formset_kwargs(request, obj, inline, prefix)
        if request.method == "GET" and obj.pk is None:
            kwargs["initial"] = _metrics_before(request)
        return kwargs

    def write(self, request, pk, *, values, parts, reason, form):
        return publish_suite_version(
            values["suite"].pk,
            notes=values["notes"],
            metrics=parts[Metric],
            actor=request.user,
            reason=reason,
        )
