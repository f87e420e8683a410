"""A town that comes in from a file."""

from pathlib import Path
from typing import Any

from boundaries.actions.importing import NewSubdistrict, import_areas
from boundaries.importing.report import Report
from boundaries.importing.rows import Options

TOWN = NewSubdistrict("510115001", "柳城街道")
PLAIN = Options()


def new_town(path: Path, options: Options = PLAIN, **more: Any) -> Report:
    """Bring in communities of a subdistrict that is not there yet."""
    return import_areas(path, level="community", subdistrict=TOWN, options=options, by=None, **more)
