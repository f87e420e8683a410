"""One grid on its ground, drawn to be read from a wall: what is the grid's stands out, what is around it stays quiet."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import shapely
from shapely.geometry.base import BaseGeometry

from boundaries.drawing.labels import Labels, width_of
from boundaries.drawing.landscape import Landscape, Layer
from boundaries.locating import metres_per_degree

Shapes = npt.NDArray[np.object_]

MARGIN: Final = 0.13
"""Share of the frame that is left around the grid."""
SMALLEST_M: Final = 140.0
"""A small grid is not blown up further than this width of ground."""
_BARS: Final = (10, 20, 50, 100, 200, 500, 1000, 2000)
_LAND: Final = {
    "park": "green", "riverside": "green", "wood": "green", "sports": "green", "field": "field",
    "square": "square", "site": "square",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A grid beside the one that is drawn: what it is called there, and its ground in EPSG:4326."""

    label: str
    ground: BaseGeometry


@dataclass(frozen=True, slots=True)
class Plate:
    """A map of `width` by `height` millimetres of one grid on its ground, in EPSG:4326.

    `is_chinese` chooses the names; `spot` is a place to mark (lon, lat), the service centre;
    `key` tells this map's ids from those of others on the page.
    """

    ground: BaseGeometry
    neighbours: Sequence[Neighbour]
    width: float
    height: float
    is_chinese: bool = True
    spot: tuple[float, float] | None = None
    spot_label: str = ""
    description: str = ""
    key: str = "plate"

    @property
    def box(self) -> tuple[float, float, float, float]:
        """West, south, east and north of the frame in degrees."""
        west, south, east, north = self.ground.bounds
        kx, ky = metres_per_degree((south + north) / 2)
        scale = self.metres
        half_x, half_y = self.width * scale / 2 / kx, self.height * scale / 2 / ky
        x, y = (west + east) / 2, (south + north) / 2
        return x - half_x, y - half_y, x + half_x, y + half_y

    @property
    def metres(self) -> float:
        """Metres of ground to a millimetre of paper."""
        west, south, east, north = self.ground.bounds
        kx, ky = metres_per_degree((south + north) / 2)
        room = 1.0 - 2 * MARGIN
        least: float = max(
            (east - west) * kx / (self.width * room),
            (north - south) * ky / (self.height * room),
            SMALLEST_M / self.width,
        )
        return least


class _Frame:
    """Degrees to millimetres, clipped to the frame and written as SVG."""

    def __init__(self, plate: Plate) -> None:
        self.plate = plate
        self.west, self.south, self.east, self.north = plate.box
        kx, ky = metres_per_degree((self.south + self.north) / 2)
        self.scale = np.array([kx, -ky]) / plate.metres
        self.corner = np.array([self.west, self.north])

    def to_paper(self, shapes: Shapes) -> Shapes:
        """Shapes in millimetres, cut off a little outside the frame so that no cut is seen."""
        if not len(shapes):
            return shapes
        moved = shapely.transform(shapes, lambda points: (points - self.corner) * self.scale)
        cut = shapely.clip_by_rect(moved, -6, -6, self.plate.width + 6, self.plate.height + 6)
        return np.asarray(cut, dtype=object)

    def one(self, shape: BaseGeometry) -> BaseGeometry:
        """One shape in millimetres."""
        found: BaseGeometry = self.to_paper(np.array([shape], dtype=object))[0]
        return found

    @property
    def rectangle(self) -> BaseGeometry:
        """The frame itself."""
        return shapely.box(0, 0, self.plate.width, self.plate.height)


def draw(plate: Plate, ground: Landscape) -> str:
    """The map as an SVG element; its colours come from the style sheet (`gridmap/css/print.css`), its texts are escaped."""
    frame = _Frame(plate)
    labels = Labels(plate.width, plate.height, plate.key)
    here = {
        name: getattr(ground, name).within(*plate.box)
        for name in ("land", "water", "compounds", "streets", "buildings", "communities")
    }
    paper = {name: frame.to_paper(layer.shapes) for name, layer in here.items()}
    own = frame.one(plate.ground)
    parts = [*_ground(here, paper, plate.metres), *_grids(plate, frame, own, paper["communities"])]
    parts += _furniture(plate, labels)
    if plate.spot is not None:
        parts += _spot(plate, frame, labels)
    _names(plate, frame, own, here, paper, labels)
    text = "".join(parts)
    return (
        f'<svg class="plate" viewBox="0 0 {plate.width:g} {plate.height:g}" role="img" '
        f'aria-label="{_attribute(plate.description)}">'
        f'<defs><clipPath id="{_clip(plate)}"><rect width="{plate.width:g}" height="{plate.height:g}"/></clipPath></defs>'
        f'<g clip-path="url(#{_clip(plate)})"><rect class="plate__ground" width="{plate.width:g}" height="{plate.height:g}"/>'
        f"{text}<g>{''.join(labels.written)}</g></g>"
        f'<rect class="plate__frame" width="{plate.width:g}" height="{plate.height:g}"/></svg>'
    )


def _clip(plate: Plate) -> str:
    return f"{plate.key}-clip"


