"""Choosing one's own password: at any time, and first of all where somebody else chose it."""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib.auth.forms import PasswordChangeForm
from django.contrib.auth.views import PasswordChangeView
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _

from gridmap.actions.accounts import chose_password
from gridmap.models import User
from gridmap.views.visitor import user_of


class OwnPasswordForm(PasswordChangeForm):
    """The password held now, and another one twice."""

    def clean_new_password1(self) -> str:
        """Another one: what somebody else knows must not stay."""
        chosen: str = self.cleaned_data["new_password1"]
        if self.user.check_password(chosen):
            raise ValidationError(_("This is the password you have now. Choose another one."))
        return chosen


class OwnPassword(PasswordChangeView):
    """The page for it. Demo logins keep the password that was printed."""

    template_name = "accounts/password.html"
    form_class = OwnPasswordForm

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Everybody but the demo logins, which several people share."""
        if isinstance(request.user, User) and request.user.is_demo:
            raise PermissionDenied
        return super().dispatch(request, *args, **kwargs)

    def form_valid(self, form: Any) -> HttpResponse:
        """Save and record in one transaction; other sessions of the account end."""
        with transaction.atomic():
            answer = super().form_valid(form)
            chose_password(user=user_of(self.request))
        return answer

    def get_success_url(self) -> str:
        return reverse("home")


class OwnPasswordFirst:
    """Leads those whose password somebody else chose to choosing their own.

    A courtesy, not the lock: until then none of the account's roles opens anything (`permissions.grants`).
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        page = reverse("password")
        free = (page, reverse("sign-out"), "/api/", "/i18n/")
        # Who is not signed in, and files of the map, which are the same for everybody, must not touch the session.
        is_page = "." not in request.path and settings.SESSION_COOKIE_NAME in request.COOKIES
        if (
            is_page
            and not request.path.startswith(free)
            and getattr(request.user, "must_change_password", False)
        ):
            return redirect(page)
        return self.get_response(request)
