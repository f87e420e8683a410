"""Compile the bulk index ahead of its first use: `python -m boundaries.bulk.warm`.

The first use on a machine compiles for some 15 seconds, which nobody should spend waiting for an answer. The machine
code is kept, so that a later call takes about a second.
"""

import tempfile
from pathlib import Path

import shapely

from boundaries.bulk.files import locate_file
from boundaries.bulk.index import build_index


def warm() -> None:
    """Answer a point and a file of one row about a made-up square, in each of the ways there are."""
    square, house = shapely.box(0, 0, 0.01, 0.01), shapely.box(0.009, 0.009, 0.011, 0.011)
    index = build_index([square], ["1"], buildings=[house], building_grids=[0], every_building=True)
    index.locate([0.005], [0.005])
    index.locate([0.005], [0.005], [20.0], with_building=True)
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "in.csv"), Path(folder, "out.csv")
        source.write_text("lon,lat,accuracy\n0.005,0.005,20\n")
        locate_file(index, source, target)


if __name__ == "__main__":
    warm()
