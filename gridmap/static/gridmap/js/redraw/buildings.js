// Pure: the community's buildings in columns, found by place through a simple grid of cells.
import { boxOf } from "../map/colours.js";
import { covers } from "./shapes.js";

const PER_CELL = 4;
export const MEASURES = ["buildings", "households", "people", "workload"];

/** Columns as the server sends them, as typed arrays with an index. `grid` is the grid of each building, 0 for none. */
export function makeBuildings(columns) {
  const count = columns.id.length;
  const all = {
    count,
    id: Float64Array.from(columns.id),
    lon: Float64Array.from(columns.lon),
    lat: Float64Array.from(columns.lat),
    grid: Float64Array.from(columns.grid, (each) => each ?? 0),
    override: Float64Array.from(columns.override, (each) => each ?? 0),
    compound: Float64Array.from(columns.compound, (each) => each ?? 0),
    households: Float64Array.from(columns.households),
    people: Float64Array.from(columns.people),
    workload: Float64Array.from(columns.workload),
    at: new Map(columns.id.map((each, index) => [each, index])),
  };
  return { ...all, ...cells(all) };
}

function cells({ count, lon, lat }) {
  let [west, south, east, north] = [Infinity, Infinity, -Infinity, -Infinity];
  for (let i = 0; i < count; i++) {
    west = Math.min(west, lon[i]);
    east = Math.max(east, lon[i]);
    south = Math.min(south, lat[i]);
    north = Math.max(north, lat[i]);
  }
  const side = Math.max(1, Math.round(Math.sqrt(count / PER_CELL)));
  const wide = (east - west) / side || 1;
  const high = (north - south) / side || 1;
  const column = (x) => Math.max(0, Math.min(side - 1, Math.floor((x - west) / wide)));
  const row = (y) => Math.max(0, Math.min(side - 1, Math.floor((y - south) / high)));
  // Counting sort: `order` holds the buildings by cell, `first[c]` where cell c begins.
  const first = new Int32Array(side * side + 1);
  const cell = new Int32Array(count);
  for (let i = 0; i < count; i++) first[(cell[i] = row(lat[i]) * side + column(lon[i])) + 1]++;
  for (let c = 0; c < side * side; c++) first[c + 1] += first[c];
  const fill = first.slice();
  const order = new Int32Array(count);
  for (let i = 0; i < count; i++) order[fill[cell[i]]++] = i;
  return { index: { side, column, row, first, order } };
}

/** Call `visit(i)` for each building in the box [west, south, east, north]. */
export function eachIn({ index, lon, lat, count }, [west, south, east, north], visit) {
  if (!count) return;
  const { side, column, row, first, order } = index;
  const [c0, c1] = [column(west), column(east)];
  for (let r = row(south); r <= row(north); r++) {
    for (let k = first[r * side + c0]; k < first[r * side + c1 + 1]; k++) {
      const i = order[k];
      if (lon[i] >= west && lon[i] <= east && lat[i] >= south && lat[i] <= north) visit(i);
    }
  }
}

/** Indices of the buildings in a Polygon or MultiPolygon. */
export function within(buildings, geometry) {
  const found = [];
  eachIn(buildings, boxOf(geometry), (i) => {
    if (covers(geometry, buildings.lon[i], buildings.lat[i])) found.push(i);
  });
  return found;
}

/** The building nearest to a place, not farther than `reach` degrees of latitude, or -1. */
export function nearest(buildings, x, y, reach) {
  const squash = Math.cos((y * Math.PI) / 180);
  let best = -1;
  let least = reach ** 2;
  eachIn(buildings, [x - reach / squash, y - reach, x + reach / squash, y + reach], (i) => {
    const away = ((buildings.lon[i] - x) * squash) ** 2 + (buildings.lat[i] - y) ** 2;
    if (away <= least) [best, least] = [i, away];
  });
  return best;
}

export const nothing = () => ({ buildings: 0, households: 0, people: 0, workload: 0 });

/** Add building `i` to a sum, or take it off with `sign` -1. */
export function add(sum, buildings, i, sign = 1) {
  sum.buildings += sign;
  sum.households += sign * buildings.households[i];
  sum.people += sign * buildings.people[i];
  sum.workload += sign * buildings.workload[i];
  return sum;
}

/** What the buildings of a list of indices hold together. */
export const sumOf = (buildings, indices) => indices.reduce((sum, i) => add(sum, buildings, i), nothing());

/** What each grid holds: a Map from its id. */
export function sums(buildings, ids) {
  const found = new Map(ids.map((id) => [id, nothing()]));
  for (let i = 0; i < buildings.count; i++) {
    const sum = found.get(buildings.grid[i]);
    if (sum) add(sum, buildings, i);
  }
  return found;
}

/**
 * How far a load lies from the target, 0.1 being ten per cent above; null where there is no target, and for a dedicated
 * grid below it: a school has few residents and is no lighter work.
 */
export function deviation(load, kind, target) {
  if (!(target?.value > 0)) return null;
  const carried = load[target.measure] ?? load.people;
  if (kind === "dedicated" && carried < target.value) return null;
  return carried / target.value - 1;
}
