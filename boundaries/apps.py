from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class BoundariesConfig(AppConfig):
    """Geography: areas, outlines, buildings, plans. Knows no people."""

    name = "boundaries"
    verbose_name = _("Areas and plans")
    default_auto_field = "django.db.models.BigAutoField"
