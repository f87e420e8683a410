// The town map page: one state (what is selected, seen and coloured), kept in the address, shown by the parts.
import { formatView, parseView } from "../map/address.js";
import { boundsOf, fetchGrids, gridLayer, openMap, placeMark } from "../map/index.js";
import { nameLayer } from "../map/names.js";
import { copyAddress, pageData, say, shortcut } from "../page.js";
import { searchBox } from "../search.js";
import { cardPanel } from "./card.js";
import { drawLegend } from "./legend.js";
import { gridList } from "./list.js";

const data = pageData("map-data");
const words = pageData("map-words");
const zh = document.documentElement.lang.startsWith("zh");
const name = (properties) => (!zh && properties.name_en) || properties.name;
const format = new Intl.NumberFormat(zh ? "zh-CN" : "en").format;
const $ = (id) => document.getElementById(id);

const view = parseView(location.search);
const state = { grid: view.grid, place: view.place, colour: view.colour ?? "community", hide: new Set(view.hide) };
let loads = null;
let collection = null;

let lostNote = null;
function onLost(lost) {
  if (lost && !lostNote) lostNote = say(words.lost, { seconds: 0 });
  if (!lost && lostNote) {
    lostNote.remove();
    lostNote = null;
  }
}

const map = openMap($("map"), { box: data.box, centre: view.centre, zoom: view.zoom, words, tiles: data.tiles, quiet: true, onLost });
const mark = placeMark(map);
const names = nameLayer(map);
const grids = gridLayer(map, { mode: state.colour, onHover: tip });
const list = gridList($("grid-list"), { name, words, format, onChoose: (id) => choose({ grid: id, zoom: true }) });
const card = cardPanel({
  element: $("card"),
  list: $("grids"),
  url: data.card,
  words,
  format,
  onGrid(id) {
    state.grid = id;
    grids.select(id);
    list.select(id);
    remember(false);
  },
  onChoose: (id) => choose({ grid: id }),
  onClose: () => choose({}),
});

// --- the address -----------------------------------------------------------------------------------------------
function remember(push) {
  const { lat, lng } = map.getCenter();
  const query = formatView({
    grid: state.place ? null : state.grid,
    place: state.place,
    zoom: map.getZoom(),
    centre: { lat, lon: lng },
    colour: state.colour,
    hide: [...state.hide],
  });
  const town = new URLSearchParams(location.search).get("town");
  const address = location.pathname + query + (town ? `${query ? "&" : "?"}town=${encodeURIComponent(town)}` : "");
  if (address === location.pathname + location.search) return;
  history[push ? "pushState" : "replaceState"](null, "", address);
}

window.addEventListener("popstate", () => {
  const earlier = parseView(location.search);
  // First of all, or moving the map would write the present selection into the earlier address.
  Object.assign(state, { grid: earlier.grid, place: earlier.place, colour: earlier.colour ?? "community" });
  if (earlier.centre && earlier.zoom) map.setView([earlier.centre.lat, earlier.centre.lon], earlier.zoom, { animate: false });
  colour(state.colour, false);
  choose({ grid: earlier.grid, place: earlier.place, push: false });
});
map.on("moveend", () => remember(false));

// --- one selection ---------------------------------------------------------------------------------------------
function choose({ grid = null, place = null, push = true, zoom = false }) {
  $("map-tip").hidden = true;
  state.grid = grid;
  state.place = place;
  if (place) mark.put(place);
  else mark.clear();
  if (push) remember(true);
  if (grid && !place) {
    grids.select(grid);
    list.select(grid);
    card.showGrid(grid);
    if (zoom) grids.zoomTo(grid);
  } else if (place) card.showPlace(place);
  else {
    grids.select(null);
    list.select(null);
    card.close();
  }
}

map.on("click", ({ latlng }) => choose({ place: { lat: latlng.lat, lon: latlng.lng } }));
map.getContainer().addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.target !== map.getContainer()) return;
  const { lat, lng } = map.getCenter();
  choose({ place: { lat, lon: lng } });
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && !event.defaultPrevented && (state.grid || state.place) && !document.querySelector("dialog[open]")) choose({});
});

