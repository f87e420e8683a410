"""Signing in and out."""

from typing import Any

from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import LoginView
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse

from boundaries.models import Subdistrict
from gridmap.models import User
from gridmap.views.attempts import Locked, begin


class SignIn(LoginView):
    """The sign-in page. In the demo town it says where the demo logins are found."""

    template_name = "accounts/sign_in.html"
    redirect_authenticated_user = True

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Nobody can sign in to an installation without accounts: the first run comes first."""
        if request.user.is_anonymous and not User.objects.exists():
            return redirect("first-run")
        return super().dispatch(request, *args, **kwargs)

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Compare name and password, unless there were too many failures."""
        try:
            self.attempt = begin(request, "sign-in", request.POST.get("username", "")[:150])
        except Locked as locked:
            form = self.get_form_class()(request, initial={"username": request.POST.get("username", "")})
            context = self.get_context_data(form=form, locked=str(locked))
            response = self.render_to_response(context, status=429)
            response["Retry-After"] = str(locked.wait)
            return response
        return super().post(request, *args, **kwargs)

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        """Name and password fit: earlier failures are forgotten."""
        self.attempt.succeeded()
        return super().form_valid(form)

    def get_default_redirect_url(self) -> str:
        return reverse("home")

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        is_demo = Subdistrict.objects.filter(is_synthetic=True).exists()
        names = User.objects.filter(is_demo=True, is_active=True).values_list("username", flat=True)
        return super().get_context_data(**kwargs) | {
            "demo_logins": list(names.order_by("username")[:12]) if is_demo else []
        }
