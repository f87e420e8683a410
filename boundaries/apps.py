from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

# Loaded with the first app, so that nothing loads pyogrio before it.
from boundaries.importing import drivers


class BoundariesConfig(AppConfig):
    """Geography: areas, outlines, buildings, plans. Knows no people."""

    name = "boundaries"
    verbose_name = _("Areas and plans")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Do not start where GDAL could open more than it should."""
        drivers.check()
