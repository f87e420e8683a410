// The problems of an import: each row with a place is one with its mark on the map.
import { fetchFeatures, inAddress, openStage, setAddress } from "./stage.js";
import { textTip } from "./tip.js";

const { map, element } = openStage();
// Rows that lie in another country are seen beside the town, not as a line that leaves the map.
map.setMinZoom(2);
const layers = new Map();
const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const colours = { error: "--overdue", warning: "--notice", note: "--ink-3" };
let selected = null;
let group = null;
let drawn = "";

function style(feature, on) {
  const color = css(colours[feature.properties.severity]);
  return { color, weight: on ? 5 : 2, fillColor: color, fillOpacity: on ? 0.6 : 0.3, radius: on ? 9 : 6 };
}

async function draw() {
  const state = document.querySelector("[data-state]")?.dataset.state ?? "";
  if (state === drawn) return;
  drawn = state;
  const found = await fetchFeatures(element.dataset.problems, element.dataset.lost);
  if (!found) return;
  group?.remove();
  layers.clear();
  group = window.L.geoJSON(found, {
    style: (feature) => style(feature, false),
    pointToLayer: (feature, place) => window.L.circleMarker(place, style(feature, false)),
    onEachFeature(feature, layer) {
      layers.set(feature.id, layer);
      textTip(layer, feature.properties.label);
      layer.on("click", () => choose(feature.id, { fly: false }));
    },
  }).addTo(map);
  const wanted = inAddress("problem");
  if (wanted !== null) choose(Number(wanted));
  else if (found.features.length) map.fitBounds(group.getBounds(), { padding: [30, 30], maxZoom: 17, animate: false });
}

function choose(id, { fly = true } = {}) {
  const before = layers.get(selected);
  if (before) before.setStyle(style(before.feature, false));
  selected = id;
  setAddress("problem", id === null ? null : String(id));
  for (const row of document.querySelectorAll("[data-problem]")) {
    const on = Number(row.dataset.problem) === id;
    row.setAttribute("aria-selected", on);
    if (on && !fly) row.scrollIntoView({ block: "nearest" });
  }
  const layer = layers.get(id);
  if (!layer) return;
  layer.setStyle(style(layer.feature, true));
  layer.bringToFront?.();
  const box = layer.getBounds?.();
  if (fly && box?.isValid()) map.fitBounds(box, { padding: [80, 80], maxZoom: 18 });
  else if (fly) map.setView(layer.getLatLng(), 17);
}

document.addEventListener("click", (event) => {
  const row = event.target.closest("tr[data-problem]");
  if (row && !event.target.closest("a")) choose(Number(row.dataset.problem));
});
document.addEventListener("keydown", (event) => {
  const row = event.target.closest?.("tr[data-problem]");
  if (row && event.key === "Enter") choose(Number(row.dataset.problem));
});
document.addEventListener("htmx:afterSettle", draw);

// The column that a role takes is marked in the preview.
function markColumns() {
  const chosen = new Map([...document.querySelectorAll("select[data-role]")].map((one) => [one.value, one]));
  for (const head of document.querySelectorAll("th[data-field]")) head.classList.toggle("preview__used", chosen.has(head.dataset.field));
}
document.addEventListener("change", (event) => event.target.matches("select[data-role]") && markColumns());
document.addEventListener("htmx:afterSettle", markColumns);
markColumns();
draw();
