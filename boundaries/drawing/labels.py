"""Names on a map that do not cover each other: first come, first served. Everything in millimetres, y downwards."""

import math
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final
from xml.sax.saxutils import escape

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry
from shapely.ops import substring

_STEEP: Final = 55.0
"""Degrees from level from which Chinese is written downwards."""
_TRIES: Final = (0.5, 0.38, 0.62, 0.26, 0.74, 0.14, 0.86)


def width_of(text: str, size: float) -> float:
    """How wide a text is about, at a font size: a Chinese character is as wide as high, a Latin letter some half."""
    return size * sum(1.0 if unicodedata.east_asian_width(each) in "WF" else 0.56 for each in text)


def _halves(text: str) -> list[str]:
    """A text on two lines, parted at a blank if it has one, else in the middle if it is long."""
    blanks = [at for at, each in enumerate(text) if each == " "]
    if blanks:
        at = min(blanks, key=lambda blank: abs(blank - len(text) / 2))
        return [text[:at], text[at + 1 :]]
    middle = (len(text) + 1) // 2
    return [text[:middle], text[middle:]] if len(text) > 6 else [text]


def _straight(
    line: BaseGeometry, middle: float, long: float, size: float
) -> tuple[float, float, float] | None:
    """Middle and angle (within 90 degrees of level) of a stretch of the line that is straight enough for a text."""
    if middle - long / 2 < 0 or middle + long / 2 > line.length:
        return None
    marks = np.linspace(middle - long / 2, middle + long / 2, 9)
    points = shapely.get_coordinates(shapely.line_interpolate_point(line, marks))
    run = points[-1] - points[0]
    reach = math.hypot(*run)
    if reach < 0.97 * long:
        return None
    off = points - points[0]
    if np.abs(off[:, 0] * run[1] - off[:, 1] * run[0]).max() / reach > size * 0.35:
        return None
    angle = (math.degrees(math.atan2(run[1], run[0])) + 90.0) % 180.0 - 90.0
    x, y = points.mean(axis=0)
    return float(x), float(y), angle


