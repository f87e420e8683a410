// The small table of what would come of an edit, kept up with the pointer; at most once a frame, and where the counting
// itself takes most of a frame (a grid of hundreds of corners on a slow machine) less often: the pointer comes first.
import { deviation } from "./buildings.js";
import { format, make, nameOf, numberOf, percent } from "./figures.js";

const FRAME_MS = 8;

const SHOWN = ["households", "people", "workload"];

/** Fill `element`. `foretell(work)` shows the rows that `work()` gives, in the next frame; `clear()` puts it away. */
export function liveTable(element, { draft, words }) {
  let next = null;
  let frame = 0;
  let notBefore = 0;
  let rows = [];
  const note = make("p", "faint redraw-live__note");

  function signed(change) {
    return change ? `${change > 0 ? "+" : "−"}${format(Math.abs(change))}` : "±0";
  }

  function line({ id, before, after, isChoice }) {
    const { properties } = draft.grids.get(id) ?? {};
    const kind = properties?.kind ?? "all";
    const head = make("th", "", ...(properties ? [make("span", "code faint", numberOf(properties)), " ", nameOf(properties)] : [isChoice ? words.live.chosen : words.live.new]));
    head.scope = "row";
    const row = make("tr", "", head);
    row.dataset.live = id;
    if (!after) {
      const gone = make("td", "faint", words.live.gone);
      gone.colSpan = 4;
      row.append(gone);
      return row;
    }
    for (const name of SHOWN) {
      const cell = make("td", "number", make("strong", "", format(after[name])));
      cell.dataset.measure = name;
      if (before) cell.append(make("span", "redraw-live__change", signed(after[name] - before[name])));
      row.append(cell);
    }
    // Beside the others stands the change; of two percentages one wants to see both.
    const off = make("td", "number", isChoice ? "" : make("strong", "", percent(deviation(after, kind, draft.target))));
    off.dataset.measure = "deviation";
    if (before) off.prepend(make("span", "redraw-live__before", `${percent(deviation(before, kind, draft.target))} → `));
    row.append(off);
    return row;
  }

  function draw() {
    frame = 0;
    if (!next) return;
    const began = performance.now();
    if (began < notBefore) {
      frame = requestAnimationFrame(draw);
      return;
    }
    count();
    const took = performance.now() - began;
    notBefore = took > FRAME_MS ? began + 3 * took : 0;
  }
  function count() {
    rows = next();
    next = null;
    element.hidden = false;
    if (!rows.length) {
      note.textContent = words.live.same;
      element.replaceChildren(note);
      return;
    }
    const table = make("table");
    const heads = [words.head.grid, ...SHOWN.map((name) => words.head[name]), words.head.deviation].map((text, index) => {
      const cell = make("th", index ? "number" : "", text);
      cell.scope = "col";
      return cell;
    });
    table.append(make("thead", "", make("tr", "", ...heads)), make("tbody", "", ...rows.slice(0, 8).map(line)));
    element.replaceChildren(table);
  }

  return {
    foretell(work) {
      next = work;
      frame ||= requestAnimationFrame(draw);
    },
    clear() {
      next = null;
      rows = [];
      notBefore = 0;
      element.hidden = true;
    },
    /** What was foretold last. */
    rows: () => rows,
    /** The next frame's rows, now. */
    settle() {
      if (next) count();
      return rows;
    },
    say(text) {
      note.textContent = text;
      element.append(note);
      element.hidden = false;
    },
  };
}
