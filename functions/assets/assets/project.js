// A project as it happens: its log as a stream that comes back by itself, a prompt, and what can be
// done about a turn that runs.

import { call, el, say } from "/assets/dom.js";
import { files } from "/assets/project-files.js";
import { Timeline } from "/assets/project-timeline.js";

/** Turns that are asked for at once. */
const TURNS = 20;
/** Events before now that are looked at for the meter alone. */
const METER_LOOKS_BACK = 300;
const AGAIN_MIN_MS = 1_000;
const AGAIN_MAX_MS = 30_000;

const root = document.querySelector("[data-project]");
const path = `/api/v1/projects/${root.dataset.project}`;
const part = (name) => root.querySelector(`[data-${name}]`);
const [line, machine, cost, gap] = ["line", "machine", "cost", "gap"].map(part);
const prompt = part("prompt");
const queue = part("queue");
const earlier = part("earlier");
const interrupt = part("interrupt");

const heard = (approval) => {
  timeline.approval(approval);
  count();
};
const timeline = new Timeline({ list: part("items"), earlier, path, heard });
const refreshFiles = files(path);

let source;
/** The last event that was taken in; what the timeline was loaded with has all before it. */
let seen = 0;
let running;
let opened = false;
let failures = 0;
/** Approvals that wait. */
const waiting = new Set();

const dollars = new Intl.NumberFormat("en-US", {
  style: "currency",
  currency: "USD",
  minimumFractionDigits: 2,
  maximumFractionDigits: 6,
});
const usd = (micro) => dollars.format(micro / 1e6);

function show(badge, text, kind) {
  badge.textContent = text;
  badge.className = `badge ${kind}`;
}

/** Where the machine stands, as far as anybody knows. */
function standing({ state, reason }) {
  const kinds = { online: "good", suspect: "warn", offline: "bad", revoked: "bad" };
  const text = state === "never" ? "not on a machine yet" : `machine ${state}`;
  show(machine, text, kinds[state] ?? "");
  machine.title = reason;
}

function count() {
  const asks = part("waiting");
  asks.hidden = waiting.size === 0;
  asks.textContent = `${waiting.size} to answer`;
}

function runs(turn) {
  running = turn;
  interrupt.hidden = !turn;
  prompt.elements.whenBusy.closest(".field").hidden = !turn;
  part("turn").hidden = !turn;
}

function queued(prompts) {
  const rows = prompts.map(({ id, input, blocked }) => {
    const words = (Array.isArray(input) ? input : [input]).map((it) => it?.text ?? "").join(" ");
    const withdraw = async () => {
      const { ok, answer } = await call("DELETE", `${path}/queue/${id}`);
      if (!ok) tell(answer.detail);
      await load();
    };
    const about = { type: "button", class: "quiet small", onclick: withdraw };
    const button = el("button", about, "Withdraw");
    const why = blocked ? el("p", { class: "soft small" }, blocked) : undefined;
    return el("li", {}, el("span", {}, words, why), button);
  });
  queue.replaceChildren(...rows);
  part("waits").hidden = rows.length === 0;
}

/** What the log tells of turns, as entries of the timeline. */
function entries(turns) {
  return turns.flatMap((turn) => [
    ...turn.items.map((item) => ({ id: item.id, item, approvals: [] })),
    ...ending(turn).map(([text, kind]) => ({ id: `end:${turn.id}`, text, kind, approvals: [] })),
  ]);
}

function ending({ status, error }) {
  if (status === "interrupted") return [["Interrupted", "warn"]];
  if (status === "failed") return [[error?.message ?? "The turn failed.", "bad"]];
  return [];
}

/** Those that wait stand in the page anyhow, others by the items that do. */
function approvals(all) {
  waiting.clear();
  for (const approval of all) {
    const pending = approval.state === "pending";
    if (pending) waiting.add(approval.id);
    if (pending || timeline.has(approval.itemId)) timeline.approval(approval);
  }
  count();
}

