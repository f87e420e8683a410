"""The town map."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render


@login_required
def town_map(request: HttpRequest) -> HttpResponse:
    """The page with the whole town."""
    return render(request, "town/map.html")
