"""What is in an uploaded file: columns, first rows, coordinate system, guesses.

Of a household register it shows no more than the import itself reads: cells in columns that say where a door is, the
heading alone of every other column.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from django.core.cache import cache
from django.utils import translation

from boundaries.importing.opening import open_source
from boundaries.importing.report import ImportFileError
from gridmap.actions.import_kinds import KINDS
from gridmap.models import ImportKind, ImportRun
from gridmap.registers import looks_personal, names_people

ROWS: Final = 6
MASK: Final = "•••"
_WIDEST: Final = 60
_KEPT_S: Final = 3600


@dataclass(frozen=True, slots=True)
class Preview:
    """The beginning of a file."""

    driver: str
    layer: str | None
    crs: str
    encoding: str
    total: int | None
    fields: list[str]
    rows: list[tuple[int, list[str]]]
    guess: Mapping[str, str]
    is_table: bool

    @property
    def is_osm(self) -> bool:
        """OpenStreetMap: its columns are known, nothing is to be chosen."""
        return self.driver == "OSM"


def preview(run: ImportRun) -> Preview:
    """Read the beginning of the file of `run`, once: a packed file is not unpacked again each time its page is opened.

    Raises
    ------
    ImportFileError
        It cannot be read; the message says why.
    """
    told = {name: run.options.get(name) for name in ("layer", "encoding", "crs", "mapping")}
    asked = json.dumps([run.kind, run.file.name, told, translation.get_language()], sort_keys=True)
    key = f"import-preview-{run.pk}-{hashlib.sha256(asked.encode()).hexdigest()}"
    found: Preview | str | None = cache.get(key)
    if found is None:
        try:
            found = _read(run)
        except ImportFileError as error:
            found = str(error)
        cache.set(key, found, _KEPT_S)
    if isinstance(found, str):
        raise ImportFileError(found)
    return found


def _read(run: ImportRun) -> Preview:
    options = run.options
    with open_source(
        Path(run.file.path),
        layer=options.get("layer") or None,
        told_encoding=options.get("encoding") or None,
        crs=options.get("crs") or None,
        needs_crs=False,
    ) as source:
        guess = KINDS[run.kind].guess(list(source.fields))
        shown = set(source.fields)
        if run.kind == ImportKind.HOUSEHOLDS:
            told: dict[str, str] = options.get("mapping") or {}
            used = {**guess, **told}.values()
            shown = {name for name in used if not names_people(name)}
        rows: list[tuple[int, list[str]]] = []
        if source.driver != "OSM" and (batch := source.head(ROWS)) is not None:
            for index, number in enumerate(batch.rows[:ROWS]):
                cells = [batch.text(name, index) if name in shown else MASK for name in source.fields]
                if run.kind == ImportKind.HOUSEHOLDS:
                    cells = [MASK if looks_personal(cell) else cell for cell in cells]
                rows.append(
                    (number, [cell[:_WIDEST] + ("…" if len(cell) > _WIDEST else "") for cell in cells])
                )
        return Preview(
            driver=source.driver,
            layer=source.layer,
            crs="" if source.crs is None else source.crs.name,
            encoding=source.encoding or "",
            total=source.total,
            fields=list(source.fields),
            rows=rows,
            guess=guess,
            is_table=source.is_table,
        )
