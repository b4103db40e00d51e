"""Tools and what they can be allowed to do."""

from django.contrib import admin

from audit.admin import GovernedInline
from registry.admin.base import RegistryAdmin
from registry.admin.retiring import Retirable
from registry.models import Tool, ToolScope


class ToolScopeInline(GovernedInline):
    model = ToolScope
    verbose_name = "scope"
    verbose_name_plural = "Scopes"


@admin.register(Tool)
class ToolAdmin(Retirable, RegistryAdmin):
    list_display = ("slug", "name", "description", "changed")
    search_fields = ("slug", "name", "description")
    inlines = (ToolScopeInline,)
    fieldsets = (
        (
            None,
            {
                "fields": ("slug", "name", "description"),
                "description": "A release is granted single scopes of a tool, so part what only "
                "reads from what changes something.",
            },
        ),
    )
    help_texts = {"slug": "Its name in addresses and tools; it never changes."}
