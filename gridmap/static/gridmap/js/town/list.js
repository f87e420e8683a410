// The grids as a list beside the map: the same content without a pointer, grouped by community.
import { loadClass } from "../map/colours.js";

const SVG = "http://www.w3.org/2000/svg";

/** A bar of `value` with a tick at `target`, twice the target being full. */
export function loadBar(value, target) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "bar");
  svg.setAttribute("aria-hidden", "true");
  const add = (name, x, width) => {
    const rect = document.createElementNS(SVG, "rect");
    rect.setAttribute("class", name);
    rect.setAttribute("x", x);
    rect.setAttribute("width", width);
    rect.setAttribute("height", "6");
    svg.append(rect);
  };
  add("bar__track", "0", "100%");
  add(`bar__value bar__value--${loadClass(value, target)}`, "0", `${Math.min(100, (50 * value) / target)}%`);
  add("bar__target", "50%", "1.5");
  return svg;
}

/** Pure: grids of `features` whose name, English name or code holds `text`, by community code. */
export function grouped(features, text = "") {
  const wanted = text.trim().toLowerCase();
  const groups = new Map();
  for (const feature of features) {
    if (feature.properties.layer !== "grid") continue;
    const { code, name, name_en: english, community } = feature.properties;
    if (wanted && ![code, name, english].some((each) => each?.toLowerCase().includes(wanted))) continue;
    if (!groups.has(community)) groups.set(community, []);
    groups.get(community).push(feature);
  }
  return groups;
}

/**
 * Keep `element` filled with the grids. `name(properties)` gives the reader's name, `onChoose(id)` hears a choice.
 * The answer: `draw({features, loads, filter})` and `select(id)`.
 */
export function gridList(element, { name, words, format, onChoose }) {
  let selected = null;
  let state = { features: [], loads: null, filter: "" };

  element.addEventListener("click", (event) => {
    const button = event.target.closest("[data-grid]");
    if (button) onChoose(Number(button.dataset.grid));
  });

  function item(feature) {
    const { id, properties } = feature;
    const button = document.createElement("button");
    button.type = "button";
    button.className = "list__item grid-row";
    button.dataset.grid = id;
    const number = document.createElement("span");
    number.className = "code faint";
    number.textContent = properties.code.slice(-3);
    const title = document.createElement("span");
    title.className = "grow clip";
    title.textContent = name(properties);
    button.append(number, title);
    if (properties.kind === "dedicated") {
      const swatch = document.createElement("span");
      swatch.className = "swatch swatch--dedicated";
      swatch.title = words.dedicated;
      button.append(swatch);
    }
    const load = state.loads?.loads[id];
    if (load) {
      const value = load[state.loads.measure === "households" ? 1 : 2];
      const figure = document.createElement("span");
      figure.className = "grid-row__load";
      if (properties.kind !== "dedicated") figure.append(loadBar(value, state.loads.target));
      const text = document.createElement("span");
      text.className = "number";
      text.textContent = format(value);
      figure.append(text);
      button.append(figure);
    }
    return button;
  }

  function draw(next = {}) {
    state = { ...state, ...next };
    const names = new Map(
      state.features.filter(({ properties }) => properties.layer === "community").map(({ properties }) => [properties.code, name(properties)]),
    );
    const groups = grouped(state.features, state.filter);
    const parts = [...groups].map(([community, grids]) => {
      const group = document.createElement("details");
      group.className = "grid-group";
      group.open = Boolean(state.filter) || groups.size <= 3 || grids.some(({ id }) => id === selected);
      const summary = document.createElement("summary");
      summary.className = "grid-group__head";
      const title = document.createElement("span");
      title.className = "grow clip";
      title.textContent = names.get(community) ?? community;
      const count = document.createElement("span");
      count.className = "faint number";
      count.textContent = words.grids.replace("%s", format(grids.length));
      summary.append(title, count);
      group.append(summary, ...grids.map(item));
      return group;
    });
    if (!parts.length && state.features.length) {
      const none = document.createElement("p");
      none.className = "section faint";
      none.textContent = words.noGrid;
      parts.push(none);
    }
    element.replaceChildren(...parts);
    select(selected);
  }

  function select(id) {
    selected = id;
    for (const button of element.querySelectorAll("[aria-current]")) button.removeAttribute("aria-current");
    const button = id && element.querySelector(`[data-grid="${id}"]`);
    if (!button) return;
    button.closest("details").open = true;
    button.setAttribute("aria-current", "true");
  }

  return { draw, select };
}
