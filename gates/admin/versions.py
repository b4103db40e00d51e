"""Admin pages of gates, which are published in versions."""

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Exists, OuterRef
from django.template.response import TemplateResponse

from audit import Reason
from audit.admin import GovernedAdmin
from gates.models import GateVersion
from gates.pages import gateversion


@admin.register(GateVersion)
class GateVersionAdmin(GovernedAdmin):
    """Gates are published in versions, and read here."""

    list_display = ("version", "published", "asks", "signs", "is_newest")
    list_filter = ("gate",)
    search_fields = ("gate", "notes")

    def may(self, request, verb, obj=None):
        return [
            Reason(
                "GATES_ARE_PUBLISHED",
                "Gates come with a release of Gatehouse, as published versions.",
            )
        ]

    def get_queryset(self, request):
        newer = GateVersion.objects.filter(
            gate=OuterRef("gate"), number__gt=OuterRef("number"), published_at__isnull=False
        )
        rows = super().get_queryset(request).annotate(superseded=Exists(newer))
        return rows.prefetch_related("requirements", "slots")

    @admin.display(description="gate", ordering="gate")
    def version(self, obj):
        return str(obj)

    @admin.display(description="published", ordering="published_at")
    def published(self, obj):
        return gateversion.published_html(obj)

    @admin.display(description="asks for")
    def asks(self, obj):
        return gateversion.asks(obj)

    @admin.display(description="signs")
    def signs(self, obj):
        return gateversion.signs(obj)

    @admin.display(description="in force", boolean=True)
    def is_newest(self, obj):
        return obj.published_at is not None and not obj.superseded

    def change_view(self, request, object_id, form_url="", extra_context=None):
        """Show a version in words; nothing is changed here."""
        version = self.get_object(request, object_id)
        if request.method not in ("GET", "HEAD"):
            raise PermissionDenied("A published gate version never changes.")
        request.current_app = self.admin_site.name
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": f"Gate {version}",
            "page": gateversion.gate_page(version),
            "history_url": self.history_url(version),
        }
        return TemplateResponse(request, "gates/gateversion.html", context)
