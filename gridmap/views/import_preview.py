"""What is in an uploaded file: columns, first rows, coordinate system, guesses."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from boundaries.importing.opening import open_source
from gridmap.actions.import_kinds import KINDS
from gridmap.models import ImportRun

ROWS: Final = 6
_WIDEST: Final = 60


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
    """Read the beginning of the file of `run`.

    Raises
    ------
    ImportFileError
        It cannot be read; the message says why.
    """
    options = run.options
    with open_source(
        Path(run.file.path),
        layer=options.get("layer") or None,
        told_encoding=options.get("encoding") or None,
        crs=options.get("crs") or None,
        needs_crs=False,
    ) as source:
        rows: list[tuple[int, list[str]]] = []
        if source.driver != "OSM" and (batch := source.head(ROWS)) is not None:
            for index, number in enumerate(batch.rows[:ROWS]):
                cells = [batch.text(name, index) for name in source.fields]
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
            guess=KINDS[run.kind].guess(list(source.fields)),
            is_table=source.is_table,
        )
