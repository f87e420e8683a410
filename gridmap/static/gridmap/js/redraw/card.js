// The selected grid: what it holds, its names, code, kind and lock; merging and moving its buildings without a pointer.
import { button, format, make, nameOf, numberOf, percent } from "./figures.js";

const FIGURES = ["buildings", "households", "people", "workload"];

/** Fill `element` for the selected grid. `commands` has lock(id), change(id, values), merge(grids, into), move(ids, to). */
export function gridCard(element, { draft, words, texts, editable, commands }) {
  let editing = false;

  function figures(id) {
    const load = draft.numbers.get(id);
    const list = make("dl", "redraw-card__figures");
    const put = (name, value) => list.append(make("div", "", make("dt", "", name), make("dd", "", value)));
    for (const name of FIGURES) put(words.head[name], format(load?.[name] ?? 0));
    put(words.head.deviation, percent(draft.deviation(id)));
    return list;
  }

  function choice(grids, label) {
    const select = make("select", "input", ...grids.map(({ id, properties }) => new Option(`${numberOf(properties)} ${nameOf(properties)}`, id)));
    select.setAttribute("aria-label", label);
    return select;
  }

  function field(name, label, value, more = {}) {
    const input = Object.assign(make("input", "input"), { name, value, ...more });
    return make("label", "field", make("span", "field__label", label), input);
  }

  function form({ id, properties }) {
    const kind = make("select", "input", new Option(texts.all, "all"), new Option(texts.dedicated, "dedicated"));
    kind.name = "kind";
    kind.value = properties.kind;
    const made = make("form", "stack");
    const save = make("button", "button button--main", words.buttons.save);
    const close = () => {
      editing = false;
      draw();
      element.querySelector("[data-act=rename]")?.focus();
    };
    made.append(
      field("name", texts.name, properties.name, { required: true, maxLength: 100 }),
      field("name_en", texts.name_en, properties.name_en ?? "", { maxLength: 150 }),
      field("code", texts.code, properties.code, { required: true, maxLength: 32 }),
      make("label", "field", make("span", "field__label", texts.kind), kind),
      make("div", "row", save, button(words.buttons.cancel, close)),
    );
    made.addEventListener("submit", (event) => {
      event.preventDefault();
      const values = Object.fromEntries(new FormData(made));
      close();
      commands.change(id, values);
    });
    made.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      event.stopPropagation();
      close();
    });
    return made;
  }

  function merging(id, neighbours) {
    const select = choice(neighbours, texts.mergeWith);
    const go = button(words.buttons.merge, () => commands.merge([id, Number(select.value)], id), { small: true });
    go.dataset.act = "merge";
    return make("div", "redraw-card__line", select, go);
  }

  function moving(id, neighbours) {
    const { buildings } = draft;
    const mine = [...buildings.grid.keys()].filter((i) => buildings.grid[i] === id);
    const made = make("details", "redraw-card__more");
    made.append(make("summary", "", `${words.head.buildings} · ${format(mine.length)}`));
    made.addEventListener("toggle", () => {
      if (!made.open || made.children.length > 1) return;
      const list = make("ul", "redraw-card__buildings", ...mine.map((i) => {
        const box = Object.assign(make("input"), { type: "checkbox", value: buildings.id[i] });
        const compound = draft.compounds[buildings.compound[i]];
        const title = [compound && nameOf(compound), words.names.building.replace("%s", draft.buildingNumbers[buildings.id[i]] || `#${buildings.id[i]}`)].filter(Boolean).join(" · ");
        return make("li", "", make("label", "check", box, make("span", "grow", title), make("span", "faint number", format(buildings.people[i]))));
      }));
      const select = choice(neighbours, words.buttons.to);
      const go = button(texts.move, () => {
        const chosen = [...list.querySelectorAll(":checked")].map((box) => Number(box.value));
        if (chosen.length) commands.move(chosen, Number(select.value));
      }, { small: true });
      go.dataset.act = "move";
      made.append(list, make("div", "redraw-card__line", select, go));
    });
    return made;
  }

  function draw() {
    const feature = draft.grids.get(draft.selected);
    element.hidden = !feature;
    if (!feature) return element.replaceChildren();
    const { id, properties } = feature;
    const marks = [];
    if (properties.kind === "dedicated") marks.push(make("span", "badge", words.names.dedicated));
    if (properties.locked) marks.push(make("span", "badge badge--notice", words.names.locked));
    const head = make("div", "", make("h2", "", nameOf(properties)), make("p", "faint", make("span", "code", properties.code), " ", ...marks));
    const parts = [head, figures(id)];
    const byHand = [...draft.buildings.override].filter((each) => each === id).length;
    if (byHand) parts.push(make("p", "redraw-card__hand", make("span", "redraw-dot redraw-dot--hand"), words.names.overrides.replace("%s", format(byHand))));
    if (editable && editing) parts.push(form(feature));
    else if (editable) {
      const rename = button(texts.rename, () => edit(), { small: true });
      rename.dataset.act = "rename";
      const lock = button(properties.locked ? words.names.unlock : words.names.lock, () => commands.lock(id), { small: true });
      lock.dataset.act = "lock";
      parts.push(make("div", "row", rename, lock));
      const neighbours = properties.locked ? [] : draft.neighbours(id).filter((other) => !other.properties.locked);
      if (neighbours.length) parts.push(merging(id, neighbours), moving(id, neighbours));
    }
    element.replaceChildren(...parts);
  }

  function edit() {
    editing = true;
    draw();
    const first = element.querySelector("form input");
    first?.focus();
    first?.select();
    element.querySelector("form")?.scrollIntoView({ block: "nearest" });
  }

  draft.on("chosen", () => {
    editing = false;
    draw();
  });
  draft.on("changed", (features, removed) => {
    if (!editing && [...features.map(({ id }) => id), ...removed].includes(draft.selected)) draw();
  });
  draft.on("loaded", draw);
  return { edit: () => draft.selected && edit() };
}
