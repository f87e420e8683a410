"""Who calls."""

from typing import Any

from django.http import HttpRequest
from django.utils import timezone
from ninja import Router

from gridmap.api.auth import SIGNED_IN, account
from gridmap.api.inputs import ERRORS
from gridmap.api.shapes import MeOut
from gridmap.models import RoleGrant, Specialist

router = Router(tags=["Account"], auth=SIGNED_IN)


@router.get("/me", response={200: MeOut} | ERRORS, summary="The account that calls")
def me(request: HttpRequest) -> dict[str, Any]:
    """Its roles with their ground, what they permit, and the specialist's post if it has one."""
    user = account(request)
    now = timezone.now()
    held = RoleGrant.objects.held_by(user, now).select_related("subdistrict", "community")
    post = Specialist.objects.employed(now).filter(user=user).first()
    return {
        "username": user.get_username(),
        "roles": [
            {
                "role": each.role,
                "subdistrict": each.subdistrict.code,
                "community": each.community.code if each.community else None,
            }
            for each in held.defer("subdistrict__outline", "community__outline")
        ],
        "permissions": sorted(user.get_all_permissions()),
        "specialist": (
            {
                "id": post.pk,
                "public_name": post.public_name,
                "kind": post.kind,
                "staff_number": post.staff_number,
            }
            if post
            else None
        ),
    }
