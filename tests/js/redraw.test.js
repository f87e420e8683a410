// What the planner is told while drawing: pure functions, counted by hand.
import assert from "node:assert/strict";
import { test } from "node:test";

import { standing } from "../../gridmap/static/gridmap/js/redraw/branches.js";
import { deviation, makeBuildings, nearest, sums, within } from "../../gridmap/static/gridmap/js/redraw/buildings.js";
import { carving, crossed, differing, giving, merging, moving, pulling, splitting } from "../../gridmap/static/gridmap/js/redraw/outcomes.js";
import { areaOf, commonBorder, covers, pieces } from "../../gridmap/static/gridmap/js/redraw/shapes.js";
import { snapTargets, snapTo } from "../../gridmap/static/gridmap/js/redraw/snapping.js";

const ring = (west, south, east, north) => [[west, south], [east, south], [east, north], [west, north], [west, south]];
const polygon = (...rings) => ({ type: "Polygon", coordinates: rings });
const several = (...parts) => ({ type: "MultiPolygon", coordinates: parts });

//   2 +-------+-------+      grid 1: west, grid 2: east, each 1 x 2; grid 2 has an island 5..6 x 0..1 as well;
//     |   .   |   .   |      grid 3, locked, is a hole of 0.2 x 0.2 in grid 1 around (0.5, 1.5).
//   1 |       |       |      Buildings at the dots of a lattice of half a unit, ten people each.
//     |   .   |   .   |
//   0 +-------+-------+
const SHAPES = {
  1: polygon([[0, 0], [1, 0], [1, 1], [1, 2], [0, 2], [0, 0]], [[0.4, 1.4], [0.4, 1.6], [0.6, 1.6], [0.6, 1.4], [0.4, 1.4]]),
  2: several([[[1, 0], [2, 0], [2, 2], [1, 2], [1, 1], [1, 0]]], [ring(5, 0, 6, 1)]),
  3: polygon(ring(0.4, 1.4, 0.6, 1.6)),
};
const PLACES = [[0.5, 0.5, 1], [0.2, 1.5, 1], [0.5, 1.5, 3], [1.5, 0.5, 2], [1.5, 1.5, 2], [5.5, 0.5, 2]];

function draft({ override = {} } = {}) {
  const grids = new Map(Object.entries(SHAPES).map(([id, geometry]) => [Number(id), { id: Number(id), geometry, properties: { community: "c", locked: id === "3", kind: "all" } }]));
  const buildings = makeBuildings({
    id: PLACES.map((_, i) => 100 + i),
    lon: PLACES.map(([x]) => x),
    lat: PLACES.map(([, y]) => y),
    grid: PLACES.map(([, , grid]) => grid),
    households: PLACES.map(() => 4),
    people: PLACES.map(() => 10),
    workload: PLACES.map(() => 12),
    compound: PLACES.map(() => null),
    override: PLACES.map((_, i) => override[i] ?? null),
  });
  return { grids, buildings, numbers: sums(buildings, [...grids.keys()]) };
}
const told = (rows) => Object.fromEntries(rows.map(({ id, after }) => [id, after && after.people]));

test("a hole is outside, an island inside", () => {
  assert.ok(covers(SHAPES[1], 0.2, 1.5));
  assert.ok(!covers(SHAPES[1], 0.5, 1.5));
  assert.ok(covers(SHAPES[2], 5.5, 0.5));
  assert.ok(!covers(SHAPES[2], 3, 0.5));
  assert.ok(Math.abs(areaOf(SHAPES[1]) - 1.96) < 1e-12);
  assert.ok(Math.abs(areaOf(SHAPES[2]) - 3) < 1e-12);
});

test("buildings are found by place, by every place", () => {
  const { buildings } = draft();
  assert.deepEqual(within(buildings, SHAPES[1]), [0, 1]);
  assert.deepEqual(within(buildings, SHAPES[2]).sort(), [3, 4, 5]);
  assert.equal(nearest(buildings, 0.51, 0.5, 0.1), 0);
  assert.equal(nearest(buildings, 0.7, 0.5, 0.1), -1);
});

