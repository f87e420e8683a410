// The draft as the page knows it: grids, buildings, what each grid holds, the head, the selection. Parts listen to it.
import { deviation, makeBuildings, MEASURES, nothing, sums } from "./buildings.js";
import { boxOf } from "../map/colours.js";
import { commonBorder } from "./shapes.js";

const EMPTY = { id: [], lon: [], lat: [], grid: [], households: [], people: [], workload: [], compound: [], override: [] };

/** An empty draft; `load` fills it, `apply` brings in an answer of the server. `on(name, listener)`: loaded, changed, chosen. */
export function makeDraft() {
  const listeners = { loaded: [], changed: [], chosen: [], highlit: [] };
  const tell = (name, ...details) => listeners[name].forEach((listener) => listener(...details));
  const draft = {
    grids: new Map(),
    buildings: makeBuildings(EMPTY),
    compounds: {},
    buildingNumbers: {},
    numbers: new Map(),
    target: null,
    head: null,
    canUndo: false,
    canRedo: false,
    selected: null,
    on: (name, listener) => listeners[name].push(listener),
    tell,

    load(plan, told) {
      draft.grids = new Map(plan.grids.features.map((feature) => [feature.id, feature]));
      draft.buildings = makeBuildings(told.buildings);
      draft.compounds = told.compounds;
      draft.target = told.target;
      draft.head = plan.head ?? null;
      draft.canUndo = Boolean(plan.can_undo);
      draft.canRedo = Boolean(plan.can_redo);
      draft.numbers = sums(draft.buildings, [...draft.grids.keys()]);
      if (!draft.grids.has(draft.selected)) draft.selected = null;
      tell("loaded");
    },

    /** Bring in an answer: its grids, those that are gone, its numbers, the buildings that moved. */
    apply(answer) {
      draft.head = answer.head ?? null;
      if ("can_undo" in answer) [draft.canUndo, draft.canRedo] = [answer.can_undo, answer.can_redo];
      for (const feature of answer.grids.features) {
        draft.grids.set(feature.id, feature);
        if (!draft.numbers.has(feature.id)) draft.numbers.set(feature.id, nothing());
      }
      for (const id of answer.removed) {
        draft.grids.delete(id);
        draft.numbers.delete(id);
      }
      for (const [building, grid] of Object.entries(answer.moved)) {
        const index = draft.buildings.at.get(Number(building));
        if (index !== undefined) draft.buildings.grid[index] = grid ?? 0;
      }
      for (const [id, told] of Object.entries(answer.numbers)) {
        if (draft.grids.has(Number(id))) draft.numbers.set(Number(id), Object.fromEntries(MEASURES.map((name) => [name, told[name]])));
      }
      if (draft.selected && !draft.grids.has(draft.selected)) draft.choose(null, { push: false });
      tell("changed", answer.grids.features, answer.removed);
    },

    /** Show properties of a grid before the server said yes; returns how to take that back. */
    pretend(id, properties) {
      const feature = draft.grids.get(id);
      const now = { ...feature, properties: { ...feature.properties, ...properties } };
      draft.grids.set(id, now);
      tell("changed", [now], []);
      return () => {
        if (draft.grids.get(id) !== now) return;
        draft.grids.set(id, feature);
        tell("changed", [feature], []);
      };
    },

    choose(id, options = {}) {
      draft.selected = draft.grids.has(id) ? id : null;
      tell("chosen", draft.selected, options);
    },

    deviation(id, load = draft.numbers.get(id)) {
      return load ? deviation(load, draft.grids.get(id)?.properties.kind ?? "all", draft.target) : null;
    },

    carried: (load) => load?.[draft.target?.measure ?? "people"] ?? 0,

    sorted: () => [...draft.grids.values()].sort((a, b) => (a.properties.code < b.properties.code ? -1 : 1)),

    /** Grids of the same community that share a border with grid `id`. */
    neighbours(id) {
      const mine = draft.grids.get(id);
      if (!mine) return [];
      const [west, south, east, north] = boxOf(mine.geometry);
      return draft.sorted().filter((other) => {
        if (other.id === id || other.properties.community !== mine.properties.community) return false;
        const [w, s, e, n] = boxOf(other.geometry);
        return w <= east && e >= west && s <= north && n >= south && commonBorder(mine.geometry, other.geometry).length > 0;
      });
    },
  };
  return draft;
}
