"""The loads that a visitor may see."""

from datetime import datetime

from boundaries.models import Community, Subdistrict
from gridmap.permissions import Permission, Visitor, scope
from gridmap.workload import GridLoad, grid_loads


def visible_loads(
    user: Visitor, permission: Permission, at: datetime, town: Subdistrict | None = None
) -> list[GridLoad]:
    """The load of each grid on the ground where `user` holds `permission`; of one subdistrict if `town` is given."""
    allowed = scope(user, permission, at)
    if allowed.everywhere:
        return grid_loads(at, subdistricts=[town.pk] if town else None)
    whole, parts = allowed.subdistrict_ids, allowed.community_ids
    if town is not None:
        whole &= {town.pk}
        inside = (
            Community.objects.filter(subdistrict=town, pk__in=parts) if parts else Community.objects.none()
        )
        parts = frozenset(inside.values_list("pk", flat=True))
    return grid_loads(at, subdistricts=whole, communities=parts)