test("the index finds what looking at each building finds", () => {
  const many = Array.from({ length: 900 }, (_, i) => [103.8 + ((i * 37) % 101) / 1000, 30.6 + ((i * 53) % 97) / 1000]);
  const columns = { id: many.map((_, i) => i + 1), lon: many.map(([x]) => x), lat: many.map(([, y]) => y), compound: [] };
  for (const name of ["grid", "override", "households", "people", "workload"]) columns[name] = many.map(() => 1);
  const buildings = makeBuildings(columns);
  const area = polygon([[103.81, 30.61], [103.88, 30.63], [103.86, 30.68], [103.81, 30.61]], ring(103.85, 30.63, 103.855, 30.64));
  const wanted = many.flatMap(([x, y], i) => (covers(area, x, y) ? [i] : []));
  assert.ok(wanted.length > 50);
  assert.deepEqual(within(buildings, area).sort((a, b) => a - b), wanted);
});

test("a line divides a shape with a hole, and islands stay with the largest piece", () => {
  const parts = pieces(SHAPES[1], [[-0.5, 0.9], [1.5, 0.9]]);
  assert.equal(parts.length, 2);
  assert.ok(Math.abs(areaOf(parts[0]) - 1.06) < 1e-6 && Math.abs(areaOf(parts[1]) - 0.9) < 1e-6);
  assert.equal(pieces(SHAPES[1], [[0.1, 0.2], [0.5, 0.2]]).length, 1, "a line that ends inside divides nothing");
  assert.equal(pieces(SHAPES[1], [[0.5, -1], [0.5, 1.5]]).length, 1, "from the rim into the hole divides nothing");
  assert.equal(pieces(SHAPES[1], [[-1, 1.5], [2, 1.5]]).length, 2, "across the hole it does");
  const island = pieces(SHAPES[2], [[0.5, 0.7], [2.5, 0.7]]);
  assert.equal(island.length, 2);
  assert.ok(Math.abs(areaOf(island[0]) - 2.3) < 1e-6);
});

test("a line from corner to corner, exactly on the border at both ends, divides", () => {
  assert.equal(pieces(SHAPES[1], [[0, 0], [1, 1]]).length, 2);
  assert.equal(pieces(SHAPES[1], [[0, 1 / 3], [1, 1 / 3]]).length, 2);
});

test("splitting: the largest piece keeps the grid", () => {
  const rows = splitting(draft(), 1, [[-0.5, 0.9], [1.5, 0.9]]);
  assert.deepEqual(rows.map(({ id }) => id), [1, 0]);
  assert.deepEqual(told(rows), { 1: 10, 0: 10 });
  assert.deepEqual(splitting(draft(), 1, [[-0.5, 5], [1.5, 5]]), []);
});

test("a building that was put somewhere by hand does not follow the ground", () => {
  const rows = splitting(draft({ override: { 0: 1 } }), 1, [[-0.5, 0.9], [1.5, 0.9]]);
  assert.deepEqual(told(rows), { 1: 20, 0: 0 });
});

test("merging adds, and the others go", () => {
  const rows = merging(draft(), [1, 2], 2);
  assert.deepEqual(told(rows), { 2: 50, 1: null });
  assert.equal(rows[0].after.households, 20);
  assert.deepEqual(merging(draft(), [1], 1), []);
});

test("an area takes from open grids of the same community only", () => {
  const rows = giving(draft(), polygon(ring(0.1, 0.1, 0.9, 1.9)), 2);
  assert.deepEqual(told(rows), { 2: 50, 1: 0 });
  const other = draft();
  other.grids.get(2).properties.community = "d";
  assert.deepEqual(told(giving(other, polygon(ring(0.1, 0.1, 0.9, 1.9)), 2)), { 2: 30 });
});

test("carving makes a new grid and leaves locked ones alone", () => {
  const rows = carving(draft(), polygon(ring(0.1, 1.1, 1.9, 1.9)));
  assert.deepEqual(told(rows), { 0: 20, 1: 10, 2: 20 });
});

test("pulling a border gives what lies between the old and the new one", () => {
  assert.deepEqual(told(pulling(draft(), 1, 2, [[1, 0.2], [0.3, 0.2], [0.3, 0.8], [1, 0.8]])), { 1: 10, 2: 40 });
  assert.deepEqual(told(pulling(draft(), 1, 2, [[1, 0.2], [1.7, 0.2], [1.7, 0.8], [1, 0.8]])), { 1: 30, 2: 20 });
  assert.deepEqual(told(pulling(draft(), 1, 2, [[1, 0], [1, 2]])), { 1: 20, 2: 30 }, "the border itself moves nothing");
});

