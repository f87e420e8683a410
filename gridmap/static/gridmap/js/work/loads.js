// The planner's loads: row and ground are one selection; each grid has the colour of its row.
import { pageData, shortcut } from "gridmap/page";
import { inAddress, openStage, setAddress } from "./stage.js";

const { map, grids, element, ready } = openStage({ mode: "none", onGrid: ({ id }) => choose(rowOf(id), { scroll: true }) });
const table = () => document.getElementById("loads-table");
const rows = pageData("load-rows") ?? {};
const lit = window.L.featureGroup().addTo(map);
let selected = null;

const rowOf = (grid) => Object.keys(rows).find((key) => rows[key].grids.includes(grid)) ?? null;

function choose(key, { scroll = false, fly = false } = {}) {
  selected = key && rows[key] ? key : null;
  for (const row of table()?.tBodies[0].rows ?? []) {
    const on = row.dataset.row === selected;
    row.setAttribute("aria-selected", on);
    if (on && scroll) row.scrollIntoView({ block: "nearest" });
  }
  lit.clearLayers();
  grids.select(null);
  setAddress("row", selected);
  if (!selected) return;
  const mine = rows[selected].grids;
  if (mine.length === 1) grids.select(mine[0]);
  const style = { fill: false, color: getComputedStyle(element).getPropertyValue("--map-selected"), weight: 3, interactive: false };
  for (const id of mine) {
    const feature = grids.find(id);
    if (feature) lit.addLayer(window.L.geoJSON(feature, { style, interactive: false, pane: "grid-selected" }));
  }
  if (fly && lit.getLayers().length) map.flyToBounds(lit.getBounds(), { padding: [60, 60], maxZoom: 16, duration: 0.4 });
}

table()?.addEventListener("click", (event) => {
  const row = event.target.closest("tr[data-row]");
  if (row) choose(row.dataset.row === selected ? null : row.dataset.row, { fly: true });
});
table()?.addEventListener("keydown", (event) => {
  const row = event.target.closest("tr[data-row]");
  if (row && (event.key === "Enter" || event.key === " ")) {
    event.preventDefault();
    choose(row.dataset.row, { fly: true });
  }
});
for (const [key, next] of [["ArrowDown", "nextElementSibling"], ["ArrowUp", "previousElementSibling"]]) {
  shortcut(key, (event) => {
    if (element.contains(event.target)) return;
    const now = table()?.querySelector("tr[aria-selected=true]");
    const row = now ? now[next] : table()?.tBodies[0].rows[0];
    if (!row) return;
    row.focus();
    choose(row.dataset.row, { scroll: true, fly: true });
  });
}
shortcut("Escape", () => choose(null));

// Colours come from the table itself, so that a grouping by specialist colours the ground of each specialist.
function colour() {
  const step = { 1: 0.5, 2: 0.8, 3: 1, 4: 1.2, 5: 1.5 };
  const loads = {};
  for (const { grids: mine, class: index } of Object.values(rows)) for (const id of mine) loads[id] = [0, 0, 100 * step[index]];
  grids.colourBy("load", { target: 100, measure: "people", loads });
}

ready.then(() => {
  colour();
  choose(inAddress("row"), { scroll: true, fly: true });
});
window.addEventListener("popstate", () => choose(inAddress("row"), { scroll: true }));
