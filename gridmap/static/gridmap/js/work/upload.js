// Uploading: drop or choose, see how far it is; the page works without this too.
const form = document.getElementById("upload");
const file = document.getElementById("file");
const drop = document.getElementById("drop");
const bar = document.getElementById("upload-progress");
const name = document.getElementById("drop-name");

function fault(text) {
  let note = document.getElementById("upload-fault");
  if (!note) {
    note = document.createElement("p");
    note.id = "upload-fault";
    note.className = "note note--notice";
    note.setAttribute("role", "alert");
    drop.after(note);
  }
  note.textContent = text;
}

const tooLarge = () => file.files[0]?.size > Number(form.dataset.limit) * 1024 * 1024;

file.addEventListener("change", () => {
  const [chosen] = file.files;
  if (!chosen) return;
  name.textContent = chosen.name;
  if (tooLarge()) fault(form.dataset.tooLarge);
  else document.getElementById("upload-fault")?.remove();
});
for (const kind of ["dragover", "dragenter", "dragleave", "drop"]) {
  drop.addEventListener(kind, (event) => {
    event.preventDefault();
    drop.classList.toggle("drop--over", kind === "dragover" || kind === "dragenter");
    if (kind === "drop" && event.dataTransfer.files.length) {
      file.files = event.dataTransfer.files;
      file.dispatchEvent(new Event("change"));
    }
  });
}
form.addEventListener("submit", (event) => {
  if (tooLarge()) {
    event.preventDefault();
    return fault(form.dataset.tooLarge);
  }
  // Small files go the plain way; for a big one the way there is shown.
  if (!file.files[0] || file.files[0].size < 2_000_000) return;
  event.preventDefault();
  const request = new XMLHttpRequest();
  bar.hidden = false;
  request.upload.addEventListener("progress", ({ loaded, total }) => (bar.value = (100 * loaded) / total));
  request.addEventListener("load", () => {
    if (request.responseURL !== location.href) location.assign(request.responseURL);
    else fault(new DOMParser().parseFromString(request.responseText, "text/html").getElementById("upload-fault")?.textContent.trim() ?? form.dataset.failed);
  });
  request.addEventListener("error", () => fault(form.dataset.failed));
  request.open("POST", form.action);
  request.send(new FormData(form));
});
