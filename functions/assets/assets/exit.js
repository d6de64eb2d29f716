// An offer for who is about to leave: once in a session, and never while something is typed.

const KEY = "exit-offer";
const dialog = document.querySelector("dialog[data-exit]");

/** A storage that is switched off remembers nothing, so nothing is shown. */
function seen() {
  try {
    return sessionStorage.getItem(KEY) !== null;
  } catch {
    return true;
  }
}

function offer() {
  if (seen() || document.querySelector("dialog[open]")) return;
  sessionStorage.setItem(KEY, "seen");
  dialog.showModal();
}

if (dialog && !seen()) {
  // The pointer leaves through the top, where tabs and the address are.
  document.documentElement.addEventListener("pointerleave", (event) => {
    if (event.pointerType === "mouse" && event.clientY <= 0) offer();
  });
}
