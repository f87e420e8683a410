"""Django's admin with the product's own door: role grants decide, and one signs in where everybody does."""

from typing import Any

from django.conf import settings
from django.contrib.admin import AdminSite
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

USE_ADMIN = "gridmap.use_admin"
# What Django's own templates say and its Chinese catalogue lacks: named here, so that ours has it.
DJANGO_LACKS = (
    gettext_noop("Model name"),
    gettext_noop("Add link"),
    gettext_noop("Change or view list link"),
)


class TownAdminSite(AdminSite):
    """Open to administrators and auditors, whatever `is_staff` says."""

    site_header = _("Gridmap administration")
    site_title = _("Gridmap")
    index_title = _("Reference data, accounts, records")

    def has_permission(self, request: HttpRequest) -> bool:
        """Whether a role of the user opens the admin."""
        return request.user.is_active and request.user.has_perm(USE_ADMIN)

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponseBase:  # type: ignore[override]  # stubs name one subclass
        """Send to the one sign-in page, which knows demo logins and languages."""
        target = request.GET.get("next") or reverse("admin:index")
        if self.has_permission(request):
            return redirect("admin:index")
        if request.user.is_authenticated:
            raise PermissionDenied
        return redirect_to_login(target, settings.LOGIN_URL)