@dataclass(slots=True)
class Labels:
    """The names placed so far in a frame of `width` and `height`, with the space they take.

    `key` begins the ids of what is drawn, so that several maps stand on one page.
    """

    width: float
    height: float
    key: str = "plate"
    taken: list[BaseGeometry] = field(default_factory=list)
    written: list[str] = field(default_factory=list)

    def reserve(self, left: float, top: float, right: float, bottom: float) -> None:
        """Keep names out of a rectangle: the scale, the arrow."""
        self.taken.append(shapely.box(left, top, right, bottom))

    def at(self, text: str, x: float, y: float, size: float, css: str, *, gap: float = 0.6) -> bool:
        """Place a text with its middle at a point, level; whether there was room."""
        return self._lines([text], x, y, size, css, gap)

    def within(self, text: str, area: BaseGeometry, size: float, css: str) -> bool:
        """Place a text in an area, where it is roomiest, on two lines where one is too long; it may stand over the
        area's sides a little."""
        if area.is_empty or area.area < size * size:
            return False
        widest = max(shapely.get_parts(area), key=lambda part: part.area)
        circle = shapely.maximum_inscribed_circle(widest, tolerance=0.5)
        x, y = (float(value) for value in shapely.get_coordinates(circle)[0])
        lines = [text] if width_of(text, size) <= circle.length * 2.2 else _halves(text)
        return self._lines(lines, x, y, size, css, 0.6)

    def _lines(self, lines: Sequence[str], x: float, y: float, size: float, css: str, gap: float) -> bool:
        step = size * 1.15
        half = max(width_of(line, size) for line in lines) / 2 + gap
        tall = size / 2 + step * (len(lines) - 1) / 2 + gap
        if not self._take(shapely.box(x - half, y - tall, x + half, y + tall)):
            return False
        for number, line in enumerate(lines):
            self._write(line, x, y + step * (number - (len(lines) - 1) / 2), size, css, 0.0)
        return True

    def along(
        self, text: str, line: BaseGeometry, size: float, css: str, beside: Sequence[BaseGeometry] = ()
    ) -> bool:
        """Place a text on a line where that runs straight for as long as the text is: turned with it, never upside down;
        Chinese beside a steep line stands upright, character under character.

        Where one of `beside` (borders) runs along the line too, the text stands beside it, on the side that is freer.
        """
        long = width_of(text, size) + size
        if line.length < long * 1.05:
            return False
        for share in _TRIES:
            found = _straight(line, share * line.length, long, size)
            if found is None:
                continue
            x, y, angle = found
            spot = shapely.Point(x, y)
            crowded = any(each.distance(spot) < size * 0.75 for each in beside)
            for off in (-1.05, 1.05) if crowded else (0.0,):
                turned = math.radians(angle)
                at = (x - math.sin(turned) * off * size, y + math.cos(turned) * off * size)
                if self._along_at(text, *at, angle, long, size, css):
                    return True
        return self._bent(text, line, long, size, css, beside)

    def _bent(
        self,
        text: str,
        line: BaseGeometry,
        long: float,
        size: float,
        css: str,
        beside: Sequence[BaseGeometry],
    ) -> bool:
        """Let a text follow a line that bends gently."""
        for share in _TRIES:
            middle = share * line.length
            if middle - long / 2 < 0 or middle + long / 2 > line.length:
                continue
            part = substring(line, middle - long / 2, middle + long / 2).simplify(0.25)
            points = shapely.get_coordinates(part)
            turns = np.abs(np.diff(np.unwrap(np.arctan2(*np.diff(points, axis=0).T[::-1]))))
            reach = math.hypot(*(points[-1] - points[0]))
            if reach < 0.7 * long or (len(turns) and turns.max() > math.radians(28)):
                continue
            if points[-1][0] < points[0][0]:
                part = part.reverse()
            crowded = any(
                each.distance(part.interpolate(0.5, normalized=True)) < size * 0.75 for each in beside
            )
            for off in (-1.05, 1.05) if crowded else (0.0,):
                path = part.offset_curve(off * size) if off else part
                if path.geom_type == "LineString" and self._take(path.buffer(size * 0.62, cap_style="flat")):
                    self._write_bent(text, path, size, css)
                    return True
        return False

    def _write_bent(self, text: str, path: BaseGeometry, size: float, css: str) -> None:
        key = f"{self.key}-{len(self.written)}"
        corners = "L".join(f"{x:.2f} {y:.2f}" for x, y in shapely.get_coordinates(path))
        self.written.append(
            f'<path id="{key}" d="M{corners}"/><text class="{css}" font-size="{size:.2f}" dy="{size * 0.36:.2f}">'
            f'<textPath href="#{key}" startOffset="50%">{escape(text)}</textPath></text>'
        )

    def _along_at(
        self, text: str, x: float, y: float, angle: float, long: float, size: float, css: str
    ) -> bool:
        half = size * 0.62
        space = shapely.affinity.rotate(
            shapely.box(x - long / 2, y - half, x + long / 2, y + half), angle, origin=(x, y)
        )
        if not self._take(space):
            return False
        if abs(angle) > _STEEP and all(unicodedata.east_asian_width(each) in "WF" for each in text):
            turned = math.radians(angle if angle > 0 else angle + 180)
            step = size * 1.12
            for number, character in enumerate(text):
                away = (number - (len(text) - 1) / 2) * step
                self._write(
                    character, x + math.cos(turned) * away, y + math.sin(turned) * away, size, css, 0.0
                )
        else:
            self._write(text, x, y, size, css, angle)
        return True

    def _take(self, space: BaseGeometry) -> bool:
        left, top, right, bottom = space.bounds
        if left < 0.5 or top < 0.5 or right > self.width - 0.5 or bottom > self.height - 0.5:
            return False
        if any(space.intersects(other) for other in self.taken):
            return False
        self.taken.append(space)
        return True

    def _write(self, text: str, x: float, y: float, size: float, css: str, angle: float) -> None:
        # a Chinese character's middle stands about a third of its size above the line it is written on
        turn = f' transform="rotate({angle:.1f} {x:.2f} {y:.2f})"' if abs(angle) > 0.05 else ""
        self.written.append(
            f'<text class="{css}" x="{x:.2f}" y="{y + size * 0.36:.2f}" font-size="{size:.2f}"{turn}>{escape(text)}</text>'
        )
