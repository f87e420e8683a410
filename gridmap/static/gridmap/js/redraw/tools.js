// The tools that pick: select and merge. The tool at work hears the map, the list and the keys.
//
// A tool is {enter, leave, grid(id, event), hover(event), drawn(geometry, done), accept(), cancel()}; all but enter may be
// missing. `cancel` answers true where there was something to cancel: otherwise Esc goes back to selecting.
import { nameOf } from "./figures.js";
import { merging } from "./outcomes.js";
import { commonBorder } from "./shapes.js";

/** Look, select, and nothing else. */
export function selectTool({ draft, hint, words }) {
  return {
    enter: () => hint(words.hints.select),
    grid: (id, { zoom = false } = {}) => draft.choose(id, { zoom }),
    cancel() {
      const had = draft.selected !== null;
      draft.choose(null);
      return had;
    },
  };
}

/** The first grid stays, the others join it: open neighbours of one community. */
export function mergeTool({ draft, sheet, list, live, hint, words, titled, save, refuse }) {
  let picked = [];
  let taken = false;
  const touches = (a, b) => commonBorder(draft.grids.get(a).geometry, draft.grids.get(b).geometry).length > 0;

  // Of `ids`, those that hang together with the first one.
  function joined(ids) {
    const [first, ...rest] = ids.filter((id) => draft.grids.has(id));
    if (first === undefined) return [];
    const found = [first];
    for (const each of found) found.push(...rest.filter((id) => !found.includes(id) && touches(each, id)));
    return [first, ...rest.filter((id) => found.includes(id))];
  }
  /** Why a grid cannot be picked, or null: what the server would refuse is refused at the click. */
  function against(id) {
    const { locked, community } = draft.grids.get(id).properties;
    if (locked) return words.refused.locked.replace("%s", titled(id));
    if (!picked.length) return null;
    const [first] = picked;
    if (community !== draft.grids.get(first).properties.community) return words.refused.community.replace("%a", titled(first)).replace("%b", titled(id));
    if (!picked.some((each) => touches(each, id))) return words.refused.apart.replace("%a", titled(first)).replace("%b", titled(id));
    return null;
  }
  function show() {
    picked = joined(picked);
    sheet.mark(picked);
    list.pick(picked);
    if (picked.length > 1) live.foretell(() => merging(draft, picked, picked[0]));
    else live.clear();
    const cancelling = [words.buttons.cancel, cancel];
    const buttons = picked.length > 1 ? [[words.buttons.merge, accept, true], cancelling] : picked.length ? [cancelling] : [];
    const text = taken && picked.length === 1 ? words.hints.mergeTaken : words.hints.merge;
    hint(picked.length ? text.replace("%s", titled(picked[0])) : words.hints.mergePick, buttons);
  }
  async function accept() {
    if (picked.length < 2) return;
    const [into] = picked;
    const answer = await save({ command: "merge", grids: picked, into }, { rows: live.settle() });
    if (answer) {
      picked = [into];
      taken = true;
    }
    draft.choose(into);
    show();
  }
  function cancel() {
    const had = picked.length > 0;
    picked = [];
    show();
    return had;
  }
  return {
    enter() {
      picked = draft.selected && !draft.grids.get(draft.selected).properties.locked ? [draft.selected] : [];
      taken = true;
      show();
    },
    leave() {
      picked = [];
      sheet.mark([]);
      list.pick([]);
    },
    grid(id) {
      if (id === null) return;
      if (picked.includes(id)) picked = picked.filter((each) => each !== id);
      else {
        const reason = against(id);
        if (reason) return refuse(reason);
        picked = [...picked, id];
      }
      taken = false;
      show();
      draft.choose(picked[0] ?? null);
    },
    accept,
    cancel,
  };
}

/** «042 Nanjie grid 2», as hints name a grid. */
export const titledBy = (draft) => (id) => {
  const feature = draft.grids.get(id);
  return feature ? nameOf(feature.properties) : "";
};
