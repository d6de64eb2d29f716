// A person works with codex on their project's page: they make it, prompt, see what codex wants to
// change, approve it while codex waits, let a terminal in, look after the file, lose the line,
// interrupt, and look at what was long before.

import path from "node:path";

import { browser } from "./harness.mjs";

/** How long codex may take for anything. */
const PATIENCE_MS = 60_000;

await browser(async ({ page, context, world, shot }) => {
  page.setDefaultTimeout(PATIENCE_MS);
  await page.goto(world.link);
  await page.getByRole("heading", { name: "Projects", exact: true }).waitFor();
  await shot("projects-empty");
  await page.getByLabel("Name").first().fill("Landing <b>page</b>");
  await page.getByRole("button", { name: "Create", exact: true }).click();
  await page.waitForURL("**/projects/prj_*");
  const project = new URL(page.url()).pathname.split("/").pop();
  await live(page);
  await shot("project-new");

  await prompt(page, "rehearse: patch made-here.txt; say and that was it");
  const asked = page.locator("form.approval");
  await asked.getByRole("button", { name: "Approve", exact: true }).waitFor();
  const diff = await page.locator(".fileChange .diff .added").first().textContent();
  await same(page);
  await withoutScripts(page, context, world);
  await again(page);
  await asked.getByRole("button", { name: "Approve", exact: true, disabled: false }).waitFor();
  await shot("project-asked");
  await asked.getByRole("button", { name: "Approve", exact: true }).click();
  await page.getByText("by a person on this site").waitFor();
  await page.getByText("and that was it", { exact: true }).waitFor();
  await idle(page);

  const pass = await terminal(page, shot);
  const conflict = await edit(page, project);
  await cut(page, context);
  await interrupted(page);
  await page.getByText("In all", { exact: false }).first().waitFor();
  await again(page);
  await same(page);
  await shot("project-full");
  await before(page, project);
  await page.getByRole("link", { name: "Projects" }).click();
  await page.getByRole("cell", { name: "Landing <b>page</b>" }).waitFor();
  await shot("projects-full");
  return { project, diff, conflict, pass, long: await page.evaluate(many) };
});

function live(page) {
  return page.locator("[data-line]", { hasText: /^live$/ }).waitFor();
}

function idle(page) {
  return page.getByRole("button", { name: "Interrupt" }).waitFor({ state: "hidden" });
}

/** The page is opened anew, as the server writes it, and goes on. */
async function again(page) {
  await page.reload();
  await live(page);
}

/** Who has no scripts reads what happened and what is asked. */
async function withoutScripts(page, context, world) {
  const [{ pathname }, storageState] = [new URL(page.url()), await context.storageState()];
  const viewport = { width: 390, height: 900 };
  const about = { baseURL: world.url, javaScriptEnabled: false, viewport, storageState };
  const plain = await context.browser().newContext(about);
  const there = await plain.newPage();
  await there.goto(pathname);
  for (const text of ["Codex wants to change files", "This file was added", "1 to answer"]) {
    await there.getByText(text).waitFor();
  }
  const file = path.join(world.shots, "project-asked-without-scripts.png");
  await there.screenshot({ path: file, fullPage: true });
  await plain.close();
}

/** What the server writes of what happened is what stands in the page, each of it once. */
async function same(page) {
  const [written, shown] = await page.evaluate(async () => {
    const html = await (await fetch(location.href)).text();
    const written = new DOMParser().parseFromString(html, "text/html");
    return [written, document].map((page) => {
      const list = page.querySelector("[data-items]").cloneNode(true);
      for (const aside of list.querySelectorAll("noscript")) aside.remove();
      const told = (it) => `${it.className.trim()}: ${it.textContent.replace(/\s+/g, "")}`;
      return [...list.children].map(told);
    });
  });
  if (written.length === 0 || JSON.stringify(written) !== JSON.stringify(shown)) {
    throw new Error(`the server writes ${JSON.stringify(written)}, not ${JSON.stringify(shown)}`);
  }
}

async function prompt(page, words) {
  await page.getByLabel("What shall codex do?").fill(words);
  await page.getByRole("button", { name: "Send" }).click();
}

