"""Form fields of the admin: geometries and periods."""

import json
from typing import Any

import shapely
from django.contrib.gis.geos import GEOSGeometry
from django.contrib.postgres.forms import DateTimeRangeField
from leaflet.admin import LeafletAdminWidget

from boundaries.models.constraints import always

PARTS = frozenset({"type", "coordinates", "geometries"})


class GeometryWidget(LeafletAdminWidget):  # type: ignore[misc]  # leaflet has no types
    """A map to draw on. What comes back is read by Shapely.

    Django would give it to GDAL, which follows a link to a coordinate system that stands in the text, and the GDAL of
    Debian 12 cannot be told not to. Members other than type and coordinates are dropped before anything reads them.
    """

    def deserialize(self, value: str) -> GEOSGeometry | None:
        """Geometry in EPSG:4326 of a GeoJSON text; None where it is none."""
        try:
            read = json.loads(value)
            plain = json.dumps({name: part for name, part in read.items() if name in PARTS})
            shape = shapely.from_geojson(plain)
        except (ValueError, AttributeError, RecursionError, shapely.GEOSException):
            return None
        return GEOSGeometry(memoryview(shapely.to_wkb(shape)), srid=4326)


class OpenRange(DateTimeRangeField):
    """A period whose start, end or both may be left open."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{**kwargs, "required": False})

    def compress(self, values: Any) -> Any:
        """Both ends empty: for ever."""
        return super().compress(values) if values else always()
