// Pure: revisions and their branches.

/** What each revision is seen from the head: here, before, after (undone, can be redone) or branch. */
export function standing(revisions, head) {
  const parents = new Map(revisions.map(({ id, parent }) => [id, parent]));
  const isAfter = (id) => {
    for (let at = parents.get(id); at !== undefined && at !== null; at = parents.get(at)) if (at === head) return true;
    return head === null;
  };
  return new Map(revisions.map(({ id, current }) => [id, id === head ? "here" : current ? "before" : isAfter(id) ? "after" : "branch"]));
}
