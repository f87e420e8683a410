"""Apart from gridmap.apps, where Django wants one application only."""

from django.contrib.admin.apps import AdminConfig


class TownAdminConfig(AdminConfig):
    """Django's admin behind the product's own door."""

    default_site = "gridmap.admin_site.TownAdminSite"
