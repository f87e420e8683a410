// The tools that draw: split by a line, give an area, carve a grid. See tools.js for what a tool is.
import { nameOf } from "./figures.js";
import { carving, crossed, giving, splitting } from "./outcomes.js";

const lineOf = (coordinates) => ({ type: "LineString", coordinates });

/** The buttons while something is drawn: what keys do, for fingers. `onlyDrawn`: there is nothing else to cancel. */
export const drawingButtons = ({ words, pen }, cancel, { onlyDrawn = false } = {}) => [
  [words.buttons.finish, () => pen.finish(), true, true],
  [words.buttons.back, () => pen.back(), false, true],
  [words.buttons.cancel, cancel, false, onlyDrawn],
];

export function splitTool(kit) {
  const { draft, pen, live, hint, words, titled, save, snapM } = kit;
  let grid = null;
  function begin() {
    grid = draft.selected;
    live.clear();
    pen.start("line");
    hint(grid ? words.hints.split.replace("%s", titled(grid)) : words.hints.splitAny, drawingButtons(kit, cancel, { onlyDrawn: true }));
  }
  function cancel() {
    const had = pen.geometry() !== null;
    begin();
    return had;
  }
  return {
    enter: begin,
    leave: () => pen.stop(),
    // The map belongs to the pen; a row of the list says which grid is meant.
    grid: (id, event) => !event?.latlng && (draft.choose(id, { zoom: true }), begin()),
    async drawn({ coordinates }, done) {
      grid = crossed(draft, coordinates);
      live.foretell(() => (grid ? splitting(draft, grid, coordinates) : []));
      if (!done) return;
      const rows = live.settle();
      pen.stop();
      if (grid) {
        const answer = await save({ command: "split", grid, line: lineOf(coordinates), ...snapM() }, { drawn: lineOf(coordinates), rows });
        if (answer) draft.choose(grid);
      }
      kit.again();
    },
    cancel,
  };
}

export function giveTool(kit) {
  const { draft, pen, live, hint, words, titled, targets, save, snapM } = kit;
  let to = null;
  function begin() {
    live.clear();
    const choice = targets(to, (id) => {
      to = id;
      draft.choose(to);
      begin();
    });
    if (to) pen.start("area");
    else pen.stop();
    hint(to ? words.hints.give.replace("%s", titled(to)) : words.hints.givePick, to ? drawingButtons(kit, cancel) : [], choice);
  }
  function cancel() {
    const had = pen.geometry() !== null;
    if (!had) {
      if (!to) return false;
      to = null;
      draft.choose(null);
    }
    begin();
    return true;
  }
  return {
    enter() {
      to = draft.selected;
      begin();
    },
    leave: () => pen.stop(),
    grid(id, event) {
      if (id === null || (to && event?.latlng)) return;
      to = id;
      draft.choose(id);
      begin();
    },
    async drawn(area, done) {
      live.foretell(() => giving(draft, area, to));
      if (!done) return;
      const rows = live.settle();
      pen.stop();
      await save({ command: "transfer", area, to, ...snapM() }, { drawn: area, rows });
      kit.again();
    },
    cancel,
  };
}

export function carveTool(kit) {
  const { draft, sheet, pen, live, hint, words, compoundAt, askName, save, snapM } = kit;
  let over = null;
  function begin() {
    over = null;
    pen.stop();
    sheet.show(null);
    live.clear();
    hint(words.hints.carve, [[words.buttons.draw, draw]]);
  }
  function draw() {
    sheet.show(null);
    pen.start("area");
    hint(words.hints.carveDraw, drawingButtons(kit, cancel));
  }
  function cancel() {
    const had = pen.name !== null;
    begin();
    return had;
  }
  async function carve(area, compound) {
    live.foretell(() => carving(draft, area));
    const rows = live.settle();
    pen.stop();
    sheet.show(area);
    const named = await askName({ name: compound?.name ?? "", name_en: compound?.name_en ?? "" }, rows.find(({ id }) => id === 0)?.after);
    if (named) {
      const ground = compound ? { compound: compound.id } : { area };
      const answer = await save({ command: "carve", ...ground, ...named, ...snapM() }, { drawn: area, rows });
      const made = answer?.grids.features.find(({ properties }) => properties.name === named.name);
      if (made) draft.choose(made.id);
    }
    kit.again();
  }
  return {
    enter: begin,
    leave() {
      pen.stop();
      sheet.show(null);
    },
    grid(id, event) {
      if (pen.name || !event?.latlng) return;
      const compound = compoundAt(event.latlng);
      if (compound) carve(compound.geometry, compound);
    },
    hover({ latlng }) {
      if (pen.name) return;
      const compound = compoundAt(latlng);
      if (compound === over) return;
      over = compound;
      sheet.show(compound?.geometry ?? null);
      if (compound) {
        live.foretell(() => carving(draft, compound.geometry));
        hint(`${nameOf(compound)}: ${words.hints.carve}`, [[words.buttons.draw, draw]]);
      } else begin();
    },
    drawn(area, done) {
      live.foretell(() => carving(draft, area));
      if (done) carve(area, null);
    },
    box: draw,
    cancel,
  };
}
