// Finds calls on the page of all: by method, path or words, within one family or in all of them.

/** What is looked for stands in the address, so that it can be sent on and come back to. */
function remember(form) {
  const url = new URL(location.href);
  for (const [name, value] of new FormData(form)) {
    if (value) url.searchParams.set(name, value);
    else url.searchParams.delete(name);
  }
  history.replaceState(null, "", url);
}

export function finder(form) {
  const field = form.querySelector("#find");
  const family = form.querySelector("#family");
  const found = document.querySelector("#found");
  const none = document.querySelector("[data-none]");
  const sections = [...document.querySelectorAll("[data-family]")].map((section) => ({
    section,
    rows: [...section.querySelectorAll("[data-call]")].map((row) => ({
      row,
      text: `${row.textContent} ${row.dataset.call}`.toLowerCase().replace(/\s+/g, " "),
    })),
  }));

  function look() {
    const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
    let count = 0;
    for (const { section, rows } of sections) {
      const wanted = !family.value || section.dataset.family === family.value;
      let shown = 0;
      for (const { row, text } of rows) {
        row.hidden = !(wanted && words.every((word) => text.includes(word)));
        if (!row.hidden) shown += 1;
      }
      section.hidden = shown === 0;
      count += shown;
    }
    none.hidden = count > 0;
    found.textContent = count === 1 ? "1 call" : `${count} calls`;
    remember(form);
  }

  function links() {
    return [...document.querySelectorAll("[data-call]:not([hidden]) a")].filter(
      (link) => !link.closest("[data-family]").hidden,
    );
  }

  /** Up and down lead through what was found, and from its first back into the field. */
  function step(event) {
    const all = links();
    const at = all.indexOf(document.activeElement);
    const inField = document.activeElement === field;
    if (!inField && at < 0) return;
    const next = event.key === "ArrowDown" ? at + 1 : at - 1;
    if (next < 0) field.focus();
    else all[next]?.focus();
    event.preventDefault();
  }

  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest("input, select, textarea");
    if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      field.focus();
      field.select();
    } else if (event.key === "Escape" && event.target === field) {
      field.value = "";
      look();
    } else if (event.key === "ArrowDown" || event.key === "ArrowUp") step(event);
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    links()[0]?.focus();
  });
  field.addEventListener("input", look);
  family.addEventListener("change", look);
}
