from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class GridmapConfig(AppConfig):
    """The service: people and work."""

    name = "gridmap"
    verbose_name = _("People and work")
    default_auto_field = "django.db.models.BigAutoField"
