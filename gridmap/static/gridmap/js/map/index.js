// The map that every page opens: Leaflet with the town's own ground under it.
//
//   import { openMap, gridLayer, fetchGrids } from "gridmap/map";
//   const map = openMap(element, { box, words });            // a Leaflet map
//   const grids = gridLayer(map, { onSelect });              // borders and fills; grids.setData(await fetchGrids(url))
import { groundLayer } from "./ground.js";

export { fetchGrids, gridLayer } from "./grids.js";
export { groundLayer } from "./ground.js";

const CHENGDU = [30.7, 103.835];

/** Bounds [[south, west], [north, east]] of `box` = [west, south, east, north]. */
export const boundsOf = ([west, south, east, north]) => [
  [south, west],
  [north, east],
];

/**
 * Open a map in `element`.
 *
 * `box` is what to show first unless `centre` ({lat, lon}) and `zoom` are given; `words` holds {zoomIn, zoomOut, lost};
 * `quiet` keeps ground names away from afar, for pages with names of their own;
 * `onLost(lost)` hears when tiles stop coming and when they come again. Controls sit in the lower right corner.
 */
export function openMap(element, { box, centre, zoom, words = {}, tiles, quiet, onLost, controls = true } = {}) {
  const map = window.L.map(element, {
    zoomControl: false,
    attributionControl: false,
    minZoom: 10,
    maxZoom: 20,
    zoomSnap: 1,
    wheelPxPerZoomLevel: 90,
    preferCanvas: true,
    keyboardPanDelta: 120,
  });
  if (controls) {
    window.L.control.scale({ imperial: false, position: "bottomright", maxWidth: 96 }).addTo(map);
    window.L.control
      .zoom({ position: "bottomright", zoomInTitle: words.zoomIn ?? "+", zoomOutTitle: words.zoomOut ?? "−" })
      .addTo(map);
  }
  if (centre && zoom) map.setView([centre.lat, centre.lon], zoom);
  else if (box) {
    map.fitBounds(boundsOf(box), { padding: [16, 16], animate: false });
    // On a phone the whole town would be a stamp: start where streets have names.
    if (map.getZoom() < 13) map.setView(map.getCenter(), 13, { animate: false });
  } else map.setView(CHENGDU, 14);
  map.ground = groundLayer({ tiles, quiet, onLost }).addTo(map);
  element.tabIndex = 0;
  // Leaflet focuses the map on every click; only a keyboard needs to see where its middle is.
  element.addEventListener("keydown", () => element.classList.add("is-keyed"));
  element.addEventListener("focus", () => element.classList.toggle("is-keyed", element.matches(":focus-visible")));
  element.addEventListener("pointerdown", () => requestAnimationFrame(() => element.classList.remove("is-keyed")));
  new ResizeObserver(() => map.invalidateSize({ pan: false })).observe(element);
  return map;
}

/** A mark for a place: a ring that is seen on light and dark ground. */
export function placeMark(map) {
  const { L } = window;
  const icon = L.divIcon({ className: "place-mark", iconSize: [22, 22] });
  let marker = null;
  return {
    put({ lat, lon }) {
      marker ??= L.marker([lat, lon], { icon, interactive: false, keyboard: false }).addTo(map);
      marker.setLatLng([lat, lon]);
    },
    clear() {
      marker?.remove();
      marker = null;
    },
  };
}
