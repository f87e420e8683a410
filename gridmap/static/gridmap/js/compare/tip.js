// What the pointer is told: a grid with its figures before and after, ground with who gives and gets it.

const zh = document.documentElement.lang.startsWith("zh");
const format = new Intl.NumberFormat(zh ? "zh-CN" : "en").format;
const name = (properties) => (!zh && properties.name_en) || properties.name;

/** Pure: «1,204 → 1,187 people», or one figure where it stays. */
export const pair = (before, after, word) => {
  if (before === undefined || before === after) return after === undefined ? "" : `${format(after)} ${word}`;
  return after === undefined ? `${format(before)} → 0 ${word}` : `${format(before)} → ${format(after)} ${word}`;
};

/** Put words into `box`, which floats over `frame`, for grids and for what changes between them. */
export function tipOf(frame, box, words, state) {
  const title = (id) => {
    const found = id === null ? null : (state.outlines.get(`after-${id}`) ?? state.outlines.get(`before-${id}`));
    return found ? name(found.properties) : words.nobody;
  };
  function put(lines, event) {
    box.hidden = !lines;
    if (!lines) return;
    box.replaceChildren(
      ...lines.filter(Boolean).map((text) => {
        const line = document.createElement("div");
        line.textContent = text;
        return line;
      }),
    );
    const outer = frame.getBoundingClientRect();
    const { clientX, clientY } = event.originalEvent;
    const x = Math.min(clientX - outer.left + 14, outer.width - box.offsetWidth - 8);
    const y = Math.min(clientY - outer.top + 16, outer.height - box.offsetHeight - 8);
    box.style.transform = `translate(${Math.round(x)}px, ${Math.round(y)}px)`;
  }
  return {
    grid(feature, event) {
      if (!feature || !state.document) return put(null);
      const { before, after } = state.document.loads;
      const [old, now] = [before[feature.id] ?? [], after[feature.id] ?? []];
      put([name(feature.properties), [pair(old[2], now[2], words.people), pair(old[1], now[1], words.households)].filter(Boolean).join(" · ")], event);
    },
    change(feature, event) {
      if (!feature) return put(null);
      const { before, after, households, people, buildings, area_m2: area } = feature.properties;
      const figures = [`${format(people)} ${words.people}`, `${format(households)} ${words.households}`];
      if (buildings !== undefined) figures.push(`${format(buildings)} ${words.buildings}`);
      if (area !== undefined) figures.push(words.hectares.replace("%s", format(Math.round(area / 100) / 100)));
      put([words.fromTo.replace("%a", title(before)).replace("%b", title(after)), figures.join(" · ")], event);
    },
  };
}
