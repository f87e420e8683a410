// A draft that waits for approval: any edit takes it back, going back to what was submitted hands it in again.

/** Keep `badge` and `strip` true to the draft; `waiting` is {head, submitted, changed}, null where nothing waits. */
export function watchApproval({ draft, waiting, badge, strip }) {
  if (!waiting) return;
  function show() {
    const same = (draft.head ?? null) === waiting.head;
    strip.hidden = !same;
    badge.textContent = same ? waiting.submitted : waiting.changed;
    badge.dataset.planState = same ? "submitted" : "draft";
  }
  draft.on("loaded", show);
  draft.on("changed", show);
}
