// The history: every edit with who, when and what; any of them can be gone to, those of other branches too.
import { standing } from "./branches.js";
import { format, make, nameOf, timeOf } from "./figures.js";

/** `describe` revisions, `refresh()` the panel and the buttons of undo and redo. `onGo(revision id or null)`. */
export function historyPanel(element, { draft, server, words, undo, redo, onGo }) {
  let told = null;

  function nameById(id) {
    const feature = draft.grids.get(id);
    return feature ? nameOf(feature.properties) : `#${id}`;
  }
  function described({ command, parameters = {}, grids = [] }) {
    const { grid, into, to, a, b, name } = parameters;
    const subject = command === "carve" ? name : a && b ? `${nameById(a)} · ${nameById(b)}` : [grid, into, to, ...(parameters.grids ?? []), ...grids].find(Boolean);
    const title = typeof subject === "number" ? nameById(subject) : (subject ?? "");
    return (words.commands[command] ?? command).replace("%s", title).trim();
  }

  function entry(id, text, detail, place) {
    const item = make("li", `redraw-step redraw-step--${place}`);
    const go = make(place === "here" || !onGo ? "div" : "button", "redraw-step__go");
    if (go instanceof HTMLButtonElement) {
      go.type = "button";
      go.title = words.names.goTo;
      go.addEventListener("click", () => onGo(id));
    } else if (place === "here") go.setAttribute("aria-current", "true");
    go.dataset.revision = id ?? 0;
    go.append(make("span", "redraw-step__what", text), make("span", "faint", detail));
    if (place === "here" || place === "branch") go.append(make("span", place === "here" ? "badge badge--accent" : "badge", words.names[place]));
    item.append(go);
    return item;
  }

  function draw() {
    if (element.hidden || !told) return;
    const places = standing(told.revisions, told.head);
    const list = make("ol", "redraw-steps", ...told.revisions.map((each) => entry(each.id, described(each), `${timeOf(each.at)} · ${each.by || words.names.nobody}`, places.get(each.id))));
    if (!told.next) list.append(entry(null, words.names.beginning, "", told.head === null ? "here" : "before"));
    element.replaceChildren(...(told.revisions.length ? [list] : [make("p", "section faint", words.names.noHistory)]));
    if (!told.next) return;
    const more = make("button", "button redraw-more", format(200) + " …");
    more.type = "button";
    more.addEventListener("click", async () => {
      const earlier = await server.history(told.next);
      told = { ...told, revisions: [...told.revisions, ...earlier.revisions], next: earlier.next };
      draw();
    });
    element.append(more);
  }

  function labels() {
    const by = (id) => told?.revisions.find((each) => each.id === id);
    for (const [button, able, what, none, revision] of [
      [undo, draft.canUndo, words.names.undo, words.names.nothingToUndo, by(draft.head)],
      [redo, draft.canRedo, words.names.redo, words.names.nothingToRedo, by(told?.redo)],
    ]) {
      if (!button) continue;
      button.disabled = !able;
      button.title = able ? what.replace("%s", revision ? described(revision) : "") : none;
    }
  }

  let later = 0;
  async function refresh() {
    clearTimeout(later);
    const answer = await server.history().catch(() => null);
    if (!answer) return;
    told = answer;
    if (answer.head === draft.head) [draft.canUndo, draft.canRedo] = [answer.can_undo, answer.redo !== null];
    labels();
    draw();
  }
  draft.on("changed", () => {
    labels();
    clearTimeout(later);
    later = setTimeout(refresh, 250);
  });
  draft.on("loaded", refresh);
  return { described, refresh, draw };
}
