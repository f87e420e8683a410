// What the workplaces share: the town's map with the grids' borders, and one selection that stands in the address.
import { fetchGrids, gridLayer, openMap } from "gridmap/map";
import { pageData, say } from "gridmap/page";

/** Open the map in `#map`. `onGrid(feature, event)` hears clicks on a grid; `ready` resolves once the grids are there. */
export function openStage({ mode = "none", onGrid = () => {} } = {}) {
  const element = document.getElementById("map");
  const data = pageData("map-data") ?? {};
  const map = openMap(element, { box: data.box, tiles: data.tiles });
  const grids = gridLayer(map, { mode, onSelect: onGrid });
  const town = data.town ? `?town=${encodeURIComponent(data.town)}` : "";
  const ready = fetchGrids(`${data.grids}${town}`)
    .then((collection) => grids.setData(collection))
    .catch(() => say(element.dataset.lost ?? ""));
  return { map, grids, element, data, ready };
}

/** The value of `key` in the address. */
export const inAddress = (key) => new URLSearchParams(location.search).get(key);

/** Set `key` in the address (null drops it): `push` for what Back should undo. */
export function setAddress(key, value, { push = false } = {}) {
  const address = new URL(location.href);
  if (value === null || value === "") address.searchParams.delete(key);
  else address.searchParams.set(key, value);
  if (address.href === location.href) return;
  history[push ? "pushState" : "replaceState"](null, "", address);
}

/** GeoJSON from `url`, or null with a word to the user. */
export async function fetchFeatures(url, lost = "") {
  try {
    const response = await fetch(url);
    if (!response.ok || response.redirected) throw new Error(String(response.status));
    return await response.json();
  } catch {
    if (lost) say(lost);
    return null;
  }
}

/** Put the HTML that `url` answers into `target` with htmx, so that its own attributes work. */
export const load = (url, target, options = {}) => window.htmx.ajax("GET", url, { target, swap: "innerHTML", ...options });

/** A mark made of a class name only: its shape is CSS, so that light, dark and print follow. */
export const mark = (className, size = 18) =>
  window.L.divIcon({ className: "case-pin", html: `<span class="case-mark ${className}"></span>`, iconSize: [size, size] });
