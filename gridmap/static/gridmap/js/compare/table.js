// The tables: fetched by htmx when sorted, paged or changed; one row of them is the selection.
import { pageData, shortcut } from "gridmap/page";

/**
 * Bring the tables in `element` to life. `onChoose(row | null, options)` hears what was chosen: {grids, points}.
 *
 * The answer: `choose(key, {scroll, open})`, where `open` names the table to fetch if the row is not in this one; `chosen()`.
 */
export function tableOf(element, { onChoose = () => {} } = {}) {
  let rows = pageData("compare-rows") ?? {};
  let key = new URLSearchParams(location.search).get("select");
  const table = () => document.getElementById("compare-table");
  const chosen = () => (key ? (rows[key] ?? ground(key)) : null);
  // A grid that does not change has no row, but it has ground.
  const ground = (name) => (name.startsWith("grid-") ? { grids: [Number(name.slice(5))], points: [] } : null);

  function remember() {
    const address = new URL(location.href);
    if (key) address.searchParams.set("select", key);
    else address.searchParams.delete("select");
    history.replaceState(null, "", address);
  }

  function mark({ scroll = false } = {}) {
    for (const row of table()?.tBodies[0].rows ?? []) {
      const on = row.dataset.row === key;
      row.setAttribute("aria-selected", on);
      if (on && scroll) row.scrollIntoView({ block: "nearest" });
    }
  }

  function choose(next, options = {}) {
    key = next === key && !options.scroll ? null : next;
    if (key && !rows[key] && options.open && table()?.dataset.table !== options.open) {
      fetchTables(address({ table: options.open, sort: null, page: null, select: key }), options);
      return;
    }
    remember();
    mark(options);
    onChoose(chosen(), options);
  }

  const address = (changes) => {
    const found = new URL(location.href);
    for (const [name, value] of Object.entries(changes)) {
      if (value === null) found.searchParams.delete(name);
      else found.searchParams.set(name, value);
    }
    return found;
  };

  async function fetchTables(where, options = {}) {
    element.setAttribute("aria-busy", "true");
    const focused = element.contains(document.activeElement) ? document.activeElement.closest("[data-table],th")?.cellIndex : undefined;
    try {
      await window.htmx.ajax("GET", where.pathname + where.search, { target: element, swap: "innerHTML" });
    } finally {
      element.removeAttribute("aria-busy");
    }
    history.replaceState(null, "", where);
    rows = pageData("compare-rows") ?? {};
    key = where.searchParams.get("select");
    if (focused !== undefined) table()?.tHead.rows[0].cells[focused]?.querySelector("a")?.focus();
    mark({ scroll: Boolean(key) });
    onChoose(chosen(), options);
  }

  element?.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-table], a[data-sort], .pager a");
    if (link && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
      event.preventDefault();
      // The view and the selection are in the address by now, not in the link that the server wrote.
      const where = new URL(link.href);
      const now = new URL(location.href).searchParams;
      if (now.has("view")) where.searchParams.set("view", now.get("view"));
      if (!link.dataset.table && key) where.searchParams.set("select", key);
      if (link.dataset.table) where.searchParams.delete("select");
      fetchTables(where);
      return;
    }
    const row = event.target.closest("tr[data-row]");
    if (row) choose(row.dataset.row, { fly: true });
  });
  element?.addEventListener("keydown", (event) => {
    const row = event.target.closest("tr[data-row]");
    if (!row || event.target !== row || (event.key !== "Enter" && event.key !== " ")) return;
    event.preventDefault();
    choose(row.dataset.row, { fly: true });
  });
  for (const [name, next] of [["ArrowDown", "nextElementSibling"], ["ArrowUp", "previousElementSibling"]]) {
    shortcut(name, (event) => {
      if (event.target.closest?.(".map")) return;
      const now = table()?.querySelector("tr[aria-selected=true]");
      const row = now ? now[next] : table()?.tBodies[0].rows[0];
      if (!row) return;
      row.focus();
      choose(row.dataset.row, { scroll: true, fly: true });
    });
  }
  ["grids", "buildings", "compounds", "specialists"].forEach((name, index) =>
    shortcut(String(index + 1), () => element && fetchTables(address({ table: name, sort: null, page: null, select: null }))),
  );
  shortcut("Escape", () => choose(null));

  return { choose, chosen };
}
