"""Home by role: straight to the workplace, with an overview of the rest."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from gridmap.actions.setup import is_untouched
from gridmap.models import Role
from gridmap.views.navigation import places_for, roles_of, workplace


@login_required
def home(request: HttpRequest) -> HttpResponse:
    """The places this user may open; the one where the day begins comes first."""
    if is_untouched():
        return redirect("first-run")
    roles = roles_of(request.user)
    places = places_for(request.user)
    first = workplace(roles, places)
    context = {
        "first": first,
        "others": [place for place in places if place != first],
        "role_names": [Role(role).label for role in Role.values if role in roles],
    }
    return render(request, "home.html", context)
