"""Publishes one plan in a process of its own, to be killed in the middle: python -m … PLAN COMMUNITY MINUTES."""

import os
import sys
from datetime import timedelta

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gridmap.settings")
django.setup()

from django.utils import timezone  # noqa: E402 - after the set-up

from boundaries.models import Community, Plan  # noqa: E402
from gridmap.actions.plans import publish_plan  # noqa: E402

if __name__ == "__main__":
    plan, community, minutes = (int(word) for word in sys.argv[1:4])
    publish_plan(
        plan=Plan.objects.get(pk=plan),
        communities=[Community.objects.get(pk=community)],
        at=timezone.now() + timedelta(minutes=minutes),
        by=None,
    )
    print("published")
