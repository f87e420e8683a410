"""Write one reference object by hand: the row, what is derived from it, and the editions of the layers it shows on."""

from collections.abc import Callable, Sequence
from typing import Any, Final

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.utils import timezone

from boundaries.actions.editions import BUILDINGS, GRIDS, GROUND, raise_editions
from boundaries.actions.placements import place_buildings
from boundaries.actions.places import refresh_places
from boundaries.models import Building, Community, Compound, Land, Street, Subdistrict, Water

Reference = Subdistrict | Community | Compound | Building | Street | Water | Land

LAYERS: Final[dict[type[Reference], tuple[str, ...]]] = {
    # A subdistrict's reach decides which grid is still "nearest", so the index of grids depends on it.
    Subdistrict: (GROUND, GRIDS),
    Community: (GROUND, GRIDS),
    Compound: (GROUND, BUILDINGS),
    Building: (BUILDINGS,),
    Street: (GROUND,),
    Water: (GROUND,),
    Land: (GROUND,),
}


Record = Callable[[Reference, str, int, Sequence[str], Any], object]
"""Writes the history row: the object, create, change or delete, its key, names of fields, and who."""


@transaction.atomic
def save_reference(
    obj: Reference,
    *,
    fields: Sequence[str] = (),
    record: Record | None = None,
    by: AbstractBaseUser | None = None,
) -> None:
    """Save `obj`; a building finds its grid from now on, the search its new name, browsers the new drawing.

    Parameters
    ----------
    fields : sequence of str
        Names of the fields that were changed, for the record.
    record : callable, optional
        Called in the transaction; what it raises undoes the change.
    by : user, optional
        Who does it, for the record.
    """
    is_new = obj.pk is None
    obj.save()
    if record is not None:
        record(obj, "create" if is_new else "change", obj.pk, fields, by)
    if isinstance(obj, Building):
        # One that stands already keeps the grids it had; a new record holds for all the time it existed.
        place_buildings(buildings=[obj.pk], since=None if is_new else timezone.now())
    _follow(obj, obj.pk)


@transaction.atomic
def delete_reference(
    obj: Street | Water | Land, *, record: Record | None = None, by: AbstractBaseUser | None = None
) -> None:
    """Delete ground that nothing refers to. Areas and buildings are never deleted: they end."""
    key = obj.pk
    obj.delete()
    if record is not None:
        record(obj, "delete", key, (), by)
    _follow(obj, key)


def _follow(obj: Reference, key: int) -> None:
    if isinstance(obj, Building):
        refresh_places(obj.subdistrict, buildings=[key])
    elif isinstance(obj, Compound):
        refresh_places(obj.community.subdistrict, compounds=[key])
    elif isinstance(obj, Subdistrict):
        refresh_places(obj)
    else:
        refresh_places(obj.subdistrict)
    raise_editions(*LAYERS[type(obj)])
