"""Teams: who owns rows and is on call for them."""

from django.contrib import admin

from registry.admin.base import RegistryAdmin
from registry.models import Team


@admin.register(Team)
class TeamAdmin(RegistryAdmin):
    list_display = ("slug", "name", "contact", "changed")
    search_fields = ("slug", "name")
    fieldsets = (
        (
            None,
            {
                "fields": ("slug", "name", "contact"),
                "description": "A team owns models, prompts and use cases. Who holds a role in "
                "it sees its rows; who holds none does not.",
            },
        ),
    )