/** Goes on from the line of the log at which the server wrote the page, if all of it is there. */
async function begin() {
  if (!root.dataset.last) return load();
  timeline.adopt();
  runs(root.dataset.runs);
  if (!part("waits").hidden) queueChanged();
  if (part("approval")) {
    const { ok, answer } = await call("GET", `${path}/approvals?all=true`);
    if (!ok) return load();
    approvals(answer.data);
  }
  seen = Number(root.dataset.last);
  connect();
}

const newest = () => `state?includeTurns=true&limit=${TURNS}`;

/** Reads how everything stands, and goes on with the stream from there. */
async function load() {
  const [state, asked] = await Promise.all([
    call("GET", `${path}/${newest()}`),
    call("GET", `${path}/approvals?all=true`),
  ]);
  if (state.status === 401) return location.reload();
  if (!state.ok || !asked.ok) {
    show(line, "offline", "bad");
    tell((state.ok ? asked : state).answer.detail);
    return again();
  }
  const now = state.answer;
  tell("");
  timeline.clear();
  earlier.dataset.before = now.turnsBefore ?? "";
  timeline.before(entries(now.turns ?? []));
  approvals(asked.answer.data);
  standing(now.runner);
  runs(now.turnId);
  queued(now.queue);
  part("empty").hidden = timeline.size > 0;
  seen = now.lastEventId;
  connect();
}

function again() {
  failures += 1;
  const wait = Math.min(AGAIN_MAX_MS, AGAIN_MIN_MS * 2 ** failures);
  setTimeout(load, wait * (0.5 + Math.random() / 2));
}

function connect() {
  source?.close();
  source = new EventSource(`${path}/events?after=${Math.max(0, seen - METER_LOOKS_BACK)}`);
  for (const [name, take] of Object.entries(TAKES)) {
    source.addEventListener(name, (event) => {
      const data = JSON.parse(event.data);
      const isNew = !(data.seq <= seen);
      if (isNew && data.seq) seen = data.seq;
      if (isNew || name === "gantry/meter") take(data.params ?? {}, data);
    });
  }
  source.addEventListener("ready", () => {
    failures = 0;
    show(line, "live", "good");
  });
  source.addEventListener("gap", (event) => {
    const { first } = JSON.parse(event.data);
    if (first > seen + 1) load();
  });
  source.onerror = () => {
    show(line, "offline, trying again", "bad");
    // The browser comes back by itself unless it was refused.
    if (source.readyState === EventSource.CLOSED) again();
  };
}

function approvalAsked(params, { approvalId, threadId, turnId }) {
  // The question's own words are not all: what it would change stands in its approval.
  call("GET", `${path}/approvals`).then(({ ok, answer }) => {
    const found = ok && answer.data.find(({ id }) => id === approvalId);
    if (!found) return;
    waiting.add(approvalId);
    timeline.approval({ threadId, turnId, ...found });
    count();
  });
}

function approvalEnded({ approvalId, state, channel, by, note }) {
  const known = timeline.approvalOf(approvalId);
  waiting.delete(approvalId);
  count();
  if (known) timeline.approval({ ...known, state, decision: channel && { channel, by, note } });
}

function meter({ turnCostMicroUsd: turn, projectCostMicroUsd: all, ...limits }) {
  const most = limits.maxTurnCostMicroUsd ?? limits.maxProjectCostMicroUsd;
  const of = limits.maxTurnCostMicroUsd ? turn : all;
  const bar = part("budget");
  bar.hidden = !most;
  bar.value = most ? Math.min(100, (of / most) * 100) : 0;
  const budget = most ? `, at most ${usd(most)}` : "";
  cost.textContent = `This turn ${usd(turn)}, in all ${usd(all)}${budget}`;
}

function turnEnded({ turn }) {
  runs(undefined);
  for (const [text, kind] of ending(turn)) timeline.mark(`end:${turn.id}`, text, kind);
  if (root.querySelector("[data-files]").open) refreshFiles();
}

