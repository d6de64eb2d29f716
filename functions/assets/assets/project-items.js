// What codex tells of its work, item by item: each kind as an element. Texts that grow are returned
// as `grow`, to which pieces are appended as they come.

import { el } from "/assets/dom.js";

/** Of a command's output the end is shown: the whole stands in the project's log. */
const OUTPUT_MAX_CHARS = 60_000;
const DIFF_MAX_LINES = 2_000;

const STATES = {
  inProgress: ["runs", ""],
  completed: ["done", "good"],
  failed: ["failed", "bad"],
  declined: ["rejected", "warn"],
};

export function badge(text, kind = "") {
  return el("span", { class: `badge ${kind}` }, text);
}

function state(item) {
  const [text, kind] = STATES[item.status] ?? [item.status ?? "", ""];
  if (item.type !== "commandExecution" || typeof item.exitCode !== "number") {
    return badge(text, kind);
  }
  return badge(`exit ${item.exitCode}`, item.exitCode === 0 ? "good" : "bad");
}

/** A path as it is in the project: where its folder lies on the machine is nobody's business. */
export function inProject(path) {
  return path.replace(/^.*\/projects\/prj_[0-9a-f]+(\/|$)/, "") || "the project's folder";
}

/** A unified diff, line by line: what came is marked by more than its colour. */
export function diff(text) {
  const lines = text.split("\n");
  const shown = lines.slice(0, DIFF_MAX_LINES).map((line) => {
    const kind = { "+": "added", "-": "removed", "@": "place" }[line[0]];
    return el("span", { class: kind }, `${line}\n`);
  });
  const left = lines.length - shown.length;
  if (left > 0) shown.push(el("span", { class: "place" }, `${left} more lines\n`));
  return el("pre", { class: "diff", tabindex: "0", role: "group", "aria-label": "Diff" }, ...shown);
}

const KINDS = { add: "new", delete: "removed", update: "changed" };

/** Files that change, each with its diff. A new file's diff is its text. */
export function changes(list) {
  const rows = list.map(({ path, kind, diff: text = "" }) => {
    const name = kind?.type ?? kind;
    const marked = name === "add" && !text.startsWith("@@") ? text.replace(/^(?=.)/gm, "+") : text;
    const word = badge(KINDS[name] ?? "changed");
    const summary = el("summary", {}, el("code", {}, inProject(path)), " ", word);
    return el("details", { open: list.length <= 3 }, summary, diff(marked));
  });
  return el("div", { class: "changes" }, ...rows);
}

function growing(text, properties) {
  const grow = document.createTextNode(text);
  return { grow, node: el("pre", properties, grow) };
}

function words(content) {
  const texts = (content ?? []).map((part) => part.text ?? `[${part.type}]`);
  return texts.join("\n");
}

function message(item, who, text) {
  const { grow, node } = growing(text, { class: "words" });
  return { grow, body: [el("h3", {}, who), node] };
}

function command(item) {
  const text = Array.isArray(item.command) ? item.command.join(" ") : (item.command ?? "");
  const output = (item.aggregatedOutput ?? "").slice(-OUTPUT_MAX_CHARS);
  const properties = { tabindex: "0", role: "group", "aria-label": "Output of the command" };
  const { grow, node } = growing(output, properties);
  const head = el("h3", {}, "Command ", state(item));
  return { grow, body: [head, el("pre", { class: "command", tabindex: "0" }, `$ ${text}`), node] };
}

function reasoning(item) {
  const text = [...(item.summary ?? []), ...(item.content ?? [])].join("\n\n");
  const { grow, node } = growing(text, { class: "words soft" });
  return { grow, body: [el("details", {}, el("summary", {}, "Thinking"), node)] };
}

/** Whatever has no form of its own, as it came. */
function other(item, title) {
  const node = el("pre", { tabindex: "0" }, JSON.stringify(item, null, 2));
  return { body: [el("details", {}, el("summary", {}, title, " ", state(item)), node)] };
}

function parts(item) {
  switch (item.type) {
    case "userMessage":
      return message(item, "You", words(item.content));
    case "agentMessage":
      return message(item, "Codex", item.text ?? "");
    case "plan":
      return message(item, "Plan", item.text ?? "");
    case "reasoning":
      return reasoning(item);
    case "commandExecution":
      return command(item);
    case "fileChange":
      return { body: [el("h3", {}, "Files ", state(item)), changes(item.changes ?? [])] };
    case "mcpToolCall":
      return other(item, `Tool ${item.server ?? ""} ${item.tool ?? ""}`);
    case "webSearch":
      return other(item, `Web search ${item.query ?? ""}`);
    default:
      return other(item, item.type);
  }
}

/** An item as an element of the timeline: `{ node, grow }`. */
export function render(item) {
  const { body, grow } = parts(item);
  return { grow, node: el("li", { class: `item ${item.type}`, "data-item": item.id }, ...body) };
}

/** A line between items: a turn began or ended, and how. */
export function note(text, kind = "") {
  return el("li", { class: `mark ${kind}` }, text);
}
