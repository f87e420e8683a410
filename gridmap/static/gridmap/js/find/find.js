// The public page: the form works without this; this makes it quick, adds the map and the device's own place.
import { copyAddress, pageData, say } from "../page.js";
import { searchBox } from "../search.js";

const data = pageData("map-data");
const words = pageData("map-words");
const answer = document.getElementById("answer");
let onAnswer = () => {};
let showBox = () => {};
let running = null;

/** Ask for `query` (a query string), show the answer, put it into the address. */
async function ask(query, { push = true } = {}) {
  running?.abort();
  running = new AbortController();
  answer.setAttribute("aria-busy", "true");
  try {
    const response = await fetch(`${data.find}?${query}`, { headers: { "HX-Request": "true" }, signal: running.signal });
    answer.innerHTML = await response.text();
    if (push) history.pushState(null, "", query ? `?${query}` : location.pathname);
    settle();
    if (matchMedia("(max-width: 760px)").matches && query) answer.scrollIntoView({ block: "start", behavior: "smooth" });
  } catch (error) {
    if (error.name !== "AbortError") say(words.answerFailed);
  }
  answer.removeAttribute("aria-busy");
}

/** What there is to do after an answer came, from the server's page or from `ask`. */
function settle() {
  const copy = answer.querySelector("[data-copy]");
  if (copy) copy.hidden = false;
  onAnswer(shown());
  const box = askedBox();
  if (box) showBox(box);
}

/** The compound of which a building is asked for, as [west, south, east, north], or null. */
const askedBox = () => answer.querySelector("[data-box]")?.dataset.box.split(",").map(Number) ?? null;

/** The place of the answer that is shown, or null. */
function shown() {
  const reply = answer.querySelector(".reply[data-lon]");
  return reply && { lon: Number(reply.dataset.lon), lat: Number(reply.dataset.lat), grid: Number(reply.dataset.grid) || null, far: "outside" in reply.dataset };
}

const place = ({ lon, lat }, more = {}) => new URLSearchParams({ lon: lon.toFixed(6), lat: lat.toFixed(6), ...more }).toString();

answer.addEventListener("submit", (event) => {
  event.preventDefault();
  ask(new URLSearchParams(new FormData(event.target)).toString());
});
answer.addEventListener("click", (event) => {
  const link = event.target.closest("a[href^='?']");
  if (link) {
    event.preventDefault();
    ask(link.getAttribute("href").slice(1));
  }
  if (event.target.closest("[data-copy]")) copyAddress(words.copied);
});
window.addEventListener("popstate", () => ask(location.search.slice(1), { push: false }));

searchBox(document.getElementById("search"), {
  url: data.search,
  kinds: words.kinds,
  words,
  onTake(hit) {
    if (["compound", "building", "grid"].includes(hit.kind)) {
      return ask(place(hit, hit.kind === "compound" ? { q: hit.title, compound: hit.id } : { q: hit.title }));
    }
    say(words.tooWide.replace("%s", hit.title));
    showBox(hit.bbox);
  },
});

// --- the device's own place, with its accuracy ---
const locate = document.getElementById("use-location");
if (navigator.geolocation && window.isSecureContext) {
  locate.hidden = false;
  locate.addEventListener("click", () => {
    locate.disabled = true;
    const note = say(words.locating, { seconds: 0 });
    const done = () => {
      note.remove();
      locate.disabled = false;
    };
    navigator.geolocation.getCurrentPosition(
      ({ coords }) => {
        done();
        ask(place({ lon: coords.longitude, lat: coords.latitude }, { accuracy_m: Math.round(coords.accuracy) }));
      },
      (error) => {
        done();
        say(error.code === error.PERMISSION_DENIED ? words.refused : words.unavailable);
      },
      { enableHighAccuracy: true, timeout: 15000, maximumAge: 30000 },
    );
  });
}

// --- the map comes after everything that matters more ---
const script = (source) =>
  new Promise((resolve, reject) => {
    const element = document.createElement("script");
    element.src = source;
    element.onload = resolve;
    element.onerror = reject;
    document.head.append(element);
  });

async function openFindMap() {
  const style = document.getElementById("leaflet-css");
  style.rel = "stylesheet";
  document.getElementById("map-place").hidden = false;
  await script(style.dataset.leaflet);
  const [{ boundsOf, openMap, placeMark, gridLayer, fetchGrids }] = await Promise.all([
    import("../map/index.js"),
    script(style.dataset.protomaps),
  ]);
  const first = shown();
  const map = openMap(document.getElementById("map"), { box: askedBox() ?? data.box, centre: first, zoom: first && 16, words, tiles: data.tiles });
  const mark = placeMark(map);
  const grids = gridLayer(map, { mode: "none" });
  const pick = ({ lat, lng }) => ask(place({ lon: lng, lat }));
  map.on("click", ({ latlng }) => pick(latlng));
  map.getContainer().addEventListener("keydown", (event) => {
    if (event.key === "Enter" && event.target === map.getContainer()) pick(map.getCenter());
  });
  showBox = (box) => map.fitBounds(boundsOf(box), { animate: false });
  // Whoever stands outside sees the town to choose from, with the own place beside it unless that is far away.
  const showTown = ({ lat, lon }) => {
    const town = window.L.latLngBounds(boundsOf(data.box));
    const both = window.L.latLngBounds(boundsOf(data.box)).extend([lat, lon]);
    map.fitBounds(map.getBoundsZoom(both) >= 12 ? both : town, { padding: [16, 16], animate: false });
  };
  onAnswer = (at) => {
    grids.select(at?.grid ?? null);
    if (!at) return mark.clear();
    mark.put(at);
    if (at.far && data.box) return showTown(at);
    map.setView([at.lat, at.lon], Math.max(map.getZoom(), 16), { animate: false });
  };
  document.getElementById("map-hint").hidden = false;
  settle();
  await fetchGrids(`${data.grids}?town=${encodeURIComponent(data.town)}`).then(grids.setData, () => {});
  document.documentElement.dataset.ready = "map";
}

settle();
(window.requestIdleCallback ?? setTimeout)(() => openFindMap().catch(() => (document.getElementById("map-place").hidden = true)));