def _attribute(text: str) -> str:
    return text.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")


def _ground(here: dict[str, Layer], paper: dict[str, Shapes], metres: float) -> list[str]:
    found = [
        _path(shape, f"plate__{_LAND.get(kind, 'green')}")
        for kind, shape in zip(here["land"].kinds, paper["land"], strict=True)
    ]
    found += [_path(shape, "plate__compound") for shape in paper["compounds"]]
    found += [_path(shape, "plate__water") for shape in paper["water"]]
    streets = here["streets"]
    lines = list(zip(streets.kinds, streets.numbers, paper["streets"], strict=True))
    open_air = [each for each in lines if each[0] != "rail"]
    for css, more in (("plate__casing", 0.3), ("plate__street", 0.0)):
        for kind, width, line in open_air:
            broad = max(width / metres, 0.35 if kind in {"path", "service"} else 0.6) + more
            css_of = css if more or kind not in {"avenue", "motorway"} else "plate__avenue"
            found.append(_path(line, css_of, f' stroke-width="{broad:.2f}"'))
    found += [_path(line, "plate__rail") for kind, _width, line in lines if kind == "rail"]
    found += [_path(shape, "plate__building") for shape in paper["buildings"]]
    return found


def _grids(plate: Plate, frame: _Frame, own: BaseGeometry, communities: Shapes) -> list[str]:
    others = frame.to_paper(np.array([each.ground for each in plate.neighbours], dtype=object))
    found = [_path(frame.rectangle.buffer(7).difference(own), "plate__veil")]
    found += [_path(shape.boundary, "plate__neighbour") for shape in others if not shape.is_empty]
    found += [_path(shape, "plate__community") for shape in communities]
    found += [_path(own, "plate__halo"), _path(own, "plate__grid")]
    return found


def _furniture(plate: Plate, labels: Labels) -> list[str]:
    """The arrow to the north above on the right, the scale below on the left."""
    right = plate.width - 9.0
    labels.reserve(right - 5, 2, plate.width, 19)
    arrow = (
        f'<g class="plate__north"><path d="M{right:g} 4.5 l3.2 9.5 l-3.2 -2.2 l-3.2 2.2 z"/>'
        f'<text x="{right:g}" y="18" font-size="3.6">N</text></g>'
    )
    length = next((each for each in reversed(_BARS) if each / plate.metres <= plate.width * 0.22), _BARS[0])
    size = length / plate.metres
    label = f"{length} m" if length < 1000 else f"{length // 1000} km"
    top = plate.height - 5.0
    labels.reserve(0, top - 5.5, size + 8 + width_of(label, 3.0), plate.height)
    bar = (
        f'<g class="plate__scale"><rect class="plate__plain" x="2.2" y="{top - 4.6:g}" rx="1" '
        f'width="{size + 9.5 + width_of(label, 3.0):.2f}" height="7.4"/>'
        f'<path d="M4 {top - 2:g} v2 h{size:.2f} v-2 M{4 + size / 2:.2f} {top:g} v-1.2"/>'
        f'<text x="{5.4 + size:.2f}" y="{top:g}" font-size="3">{label}</text></g>'
    )
    return [arrow, bar]


def _spot(plate: Plate, frame: _Frame, labels: Labels) -> list[str]:
    assert plate.spot is not None
    x, y = (np.array(plate.spot) - frame.corner) * frame.scale
    if not (4 < x < plate.width - 4 and 4 < y < plate.height - 4):
        return []
    labels.reserve(x - 2.2, y - 2.2, x + 2.2, y + 2.2)
    star = _star(float(x), float(y), 2.3)
    size = 2.7
    half = width_of(plate.spot_label, size) / 2
    for side in (1, -1):
        if labels.at(plate.spot_label, float(x) + side * (half + 3.4), float(y), size, "plate__spot-name"):
            break
    return [f'<g class="plate__spot"><circle cx="{x:.2f}" cy="{y:.2f}" r="2.9"/><path d="{star}"/></g>']


def _star(x: float, y: float, radius: float) -> str:
    corners = []
    for number in range(10):
        reach = radius * (0.42 if number % 2 else 0.95)
        angle = math.pi * number / 5 - math.pi / 2
        corners.append(f"{x + reach * math.cos(angle):.2f} {y + reach * math.sin(angle):.2f}")
    return f"M{'L'.join(corners)}Z"


