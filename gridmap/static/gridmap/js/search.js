// The one search box: a combobox by the ARIA pattern. Arrows choose, Enter takes, Escape closes; nothing blocks.
import { say, shortcut } from "./page.js";

const DELAY = 120;

/** Pure: one hit of /api/v1/search in the reader's language. */
export function readHit(hit, zh) {
  const { kind, id, lon, lat, bbox, detail, note } = hit;
  return { kind, id, lon, lat, bbox, title: (!zh && hit.title_en) || hit.title, detail: [detail, note].filter(Boolean).join(" · ") };
}

/**
 * Make `root` (a form with an input and a list) a search box.
 *
 * `url` is asked with `?q=`; `kinds` maps a kind to its word; `near()` may give the {lon, lat} around which
 * equal places come first; `onTake(hit)` hears what was chosen;
 * `words` holds {none, failed, found}, the last with %s for the number.
 */
export function searchBox(root, { url, kinds = {}, near = () => null, words, onTake }) {
  const input = root.querySelector("[role=combobox]");
  const list = root.querySelector("[role=listbox]");
  const status = root.querySelector("[role=status]");
  const zh = document.documentElement.lang.startsWith("zh");
  let hits = [];
  let active = -1;
  let timer = 0;
  let running = null;

  function mark(index) {
    active = index;
    [...list.children].forEach((option, at) => option.setAttribute("aria-selected", at === index));
    if (index >= 0) {
      input.setAttribute("aria-activedescendant", list.children[index].id);
      list.children[index].scrollIntoView({ block: "nearest" });
    } else input.removeAttribute("aria-activedescendant");
  }

  function open(on) {
    list.hidden = !on;
    input.setAttribute("aria-expanded", on);
    if (!on) mark(-1);
  }

  function option(hit, index) {
    const item = document.createElement("li");
    item.id = `${list.id}-${index}`;
    item.className = "search__hit";
    item.setAttribute("role", "option");
    for (const [name, text] of [["title", hit.title], ["kind", kinds[hit.kind] ?? hit.kind], ["detail", hit.detail]]) {
      const part = document.createElement("span");
      part.className = `search__${name}`;
      part.textContent = text;
      item.append(part);
    }
    // Before the field loses its focus, or the list would be gone when the click arrives.
    item.addEventListener("pointerdown", (event) => event.preventDefault());
    item.addEventListener("click", () => take(index));
    return item;
  }

  function take(index) {
    const hit = hits[index];
    if (!hit) return;
    input.value = hit.title;
    open(false);
    onTake(hit);
  }

  async function ask() {
    running?.abort();
    const q = input.value.trim();
    if (!q) {
      hits = [];
      open(false);
      status.textContent = "";
      return;
    }
    running = new AbortController();
    root.setAttribute("aria-busy", "true");
    try {
      const middle = near();
      const around = middle ? `&near=${middle.lon.toFixed(4)},${middle.lat.toFixed(4)}` : "";
      const response = await fetch(`${url}?q=${encodeURIComponent(q)}${around}`, { signal: running.signal });
      if (!response.ok) throw new Error(String(response.status));
      const answer = await response.json();
      hits = answer.results.map((hit) => readHit(hit, zh));
      list.replaceChildren(...hits.map(option));
      status.textContent = hits.length ? words.found.replace("%s", hits.length) : words.none;
      open(hits.length > 0);
      if (hits.length) mark(0);
    } catch (error) {
      if (error.name === "AbortError") return;
      status.textContent = words.failed;
      say(words.failed);
    }
    root.removeAttribute("aria-busy");
  }

  input.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(ask, DELAY);
  });
  input.addEventListener("focus", () => hits.length && input.value && open(true));
  input.addEventListener("blur", () => open(false));
  input.addEventListener("keydown", (event) => {
    if (event.isComposing) return;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      if (!hits.length) return;
      const step = event.key === "ArrowDown" ? 1 : -1;
      if (list.hidden) open(true);
      mark((active + step + hits.length) % hits.length);
    } else if (event.key === "Escape") {
      if (list.hidden) {
        input.value = "";
        hits = [];
        input.blur();
      } else open(false);
    } else return;
    event.preventDefault();
    event.stopPropagation();
  });
  root.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (list.hidden || active < 0) {
      clearTimeout(timer);
      await ask();
    }
    take(Math.max(active, 0));
  });
  shortcut("/", () => input.select());
  return { clear: () => (input.value = "") };
}
