// The tool that moves buildings: first the buildings, then the grid that gets them, then the outcome, and only then Enter.
// See tools.js for what a tool is.
import { nearest, within } from "./buildings.js";
import { moving } from "./outcomes.js";

/** Buildings by click or box, then the grid that gets them. */
export function moveTool({ draft, sheet, pen, live, hint, words, titled, targets, reach, save }) {
  let chosen = new Set();
  let choosing = true;
  let over = null;
  let target = null;

  function show() {
    sheet.points.choose(chosen);
    const count = chosen.size;
    const cancelling = [words.buttons.cancel, cancel];
    if (!choosing) {
      const text = target === null ? words.hints.moveTo : words.hints.moveReady.replace("%s", titled(target));
      hint(text.replace("%n", count), [...(target === null ? [] : [[words.card.move, accept, true]]), cancelling], targets(target, aim));
      point(target);
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
  function point(id) {
    over = id;
    sheet.mark(id ? [id] : []);
    live.foretell(() => moving(draft, [...chosen], over));
  }
  function box() {
    if (!choosing) return;
    pen.start("box");
    show();
  }
  // The grid is chosen: its outcome is shown, nothing is saved yet.
  function aim(id) {
    if (id === null || !chosen.size) return;
    pen.stop();
    choosing = false;
    target = id;
    show();
  }
  async function accept() {
    if (!chosen.size) return;
    if (choosing) {
      pen.stop();
      choosing = false;
      show();
      return;
    }
    if (target === null) return;
    const to = target;
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
    over = target = null;
    sheet.mark([]);
    show();
  }
  // One step back: the grid, then the box, then the buildings.
  function cancel() {
    const had = chosen.size > 0 || pen.name !== null;
    if (target !== null) {
      target = null;
      show();
    } else if (pen.name && chosen.size) {
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
      if (!choosing) return aim(id);
      if (!event?.latlng) return chosen.size ? aim(id) : draft.choose(id, { zoom: true });
      const { lat, lng } = event.latlng;
      const i = nearest(draft.buildings, lng, lat, reach(14));
      if (i < 0) return;
      if (!chosen.delete(i)) chosen.add(i);
      show();
    },
    hover({ latlng }) {
      if (choosing || target !== null) return;
      const id = sheet.gridAt(latlng);
      if (id !== over) point(id);
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
