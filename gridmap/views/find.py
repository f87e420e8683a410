"""«Find my grid specialist»: the page for residents, without signing in."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render


def find(request: HttpRequest) -> HttpResponse:
    """The public page."""
    return render(request, "find/find.html")
