// An operator and their machines: one is registered and drained, codex is called and answered, the
// books and what was done are read, and a customer's account is looked at as its owner does.

import { browser } from "./harness.mjs";

await browser(async ({ page, world, shot }) => {
  await page.goto("/admin/runners");
  await page.getByLabel("Your name (optional)").fill("ada");
  await page.getByLabel("Admin token or admin key").fill(world.token);
  await page.keyboard.press("Enter");
  await page.waitForURL(`${world.url}/admin/runners`);
  const command = await machines(page, shot);
  const said = await codex(page, world, shot);
  await page.goto("/admin/payments");
  await shot("admin-payments-full");
  await page.getByRole("link", { name: "Waiting", exact: true }).click();
  await page.waitForURL(/events=waiting/);
  const waiting = await page.getByText("waits", { exact: true }).count();
  const noted = await audit(page, shot);
  const looked = await look(page, world, shot);
  return { command, said, waiting, noted, looked };
});

/** Registers a machine, and keeps work away from the one that is there. */
async function machines(page, shot) {
  await shot("admin-runners-full");
  await page.getByRole("button", { name: "Register a machine" }).click();
  await page.getByLabel("Processes at once").fill("0");
  await page.getByRole("button", { name: "Make a token" }).click();
  await page.locator("#new-runner [data-note].bad").waitFor();
  await page.getByLabel("Processes at once").fill("2");
  await page.getByLabel("Forget it when it leaves").check();
  await page.getByRole("button", { name: "Make a token" }).click();
  const command = page.locator("#invitation");
  await command.getByText("grt_").waitFor();
  await shot("admin-runner-invited");
  const text = await command.textContent();
  await page.getByRole("link", { name: "Done" }).click();
  await page.getByRole("button", { name: "Drain" }).click();
  await page.getByText("drained", { exact: true }).waitFor();
  await page.getByRole("button", { name: "Give it work" }).click();
  await page.getByText("up", { exact: true }).waitFor();
  return text;
}

/** Calls codex, first in a way that is none, and answers what it asks. */
async function codex(page, world, shot) {
  await page.goto(`/admin/codex?account=${world.user}`);
  await page.getByText("item/commandExecution/requestApproval").first().waitFor();
  await shot("admin-codex-full");
  const method = page.getByLabel("Method");
  await method.fill("thread/loaded/list");
  const params = page.getByLabel("Params (JSON)");
  await params.fill("{");
  await page.getByRole("button", { name: "Call", exact: true }).click();
  await page.getByText("This is no JSON").waitFor();
  await params.fill("{}");
  await page.getByRole("button", { name: "Call", exact: true }).click();
  const answer = page.locator("#answer");
  await page.locator("#answer", { hasText: "result" }).waitFor();
  const said = await answer.textContent();
  const reloaded = page.waitForEvent("load");
  await page.getByRole("button", { name: "Decline" }).click();
  await reloaded;
  // The answer is on its way until the process has it.
  const nothing = page.getByText("Codex asks nothing");
  for (let looks = 0; looks < 200 && (await nothing.count()) === 0; looks += 1) await page.reload();
  return said;
}

async function audit(page, shot) {
  await page.goto("/admin/audit");
  await shot("admin-audit-full");
  await page.getByLabel("Did what").fill("runner.drained");
  await page.getByRole("button", { name: "Find" }).click();
  await page.waitForURL(/act=runner/);
  return page.locator("tbody tr").allTextContents();
}

/** Looks at a customer's account, and stops. */
async function look(page, world, shot) {
  await page.goto("/admin/keys");
  const row = page.getByRole("row", { name: world.username });
  await row.getByRole("button", { name: "Look as the owner" }).first().click();
  await page.getByRole("dialog").getByRole("button", { name: "Look" }).click();
  await page.waitForURL(`${world.url}/dashboard`);
  await page.goto("/wallet");
  const banner = page.getByRole("complementary", { name: "Looking as an operator" });
  const said = await banner.textContent();
  await shot("looking");
  await banner.getByRole("button", { name: "Stop" }).click();
  await page.waitForURL(`${world.url}/admin/customers/${world.user}`);
  await page.goto("/wallet");
  return { said, after: new URL(page.url()).pathname };
}
