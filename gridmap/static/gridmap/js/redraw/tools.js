// The tools that pick: select, merge, move buildings. The tool at work hears the map, the list and the keys.
//
// A tool is {enter, leave, grid(id, event), hover(event), drawn(geometry, done), accept(), cancel()}; all but enter may be
// missing. `cancel` answers true where there was something to cancel: otherwise Esc goes back to selecting.
import { within, nearest } from "./buildings.js";
import { nameOf } from "./figures.js";
import { merging, moving } from "./outcomes.js";

/** Look, select, and nothing else. */
export function selectTool({ draft, hint, words }) {
  return {
    enter: () => hint(words.hints.select),
    grid: (id, { zoom = false } = {}) => draft.choose(id, { zoom }),
    cancel() {
      const had = draft.selected !== null;
      draft.choose(null);
      return had;
    },
  };
}

/** The first grid stays, the others join it. */
export function mergeTool({ draft, sheet, list, live, hint, words, titled, save }) {
  let picked = [];
  function show() {
    picked = picked.filter((id) => draft.grids.has(id));
    sheet.mark(picked);
    list.pick(picked);
    if (picked.length > 1) live.foretell(() => merging(draft, picked, picked[0]));
    else live.clear();
    const buttons = picked.length > 1 ? [[words.buttons.merge, accept, true], [words.buttons.cancel, cancel]] : [];
    hint(picked.length ? words.hints.merge.replace("%s", titled(picked[0])) : words.hints.mergePick, buttons);
  }
  async function accept() {
    if (picked.length < 2) return;
    const [into] = picked;
    const answer = await save({ command: "merge", grids: picked, into }, { rows: live.settle() });
    if (answer) picked = [into];
    draft.choose(into);
    show();
  }
  function cancel() {
    const had = picked.length > 0;
    picked = [];
    show();
    return had;
  }
  return {
    enter() {
      picked = draft.selected ? [draft.selected] : [];
      show();
    },
    leave() {
      picked = [];
      sheet.mark([]);
      list.pick([]);
    },
    grid(id) {
      if (id === null) return;
      picked = picked.includes(id) ? picked.filter((each) => each !== id) : [...picked, id];
      draft.choose(picked[0] ?? null);
      show();
    },
    accept,
    cancel,
  };
}

/** Buildings by click or box, then the grid that gets them. */
export function moveTool({ draft, sheet, pen, live, hint, words, targets, reach, save }) {
  let chosen = new Set();
  let choosing = true;
  let over = null;

  function show() {
    sheet.points.choose(chosen);
    const count = chosen.size;
    const cancelling = [words.buttons.cancel, cancel];
    if (!choosing) {
      hint(words.hints.moveTo.replace("%n", count), [cancelling], targets(null, (id) => give(id)));
      live.foretell(() => moving(draft, [...chosen], over));
      return;
    }
    hint(pen.name === "box" ? words.hints.moveBox : words.hints.move, [
      ...(count ? [[words.buttons.next, accept, true]] : []),
      ...(pen.name === "box" ? [] : [[words.buttons.box, box]]),
      ...(count || pen.name ? [cancelling] : []),
    ]);
    if (count) live.foretell(() => moving(draft, [...chosen], null));
    else live.clear();
  }
  function box() {
    pen.start("box");
    show();
  }
  function accept() {
    if (!chosen.size || !choosing) return;
    pen.stop();
    choosing = false;
    show();
  }
  async function give(to) {
    if (to === null || !chosen.size) return;
    over = to;
    const rows = moving(draft, [...chosen], to);
    const buildings = [...chosen].map((i) => draft.buildings.id[i]);
    const answer = await save({ command: "move_buildings", buildings, to }, { rows });
    if (!answer) return show();
    reset();
    draft.choose(to);
  }
  function reset() {
    pen.stop();
    chosen = new Set();
    choosing = true;
    over = null;
    show();
  }
  function cancel() {
    const had = chosen.size > 0 || pen.name !== null;
    if (pen.name && chosen.size) {
      pen.stop();
      show();
    } else reset();
    return had;
  }
  return {
    enter() {
      sheet.points.always(true);
      reset();
    },
    leave() {
      reset();
      sheet.points.always(false);
    },
    grid(id, event) {
      if (!choosing) return give(id);
      if (!event?.latlng) return chosen.size ? give(id) : draft.choose(id, { zoom: true });
      const { lat, lng } = event.latlng;
      const i = nearest(draft.buildings, lng, lat, reach(14));
      if (i < 0) return;
      if (!chosen.delete(i)) chosen.add(i);
      show();
    },
    hover({ latlng }) {
      if (choosing) return;
      const id = sheet.gridAt(latlng);
      if (id === over) return;
      over = id;
      sheet.mark(id ? [id] : []);
      live.foretell(() => moving(draft, [...chosen], over));
    },
    drawn(geometry, done) {
      const inside = within(draft.buildings, geometry);
      live.foretell(() => moving(draft, [...new Set([...chosen, ...inside])], null));
      if (!done) return;
      for (const i of inside) chosen.add(i);
      pen.stop();
      show();
    },
    box,
    accept,
    cancel,
  };
}

/** «042 Nanjie grid 2», as hints name a grid. */
export const titledBy = (draft) => (id) => {
  const feature = draft.grids.get(id);
  return feature ? nameOf(feature.properties) : "";
};
