// The tool that pulls a common border by its handles, or draws its new course. See tools.js for what a tool is.
import { drawingButtons } from "./drawing.js";
import { pulling } from "./outcomes.js";
import { commonBorder } from "./shapes.js";
import { foot } from "./snapping.js";

export function borderTool(kit) {
  const { draft, map, sheet, list, pen, live, hint, words, titled, save, snapM } = kit;
  let pair = [];
  let taken = false;
  const both = (text) => text.replace("%a", titled(pair[0])).replace("%b", titled(pair[1]));

  function show() {
    sheet.mark(pair);
    list.pick(pair);
    if (pair.length < 2) {
      pen.stop();
      live.clear();
      const next = taken ? words.hints.borderTaken : words.hints.borderNext;
      hint(pair.length ? next.replace("%s", titled(pair[0])) : words.hints.border, pair.length ? [[words.buttons.cancel, cancel]] : []);
    }
  }
  function pull(line) {
    show();
    pen.handles(line);
    hint(both(words.hints.borderPull), [[words.buttons.save, accept, true], [words.buttons.drawAnew, drawAnew], [words.buttons.cancel, cancel]]);
  }
  function drawAnew() {
    pen.start("line");
    hint(both(words.hints.borderDraw), drawingButtons(kit, cancel));
  }
  async function accept() {
    if (pair.length < 2) return;
    if (pen.name === "line") return pen.finish();
    await give(pen.geometry());
  }
  async function give(line) {
    const rows = live.settle();
    const [a, b] = pair;
    pen.stop();
    await save({ command: "reshape", a, b, line, ...snapM() }, { drawn: line, rows });
    pair = [];
    show();
  }
  function cancel() {
    const had = pair.length > 0;
    pair = [];
    show();
    return had;
  }
  const borders = (a, b) => commonBorder(draft.grids.get(a).geometry, draft.grids.get(b).geometry);

  // Metres do not matter here: how near in pixels is the border to what was clicked.
  function near(line, { latlng }) {
    const at = map.latLngToContainerPoint(latlng);
    const squash = Math.cos((latlng.lat * Math.PI) / 180);
    return Math.min(...line.slice(1).map((point, i) => {
      const [lng, lat] = foot([line[i], point], latlng.lng, latlng.lat, squash);
      return at.distanceTo(map.latLngToContainerPoint([lat, lng]));
    }));
  }
  return {
    enter() {
      pair = draft.selected ? [draft.selected] : [];
      taken = true;
      show();
    },
    leave() {
      pair = [];
      pen.stop();
      sheet.mark([]);
      list.pick([]);
    },
    grid(id, event) {
      if (id === null || pen.name) return;
      taken = false;
      if (event?.latlng && !pair.length) {
        const hit = draft.neighbours(id).flatMap((other) => borders(id, other.id).map((line) => ({ other: other.id, line, away: near(line, event) }))).sort((p, q) => p.away - q.away)[0];
        if (hit && hit.away < 10) {
          pair = [id, hit.other];
          return pull(hit.line);
        }
      }
      if (!pair.length || pair[0] === id) {
        pair = pair[0] === id ? [] : [id];
        draft.choose(pair[0] ?? null);
        return show();
      }
      const found = borders(pair[0], id);
      if (!found.length) {
        pair = [id];
        return show();
      }
      pair = [pair[0], id];
      pull(event?.latlng ? [...found].sort((p, q) => near(p, event) - near(q, event))[0] : found[0]);
    },
    async drawn(geometry, done) {
      const [a, b] = pair;
      if (!b) return;
      live.foretell(() => pulling(draft, a, b, geometry.coordinates));
      if (done) await give(geometry);
    },
    accept,
    cancel,
  };
}
