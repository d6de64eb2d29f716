// The files of a project: a tree that opens level by level, and a text that can be changed. A
// change counts only if nobody else changed the file meanwhile.

import { call, el, say } from "/assets/dom.js";

export function files(path) {
  const root = document.querySelector("[data-tree]");
  const line = document.querySelector("[data-tree-note]");
  const dialog = document.getElementById("file");
  const text = dialog.querySelector("textarea");
  const note = dialog.querySelector("[data-file-note]");
  const save = dialog.querySelector("[data-save]");
  let opened;

  async function level(folder) {
    const query = new URLSearchParams({ depth: "1", limit: "500" });
    if (folder) query.set("path", folder);
    const { ok, answer } = await call("GET", `${path}/files/tree?${query}`);
    say(line, ok ? "" : answer.detail);
    if (!ok) return [];
    const more = answer.nextCursor && el("li", { class: "soft" }, "More than 500 stand here.");
    return [...answer.entries.map(entry), ...(more ? [more] : [])];
  }

  function entry({ path: at, name, kind, size }) {
    if (kind === "directory") {
      const list = el("ul", { class: "tree" });
      const open = async (event) => {
        if (event.target.open && !list.hasChildNodes()) list.append(...(await level(at)));
      };
      return el("li", {}, el("details", { ontoggle: open }, el("summary", {}, `${name}/`), list));
    }
    const button = el("button", { type: "button", class: "link", onclick: () => show(at) }, name);
    return el("li", {}, button, " ", el("span", { class: "soft small" }, `${size} B`));
  }

  async function show(at) {
    const query = new URLSearchParams({ path: at });
    const { ok, answer } = await call("GET", `${path}/files/content?${query}`);
    const isText = ok && answer.encoding === "utf-8";
    opened = isText ? answer : undefined;
    dialog.querySelector("h2").textContent = at;
    text.value = isText ? answer.content : "";
    text.readOnly = save.hidden = !isText;
    const binary = "This file is no text. Read it with the API.";
    say(note, isText ? "" : ok ? binary : answer.detail);
    dialog.showModal();
  }

  async function keep() {
    const body = { path: opened.path, content: text.value, encoding: "utf-8" };
    const headers = { "if-match": `"${opened.etag}"` };
    const { ok, status, answer } = await call("PUT", `${path}/files/content`, body, headers);
    if (ok) {
      opened = { ...opened, etag: answer.etag };
      return say(note, "Saved.", "good");
    }
    const changed = "Somebody changed this file meanwhile. Copy what you need, and open it again.";
    say(note, status === 412 ? changed : answer.detail);
  }

  async function refresh() {
    const rows = await level("");
    const none = el("li", { class: "soft" }, "No files yet. What codex writes stands here.");
    root.replaceChildren(...(rows.length > 0 || line.textContent ? rows : [none]));
  }

  save.addEventListener("click", keep);
  document.querySelector("[data-refresh]").addEventListener("click", refresh);
  return refresh;
}
