"""What the project is entered through: its admin site, and the pages that show several apps."""

from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig


class PortalAdminConfig(AdminConfig):
    """Django's admin, with our site as the default one that every app registers with."""

    default_site = "portal.site.GatehouseSite"


class PortalConfig(AppConfig):
    """The portal itself: shell, template tags, static files and pages; it has no models."""

    name = "portal"
    verbose_name = "Portal"
