// Pure: who would hold what after an edit, told while the pointer still draws. The server decides; this foretells.
//
// Every answer is a list of {id, before, after}: the affected grids with their sums, id 0 for a grid that would be new,
// after null for one that would go. An empty list: nothing would change.
import { boxOf } from "../map/colours.js";
import { add, nothing, sumOf, within } from "./buildings.js";
import { covers, pieces } from "./shapes.js";

/** What a planner's draft is, as these functions see it: `grids` Map of id to feature, `buildings`, `numbers` Map of id to sums. */

const copy = (sum) => ({ ...nothing(), ...sum });

// Buildings that a person put somewhere by hand do not follow the ground.
const follows = ({ buildings }, i, from) => buildings.grid[i] === from && !buildings.override[i];

/** Moves as a Map of building index to grid, summed up for the grids that lose or gain. */
function moved(draft, moves, extra = []) {
  const after = new Map(extra.map((id) => [id, copy(draft.numbers.get(id))]));
  const of = (id) => {
    if (!after.has(id)) after.set(id, copy(draft.numbers.get(id)));
    return after.get(id);
  };
  for (const [i, to] of moves) {
    const from = draft.buildings.grid[i];
    if (from) add(of(from), draft.buildings, i, -1);
    add(of(to), draft.buildings, i);
  }
  return [...after].map(([id, sum]) => ({ id, before: draft.numbers.get(id) ?? null, after: sum }));
}

/** The grid that a line runs through most: the selected one if it does at all, open ones only. */
export function crossed(draft, line) {
  const lengths = new Map();
  const [west, south, east, north] = boxOf({ coordinates: line });
  const near = [...draft.grids.values()].filter(({ geometry }) => {
    const [w, s, e, n] = boxOf(geometry);
    return w <= east && e >= west && s <= north && n >= south;
  });
  for (let i = 1; i < line.length; i++) {
    const [[x0, y0], [x1, y1]] = [line[i - 1], line[i]];
    const length = Math.hypot(x1 - x0, y1 - y0);
    for (let step = 1; length && step < 20; step += 2) {
      const [x, y] = [x0 + ((x1 - x0) * step) / 20, y0 + ((y1 - y0) * step) / 20];
      const at = near.find(({ geometry }) => covers(geometry, x, y));
      if (at) lengths.set(at.id, (lengths.get(at.id) ?? 0) + length);
    }
  }
  if (lengths.has(draft.selected)) return draft.selected;
  return [...lengths].sort((a, b) => b[1] - a[1])[0]?.[0] ?? null;
}

/** A grid split along a line: the largest piece keeps the grid, each other is new. */
export function splitting(draft, grid, line) {
  const parts = pieces(draft.grids.get(grid).geometry, line);
  if (parts.length < 2) return [];
  const rest = copy(draft.numbers.get(grid));
  const made = parts.slice(1).map((part) => {
    const mine = within(draft.buildings, part).filter((i) => follows(draft, i, grid));
    for (const i of mine) add(rest, draft.buildings, i, -1);
    return { id: 0, before: null, after: sumOf(draft.buildings, mine) };
  });
  return [{ id: grid, before: draft.numbers.get(grid), after: rest }, ...made];
}

/** Grids joined into one of them. */
export function merging(draft, grids, into) {
  if (grids.length < 2) return [];
  const sum = nothing();
  for (const id of grids) for (const name of Object.keys(sum)) sum[name] += draft.numbers.get(id)?.[name] ?? 0;
  const gone = grids.filter((id) => id !== into).map((id) => ({ id, before: draft.numbers.get(id), after: null }));
  return [{ id: into, before: draft.numbers.get(into), after: sum }, ...gone];
}

/** Whether ground of `from` may go to grids of `community`. */
const gives = (draft, from, community) => {
  const feature = draft.grids.get(from);
  return feature && !feature.properties.locked && feature.properties.community === community;
};

/** An area given to a grid. */
export function giving(draft, area, to) {
  const { community } = draft.grids.get(to).properties;
  const moves = new Map();
  for (const i of within(draft.buildings, area)) {
    const from = draft.buildings.grid[i];
    if (from !== to && gives(draft, from, community) && follows(draft, i, from)) moves.set(i, to);
  }
  return moved(draft, moves, [to]);
}

/** A grid carved out of those around. */
export function carving(draft, area) {
  const inside = within(draft.buildings, area).filter((i) => !draft.buildings.override[i]);
  const community = mostOf(inside.map((i) => draft.grids.get(draft.buildings.grid[i])?.properties.community));
  const moves = new Map(inside.filter((i) => gives(draft, draft.buildings.grid[i], community)).map((i) => [i, 0]));
  return moved(draft, moves, [0]);
}

function mostOf(list) {
  const times = new Map();
  for (const each of list) if (each) times.set(each, (times.get(each) ?? 0) + 1);
  return [...times].sort((a, b) => b[1] - a[1])[0]?.[0];
}

/** The common border of two grids pulled to a line: of each, all but the largest piece goes to the other. */
export function pulling(draft, a, b, line) {
  const moves = new Map();
  for (const [from, to] of [[a, b], [b, a]]) {
    for (const part of pieces(draft.grids.get(from).geometry, line).slice(1)) {
      for (const i of within(draft.buildings, part)) if (follows(draft, i, from)) moves.set(i, to);
    }
  }
  return moved(draft, moves, [a, b]);
}

/** Buildings, by index, that go to a grid; with `to` null, what the chosen ones are taken from. */
export function moving(draft, indices, to) {
  if (to === null) {
    const taken = sumOf(draft.buildings, indices);
    return indices.length ? [{ id: 0, before: null, after: taken, isChoice: true }] : [];
  }
  const moves = new Map(indices.filter((i) => draft.buildings.grid[i] !== to).map((i) => [i, to]));
  return moves.size ? moved(draft, moves, [to]) : [];
}

/** The names of measures in which what was foretold differs from what the server says; `rows` as above. */
export function differing(rows, numbers) {
  const wrong = rows.filter(({ id, after }) => id && after && numbers[id] && ["buildings", "households", "people"].some((name) => numbers[id][name] !== after[name]));
  return wrong.map(({ id }) => id);
}
