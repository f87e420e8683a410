"""Makes a planner with a session in the database of the settings, for tests.benchmarks.redraw; prints JSON."""

import json
import secrets

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore

from boundaries.models import Community, Subdistrict
from boundaries.models.constraints import always
from gridmap.models import Role, RoleGrant, User


def main() -> None:
    """One planner of one subdistrict: the middle one, where there are several."""
    subdistricts = list(Subdistrict.objects.order_by("code"))
    town = subdistricts[len(subdistricts) // 2]
    user = User(username=f"bench-{secrets.token_hex(4)}")
    user.set_unusable_password()
    user.save()
    RoleGrant.objects.create(user=user, role=Role.PLANNER, subdistrict=town, period=always())
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.create()
    codes = Community.objects.filter(subdistrict=town).order_by("code").values_list("code", flat=True)
    print(json.dumps({"session": session.session_key, "communities": list(codes)}))
