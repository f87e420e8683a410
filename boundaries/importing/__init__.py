"""From a file to rows that can be trusted, and a report on every row that cannot.

``reading`` opens files, ``shapes`` and ``coverage`` make geometries sound, ``suspicions`` looks for the wrong datum,
axes or unit, ``areas``, ``buildings`` and ``ground`` turn rows into what the town is made of. Nothing here writes to
the database: that is ``boundaries.actions.importing``.
"""

from boundaries.importing import drivers as drivers  # first of all: it decides what GDAL may open
