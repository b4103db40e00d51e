"""Admin pages of the registry, one module per noun."""

from django.contrib import admin
from django.contrib.auth.models import Group

from registry.admin import places, teams

__all__ = ["places", "teams"]

# Rights are role grants; a group would promise some and give none.
admin.site.unregister(Group)
