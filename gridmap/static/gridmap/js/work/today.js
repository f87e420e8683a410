// The supervisor's morning on the map: vacant grids and grids whose lead is away; a row shows its ground.
import { pageData } from "gridmap/page";
import { inAddress, openStage, setAddress } from "./stage.js";

const { map, grids, ready } = openStage({ mode: "none", onGrid: ({ id }) => choose(id, false) });
const lit = pageData("today-lit");
const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

function choose(id, fly = true) {
  grids.select(id);
  if (id && fly) grids.zoomTo(id, { maxZoom: 16 });
  setAddress("grid", id);
  for (const row of document.querySelectorAll("[data-grid]")) {
    const on = Number(row.dataset.grid) === id;
    row.setAttribute("aria-selected", on);
    if (on && !fly) row.scrollIntoView({ block: "nearest" });
  }
}

ready.then(() => {
  for (const [key, colour] of [["away", "--load-4"], ["vacant", "--load-5"]]) {
    const style = { stroke: false, fillColor: css(colour), fillOpacity: 0.7 };
    for (const id of lit[key]) {
      const feature = grids.find(id);
      if (feature) window.L.geoJSON(feature, { style, interactive: false, pane: "grid-line" }).addTo(map);
    }
  }
  const id = Number(inAddress("grid"));
  if (id) choose(id);
});
document.addEventListener("click", (event) => {
  const row = event.target.closest("[data-grid]");
  if (row) choose(Number(row.dataset.grid));
});
