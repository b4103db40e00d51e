"""What the project is entered through: its admin site, and the pages that show several apps."""

from django.apps import AppConfig
from django.contrib.admin.apps import SimpleAdminConfig


class PortalAdminConfig(SimpleAdminConfig):
    """Django's admin, with our site as the default one; app admins are found by autodiscovery."""

    default_site = "portal.site.GatehouseSite"

    def ready(self):
        super().ready()
        self.module.autodiscover()


class PortalConfig(AppConfig):
    """The portal itself: shell, template tags, static files and pages; it has no models."""

    name = "portal"
    verbose_name = "Portal"
