// Tries a call with the visitor's own bearer, which stays in this tab: it is kept in
// `sessionStorage`, sent as `Authorization`, and stands in no address and in no command.

const KEPT = "docs-bearer";
/** What of a long answer is shown. */
const SHOWN_MAX = 200_000;
const HEADERS = [
  "content-type",
  "x-request-id",
  "x-ratelimit-limit",
  "x-ratelimit-remaining",
  "x-ratelimit-reset",
  "retry-after",
  "etag",
  "location",
  "allow",
];

/** Where a form leads, or the fields that are wrong. */
function wish(form) {
  const wrong = [];
  let path = form.dataset.path;
  const query = new URLSearchParams();
  const headers = new Headers();
  for (const field of form.querySelectorAll("[data-place]")) {
    const { name, value, required } = field;
    if (required && !value) wrong.push([field, "It is missing."]);
    if (!value && field.dataset.place !== "path") continue;
    if (field.dataset.place === "path") path = path.replace(`{${name}}`, encodeURIComponent(value));
    else if (field.dataset.place === "query") query.set(name, value);
    else headers.set(name, value);
  }
  const body = form.elements.namedItem("body");
  const text = body?.value.trim();
  if (text) {
    try {
      JSON.parse(text);
    } catch (broken) {
      wrong.push([body, `This is not JSON: ${broken.message}`]);
    }
    headers.set("content-type", "application/json");
  }
  const bearer = form.elements.namedItem("bearer");
  if (bearer && !bearer.value.trim()) wrong.push([bearer, "Your key goes here."]);
  if (/[^\x21-\x7e]/.test(bearer?.value.trim() ?? "")) {
    wrong.push([bearer, "A key has neither spaces nor letters with accents."]);
  }
  const url = query.size > 0 ? `${path}?${query}` : path;
  return { url, headers, body: text || undefined, bearer, wrong };
}

/** The same for a POSIX shell; the bearer stays out of it. */
function command(form, { url, headers, body, bearer }) {
  const quote = (text) => `'${text.replaceAll("'", "'\\''")}'`;
  const { method } = form.dataset;
  const parts = [`curl${"streams" in form.dataset ? " -N" : ""} ${quote(location.origin + url)}`];
  if (method !== (body ? "POST" : "GET")) parts.push(`-X ${method}`);
  if (bearer) parts.push('-H "Authorization: Bearer $KEY"');
  for (const [name, value] of headers) {
    if (name !== "authorization") parts.push(`-H ${quote(`${name}: ${value}`)}`);
  }
  if (body) parts.push(`-d ${quote(body)}`);
  return parts.join(" \\\n  ");
}

function complain(form, wrong) {
  for (const [field, message] of wrong) {
    field.setAttribute("aria-invalid", "true");
    form.querySelector(`[data-error="${CSS.escape(field.name)}"]`).textContent = message;
  }
  wrong[0][0].focus();
}

function forget(form) {
  for (const place of form.querySelectorAll("[data-error]")) place.textContent = "";
  for (const field of form.querySelectorAll("[aria-invalid]")) {
    field.removeAttribute("aria-invalid");
  }
}

export function tryout(panel) {
  const form = panel.querySelector("form");
  const part = (name) => panel.querySelector(`[data-${name}]`);
  const [answer, status, took] = [part("answer"), part("status"), part("took")];
  const [facts, shown, stop] = [part("headers"), part("body"), part("stop")];
  const bearer = form.elements.namedItem("bearer");
  if (bearer) {
    bearer.value = sessionStorage.getItem(KEPT) ?? "";
    bearer.addEventListener("input", () => sessionStorage.setItem(KEPT, bearer.value.trim()));
  }
  let running;

  function say(kind, text) {
    status.className = kind;
    status.textContent = text;
  }

  function tell(response) {
    say(response.ok ? "good" : "bad", `${response.status} ${response.statusText}`.trim());
    facts.replaceChildren();
    for (const name of HEADERS.filter((name) => response.headers.has(name))) {
      const [term, value] = [document.createElement("dt"), document.createElement("dd")];
      term.textContent = name;
      value.textContent = response.headers.get(name);
      facts.append(term, value);
    }
  }

  /** As it comes, for it may be long in coming; JSON is set out when it is all there. */
  async function read(response) {
    const text = new TextDecoder();
    let all = "";
    const reader = response.body?.getReader();
    for (;;) {
      const { done, value } = (await reader?.read()) ?? { done: true };
      if (done) break;
      all += text.decode(value, { stream: true });
      shown.textContent = all.slice(-SHOWN_MAX);
      shown.scrollTop = shown.scrollHeight;
    }
    if (response.headers.get("content-type")?.includes("json")) {
      try {
        all = JSON.stringify(JSON.parse(all), null, 2);
      } catch {
        // Then it is shown as it came.
      }
      shown.scrollTop = 0;
    }
    shown.textContent = all.slice(0, SHOWN_MAX) || "Nothing.";
  }

  async function send() {
    forget(form);
    const call = wish(form);
    if (call.wrong.length > 0) return complain(form, call.wrong);
    if (bearer) call.headers.set("authorization", `Bearer ${bearer.value.trim()}`);
    if ("streams" in form.dataset && form.dataset.method === "GET") {
      call.headers.set("accept", "text/event-stream");
    }
    panel.querySelector("#sent").textContent = command(form, call);
    answer.hidden = false;
    say("", "Sent; waiting for the answer.");
    took.textContent = shown.textContent = "";
    facts.replaceChildren();
    answer.querySelector("h3").focus();
    running = new AbortController();
    stop.hidden = false;
    form.querySelector("[type=submit]").setAttribute("aria-busy", "true");
    const began = performance.now();
    try {
      const response = await fetch(call.url, {
        method: form.dataset.method,
        headers: call.headers,
        body: call.body,
        // The bearer alone says who asks.
        credentials: "omit",
        cache: "no-store",
        redirect: "follow",
        signal: running.signal,
      });
      tell(response);
      await read(response);
      took.textContent = `after ${Math.round(performance.now() - began)} ms`;
    } catch (broken) {
      if (broken.name === "AbortError") took.textContent = "stopped";
      else say("bad", "The server could not be reached. Check your connection and try again.");
    } finally {
      running = undefined;
      stop.hidden = true;
      form.querySelector("[type=submit]").removeAttribute("aria-busy");
    }
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (!running) send();
  });
  stop.addEventListener("click", () => running?.abort());
  part("own")?.addEventListener("click", async () => {
    const me = await fetch("/api/v1/me").then((answer) => answer.json());
    bearer.value = me.username ?? "";
    bearer.dispatchEvent(new Event("input"));
  });
}
