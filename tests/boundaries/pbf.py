"""A small OpenStreetMap file in PBF: GDAL reads the format but does not write it.

Layout after https://wiki.openstreetmap.org/wiki/PBF_Format: a header blob, then one blob with dense nodes and ways.
"""

import struct
import zlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

Way = tuple[int, Sequence[tuple[float, float]], Mapping[str, str]]
"""Identity, points (longitude, latitude), tags; a closed way repeats its first point."""


def varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


def signed(number: int) -> bytes:
    return varint(number << 1 if number >= 0 else (-number << 1) - 1)


def number_field(field: int, value: int) -> bytes:
    return varint(field << 3) + varint(value)


def bytes_field(field: int, value: bytes) -> bytes:
    return varint(field << 3 | 2) + varint(len(value)) + value


def deltas(numbers: Iterable[int]) -> bytes:
    found, before = b"", 0
    for number in numbers:
        found, before = found + signed(number - before), number
    return found


def blob(kind: bytes, content: bytes) -> bytes:
    packed = number_field(2, len(content)) + bytes_field(3, zlib.compress(content))
    header = bytes_field(1, kind) + number_field(3, len(packed))
    return struct.pack(">I", len(header)) + header + packed


def write_pbf(path: Path, ways: Sequence[Way]) -> Path:
    """Write ways, with a node of its own for each different point, on 1e-7 degree."""
    points = sorted({point for _id, line, _tags in ways for point in line})
    nodes = {point: number for number, point in enumerate(points, start=1)}
    words = [
        b"",
        *sorted({word.encode() for _id, _line, tags in ways for pair in tags.items() for word in pair}),
    ]
    place = {word: number for number, word in enumerate(words)}
    dense = (
        bytes_field(1, deltas(nodes.values()))
        + bytes_field(8, deltas(round(lat * 1e7) for _lon, lat in points))
        + bytes_field(9, deltas(round(lon * 1e7) for lon, _lat in points))
    )
    block = bytes_field(1, b"".join(bytes_field(1, word) for word in words))
    block += bytes_field(2, bytes_field(2, dense))
    lines = b""
    for number, line, tags in ways:
        lines += bytes_field(
            3,
            number_field(1, number)
            + bytes_field(2, b"".join(varint(place[key.encode()]) for key in tags))
            + bytes_field(3, b"".join(varint(place[value.encode()]) for value in tags.values()))
            + bytes_field(8, deltas(nodes[point] for point in line)),
        )
    block += bytes_field(2, lines)
    header = bytes_field(4, b"OsmSchema-V0.6") + bytes_field(4, b"DenseNodes")
    path.write_bytes(blob(b"OSMHeader", header) + blob(b"OSMData", block))
    return path