// --- hover -----------------------------------------------------------------------------------------------------
function tip(feature, event) {
  const box = $("map-tip");
  box.hidden = !feature;
  if (!feature) return;
  const load = loads?.loads[feature.id];
  const figure = load ? ` · ${format(load[2])} ${words.people} · ${format(load[1])} ${words.households}` : "";
  box.textContent = `${name(feature.properties)}${figure}`;
  const { x, y } = event.containerPoint;
  box.style.transform = `translate(${Math.round(x + 14)}px, ${Math.round(y + 16)}px)`;
}

// --- colours and layers ----------------------------------------------------------------------------------------
function colour(mode, push = true) {
  if (mode === "load" && !data.loads) mode = "community";
  state.colour = mode;
  grids.colourBy(mode, loads);
  drawLegend($("legend"), { mode, loads, words, format });
  for (const button of document.querySelectorAll("[data-colour]")) button.setAttribute("aria-pressed", button.dataset.colour === mode);
  if (push) remember(false);
}
function layer(part, visible) {
  state.hide[visible ? "delete" : "add"](part);
  if (part === "names") names.show(visible);
  else if (part === "ground") visible ? map.ground.addTo(map) : map.ground.remove();
  else grids.show(part, visible);
}
for (const button of document.querySelectorAll("[data-colour]")) button.addEventListener("click", () => colour(button.dataset.colour));
for (const box of document.querySelectorAll("[data-layer]")) {
  box.checked = !state.hide.has(box.dataset.layer);
  if (!box.checked) layer(box.dataset.layer, false);
  box.addEventListener("change", () => {
    layer(box.dataset.layer, box.checked);
    remember(false);
  });
}
["community", "kind", "load"].forEach((mode, index) => shortcut(String(index + 1), () => colour(mode)));

$("copy-link").addEventListener("click", () => copyAddress(words.copied));
shortcut("c", () => copyAddress(words.copied));

// --- search ----------------------------------------------------------------------------------------------------
searchBox($("search"), {
  url: data.search,
  kinds: words.kinds,
  words,
  near: () => ({ lon: map.getCenter().lng, lat: map.getCenter().lat }),
  onTake(hit) {
    if (hit.kind === "grid" && grids.find(hit.id)) return choose({ grid: hit.id, zoom: true });
    map.fitBounds(boundsOf(hit.bbox), { padding: [60, 60], maxZoom: 18, animate: false });
    // A whole street or community has no one person who answers: it is shown, and nobody is named.
    choose(["compound", "building"].includes(hit.kind) ? { place: { lat: hit.lat, lon: hit.lon } } : {});
  },
});
$("grid-filter").addEventListener("input", (event) => list.draw({ filter: event.target.value }));

// --- data ------------------------------------------------------------------------------------------------------
async function load() {
  const note = $("map-state");
  try {
    collection = await fetchGrids(`${data.grids}?town=${encodeURIComponent(data.town)}`);
  } catch {
    note.querySelector("span").textContent = words.gridsFailed;
    const again = document.createElement("button");
    again.className = "button";
    again.textContent = words.again;
    again.addEventListener("click", () => location.reload());
    note.append(again);
    return;
  }
  note.hidden = true;
  grids.setData(collection);
  names.setData(collection.features);
  const count = grids.features().length;
  $("town-figures").textContent = count ? words.figures.replace("%c", collection.features.length - count).replace("%g", count) : words.noPlan;
  list.draw({ features: collection.features });
  if (state.grid || state.place) choose({ grid: state.grid, place: state.place, push: false, zoom: Boolean(state.grid) && !view.centre });
  if (!data.loads) return;
  const response = await fetch(`${data.loads_url}?town=${encodeURIComponent(data.town)}`).catch(() => null);
  if (!response?.ok) return;
  loads = await response.json();
  list.draw({ loads });
  card.setLoads(loads);
  colour(state.colour, false);
}

colour(state.colour, false);
document.documentElement.dataset.ready = "map";
load().finally(() => (document.documentElement.dataset.ready = "data"));
