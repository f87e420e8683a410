// Pure: geometry in degrees, as far as the browser needs it to foretell what an edit would do.
import { difference } from "polyclip-ts";
import { boxOf } from "../map/colours.js";

/** The polygons of a GeoJSON Polygon or MultiPolygon: a list of lists of rings. */
export const polygonsOf = ({ type, coordinates }) => (type === "Polygon" ? [coordinates] : coordinates);

function crossings(ring, x, y) {
  let odd = false;
  for (let i = 0, j = ring.length - 1; i < ring.length; j = i++) {
    const [x1, y1] = ring[i];
    const [x0, y0] = ring[j];
    if (y1 > y !== y0 > y && x < ((x0 - x1) * (y - y1)) / (y0 - y1) + x1) odd = !odd;
  }
  return odd;
}

/** Whether the point lies in the shape: in one of its polygons and in none of that polygon's holes. */
export function covers(geometry, x, y) {
  return polygonsOf(geometry).some((rings) => rings.reduce((odd, ring) => odd !== crossings(ring, x, y), false));
}

/** Twice the signed area of a ring, square degrees. */
function twice(ring) {
  let sum = 0;
  // From the first corner: far from zero the products would lose what matters.
  const [ox, oy] = ring[0];
  for (let i = 1; i < ring.length; i++) {
    sum += (ring[i - 1][0] - ox) * (ring[i][1] - oy) - (ring[i][0] - ox) * (ring[i - 1][1] - oy);
  }
  return sum;
}

/** Area in square degrees, holes taken off: for telling which piece is the largest. */
export const areaOf = (geometry) =>
  polygonsOf(geometry).reduce((sum, [outer, ...holes]) => sum + (Math.abs(twice(outer)) - holes.reduce((all, hole) => all + Math.abs(twice(hole)), 0)) / 2, 0);

/** Area in square metres near latitude `lat`. */
export const squareMetres = (geometry, lat = boxOf(geometry)[1]) => areaOf(geometry) * 111320 ** 2 * Math.cos((lat * Math.PI) / 180);

// A line as thin as half a millimetre with its ends drawn on a little, so that an end that snapped to a border reaches it.
const HALF = 5e-9;
const REACH = 2e-8;

function ribbons(line) {
  const made = [];
  for (let i = 1; i < line.length; i++) {
    const [a, b] = [line[i - 1], line[i]];
    const length = Math.hypot(b[0] - a[0], b[1] - a[1]);
    if (!length) continue;
    const [ux, uy] = [(b[0] - a[0]) / length, (b[1] - a[1]) / length];
    const [px, py] = [-uy * HALF, ux * HALF];
    const [x0, y0, x1, y1] = [a[0] - ux * REACH, a[1] - uy * REACH, b[0] + ux * REACH, b[1] + uy * REACH];
    made.push([[[x0 + px, y0 + py], [x1 + px, y1 + py], [x1 - px, y1 - py], [x0 - px, y0 - py], [x0 + px, y0 + py]]]);
  }
  return made;
}

const segmentBox = (a, b) => [Math.min(a[0], b[0]), Math.min(a[1], b[1]), Math.max(a[0], b[0]), Math.max(a[1], b[1])];
const meet = (a, b) => a[0] <= b[2] && b[0] <= a[2] && a[1] <= b[3] && b[1] <= a[3];

/**
 * The pieces of a shape along a drawn line, the largest first; one piece where the line does not divide it.
 * Polygons that the line leaves alone stay with the largest piece, as the server has it.
 */
export function pieces(geometry, line) {
  const cut = [];
  const whole = [];
  for (const rings of polygonsOf(geometry)) {
    const box = boxOf({ coordinates: rings });
    const near = line.slice(1).flatMap((point, i) => (meet(segmentBox(line[i], point), box) ? ribbons([line[i], point]) : []));
    const parts = near.length ? difference(rings, ...near) : [rings];
    (parts.length > 1 ? cut : whole).push(...(parts.length > 1 ? parts : [rings]));
  }
  const found = cut.map((rings) => ({ type: "MultiPolygon", coordinates: [rings] })).sort((a, b) => areaOf(b) - areaOf(a));
  if (!found.length) return [geometry];
  found[0].coordinates.push(...whole);
  return found;
}

const key = ([x, y]) => `${x},${y}`;

function edgesOf(geometry) {
  const edges = new Map();
  for (const rings of polygonsOf(geometry)) {
    for (const ring of rings) for (let i = 1; i < ring.length; i++) edges.set(`${key(ring[i - 1])} ${key(ring[i])}`, [ring[i - 1], ring[i]]);
  }
  return edges;
}

/**
 * The common border of two grids as lines, the longest first. The grids share every corner of it, so that an edge of one
 * stands in the other the other way round: no measuring is needed.
 */
export function commonBorder(a, b) {
  const theirs = edgesOf(b);
  const next = new Map();
  const ends = new Set();
  for (const [from, to] of edgesOf(a).values()) {
    if (!theirs.has(`${key(to)} ${key(from)}`)) continue;
    next.set(key(from), { from, to });
    ends.add(key(to));
  }
  const lines = [];
  const starts = [...next.keys()].filter((each) => !ends.has(each));
  for (const start of [...starts, ...next.keys()]) {
    if (!next.has(start)) continue;
    const line = [next.get(start).from];
    for (let at = start; next.has(at); ) {
      const { to } = next.get(at);
      next.delete(at);
      line.push(to);
      at = key(to);
    }
    lines.push(line);
  }
  const length = (line) => line.slice(1).reduce((sum, point, i) => sum + Math.hypot(point[0] - line[i][0], point[1] - line[i][1]), 0);
  return lines.sort((one, other) => length(other) - length(one));
}

/** The box [west, south, east, north] of two corners, as a Polygon. */
export const rectangle = ([x0, y0], [x1, y1]) => ({ type: "Polygon", coordinates: [[[x0, y0], [x1, y0], [x1, y1], [x0, y1], [x0, y0]]] });
