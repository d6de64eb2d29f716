// Questions of codex and what became of them: answered in place, by whoever is first.

import { call, el, say, time } from "/assets/dom.js";
import { badge, changes, inProject } from "/assets/project-items.js";

const TITLES = {
  command: "Codex wants to run a command",
  file_change: "Codex wants to change files",
  permissions: "Codex wants to be allowed more",
  question: "Codex asks you",
  elicitation: "A tool asks you",
  other: "Codex asks something",
};

const ENDS = {
  approved: ["Approved", "good"],
  rejected: ["Rejected", "bad"],
  expired: ["Nobody answered in time", "warn"],
  cancelled: ["Taken back", ""],
  lapsed: ["Its process has ended", ""],
};

/** Who decided, in words: a rule, the deadline, a terminal, or a person by which way. */
function decider({ channel, by }) {
  if (channel === "policy") return `by the rule ${by}`;
  if (channel === "deadline") return "by the deadline";
  if (channel === "terminal") return "in a terminal";
  return by === "session" ? "by a person on this site" : `by a person with ${by || "a key"}`;
}

function asked({ kind, params = {}, changes: files }) {
  if (kind === "command") {
    const text = Array.isArray(params.command) ? params.command.join(" ") : params.command;
    const folder = params.cwd && el("code", {}, inProject(params.cwd));
    const where = folder && el("p", { class: "soft" }, "In ", folder);
    return [el("pre", { class: "command", tabindex: "0" }, `$ ${text ?? ""}`), where];
  }
  if (kind === "file_change" && files) return [changes(files)];
  if (kind === "question") return (params.questions ?? []).map(question);
  return [el("pre", { tabindex: "0" }, JSON.stringify(params, null, 2))];
}

function question({ id, question: text, options }) {
  const list = `options-${id}`;
  const choices = (options ?? []).map(({ label }) => el("option", { value: label }));
  const field = el("input", { name: id, list, autocomplete: "off", required: true });
  const label = el("label", {}, text, field);
  return el("div", { class: "field" }, label, el("datalist", { id: list }, ...choices));
}

function wish(approval, form, decision) {
  if (approval.kind !== "question" || decision !== "accept") return { decision };
  const fields = form.querySelectorAll("input[name]");
  const answers = [...fields].map(({ name, value }) => [name, { answers: [value] }]);
  return { answers: Object.fromEntries(answers) };
}

/** What may be answered: a form of a tool is filled in by the API alone. */
function choices({ kind }) {
  const no = ["decline", "Reject", "danger"];
  if (kind === "elicitation" || kind === "other") return [no];
  if (kind === "question") return [["accept", "Answer", ""], no];
  return [["accept", "Approve", ""], ["acceptForSession", "Approve for this session", "quiet"], no];
}

/** What it is about stands in its item, if that is shown. */
const BY_ITEM = ["command", "file_change"];

/** An approval as an element; `path` is the project's, `heard` is told what was decided. */
export function approvalNode({ path, heard, beside }, approval) {
  const note = el("p", { class: "note", role: "alert", hidden: true });
  const form = el("form", { class: "approval", "data-approval": approval.id });
  const reason = approval.params?.reason;
  form.append(el("h3", {}, TITLES[approval.kind] ?? TITLES.other));
  if (reason) form.append(el("p", {}, reason));
  const isSaid = beside && BY_ITEM.includes(approval.kind);
  if (!isSaid) form.append(...asked(approval).filter(Boolean));
  if (approval.state !== "pending") {
    form.append(ended(approval));
    return form;
  }
  const decide = async (decision) => {
    const buttons = form.querySelectorAll("button");
    for (const button of buttons) button.disabled = true;
    const url = `${path}/approvals/${approval.id}/resolve`;
    const { ok, answer } = await call("POST", url, wish(approval, form, decision));
    if (ok) return heard(answer);
    say(note, answer.detail);
    for (const button of buttons) button.disabled = false;
  };
  const buttons = choices(approval).map(([decision, text, kind]) =>
    el("button", { type: "button", class: kind, onclick: () => decide(decision) }, text),
  );
  form.addEventListener("submit", (event) => event.preventDefault());
  const until = el("p", { class: "soft small" }, "Rejected if nobody answers until ");
  until.append(time(approval.deadline), " UTC.");
  form.append(note, el("div", { class: "row" }, ...buttons), until);
  return form;
}

function ended({ state, decision }) {
  const [text, kind] = ENDS[state] ?? [state, ""];
  const line = el("p", {}, badge(text, kind));
  if (decision) line.append(" ", el("span", { class: "soft" }, decider(decision)));
  if (decision?.note) line.append(el("br"), decision.note);
  return line;
}