/** A command that lets a terminal in, which is copied; then all such are void. */
async function terminal(page, shot) {
  const panel = page.locator("details", { hasText: "In your terminal" });
  await panel.locator("summary").click();
  await panel.getByRole("button", { name: "Make a command" }).click();
  await panel.getByRole("heading", { name: "Paste this" }).waitFor();
  await shot("project-terminal");
  await panel.getByRole("button", { name: "Copy" }).click();
  await panel.getByRole("button", { name: "Copied" }).waitFor();
  const command = await page.evaluate(() => navigator.clipboard.readText());
  await panel.getByRole("button", { name: "Void all passes" }).click();
  await panel.getByText("All passes are void.").waitFor();
  await panel.locator("summary").click();
  return command;
}

/** Changes the file; then somebody else does meanwhile, and nothing of theirs is lost. */
async function edit(page, project) {
  await page.locator("summary", { hasText: "Files" }).first().click();
  await page.getByRole("button", { name: "made-here.txt" }).click();
  const text = page.getByLabel("Its text");
  await text.fill("mine\n");
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByText("Saved.").waitFor();
  await page.evaluate(async (project) => {
    await fetch(`/api/v1/projects/${project}/files/content`, {
      method: "PUT",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ path: "made-here.txt", content: "theirs\n" }),
    });
  }, project);
  await text.fill("mine again\n");
  await page.getByRole("button", { name: "Save" }).click();
  const note = page.locator("[data-file-note].bad");
  await note.waitFor();
  const said = await note.textContent();
  await page.getByRole("button", { name: "Close" }).click();
  return said;
}

/** The line is cut, and the page says so; it comes back by itself. */
async function cut(page, context) {
  await context.setOffline(true);
  await page.locator("[data-line]", { hasText: "offline" }).waitFor();
  await context.setOffline(false);
  await live(page);
}

/** A command that takes long is interrupted, and what waited begins. */
async function interrupted(page) {
  await prompt(page, "rehearse: shell sleep 600");
  const asked = page.locator("li", { hasText: "$ /bin/bash -lc 'sleep 600'" });
  await asked.getByRole("button", { name: "Reject" }).waitFor();
  await page.getByLabel("While a turn runs").selectOption("queue");
  await prompt(page, "rehearse: say later");
  await page.getByRole("heading", { name: "Waits for its turn" }).waitFor();
  await page.getByRole("button", { name: "Interrupt" }).click();
  await page.getByText("Interrupted", { exact: true }).waitFor();
  await page.getByText("Taken back").waitFor();
  await page.getByText("later", { exact: true }).waitFor();
  await idle(page);
}

/** Turns that the page does not begin with are shown when they are asked for, each of them once. */
async function before(page, project) {
  const newer = await page.evaluate(async (project) => {
    const path = `/api/v1/projects/${project}`;
    const state = async () => (await fetch(`${path}/state?includeTurns=true&limit=100`)).json();
    const begun = (await state()).turns.length;
    for (let turn = begun; turn < 21; turn += 1) {
      await fetch(`${path}/turns`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ prompt: `rehearse: say turn ${turn}`, whenBusy: "queue" }),
      });
    }
    return 21 - begun;
  }, project);
  await page.locator(".agentMessage", { hasText: /turn 20$/ }).waitFor();
  await idle(page);
  const all = await items(page);
  if (newer < 15 || new Set(all).size < all.length) throw new Error(`${newer} turns: ${all}`);
  await again(page);
  const newest = await items(page);
  await page.getByRole("button", { name: "Show earlier" }).click();
  await page.getByText("and that was it", { exact: true }).waitFor();
  await page.getByRole("button", { name: "Show earlier" }).waitFor({ state: "hidden" });
  const now = await items(page);
  if (newest.length >= all.length || JSON.stringify(now) !== JSON.stringify(all)) {
    throw new Error(`of ${all} the page begins with ${newest} and then has ${now}`);
  }
}

function items(page) {
  return page.locator("[data-items] > [data-item]").evaluateAll((all) =>
    all.map(({ dataset }) => dataset.item),
  );
}

/** In the page: how long five thousand items take, and how many of them stand in it. */
async function many() {
  const { Timeline } = await import("/assets/project-timeline.js");
  const [list, earlier] = [document.createElement("ol"), document.createElement("button")];
  document.querySelector("main").append(list);
  const timeline = new Timeline({ list, earlier, path: "", heard: () => {} });
  const begun = performance.now();
  for (let id = 0; id < 5_000; id += 1) {
    timeline.item({ id: String(id), type: "agentMessage", text: `message ${id}` });
    document.documentElement.scrollTop = document.documentElement.scrollHeight;
  }
  const ms = Math.round(performance.now() - begun);
  return { ms, shown: list.childElementCount, kept: timeline.size };
}
