// Pages put together by scripts: elements with text in them, never markup made of data.

/** An element: `el("p", { class: "soft" }, "text", other)`. What is nothing is left out. */
export function el(name, properties = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child !== undefined && child !== null));
  return made;
}

/** A moment as everywhere: to the minute, in UTC. */
export function time(at) {
  return el("time", { datetime: at }, at.slice(0, 16).replace("T", " "));
}

/** What a request came to: `{ ok, status, answer }`; a failure's words stand in `answer.detail`. */
export async function call(method, path, body, headers = {}) {
  const init = { method, headers: { accept: "application/json", ...headers } };
  if (method !== "GET") {
    init.headers["content-type"] = "application/json";
    init.body = JSON.stringify(body ?? {});
  }
  try {
    const reply = await fetch(path, init);
    const text = await reply.text();
    return { ok: reply.ok, status: reply.status, answer: text ? JSON.parse(text) : {} };
  } catch {
    const detail = "The server could not be reached. Check your connection and try again.";
    return { ok: false, status: 0, answer: { detail } };
  }
}

/** Says something on a line of the page; nothing hides the line. */
export function say(line, text, kind = "bad") {
  line.textContent = text;
  line.className = `note ${kind}`;
  line.hidden = text === "";
}
