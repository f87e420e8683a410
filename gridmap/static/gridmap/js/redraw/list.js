// The sortable list of grids: number, name, households, people, a bar for the deviation. One selection with the map.
import { shortcut } from "../page.js";
import { loadBar } from "../town/list.js";
import { format, make, nameOf, numberOf, percent } from "./figures.js";

const KEYS = {
  code: (draft, { properties }) => properties.code,
  households: (draft, { id }) => draft.numbers.get(id)?.households ?? 0,
  people: (draft, { id }) => draft.numbers.get(id)?.people ?? 0,
  deviation: (draft, { id }) => draft.deviation(id) ?? -Infinity,
};

/** Pure: the grids of the draft by `key`, those whose name or code holds `text`. */
export function sorted(draft, key, down, text = "") {
  const wanted = text.trim().toLowerCase();
  const { code } = KEYS;
  const found = [...draft.grids.values()].filter(({ properties }) =>
    [properties.name, properties.name_en, properties.code].some((each) => !wanted || each?.toLowerCase().includes(wanted)),
  );
  const compare = (a, b) => (a < b ? -1 : a > b ? 1 : 0);
  const value = KEYS[key];
  return found.sort((a, b) => (down ? -1 : 1) * compare(value(draft, a), value(draft, b)) || compare(code(draft, a), code(draft, b)));
}

/** Fill `table` with the draft's grids. `onTake(id)` hears a row; it may take it for the tool at work. */
export function gridList(table, { draft, words, filter, figures, onTake }) {
  const body = table.tBodies[0];
  let [key, down] = ["code", false];
  let picked = new Set();

  function row(feature) {
    const { id, properties } = feature;
    const load = draft.numbers.get(id);
    const line = make("tr");
    line.dataset.grid = id;
    line.tabIndex = 0;
    line.setAttribute("aria-selected", id === draft.selected);
    if (picked.has(id)) line.className = "is-picked";
    const head = make("th", "redraw-list__name");
    head.scope = "row";
    const marks = make("span", "redraw-list__marks");
    if (properties.locked) {
      const lock = document.getElementById("redraw-lock-mark").content.cloneNode(true).firstElementChild;
      marks.append(lock, make("span", "sr-only", words.names.locked));
    }
    if (properties.kind === "dedicated") {
      const swatch = make("span", "swatch swatch--dedicated");
      swatch.title = words.names.dedicated;
      marks.append(swatch, make("span", "sr-only", words.names.dedicated));
    }
    head.append(make("div", "redraw-list__line", make("span", "code faint", numberOf(properties)), make("span", "clip", nameOf(properties)), marks));
    const off = draft.deviation(id);
    const last = make("td", "number redraw-list__off", percent(off));
    if (off !== null) last.append(loadBar(draft.carried(load), draft.target.value));
    line.append(head, make("td", "number", format(load?.households ?? 0)), make("td", "number", format(load?.people ?? 0)), last);
    return line;
  }

  function drawAll() {
    const focused = document.activeElement?.closest?.("tr[data-grid]")?.dataset.grid;
    const rows = sorted(draft, key, down, filter.value).map(row);
    if (!rows.length) {
      const none = make("td", "faint redraw-list__none", draft.grids.size ? words.names.noGrid : words.names.empty);
      none.colSpan = 4;
      rows.push(make("tr", "", none));
    }
    body.replaceChildren(...rows);
    if (focused) body.querySelector(`[data-grid="${focused}"]`)?.focus({ preventScroll: true });
    const { target } = draft;
    const aim = target?.value > 0 ? (target.is_norm ? words.names.norm : words.names.mean).replace("%n", format(target.value)).replace("%m", words.names.measures[target.measure] ?? "") : "";
    figures.textContent = [words.names.grids.replace("%s", format(draft.grids.size)), aim].filter(Boolean).join(" · ");
  }

  for (const head of table.tHead.querySelectorAll("[data-sort]")) {
    head.addEventListener("click", () => {
      // Figures are asked for from the top down, codes from the first on.
      down = head.dataset.sort === key ? !down : head.dataset.sort !== "code";
      key = head.dataset.sort;
      for (const cell of table.tHead.rows[0].cells) cell.removeAttribute("aria-sort");
      head.closest("th").setAttribute("aria-sort", down ? "descending" : "ascending");
      drawAll();
    });
  }
  filter.addEventListener("input", drawAll);
  body.addEventListener("click", (event) => {
    const line = event.target.closest("tr[data-grid]");
    if (line) onTake(Number(line.dataset.grid));
  });
  body.addEventListener("keydown", (event) => {
    const line = event.target.closest("tr[data-grid]");
    if (!line || (event.key !== "Enter" && event.key !== " ")) return;
    event.preventDefault();
    event.stopPropagation();
    onTake(Number(line.dataset.grid));
  });
  for (const [arrow, next] of [["ArrowDown", "nextElementSibling"], ["ArrowUp", "previousElementSibling"]]) {
    shortcut(arrow, (event) => {
      if (event.target.closest?.("#map, [role=tablist], [role=toolbar]")) return;
      const now = document.activeElement.closest?.("tr[data-grid]") ?? body.querySelector("[aria-selected=true]");
      (now ? now[next] : body.querySelector("tr[data-grid]"))?.focus();
    });
  }
  draft.on("loaded", drawAll);
  draft.on("changed", drawAll);
  draft.on("chosen", (id) => {
    for (const line of body.querySelectorAll("[data-grid]")) {
      const on = Number(line.dataset.grid) === id;
      line.setAttribute("aria-selected", on);
      if (on) line.scrollIntoView({ block: "nearest" });
    }
  });
  return {
    /** Mark the grids that a tool has picked. */
    pick(ids) {
      picked = new Set(ids);
      for (const line of body.querySelectorAll("[data-grid]")) line.classList.toggle("is-picked", picked.has(Number(line.dataset.grid)));
    },
  };
}
