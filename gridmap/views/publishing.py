"""Publishing a plan: checks, people, approval, the time from which it holds."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from gridmap.views.plan_pages import plan_for


@login_required
@require_GET
def plan_publish(request: HttpRequest, pk: int) -> HttpResponse:
    """The page."""
    _user, plan = plan_for(request, pk)
    return render(request, "plans/publish.html", {"plan": plan})
