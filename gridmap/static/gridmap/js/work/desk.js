// The dispatcher's desk: a click or an address becomes a case; list, map and address hold one selection.
import { placeMark } from "gridmap/map";
import { shortcut } from "gridmap/page";
import { searchBox } from "gridmap/search";
import { fetchFeatures, inAddress, load, mark, openStage, setAddress } from "./stage.js";

const { map, grids, element, ready } = openStage();
const spot = placeMark(map);
const pins = window.L.layerGroup().addTo(map);
const byId = new Map();
const $ = (id) => document.getElementById(id);
const form = $("case");
const cardBox = $("case-card");
let selected = Number(inAddress("incident")) || null;

// --- marks ---------------------------------------------------------------------------------------------------
const shape = ({ state, match }) => `case-mark--${state === "open" && match === "outside" ? "outside" : state}`;

async function drawPins() {
  const query = $("cases").dataset.query;
  const found = await fetchFeatures(`${element.dataset.incidents}?${query}`, element.dataset.lost);
  if (!found) return;
  pins.clearLayers();
  byId.clear();
  for (const { id, geometry, properties } of found.features) {
    const [lon, lat] = geometry.coordinates;
    const pin = window.L.marker([lat, lon], { icon: mark(shape(properties)), title: properties.label, alt: properties.label });
    pin.on("click", () => openCase(id));
    pin.addTo(pins);
    byId.set(id, pin);
  }
  light();
}

function light() {
  for (const [id, pin] of byId) {
    pin.getElement()?.classList.toggle("case-pin--chosen", id === selected);
    pin.setZIndexOffset(id === selected ? 1000 : 0);
  }
  for (const row of document.querySelectorAll("[data-incident]")) {
    row.setAttribute("aria-selected", Number(row.dataset.incident) === selected);
  }
}

// --- one case ------------------------------------------------------------------------------------------------
function openCase(id) {
  load(`${location.pathname}incidents/${id}/`, cardBox);
}

function closeCase() {
  selected = null;
  cardBox.replaceChildren();
  setAddress("incident", null, { push: true });
  grids.select(null);
  light();
}

document.addEventListener("htmx:afterSettle", () => {
  const card = cardBox.querySelector("[data-card]");
  const id = card ? Number(card.dataset.card) : null;
  if (card && id !== selected) {
    setAddress("incident", id, { push: true });
    selected = id;
    cardBox.scrollIntoView({ block: "nearest" });
    const place = [Number(card.dataset.lat), Number(card.dataset.lon)];
    if (!map.getBounds().pad(-0.1).contains(place)) map.panTo(place);
    grids.select(Number(card.dataset.grid) || null);
  }
  light();
});
cardBox.addEventListener("click", (event) => event.target.closest("[data-close-case]") && closeCase());
document.body.addEventListener("incidents-changed", drawPins);
// The filter stands in the address too, so that a list can be sent to a colleague.
const filterOf = (query) => ({ state: query.get("state") || "open", q: query.get("q") ?? "" });
document.addEventListener("htmx:afterSwap", (event) => {
  if (event.detail.target.id !== "cases") return;
  const { state, q } = filterOf(new URLSearchParams($("cases").dataset.query));
  setAddress("state", state === "open" ? null : state);
  setAddress("q", q);
  drawPins();
});
window.addEventListener("popstate", () => {
  const query = new URLSearchParams(filterOf(new URLSearchParams(location.search))).toString();
  if (query !== new URLSearchParams(filterOf(new URLSearchParams($("cases").dataset.query))).toString()) {
    $("case-q").value = new URLSearchParams(query).get("q");
    load(`${location.pathname}list/?${query}`, $("cases"), { swap: "outerHTML" });
  }
  const id = Number(inAddress("incident")) || null;
  if (id && id !== selected) openCase(id);
  else if (!id && selected) closeCase();
});

// --- a new case ----------------------------------------------------------------------------------------------
let place = null;

function openForm() {
  if (!form || !form.hidden) return;
  form.hidden = false;
  $("case-open").hidden = true;
  $("case-open").setAttribute("aria-expanded", "true");
  $("case-text").focus();
}

function closeForm() {
  form.hidden = true;
  form.reset();
  place = null;
  spot.clear();
  $("answer").replaceChildren();
  $("case-result").replaceChildren();
  const line = $("case-place").firstElementChild;
  line.textContent = line.dataset.none;
  $("case-open").hidden = false;
  $("case-open").setAttribute("aria-expanded", "false");
  $("case-open").focus();
}

function ask() {
  const query = new URLSearchParams({ lon: form.lon.value, lat: form.lat.value, datum: form.datum.value });
  if (form.happened_at.value) query.set("happened_at", form.happened_at.value);
  load(`${element.dataset.answer}?${query}`, $("answer"));
}

function take({ lon, lat }, address = "") {
  if (!form) return;
  openForm();
  place = { lon, lat };
  form.lon.value = lon.toFixed(7);
  form.lat.value = lat.toFixed(7);
  form.datum.value = "wgs84";
  form.address.value = address;
  $("case-place").firstElementChild.textContent = address || `${lon.toFixed(6)}, ${lat.toFixed(6)}`;
  spot.put(place);
  ask();
  // One goes on writing: the place was the short errand.
  $("case-text").focus({ preventScroll: true });
}

if (form) {
  $("case-open").addEventListener("click", openForm);
  $("case-cancel").addEventListener("click", closeForm);
  for (const field of [form.lon, form.lat, form.datum, form.happened_at]) {
    field.addEventListener("change", () => {
      if (!form.lon.value || !form.lat.value) return;
      $("case-place").firstElementChild.textContent = `${form.lon.value}, ${form.lat.value} ${form.datum.selectedOptions[0].text}`;
      if (field !== form.happened_at) spot.clear();
      ask();
    });
  }
  form.addEventListener("keydown", (event) => {
    if (event.key === "Escape") closeForm();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey) || event.isComposing) return;
    if (cardBox.contains(event.target)) event.target.form?.requestSubmit();
    else if (!form.hidden) form.requestSubmit();
  });
  // The saved card comes out of band; an empty result then means that it was stored.
  form.addEventListener("htmx:afterRequest", (event) => {
    if (event.target === form && event.detail.successful && !$("case-result").textContent.trim()) closeForm();
  });
  shortcut("n", openForm);
  map.on("click", ({ latlng }) => take({ lon: latlng.lng, lat: latlng.lat }));
  element.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.ctrlKey || event.metaKey || event.target !== element) return;
    const { lng, lat } = map.getCenter();
    take({ lon: lng, lat });
  });
}

const words = $("search-words").dataset;
searchBox($("search"), {
  url: words.url,
  words,
  onTake({ lon, lat, title, kind }) {
    if (lon === undefined) return;
    map.setView([lat, lon], Math.max(map.getZoom(), 17));
    if (form && !form.hidden) take({ lon, lat }, kind === "grid" || kind === "community" ? "" : title);
    else spot.put({ lon, lat });
  },
});

// --- the list by keyboard ------------------------------------------------------------------------------------
for (const [key, step] of [["ArrowDown", 1], ["ArrowUp", -1]]) {
  shortcut(key, (event) => {
    if (element.contains(event.target)) return;
    const rows = [...document.querySelectorAll("[data-incident]")];
    const at = rows.findIndex((row) => Number(row.dataset.incident) === selected);
    rows[Math.max(0, Math.min(rows.length - 1, at + step))]?.click();
  });
}

ready.then(drawPins);
