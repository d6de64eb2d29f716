// What pages do beside being read: send a form as JSON, say what came of it, copy a text, open a
// dialog.

const words = {
  offline: "The server could not be reached. Check your connection and try again.",
  odd: "Something went wrong on our side. Try again in a moment.",
  fields: "Something is missing or not right.",
};

/** What a field says in JSON, by its `data-type`; nothing where it is empty. */
function read(field) {
  const { value, dataset, type, checked } = field;
  if (dataset.type === "list") return checked ? [value] : [];
  if (dataset.type === "lines") return value.split(/[\s,]+/).filter(Boolean);
  if (type === "checkbox") return checked;
  if (value === "") return undefined;
  if (dataset.type === "boolean") return value === "true";
  return dataset.type === "number" ? Number(value) : value;
}

/** The fields of a form as JSON; `smtp.host` is a member of the member `smtp`. */
function valueOf(form) {
  const value = {};
  for (const field of form.elements) {
    if (!field.name || field.disabled || (field.type === "radio" && !field.checked)) continue;
    const said = read(field);
    if (said === undefined) continue;
    const path = field.name.split(".");
    const name = path.pop();
    const place = path.reduce((within, part) => (within[part] ??= {}), value);
    place[name] = field.dataset.type === "list" ? [...(place[name] ?? []), ...said] : said;
  }
  return value;
}

function say(form, kind, text) {
  const note = form.querySelector("[data-note]");
  note.textContent = text;
  note.className = `note ${kind}`;
}

/** Puts each complaint beside its field, and the cursor into the first of them. */
function complain(form, failure) {
  const unplaced = [];
  let first;
  for (const { field, message } of failure.errors ?? []) {
    const named = form.elements.namedItem(field);
    const input = named instanceof RadioNodeList ? named[0] : named;
    const place = form.querySelector(`[data-error="${CSS.escape(field)}"]`);
    if (!input || !place) {
      unplaced.push(`${field}: ${message}`);
      continue;
    }
    input.setAttribute("aria-invalid", "true");
    place.textContent = message;
    first ??= input;
  }
  first?.focus();
  // What stands beside its field is not said twice.
  const said = first && unplaced.length === 0 ? words.fields : (failure.detail ?? words.odd);
  say(form, "bad", [said, ...unplaced].join(" "));
}

function forget(form) {
  say(form, "", "");
  for (const place of form.querySelectorAll("[data-error]")) place.textContent = "";
  for (const field of form.querySelectorAll("[aria-invalid]")) {
    field.removeAttribute("aria-invalid");
  }
}

/** A moment is shown as the pages show it, whatever else as it is. */
function put(part, value) {
  if (!(part instanceof HTMLTimeElement)) return (part.textContent = value);
  part.dateTime = value;
  part.textContent = `${value.slice(0, 16).replace("T", " ")} UTC`;
}

/**
 * Shows what was answered: the form gives way to a section whose parts name members, whose text
 * they have, or on which it depends whether they are seen.
 */
function show(form, answer) {
  const section = document.getElementById(form.dataset.show);
  for (const part of section.querySelectorAll("[data-member]")) {
    const path = part.dataset.member.split(".");
    put(part, path.reduce((value, name) => value?.[name], answer) ?? "");
  }
  for (const part of section.querySelectorAll("[data-if], [data-unless]")) {
    const { if: wanted, unless } = part.dataset;
    part.hidden = wanted ? !answer[wanted] : Boolean(answer[unless]);
  }
  if (section instanceof HTMLDialogElement) {
    form.closest("dialog")?.close();
    return section.showModal();
  }
  if ("enters" in form.dataset) document.querySelector(".bar nav").hidden = !answer.pending;
  form.hidden = !("stays" in form.dataset);
  section.hidden = false;
  for (const before of document.querySelectorAll(`[data-before="${section.id}"]`)) {
    before.hidden = true;
  }
  section.querySelector("h1:not([hidden])")?.focus();
  if (!form.hidden) section.scrollIntoView({ block: "nearest" });
}