let soon;
/** Prompts that wait are read again, once for all that is told of them in one moment. */
function queueChanged() {
  clearTimeout(soon);
  soon = setTimeout(async () => {
    const { ok, answer } = await call("GET", `${path}/state`);
    if (ok) queued(answer.queue);
  }, 300);
}

const item = ({ item: told }) => {
  part("empty").hidden = true;
  timeline.item(told);
};
const piece = ({ itemId, delta }) => timeline.piece(itemId, delta ?? "");

/** What is heard, by the name of its event. */
const TAKES = {
  "turn/started": ({ turn }) => runs(turn.id),
  "turn/completed": turnEnded,
  "item/started": item,
  "item/completed": item,
  "item/agentMessage/delta": piece,
  "item/plan/delta": piece,
  "item/commandExecution/outputDelta": piece,
  "item/reasoning/summaryTextDelta": piece,
  "item/reasoning/textDelta": piece,
  "item/commandExecution/requestApproval": approvalAsked,
  "item/fileChange/requestApproval": approvalAsked,
  "item/permissions/requestApproval": approvalAsked,
  "item/tool/requestUserInput": approvalAsked,
  "mcpServer/elicitation/request": approvalAsked,
  execCommandApproval: approvalAsked,
  applyPatchApproval: approvalAsked,
  "gantry/approval": approvalEnded,
  "gantry/meter": meter,
  "gantry/prompt": queueChanged,
  "gantry/runner": standing,
  "gantry/gap": ({ reason }) => say(gap, reason, "warn"),
  error: ({ error }) => error && tell(error.message),
};

function tell(text) {
  say(part("note"), text ?? "");
}

/** The first prompt opens the project, which finds its thread again; later ones are turns. */
async function send(event) {
  event.preventDefault();
  const { prompt: words, whenBusy, most } = prompt.elements;
  const budget = most.value === "" ? {} : { maxCostMicroUsd: Math.round(Number(most.value) * 1e6) };
  const body = { prompt: words.value, whenBusy: whenBusy.value, ...budget };
  const button = prompt.querySelector("[type=submit]");
  button.setAttribute("aria-busy", "true");
  button.disabled = true;
  tell("");
  const headers = { "idempotency-key": (prompt.key ??= crypto.randomUUID()) };
  const verb = opened ? "turns" : "open";
  const { ok, answer } = await call("POST", `${path}/${verb}`, body, headers);
  button.removeAttribute("aria-busy");
  button.disabled = false;
  // Without an answer nobody knows whether it was heard: sent again under its key it is the same.
  if (!ok) return tell(answer.detail);
  opened = true;
  prompt.key = undefined;
  words.value = "";
  if (answer.outcome === "queued") queueChanged();
}

prompt.addEventListener("submit", send);
prompt.addEventListener("input", () => (prompt.key = undefined));
prompt.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) prompt.requestSubmit();
});
interrupt.addEventListener("click", async () => {
  interrupt.disabled = true;
  const { ok, answer } = await call("POST", `${path}/turns/${running}/interrupt`);
  interrupt.disabled = false;
  if (!ok) tell(answer.detail);
});
earlier.addEventListener("click", async () => {
  if (timeline.hasEarlier) return timeline.earlier();
  const { ok, answer } = await call("GET", `${path}/${newest()}&before=${earlier.dataset.before}`);
  if (!ok) return tell(answer.detail);
  earlier.dataset.before = answer.turnsBefore ?? "";
  timeline.before(entries(answer.turns ?? []));
});
root.querySelector("[data-files]").addEventListener("toggle", ({ target }) => {
  if (target.open) refreshFiles();
});
window.addEventListener("online", connect);
window.addEventListener("offline", () => show(line, "offline", "bad"));
window.addEventListener("pagehide", () => source?.close());
window.addEventListener("pageshow", ({ persisted }) => persisted && load());

begin();
