// Publishing: each finding is a mark on the map, each grid of the list its outline; the plan's own grids are drawn.
import { fetchGrids, gridLayer, openMap } from "gridmap/map";
import { pageData, say } from "gridmap/page";
import { nameLayer } from "../map/names.js";
import { textTip } from "../work/tip.js";
import "./acts.js";

const element = document.getElementById("map");
const data = pageData("map-data") ?? {};
const map = openMap(element, { box: data.box, tiles: data.tiles });
const grids = gridLayer(map, { mode: "none", onSelect: ({ id }) => select(id, { fly: false }) });
const names = nameLayer(map);
const marks = window.L.layerGroup().addTo(map);
const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
let findings = [];
let layers = new Map();
let chosen = null;

const style = ({ level }, on) => {
  const color = css(level === "error" ? "--overdue" : "--notice");
  return { color, weight: on ? 4 : 2, fillColor: color, fillOpacity: on ? 0.7 : 0.35, radius: on ? 10 : 7 };
};

function draw() {
  findings = pageData("publish-findings") || [];
  marks.clearLayers();
  const ground = pageData("publish-ground") || [];
  if (ground.length) {
    const colour = ({ properties }) => css(properties.kind === "disputed" ? "--overdue" : "--accent");
    const look = (feature) => ({ color: colour(feature), weight: 2, fillColor: colour(feature), fillOpacity: 0.25, interactive: false });
    marks.addLayer(window.L.geoJSON({ type: "FeatureCollection", features: ground }, { style: look, interactive: false }));
  }
  layers = new Map();
  chosen = null;
  findings.forEach((finding, index) => {
    if (!finding.place) return;
    const layer = window.L.circleMarker([finding.place[1], finding.place[0]], style(finding, false)).addTo(marks);
    textTip(layer, finding.message);
    layer.on("click", () => choose(index, { fly: false }));
    layers.set(index, layer);
  });
}

function choose(index, { fly = true } = {}) {
  if (layers.has(chosen)) layers.get(chosen).setStyle(style(findings[chosen], false));
  chosen = index;
  for (const row of document.querySelectorAll("[data-finding]")) {
    const on = Number(row.dataset.finding) === index;
    row.setAttribute("aria-current", on);
    if (on && !fly) row.scrollIntoView({ block: "nearest" });
  }
  const layer = layers.get(index);
  if (!layer) return;
  layer.setStyle(style(findings[index], true));
  layer.bringToFront();
  if (findings[index].grid_id) grids.select(findings[index].grid_id);
  if (fly) map.setView(layer.getLatLng(), Math.max(map.getZoom(), 17));
}

function select(id, { fly = true } = {}) {
  grids.select(id);
  for (const row of document.querySelectorAll("[data-post]")) {
    const on = Number(row.dataset.post) === id;
    row.toggleAttribute("data-on", on);
    if (on && !fly) row.scrollIntoView({ block: "nearest" });
  }
  if (fly) grids.zoomTo(id);
}

function act(event) {
  if (event.target.closest("input, select, a, label")) return false;
  const finding = event.target.closest("[data-finding]");
  if (finding) choose(Number(finding.dataset.finding));
  const grid = event.target.closest("button[data-grid]");
  if (grid) select(Number(grid.dataset.grid));
  return Boolean(finding || grid);
}

document.addEventListener("click", act);
document.addEventListener("keydown", (event) => {
  if ((event.key === "Enter" || event.key === " ") && event.target.matches?.("[data-finding]") && act(event)) event.preventDefault();
});
document.addEventListener("htmx:afterSettle", draw);

fetchGrids(element.dataset.grids)
  .then((collection) => {
    grids.setData(collection);
    names.setData(collection.features);
    const bounds = window.L.geoJSON(collection).getBounds();
    if (bounds.isValid()) map.fitBounds(bounds, { padding: [24, 24], animate: false });
  })
  .catch(() => say(element.dataset.lost ?? ""));
if (element.dataset.changes) {
  // What changes grid, under the borders; without it the page still says everything in words.
  fetchGrids(element.dataset.changes)
    .then(({ changed }) => {
      const color = css("--accent");
      const look = { stroke: true, color, weight: 1, opacity: 0.6, fillColor: color, fillOpacity: 0.22 };
      window.L.geoJSON({ type: "FeatureCollection", features: changed }, { style: look, interactive: false }).addTo(map);
    })
    .catch(() => {});
}
draw();
