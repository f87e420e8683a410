// Pure: which colour class a grid falls into. No browser needed.

/** Deviations from the target at which the load's five classes meet: 1 | 2 | 3 | 4 | 5. */
export const LIMITS = [-0.25, -0.1, 0.1, 0.25];

/** The load class from 1 (far under the target) to 5 (far over it); 0 where there is no figure or no target. */
export function loadClass(value, target) {
  if (value === null || value === undefined || !(target > 0)) return 0;
  // Against the figures of the legend: 2750 / 2500 - 1 is a little more than 0.1 in floating point.
  const over = classLimits(target).filter((figure, index) => (LIMITS[index] < 0 ? value >= figure : value > figure));
  return over.length + 1;
}

/** The figures between the classes for the legend, e.g. [1875, 2250, 2750, 3125] for a target of 2,500. */
export const classLimits = (target) => LIMITS.map((limit) => Math.round(target * (1 + limit)));

/** Bounding box [west, south, east, north] of a GeoJSON geometry. */
export function boxOf(geometry) {
  const box = [Infinity, Infinity, -Infinity, -Infinity];
  const visit = (coordinates) => {
    if (typeof coordinates[0] === "number") {
      box[0] = Math.min(box[0], coordinates[0]);
      box[1] = Math.min(box[1], coordinates[1]);
      box[2] = Math.max(box[2], coordinates[0]);
      box[3] = Math.max(box[3], coordinates[1]);
    } else coordinates.forEach(visit);
  };
  visit(geometry.coordinates);
  return box;
}

const touch = (a, b) => a[0] <= b[2] && b[0] <= a[2] && a[1] <= b[3] && b[1] <= a[3];

/**
 * A tint from 1 to `count` for each area so that those whose boxes touch differ as long as tints last.
 * `areas` is a list of {code, geometry}; the answer maps code to tint and is the same for the same areas.
 */
export function tints(areas, count = 8) {
  const boxes = areas.map(({ code, geometry }) => ({ code, box: boxOf(geometry) })).sort((a, b) => (a.code < b.code ? -1 : 1));
  const given = new Map();
  const used = new Array(count).fill(0);
  for (const { code, box } of boxes) {
    const near = boxes.filter((other) => given.has(other.code) && touch(box, other.box)).map((other) => given.get(other.code));
    const free = used.map((times, index) => ({ times, tint: index + 1 })).sort((a, b) => a.times - b.times || a.tint - b.tint);
    const { tint } = free.find((each) => !near.includes(each.tint)) ?? free[0];
    used[tint - 1]++;
    given.set(code, tint);
  }
  return given;
}