/** A way in which `{name}` stands for what was answered under that name. */
function filled(way, answer) {
  return way.replace(/\{(\w+)\}/g, (_, name) => encodeURIComponent(answer[name] ?? ""));
}

/** Only a way within this site, or where the payment provider takes over. */
function follow(form, answer) {
  const { next, follow: member, show: section, said, once } = form.dataset;
  if ("reload" in form.dataset) return location.reload();
  if (member && answer[member]) return location.assign(answer[member]);
  if (next) return location.assign(filled(next, answer));
  // The page stays: whoever shows what was changed looks again.
  document.dispatchEvent(new Event("sent"));
  if (section) return show(form, answer);
  say(form, "good", said ?? "Saved.");
  if (once) form.querySelector(once).hidden = true;
}

async function send(form) {
  const { action, method = "POST" } = form.dataset;
  const headers = { "content-type": "application/json" };
  // What is sent twice by one form happens once.
  if ("keyed" in form.dataset) headers["idempotency-key"] = form.key ??= crypto.randomUUID();
  const body = method === "GET" ? undefined : JSON.stringify(valueOf(form));
  const answer = await fetch(action, { method, headers, body });
  const text = await answer.text();
  return [answer.ok, text ? JSON.parse(text) : {}];
}

/** What a browser sees by itself, said as the server would say it. */
function seen(form) {
  const wrong = [...form.elements].filter((field) => field.willValidate && !field.validity.valid);
  const errors = wrong.map((field) => ({ field: field.name, message: field.validationMessage }));
  return errors.length > 0 ? { errors } : undefined;
}

/** Asks before what cannot be taken back, where a form has a question; says whether to go on. */
function asked({ dataset: { ask, yes } }) {
  if (!ask) return Promise.resolve(true);
  const part = (name, text, more) =>
    Object.assign(document.createElement(name), { textContent: text, ...more });
  const dialog = part("dialog", "");
  dialog.setAttribute("aria-label", ask);
  const form = part("form", "", { method: "dialog" });
  const row = part("div", "", { className: "row" });
  row.append(
    part("button", yes, { value: "yes", className: "danger" }),
    part("button", "Cancel", { value: "no", className: "quiet" }),
  );
  form.append(part("p", ask), row);
  dialog.append(form);
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((said) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      said(dialog.returnValue === "yes");
    });
  });
}

async function submit(form) {
  const button = form.querySelector("button[type=submit]");
  forget(form);
  const wrong = seen(form);
  if (wrong) return complain(form, wrong);
  if (!(await asked(form))) return;
  const progress = form.querySelector("[data-progress]");
  button.setAttribute("aria-busy", "true");
  if (progress) progress.hidden = false;
  try {
    const [ok, answer] = await send(form);
    if (ok) follow(form, answer);
    else complain(form, answer);
  } catch (broken) {
    say(form, "bad", broken instanceof SyntaxError ? words.odd : words.offline);
  } finally {
    button.removeAttribute("aria-busy");
    if (progress) progress.hidden = true;
  }
}

/** Copies a text and says so on the button; a browser that forbids it is left with `instead`. */
export async function copied(button, text, instead = () => {}) {
  const was = button.textContent;
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = "Copied";
  } catch {
    instead();
    button.textContent = "Press Ctrl+C";
  }
  setTimeout(() => (button.textContent = was), 2000);
}

function copy(button) {
  const source = document.getElementById(button.dataset.copy);
  return copied(button, source.textContent, () => getSelection().selectAllChildren(source));
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!form.dataset.action) return;
  event.preventDefault();
  // A second press while the first is on its way changes nothing.
  if (!form.querySelector("[aria-busy]")) submit(form);
});

// Other words are another wish.
document.addEventListener("input", (event) => {
  if (event.target.form) event.target.form.key = undefined;
});

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-copy], [data-open], [data-close]");
  if (!button) return;
  const { copy: text, open: dialog } = button.dataset;
  if (text) copy(button);
  else if (dialog) document.getElementById(dialog).showModal();
  else button.closest("dialog").close();
});
