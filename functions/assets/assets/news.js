// What is new, once for each version: who comes for the first time has seen it, for all is new to
// them.

const KEY = "release-seen";
const dialog = document.querySelector("dialog[data-release]");

/** A storage that is switched off remembers nothing, so nothing is shown. */
function seen() {
  try {
    return localStorage.getItem(KEY) ?? undefined;
  } catch {
    return dialog.dataset.release;
  }
}

if (dialog) {
  const before = seen();
  const { release } = dialog.dataset;
  if (before !== release) {
    if (before !== undefined) dialog.showModal();
    localStorage.setItem(KEY, release);
  }
}
