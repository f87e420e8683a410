"""Signing in and out."""

from typing import Any

from django.contrib.auth.views import LoginView
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse

from boundaries.models import Subdistrict
from gridmap.models import User


class SignIn(LoginView):
    """The sign-in page. In the demo town it says where the demo logins are found."""

    template_name = "accounts/sign_in.html"
    redirect_authenticated_user = True

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Nobody can sign in to an installation without accounts: the first run comes first."""
        if request.user.is_anonymous and not User.objects.exists():
            return redirect("first-run")
        return super().dispatch(request, *args, **kwargs)

    def get_default_redirect_url(self) -> str:
        return reverse("home")

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        is_demo = Subdistrict.objects.filter(is_synthetic=True).exists()
        names = User.objects.filter(is_demo=True, is_active=True).values_list("username", flat=True)
        return super().get_context_data(**kwargs) | {
            "demo_logins": list(names.order_by("username")[:12]) if is_demo else []
        }