test("moving buildings", () => {
  assert.deepEqual(told(moving(draft(), [0, 3], 2)), { 1: 10, 2: 40 });
  assert.deepEqual(moving(draft(), [3], 2), []);
  assert.deepEqual(told(moving(draft(), [0, 3], null)), { 0: 20 });
});

test("the common border is one line, found without measuring", () => {
  assert.deepEqual(commonBorder(SHAPES[1], SHAPES[2]), [[[1, 0], [1, 1], [1, 2]]]);
  assert.deepEqual(commonBorder(SHAPES[2], SHAPES[3]), []);
  const around = commonBorder(SHAPES[1], { type: "Polygon", coordinates: [[[0.4, 1.4], [0.6, 1.4], [0.6, 1.6], [0.4, 1.6], [0.4, 1.4]]] });
  assert.equal(around.length, 1);
  assert.equal(around[0].length, 5);
});

test("deviation as the server counts it", () => {
  const target = { measure: "people", value: 20, is_norm: true };
  assert.equal(deviation({ people: 22 }, "all", target).toFixed(3), "0.100");
  assert.equal(deviation({ people: 10 }, "dedicated", target), null);
  assert.equal(deviation({ people: 30 }, "dedicated", target), 0.5);
  assert.equal(deviation({ people: 10 }, "all", { measure: "people", value: 0 }), null);
  assert.equal(deviation({ people: 1, households: 30 }, "all", { measure: "households", value: 20 }), 0.5);
});

test("what the server says otherwise is named", () => {
  const rows = [{ id: 1, after: { buildings: 1, households: 2, people: 3 } }, { id: 0, after: { people: 1 } }];
  assert.deepEqual(differing(rows, { 1: { buildings: 1, households: 2, people: 3 } }), []);
  assert.deepEqual(differing(rows, { 1: { buildings: 1, households: 2, people: 4 } }), [1]);
});

test("drawn corners snap to corners before lines, and to nothing far away", () => {
  const targets = snapTargets([[103.8, 30.7]], [[[103.8, 30.7], [103.802, 30.7]], [[103.9, 30.7], [103.9, 30.71]]]);
  assert.deepEqual(snapTo(targets, 103.80003, 30.70003, 0.0001), [103.8, 30.7]);
  const on = snapTo(targets, 103.801, 30.70004, 0.0001);
  assert.ok(Math.abs(on[0] - 103.801) < 1e-9 && Math.abs(on[1] - 30.7) < 1e-12);
  assert.equal(snapTo(targets, 103.801, 30.7002, 0.0001), null);
  assert.ok(snapTo(targets, 103.90002, 30.705, 0.0001));
});

test("a line means the grid through which most of its length runs, the selected one if it does at all", () => {
  const open = { ...draft(), selected: null };
  const line = [[0.9, 0.5], [1.9, 0.5], [1.9, 0.5]];
  assert.equal(crossed(open, line), 2);
  assert.equal(crossed(open, [[0.1, 0.5], [1.1, 0.5], [1.1, 0.5]]), 1, "a corner clicked twice weighs nothing");
  assert.equal(crossed({ ...open, selected: 1 }, line), 1);
  assert.equal(crossed(open, [[8, 8], [9, 9]]), null);
});

test("each revision is seen from the head: on the way, undone, or on another branch", () => {
  //  1 - 2 - 3 (undone)      head 2
  //   \- 4 - 5               another branch
  const parents = { 1: null, 2: 1, 3: 2, 4: 1, 5: 4 };
  const revisions = Object.entries(parents).map(([id, parent]) => ({ id: Number(id), parent, current: id <= 2 }));
  assert.deepEqual(Object.fromEntries(standing(revisions, 2)), { 1: "before", 2: "here", 3: "after", 4: "branch", 5: "branch" });
  const none = revisions.map((each) => ({ ...each, current: false }));
  assert.deepEqual([...standing(none, null).values()], ["after", "after", "after", "after", "after"]);
});