def _names(
    plate: Plate,
    frame: _Frame,
    own: BaseGeometry,
    here: dict[str, Layer],
    paper: dict[str, Shapes],
    labels: Labels,
) -> None:
    """Neighbours first, then streets, water, compounds and the numbers of buildings, as long as there is room."""
    inner = frame.rectangle.buffer(-2.5)
    borders = [own.boundary, *paper["communities"]]
    for each in plate.neighbours:
        seen = frame.one(each.ground).intersection(inner)
        labels.within(each.label, seen, 3.1, "plate__next")
    named = _by_name(here["streets"], paper["streets"], plate)
    for text, wide, line in named:
        size = 3.3 if wide >= 20 else 2.7 if wide >= 9 else 2.3
        pieces = sorted(_lines(line.intersection(inner)), key=lambda piece: -piece.length)
        placed = 0
        for piece in pieces[:4]:
            if placed < 2 and labels.along(text, piece, size, "plate__street-name", borders):
                placed += 1
    for name, shape in zip(here["water"].names, paper["water"], strict=True):
        if text := _chosen(name, plate):
            _water_name(text, shape.intersection(inner), labels)
    homes = zip(here["compounds"].names, paper["compounds"], strict=True)
    for name, shape in homes:
        if text := _chosen(name, plate):
            _compound_name(text, shape.intersection(own).intersection(inner), labels)
    for name, shape in zip(here["land"].names, paper["land"], strict=True):
        if text := _chosen(name, plate):
            labels.within(text, shape.intersection(own), 2.3, "plate__green-name")
    for (number, _), shape in zip(here["buildings"].names, paper["buildings"], strict=True):
        if number and shape.area > 5.0 and own.intersects(shape):
            middle = shape.representative_point()
            labels.at(number, middle.x, middle.y, 1.9, "plate__number", gap=0.1)


def _water_name(text: str, shape: BaseGeometry, labels: Labels) -> None:
    """Along a river where it is long, level in a lake."""
    if shape.is_empty or shape.area < 12:
        return
    part = max(shapely.get_parts(shape), key=lambda each: each.area)
    if part.geom_type != "Polygon":
        return
    box = shapely.oriented_envelope(part)
    corners = shapely.get_coordinates(box)
    if len(corners) < 4:
        return
    sides = np.hypot(*(corners[1:3] - corners[:2]).T)
    a, b, c = corners[0], corners[1], corners[2]
    axis = (
        shapely.LineString([(a + b) / 2, (c + corners[3]) / 2])
        if sides[1] > sides[0]
        else shapely.LineString([(a + corners[3]) / 2, (b + c) / 2])
    )
    # the middle of a bent river lies off the axis of its box: each point is brought to the middle of the water across it
    line = _midline(part, axis)
    if line is None or not labels.along(text, line, 2.9, "plate__water-name"):
        labels.within(text, part, 2.6, "plate__water-name")


def _midline(part: BaseGeometry, axis: BaseGeometry) -> BaseGeometry | None:
    (x1, y1), (x2, y2) = shapely.get_coordinates(axis)
    length = math.hypot(x2 - x1, y2 - y1)
    if length < 8:
        return None
    across = np.array([-(y2 - y1), x2 - x1]) / length * 400
    points = []
    for share in np.linspace(0.04, 0.96, max(6, int(length / 4))):
        place = np.array([x1 + (x2 - x1) * share, y1 + (y2 - y1) * share])
        cut = shapely.LineString([place - across, place + across]).intersection(part)
        if not cut.is_empty and cut.length > 0:
            widest = max(shapely.get_parts(cut), key=lambda each: each.length)
            points.append(shapely.get_coordinates(widest.interpolate(0.5, normalized=True))[0])
    return shapely.LineString(points) if len(points) >= 3 else None


def _compound_name(text: str, shape: BaseGeometry, labels: Labels) -> None:
    if shape.is_empty or shape.area < 30:
        return
    room = math.sqrt(shape.area)
    size = 2.6 if room > 16 else 2.2
    if width_of(text, size) < room * 2.4:
        labels.within(text, shape, size, "plate__compound-name")


def _by_name(layer: Layer, shapes: Shapes, plate: Plate) -> list[tuple[str, float, BaseGeometry]]:
    """Streets of one name together, the widest first."""
    found: dict[str, list[BaseGeometry]] = {}
    width: dict[str, float] = {}
    for kind, name, wide, line in zip(layer.kinds, layer.names, layer.numbers, shapes, strict=True):
        text = _chosen(name, plate)
        if text and kind != "rail" and not line.is_empty:
            found.setdefault(text, []).append(line)
            width[text] = max(width.get(text, 0.0), wide)
    order = sorted(found, key=lambda text: (-width[text], text))
    return [(text, width[text], shapely.line_merge(shapely.union_all(found[text]))) for text in order]


def _chosen(name: tuple[str, str], plate: Plate) -> str:
    return name[0] if plate.is_chinese else name[1] or name[0]


def _lines(shape: BaseGeometry) -> Iterable[BaseGeometry]:
    return [part for part in shapely.get_parts(shape) if part.geom_type == "LineString"]


def _path(shape: BaseGeometry, css: str, more: str = "") -> str:
    """A shape in millimetres as one path; nothing for an empty one."""
    if shape.is_empty:
        return ""
    dimension = shapely.get_dimensions(shape)
    strings = shapely.get_rings(shapely.get_parts(shape)) if dimension == 2 else shapely.get_parts(shape)
    pieces = []
    for string in strings:
        points = np.round(shapely.get_coordinates(string), 2).tolist()
        if len(points) > 1:
            if dimension == 2:
                points = points[:-1]
            text = "L".join(f"{x:g} {y:g}" for x, y in points)
            pieces.append(f"M{text}{'Z' if dimension == 2 else ''}")
    return f'<path class="{css}"{more} d="{"".join(pieces)}"/>' if pieces else ""
