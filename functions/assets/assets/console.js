// The console of codex: a call is sent as it is, and what comes back is shown as it came.

/** What a form asks for; nothing where its params are no JSON. */
function wish(form) {
  if (form.dataset.method === "GET") return { method: "GET" };
  const { method, params } = form.elements;
  const error = form.querySelector(".error");
  error.textContent = "";
  params.removeAttribute("aria-invalid");
  try {
    const body = { method: method.value, params: JSON.parse(params.value || "{}") };
    const headers = { "content-type": "application/json" };
    return { method: "POST", headers, body: JSON.stringify(body) };
  } catch (broken) {
    error.textContent = `This is no JSON: ${broken.message}`;
    params.setAttribute("aria-invalid", "true");
    params.focus();
    return undefined;
  }
}

async function call(form, place) {
  const asked = wish(form);
  if (!asked) return;
  const button = form.querySelector("button");
  button.setAttribute("aria-busy", "true");
  place.textContent = "Codex is asked…";
  try {
    const answer = await fetch(form.getAttribute("action"), asked);
    place.textContent = pretty(await answer.text());
  } catch {
    place.textContent = "The server could not be reached. Check your connection and try again.";
  } finally {
    button.removeAttribute("aria-busy");
  }
}

function pretty(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

for (const form of document.querySelectorAll("[data-console]")) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (!form.querySelector("[aria-busy]")) {
      call(form, document.getElementById(form.dataset.console));
    }
  });
}
