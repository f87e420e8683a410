// What the colours mean, with their figures.
import { classLimits } from "../map/colours.js";

function row(swatch, text) {
  const item = document.createElement("li");
  const mark = document.createElement("span");
  mark.className = `swatch ${swatch}`;
  mark.setAttribute("aria-hidden", "true");
  item.append(mark, text);
  return item;
}

/** Pure: the words of the five load classes, from far under to far over, e.g. «< 1,875», «1,875 to 2,250». */
export function loadLabels(target, format) {
  const limits = classLimits(target).map(format);
  return [
    `< ${limits[0]}`,
    `${limits[0]} – ${limits[1]}`,
    `${limits[1]} – ${limits[2]}`,
    `${limits[2]} – ${limits[3]}`,
    `> ${limits[3]}`,
  ];
}

/** Fill `element` for the colour `mode`; `loads` as the server gives them, `words` from the page. */
export function drawLegend(element, { mode, loads, words, format }) {
  const title = document.createElement("p");
  title.className = "legend__title";
  const list = document.createElement("ul");
  if (mode === "load" && loads) {
    const measure = words.measures[loads.measure];
    title.textContent = `${measure} · ${loads.is_norm ? words.norm : words.mean} ${format(Math.round(loads.target))}`;
    loadLabels(loads.target, format)
      .map((label, index) => row(`swatch--load-${index + 1}`, label))
      .reverse()
      .forEach((each) => list.append(each));
  } else if (mode === "kind") {
    title.textContent = words.kind;
    list.append(row("swatch--all", words.all));
  } else {
    title.textContent = mode === "none" ? words.borders : words.byCommunity;
  }
  list.append(row(mode === "kind" ? "swatch--dedicated" : "swatch--hatched", words.dedicated), row("swatch--community", words.communityBorder), row("swatch--grid", words.gridBorder));
  element.replaceChildren(title, list);
}
