"""Write one reference object by hand: the row, what is derived from it, and the editions of the layers it shows on."""

from collections.abc import Sequence
from typing import Any, Final

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.dispatch import Signal
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


reference_changed: Final = Signal()
"""Sent in the transaction that writes: `instance`, `verb` (create, change, delete), `key`, `fields` (their names) and
`by`. Whoever keeps a record of it listens; what a listener raises undoes the change."""


@transaction.atomic
def save_reference(obj: Reference, *, by: AbstractBaseUser | None = None, fields: Sequence[str] = ()) -> None:
    """Save `obj`; a building finds its grid from now on, the search its new name, browsers the new drawing.

    Parameters
    ----------
    by : user, optional
        Who does it, for the record.
    fields : sequence of str
        Names of the fields that were changed, for the record.
    """
    is_new = obj.pk is None
    obj.save()
    _tell(obj, "create" if is_new else "change", obj.pk, by, fields)
    if isinstance(obj, Building):
        # One that stands already keeps the grids it had; a new record holds for all the time it existed.
        place_buildings(buildings=[obj.pk], since=None if is_new else timezone.now())
    _follow(obj, obj.pk)


@transaction.atomic
def delete_reference(obj: Street | Water | Land, *, by: AbstractBaseUser | None = None) -> None:
    """Delete ground that nothing refers to. Areas and buildings are never deleted: they end."""
    key = obj.pk
    obj.delete()
    _tell(obj, "delete", key, by, ())
    _follow(obj, key)


def _tell(obj: Reference, verb: str, key: int, by: Any, fields: Sequence[str]) -> None:
    reference_changed.send(type(obj), instance=obj, verb=verb, key=key, fields=tuple(fields), by=by)


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
