// A project that begins with a repository: its address is given on the page of projects, and its
// files are there with the first answer. An address that leads nowhere is said to.

import { browser } from "./harness.mjs";

const PATIENCE_MS = 60_000;

await browser(async ({ page, world, shot }) => {
  page.setDefaultTimeout(PATIENCE_MS);
  await page.goto(world.link);
  const form = page.getByRole("region", { name: "From a repository" });
  const begin = async (name, url, ref) => {
    await form.getByLabel("Name").fill(name);
    await form.getByLabel("Address").fill(url);
    await form.getByLabel("Branch or tag").fill(ref);
    await form.getByRole("button", { name: "Create from it" }).click();
    await page.waitForURL("**/projects/prj_*");
    await page.locator("[data-line]", { hasText: /^live$/ }).waitFor();
    await page.getByLabel("What shall codex do?").fill("rehearse: say it is here");
    await page.getByRole("button", { name: "Send" }).click();
  };
  await begin("Nothing", world.missing, "");
  const said = page.locator("[data-note].bad").first();
  await said.waitFor();
  const missing = await said.textContent();
  await shot("project-from-nowhere");

  await page.goto("/projects");
  await begin("Site", world.repository, "v1");
  await page.getByText("it is here", { exact: true }).waitFor();
  await page.locator("summary", { hasText: "Files" }).first().click();
  await page.getByRole("button", { name: "index.html" }).click();
  const text = page.getByLabel("Its text");
  await text.waitFor();
  const file = await text.inputValue();
  await page.getByRole("button", { name: "Close" }).click();
  await shot("project-from-git");
  return { missing, file };
});
