// A person works with codex on their project's page: they make it, prompt, see what codex wants to
// change, approve it while codex waits, look after the file, lose the line, and interrupt.

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
  await shot("project-asked");
  await asked.getByRole("button", { name: "Approve", exact: true }).click();
  await page.getByText("by a person on this site").waitFor();
  await page.getByText("and that was it", { exact: true }).waitFor();
  await idle(page);

  const conflict = await edit(page, project);
  await cut(page, context);
  await interrupted(page);
  await page.getByText("In all", { exact: false }).first().waitFor();
  await shot("project-full");
  await page.getByRole("link", { name: "Projects" }).click();
  await page.getByRole("cell", { name: "Landing <b>page</b>" }).waitFor();
  await shot("projects-full");
  return { project, diff, conflict, long: await page.evaluate(many) };
});

function live(page) {
  return page.locator("[data-line]", { hasText: /^live$/ }).waitFor();
}

function idle(page) {
  return page.getByRole("button", { name: "Interrupt" }).waitFor({ state: "hidden" });
}

async function prompt(page, words) {
  await page.getByLabel("What shall codex do?").fill(words);
  await page.getByRole("button", { name: "Send" }).click();
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
