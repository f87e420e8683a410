// What every page does: menus that close, dialogs that open by a button or "?", the panel's width, lost connections.

const typing = (target) =>
  target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|SELECT|TEXTAREA)$/.test(target.tagName));

/** Call `action` when `key` is pressed outside a field, without modifier keys. */
export function shortcut(key, action) {
  document.addEventListener("keydown", (event) => {
    if (event.key !== key || event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
    if (document.querySelector("dialog[open]")) return;
    event.preventDefault();
    action(event);
  });
}

/** Show `text` for some seconds in the page's message area; returns the note. */
export function say(text, { seconds = 5 } = {}) {
  const note = document.createElement("div");
  note.className = "note";
  note.textContent = text;
  document.getElementById("messages")?.append(note);
  if (seconds) setTimeout(() => note.remove(), seconds * 1000);
  return note;
}

/** Data that the page carries as JSON in `<script type="application/json" id=…>`. */
export function pageData(id) {
  const element = document.getElementById(id);
  return element ? JSON.parse(element.textContent) : null;
}

/** Put the page's address into the clipboard and say `done`; where that is not allowed, show it to be copied by hand. */
export async function copyAddress(done) {
  try {
    await navigator.clipboard.writeText(location.href);
    say(done);
  } catch {
    say(location.href, { seconds: 15 });
  }
}

function openDialog(id) {
  const dialog = document.getElementById(id);
  if (dialog instanceof HTMLDialogElement && !dialog.open) dialog.showModal();
}

document.addEventListener("click", (event) => {
  const opener = event.target.closest?.("[data-open]");
  if (opener) openDialog(opener.dataset.open);
  for (const menu of document.querySelectorAll("details[data-menu][open]")) {
    if (opener || !menu.contains(event.target)) menu.open = false;
  }
  if (event.target instanceof HTMLDialogElement) event.target.close();
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of document.querySelectorAll("details[data-menu][open]")) {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
});

shortcut("?", () => openDialog("shortcuts"));

// --- the panel can be widened, by mouse and by arrow keys, and remembers it ---
const grip = document.querySelector(".panel__grip");
if (grip) {
  const root = document.documentElement;
  const set = (pixels) => {
    const width = Math.round(Math.max(280, Math.min(720, pixels)));
    root.style.setProperty("--panel", `${width}px`);
    grip.setAttribute("aria-valuenow", width);
    try {
      localStorage.setItem("panel", width);
    } catch {
      // A browser that keeps nothing: the width lasts for this page.
    }
    window.dispatchEvent(new Event("resize"));
  };
  const now = () => grip.parentElement.getBoundingClientRect().width;
  let stored = null;
  try {
    stored = Number(localStorage.getItem("panel"));
  } catch {
    // As above.
  }
  if (stored) set(stored);
  grip.addEventListener("pointerdown", (event) => {
    grip.setPointerCapture(event.pointerId);
    const move = (moved) => set(grip.parentElement.getBoundingClientRect().right - moved.clientX);
    grip.addEventListener("pointermove", move);
    grip.addEventListener("lostpointercapture", () => grip.removeEventListener("pointermove", move), { once: true });
  });
  grip.addEventListener("keydown", (event) => {
    if (event.key === "ArrowLeft") set(now() + 20);
    else if (event.key === "ArrowRight") set(now() - 20);
    else return;
    event.preventDefault();
  });
}

// --- a lost connection is said once, and taken back when it is over ---
let lost = null;
const words = document.getElementById("messages")?.dataset ?? {};
const connectionLost = () => (lost ??= say(words.lost ?? "", { seconds: 0 }));
const connectionBack = () => {
  lost?.remove();
  lost = null;
};
window.addEventListener("offline", connectionLost);
window.addEventListener("online", connectionBack);
document.addEventListener("htmx:sendError", connectionLost);
document.addEventListener("htmx:afterOnLoad", connectionBack);
document.addEventListener("htmx:responseError", (event) => {
  const { status } = event.detail.xhr;
  say(status === 403 || status === 401 ? words.refused : words.broken);
});
for (const note of document.querySelectorAll("#messages > .note")) setTimeout(() => note.remove(), 8000);
