// A document to be printed: its choices take effect at once, and its button prints.
for (const button of document.querySelectorAll("[data-print]")) {
  button.hidden = false;
  button.addEventListener("click", () => window.print());
}

for (const choice of document.querySelectorAll("[data-submit]")) {
  choice.addEventListener("change", () => choice.form.requestSubmit());
}

// The name under which a browser saves the printed document.
const paper = document.querySelector("[data-title]");
const title = document.title;
window.addEventListener("beforeprint", () => {
  if (paper) document.title = paper.dataset.title;
});
window.addEventListener("afterprint", () => {
  document.title = title;
});

// A choice that makes another one void: grids belong to one community.
for (const choice of document.querySelectorAll("[data-clears]")) {
  choice.form.addEventListener("formdata", (event) => {
    const other = choice.form.elements[choice.dataset.clears];
    const left = [...choice.options].some((option) => option.selected && !option.defaultSelected);
    if (left || !other.value) event.formData.delete(choice.dataset.clears);
    else event.formData.delete(choice.name);
  });
}
