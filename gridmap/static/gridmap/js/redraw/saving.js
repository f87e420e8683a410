// Sending edits, one after the other, and what to do when one does not get through: nothing drawn is lost.
import { button, format, make, timeOf } from "./figures.js";
import { differing } from "./outcomes.js";
import { Refusal } from "./server.js";

/** `described(revision)` gives a revision in words. The answer: `send`, `step`, `catchUp`, `refuse`, `dismiss`, `unsaved`, `onSettled`. */
export function makeSaver({ draft, server, sheet, live, words, data, described, elements: { saving, trouble } }) {
  let queue = Promise.resolve();
  let waiting = 0;
  let held = false;
  const settled = [];

  function state(text, kind = "") {
    saving.textContent = text;
    saving.dataset.state = kind;
  }

  function close() {
    held = false;
    trouble.hidden = true;
    trouble.replaceChildren();
    sheet.contest(null);
    sheet.point(null);
    sheet.show(null);
  }

  function box(text, extra) {
    const acts = make("div", "row");
    trouble.replaceChildren(make("p", "", text), ...extra, acts);
    trouble.hidden = false;
    return acts;
  }

  // What needs no answer. It holds nothing up: the next edit, another tool, Esc or the button take it away.
  function tell(text, extra = []) {
    box(text, extra).append(button(words.buttons.close, close));
    state("");
  }

  const sayWaiting = () => state(waiting === 1 ? words.state.waitsOne : words.state.waits.replace("%s", format(waiting)), "waiting");

  // What must be answered before the edits behind it may go; resolves with the word of the button.
  function ask(text, choices, extra = []) {
    const acts = box(text, extra);
    held = true;
    sayWaiting();
    return new Promise((resolve) => {
      choices.forEach(([word, label], index) => acts.append(button(label, () => resolve(word), { main: index === 0 })));
      acts.firstElementChild.focus({ preventScroll: true });
    });
  }

  async function catchUp() {
    const changes = await server.changes(draft.head);
    if ((changes.head ?? null) === draft.head) return [];
    draft.apply(changes);
    return changes.revisions;
  }

  const who = (revisions) => make("ul", "redraw-trouble__who", ...revisions.slice(0, 6).map((each) => make("li", "", `${timeOf(each.at)} · ${each.by || words.names.nobody} · ${described(each)}`)));

  // One edit until it is saved or dropped.
  async function push({ call, drawn }) {
    let key = crypto.randomUUID();
    let { head } = draft;
    close();
    for (;;) {
      state(words.state.saving, "saving");
      if (drawn) sheet.show(drawn);
      try {
        return await call(head, key);
      } catch (error) {
        if (!(error instanceof Refusal)) throw error;
        const { kind, problem } = error;
        if (kind === "lost" || kind === "broken" || kind === "session") {
          const choices = [["again", words.buttons.again], ["drop", words.buttons.drop]];
          const extra = [];
          if (kind === "session") {
            const link = make("a", "button", words.buttons.signIn);
            Object.assign(link, { href: data.sign_in, target: "_blank", rel: "noopener" });
            extra.push(link);
          }
          const choice = await ask(problem.detail && kind === "broken" ? problem.detail : words.state[kind], choices, extra);
          close();
          // The same key: had it arrived after all, it is not made twice.
          if (choice === "again") continue;
          return null;
        }
        if (kind === "conflict") {
          sheet.contest(problem.area);
          const choice = await ask(words.state.conflict, [["again", words.buttons.onNew], ["drop", words.buttons.drop]], [who(problem.revisions ?? [])]);
          close();
          await catchUp();
          if (choice === "drop") return null;
          [head, key] = [draft.head, crypto.randomUUID()];
          continue;
        }
        if (kind === "stale") {
          const revisions = await catchUp().catch(() => []);
          tell(problem.detail ?? words.state.stale, [who(revisions)]);
          return null;
        }
        sheet.point(problem.place ?? null);
        const first = problem.errors?.[0]?.detail;
        tell(first ?? problem.detail ?? words.state.unknown);
        return null;
      }
    }
  }

  function enqueue(work) {
    waiting += 1;
    if (held) sayWaiting();
    const result = queue.then(async () => {
      try {
        return await work();
      } finally {
        waiting -= 1;
        if (!waiting && saving.dataset.state === "saving") state("");
        settled.forEach((listener) => listener());
      }
    });
    queue = result.catch(() => {});
    return result;
  }

  return {
    /** Send one command. `drawn` stays on the map till it is saved; `rows` is what was foretold; `undo` takes back what was shown. */
    send(command, { drawn = null, rows = [], takeBack = null } = {}) {
      return enqueue(async () => {
        const answer = await push({ call: (head, key) => server.edit(command, head, key), drawn });
        sheet.show(null);
        if (!answer) {
          takeBack?.();
          live.clear();
          state("");
          return null;
        }
        draft.apply(answer);
        state(answer.rebased ? words.state.rebased : words.state.saved, "saved");
        if (differing(rows, answer.numbers).length) state(`${words.state.saved}. ${words.live.differs}`, "saved");
        live.clear();
        return answer;
      });
    },
    /** Undo, redo or a jump: `call(head)`. */
    step(call) {
      return enqueue(async () => {
        const answer = await push({ call: (head) => call(head) });
        if (answer) {
          draft.apply(answer);
          state(words.state.saved, "saved");
        }
        return answer;
      });
    },
    /** Fetch what others did; names them. Nothing while an edit is under way. */
    catchUp: () => (waiting ? Promise.resolve([]) : enqueue(catchUp)),
    /** Say why something cannot be done, without asking the server. */
    refuse(text) {
      if (!held) tell(text);
    },
    /** Put away what needs no answer; true if there was such a thing. */
    dismiss() {
      if (held || trouble.hidden) return false;
      close();
      return true;
    },
    unsaved: () => held || waiting > 0,
    onSettled: (listener) => settled.push(listener),
    state,
  };
}
