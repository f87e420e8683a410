// The map takes its colours from the same custom properties as the page, so light and dark have one source.

/** `--map-water` and its like as an object: {mapWater: "#…"}; read anew whenever the theme changes. */
export function readTokens(names, element = document.documentElement) {
  const style = getComputedStyle(element);
  return Object.fromEntries(names.map((name) => [camel(name), style.getPropertyValue(`--${name}`).trim()]));
}

/** `map-water-label` → `mapWaterLabel`. */
export const camel = (name) => name.replace(/-(\w)/g, (_, letter) => letter.toUpperCase());

/** Call `action` when the system goes from light to dark or back. */
export function onThemeChange(action) {
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => action());
}

export const MAP_TOKENS = [
  "map-land",
  "map-water",
  "map-water-label",
  "map-green",
  "map-green-label",
  "map-field",
  "map-square",
  "map-street",
  "map-casing",
  "map-avenue",
  "map-avenue-casing",
  "map-rail",
  "map-compound",
  "map-compound-line",
  "map-building",
  "map-building-line",
  "map-label",
  "map-label-soft",
  "map-halo",
  "map-grid",
  "map-community",
  "map-selected",
  "font",
];

export const COLOUR_TOKENS = [
  ...[1, 2, 3, 4, 5].map((step) => `load-${step}`),
  ...[1, 2, 3, 4, 5, 6, 7, 8].map((step) => `area-${step}`),
  "kind-all",
  "kind-dedicated",
  "map-grid",
  "map-community",
  "map-selected",
  "map-halo",
  "ink-3",
];
