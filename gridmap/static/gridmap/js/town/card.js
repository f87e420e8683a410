// The card in the panel: asked from the server, one at a time; the map never waits for it.
import { loadClass } from "../map/colours.js";
import { loadBar } from "./list.js";

/**
 * Show the card of a place or a grid in `element`, the list being hidden meanwhile.
 * `onGrid(id)` hears which grid the card is about, `onChoose(id)` a candidate that was chosen, `onClose()` the end.
 */
export function cardPanel({ element, list, url, words, format, onGrid, onChoose, onClose }) {
  const panel = element.closest(".panel");
  let running = null;
  let loads = null;

  element.addEventListener("click", (event) => {
    if (event.target.closest("[data-close-card]")) onClose();
    const choice = event.target.closest("[data-choose-grid]");
    if (choice) onChoose(Number(choice.dataset.chooseGrid));
  });

  function fillLoad() {
    const section = element.querySelector("[data-load]");
    const load = section && loads?.loads[section.dataset.load];
    if (!load) return;
    const [buildings, households, people] = load;
    const value = loads.measure === "households" ? households : people;
    const figures = document.createElement("p");
    figures.className = "load-figures";
    for (const [figure, word] of [[people, words.people], [households, words.households], [buildings, words.buildings]]) {
      const part = document.createElement("span");
      const strong = document.createElement("strong");
      strong.textContent = format(figure);
      part.append(strong, ` ${word}`);
      figures.append(part);
    }
    const step = loadClass(value, loads.target);
    const sentence = document.createElement("p");
    sentence.className = "faint";
    const percent = Math.round((value / loads.target - 1) * 100);
    sentence.textContent = step ? words.deviation.replace("%s", `${percent > 0 ? "+" : percent < 0 ? "−" : ""}${Math.abs(percent)} %`) : "";
    // A school has few residents and is no lighter work for it: only too many are compared with the target.
    const compared = !("dedicated" in section.dataset) || value >= loads.target;
    section.querySelector("[data-load-body]").replaceChildren(figures, ...(compared ? [loadBar(value, loads.target), sentence] : []));
    section.hidden = false;
  }

  async function show(query) {
    running?.abort();
    running = new AbortController();
    const { signal } = running;
    panel.setAttribute("aria-busy", "true");
    panel.dataset.open = "";
    try {
      const response = await fetch(`${url}?${query}`, { signal, headers: { "HX-Request": "true" } });
      if (response.redirected || !response.ok) throw new Error(String(response.status));
      element.innerHTML = await response.text();
      element.hidden = false;
      list.hidden = true;
      element.scrollTop = 0;
      fillLoad();
      const grid = Number(element.querySelector("[data-grid]")?.dataset.grid) || null;
      onGrid(grid);
    } catch (error) {
      if (error.name === "AbortError") return;
      const note = document.createElement("p");
      note.className = "section note--notice";
      note.textContent = words.cardFailed;
      element.replaceChildren(note);
      element.hidden = false;
      list.hidden = true;
    } finally {
      if (!signal.aborted) panel.removeAttribute("aria-busy");
    }
  }

  return {
    showGrid: (id) => show(`grid=${id}`),
    showPlace: ({ lon, lat }) => show(`lon=${lon.toFixed(7)}&lat=${lat.toFixed(7)}`),
    close() {
      running?.abort();
      panel.removeAttribute("aria-busy");
      delete panel.dataset.open;
      element.hidden = true;
      element.replaceChildren();
      list.hidden = false;
    },
    setLoads(figures) {
      loads = figures;
      fillLoad();
    },
  };
}
