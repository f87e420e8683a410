// My grids on the phone: the map shows my ground and my buildings; a building tapped on the map opens its doors.
import { boundsOf } from "gridmap/map";
import { fetchFeatures, inAddress, load, openStage, setAddress } from "./stage.js";
import { textTip } from "./tip.js";

const { map, grids, element, data } = openStage();
const detail = document.getElementById("mine-detail");
const buildings = new Map();
const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
let selected = Number(inAddress("building")) || null;

const plain = () => ({ color: css("--map-building-line"), weight: 1, fillColor: css("--accent"), fillOpacity: 0.35 });
const chosen = () => ({ color: css("--map-selected"), weight: 3, fillColor: css("--accent"), fillOpacity: 0.8 });

async function draw() {
  const found = await fetchFeatures(data.features, element.dataset.lost);
  if (!found) return;
  const rim = { fill: false, color: css("--map-selected"), weight: 3, opacity: 0.9, interactive: false };
  const mine = found.features.filter(({ properties }) => properties.layer === "grid");
  window.L.geoJSON(mine, { style: rim, interactive: false }).addTo(map);
  const houses = found.features.filter(({ properties }) => properties.layer === "building");
  window.L.geoJSON(houses, {
    style: plain,
    onEachFeature(feature, layer) {
      buildings.set(feature.id, layer);
      textTip(layer, `${feature.properties.label} · ${feature.properties.households}`);
      layer.on("click", () => open(feature.id));
    },
  }).addTo(map);
  light();
}

function light() {
  for (const [id, layer] of buildings) layer.setStyle(id === selected ? chosen() : plain());
  for (const row of document.querySelectorAll("[data-building]")) {
    row.setAttribute("aria-current", Number(row.dataset.building) === selected);
  }
}

const open = (id) => load(`${location.pathname}buildings/${id}/`, detail);

function close() {
  selected = null;
  detail.replaceChildren();
  setAddress("building", null);
  light();
}

document.addEventListener("htmx:afterSettle", ({ detail: { target } }) => {
  if (target !== detail) return light();
  const id = Number(detail.querySelector("[data-building-card]")?.dataset.buildingCard) || null;
  setAddress("building", id, { push: id !== selected });
  selected = id;
  const layer = buildings.get(id);
  if (layer && !map.getBounds().contains(layer.getBounds())) map.fitBounds(layer.getBounds(), { maxZoom: 18 });
  light();
  detail.scrollIntoView({ block: "start", behavior: "instant" });
});
detail?.addEventListener("click", (event) => event.target.closest("[data-close-detail]") && close());
window.addEventListener("popstate", () => {
  const id = Number(inAddress("building")) || null;
  if (id && id !== selected) open(id);
  else if (!id) close();
});
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-grid].mine-grid");
  if (button) grids.zoomTo(Number(button.dataset.grid));
});

if (data.box) map.fitBounds(boundsOf(data.box), { padding: [12, 12], animate: false });
draw();
if (selected && detail) open(selected);
