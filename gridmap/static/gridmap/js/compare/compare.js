// The comparison: one map with both states, or two maps side by side; a row and its ground are one selection, kept in the address.
import { boundsOf, gridLayer, openMap } from "gridmap/map";
import { copyAddress, pageData, say, shortcut } from "gridmap/page";
import { nameLayer } from "../map/names.js";
import { changeLayer } from "./layers.js";
import { splitter } from "./split.js";
import { tableOf } from "./table.js";
import { together } from "./together.js";
import { tipOf } from "./tip.js";

const data = pageData("map-data");
const words = pageData("compare-words");
const $ = (id) => document.getElementById(id);
const frame = document.querySelector(".compare-maps");
const state = { view: frame.dataset.view, document: null, outlines: new Map(), hidden: new Set() };
const tip = tipOf(frame, $("map-tip"), words, state);

let lostNote = null;
function onLost(lost) {
  if (lost && !lostNote) lostNote = say(words.lost, { seconds: 0 });
  else if (!lost && lostNote) lostNote = lostNote.remove() ?? null;
}

// --- maps --------------------------------------------------------------------------------------------------------
function side(element, key, controls) {
  const map = openMap(element, { box: data.box, words, tiles: data.tiles, quiet: true, onLost, controls });
  const grids = gridLayer(map, {
    mode: "none",
    onSelect: ({ id }, event) => {
      window.L.DomEvent.stop(event);
      table.choose(`grid-${id}`, { scroll: true, open: "grids" });
    },
    onHover: (feature, event) => tip.grid(feature, event),
  });
  const changes = changeLayer(map, {
    onFace: ({ properties }) => table.choose(`grid-${properties.after ?? properties.before}`, { scroll: true, open: "grids" }),
    onBuilding: ({ id }) => table.choose(`building-${id}`, { scroll: true, open: "buildings" }),
    onHover: (feature, event) => tip.change(feature, event),
  });
  const names = nameLayer(map);
  const fill = () => {
    const { communities, same, loads } = state.document;
    const features = [...communities, ...same, ...state.document[key]];
    grids.setData({ features });
    names.setData(features);
    changes.setData(state.document);
    grids.colourBy("none", { measure: loads.measure, target: loads.targets[key], loads: loads[key] });
    colour();
  };
  const colour = () => {
    grids.colourBy(state.view === "side" ? "load" : "none");
    for (const part of ["changed", "moves", "was"]) changes.show(part, !state.hidden.has(part) && (part !== "was" || state.view === "overlay"));
  };
  if (state.document) fill();
  return { map, changes, fill, colour, key };
}

const after = side($("map"), "after", true);
let before = null;
let apart = null;
const sides = () => (before && state.view === "side" ? [before, after] : [after]);

function show(view, { remember = true } = {}) {
  // What is in the middle stays there, though the map becomes half as wide.
  const [centre, zoom] = [after.map.getCenter(), after.map.getZoom()];
  state.view = view;
  frame.dataset.view = view;
  // Beside each other the maps are too small to lose a corner to it.
  $("legend").open = view === "overlay";
  for (const button of document.querySelectorAll("[data-view][aria-pressed]")) button.setAttribute("aria-pressed", button.dataset.view === view);
  document.querySelector("#compare-form [name=view]").value = view;
  after.map.invalidateSize({ pan: false }).setView(centre, zoom, { animate: false });
  if (view === "side") {
    before ??= side($("map-before"), "before", false);
    before.map.invalidateSize({ pan: false });
    apart ??= together(after.map, before.map);
  } else apart = apart?.() ?? null;
  for (const each of sides()) each.colour();
  light();
  if (!remember) return;
  const address = new URL(location.href);
  if (view === "side") address.searchParams.set("view", "side");
  else address.searchParams.delete("view");
  history.replaceState(null, "", address);
}

// --- one selection -------------------------------------------------------------------------------------------------
const table = tableOf($("compare-tables"), { onChoose: (_row, options) => light(options) });

function light({ fly = false } = {}) {
  const chosen = table.chosen() ?? {};
  let bounds = null;
  for (const { changes, key } of sides()) {
    const find = (id) => (state.view === "overlay" ? [state.outlines.get(`before-${id}`), state.outlines.get(`after-${id}`)] : [state.outlines.get(`${key}-${id}`)]).filter(Boolean);
    const found = changes.light(chosen, find);
    if (found) bounds = bounds ? bounds.extend(found) : window.L.latLngBounds(found.getSouthWest(), found.getNorthEast());
  }
  if (fly && bounds) after.map.flyToBounds(bounds, { padding: [50, 50], maxZoom: 17, duration: 0.4 });
}

// --- data ----------------------------------------------------------------------------------------------------------
async function load() {
  const note = $("map-state");
  note.hidden = false;
  try {
    const response = await fetch(data.compared);
    if (!response.ok || response.redirected) throw new Error(String(response.status));
    state.document = await response.json();
  } catch {
    note.querySelector("span").textContent = words.failed;
    const again = document.createElement("button");
    again.className = "button";
    again.textContent = words.again;
    again.addEventListener("click", () => location.reload());
    note.append(again);
    return;
  }
  note.hidden = true;
  for (const key of ["before", "after"]) {
    for (const feature of [...state.document.same, ...state.document[key]]) state.outlines.set(`${key}-${feature.id}`, feature);
  }
  for (const each of before ? [before, after] : [after]) each.fill();
  const { changed } = state.document;
  if (table.chosen()) light({ fly: true });
  else if (changed.length) {
    // What differs comes first; the rest of the town is a drag away.
    after.map.fitBounds(window.L.geoJSON(changed).getBounds(), { padding: [28, 28], maxZoom: 16, animate: false });
  } else if (data.box) after.map.fitBounds(boundsOf(data.box), { animate: false });
}

for (const box of document.querySelectorAll("#legend [data-part]")) {
  box.addEventListener("change", () => {
    state.hidden[box.checked ? "delete" : "add"](box.dataset.part);
    for (const each of sides()) each.colour();
  });
}
for (const button of document.querySelectorAll("button[data-view]")) button.addEventListener("click", () => show(button.dataset.view));
shortcut("v", () => show(state.view === "side" ? "overlay" : "side"));
shortcut("c", () => copyAddress(words.copied));
$("copy-link").addEventListener("click", () => copyAddress(words.copied));
after.map.on("click", () => table.choose(null));
$("compare-form").addEventListener("change", () => $("compare-form").requestSubmit());
$("compare-go").hidden = true;
splitter($("compare-split"), document.querySelector("main"));
window.addEventListener("popstate", () => location.reload());

if (state.view === "side") show("side", { remember: false });
document.documentElement.dataset.ready = "map";
load().finally(() => (document.documentElement.dataset.ready = "data"));
