// An operator's day in a browser: they sign in and adjust a wallet by keyboard alone, look at a key
// again, choose the provider, approve a newcomer and deliver an order.

import { browser } from "./harness.mjs";

await browser(async ({ page, world }) => {
  await signIn(page, world);
  const adjusted = await adjust(page, world);
  const listed = await list(page, world);
  const made = await create(page);
  const token = await reveal(page, world);
  const revoked = await revoke(page, world);
  const provider = await choose(page, world);
  const approved = await approve(page);
  const delivered = await deliver(page);
  const looked = await look(page, world);
  await page.getByRole("button", { name: "Sign out", exact: true }).click();
  await page.waitForURL(/\/admin\/sign-in/);
  await page.goto("/admin/keys");
  const left = new URL(page.url()).pathname;
  return { adjusted, listed, made, token, revoked, provider, approved, delivered, looked, left };
});

/** The sign-in, without a mouse; a wrong token is said to be wrong first. */
async function signIn(page, world) {
  await page.goto(`/admin/customers/${world.user}`);
  await page.waitForURL(/\/admin\/sign-in/);
  await tabTo(page, "Your name (optional)");
  await page.keyboard.type("ada");
  await tabTo(page, "Admin token or admin key");
  await page.keyboard.type("nonsense");
  await page.keyboard.press("Enter");
  await page.locator("[data-note].bad").waitFor();
  await page.getByLabel("Admin token or admin key").focus();
  await page.keyboard.press("Control+A");
  await page.keyboard.type(world.token);
  await page.keyboard.press("Enter");
  await page.waitForURL(`${world.url}/admin/customers/${world.user}`);
}

/** An adjustment, without a mouse: the dialog takes the cursor, and Escape gives it back. */
async function adjust(page, world) {
  await tabTo(page, "Adjust the wallet");
  await page.keyboard.press("Enter");
  await page.keyboard.press("Escape");
  await page.keyboard.press("Enter");
  await tabTo(page, "Add (US dollars)");
  await page.keyboard.type("12.345");
  await tabTo(page, "Why");
  await page.keyboard.type(world.why);
  await page.keyboard.press("Enter");
  await page.getByRole("cell", { name: world.why }).waitFor();
  return page.locator("[data-balance]").textContent();
}

/** Presses Tab until the control of that name has the focus. */
async function tabTo(page, name) {
  const here = () =>
    page.evaluate(() => {
      const { activeElement: it } = document;
      return (it.labels?.[0] ?? it).textContent.trim();
    });
  for (let presses = 0; presses < 60; presses += 1) {
    if ((await here()) === name) return;
    await page.keyboard.press("Tab");
  }
  throw new Error(`no Tab leads to "${name}"`);
}

/** What the list of customers says of the wallet, once its row has been seen. */
async function list(page, world) {
  await page.goto(`/admin/customers?search=${world.user}`);
  await page.getByText("$37").waitFor();
  return page.locator("[data-balance-of]").textContent();
}

/** A customer with limits of their own, and the command that they are sent. */
async function create(page) {
  await page.goto("/admin/customers");
  await page.getByRole("button", { name: "New customer" }).click();
  const form = page.getByRole("dialog", { name: "New customer" });
  await form.getByLabel("Username").fill("grace");
  await form.getByLabel("Plan").selectOption("enterprise");
  await form.getByText("Limits of Enterprise").click();
  await form.getByLabel("Requests in an hour").fill("321");
  await form.getByRole("button", { name: "Make the account" }).click();
  const dialog = page.getByRole("dialog", { name: "The account is there" });
  const token = await dialog.locator("#made-key").textContent();
  const command = await dialog.locator("#made-posix").textContent();
  const name = await dialog.locator("code").first().textContent();
  await page.goto(`/admin/customers?search=${name}`);
  await page.getByRole("link", { name }).click();
  await page.waitForURL(/customers\/acct_/);
  const plan = await page.getByText("321", { exact: true }).count();
  return { command: command.includes(token), plan };
}

async function reveal(page, world) {
  await page.goto(`/admin/customers/${world.user}?tab=keys`);
  await page.getByRole("button", { name: "Reveal" }).first().click();
  await page.getByRole("dialog").getByRole("button", { name: "Copy" }).click();
  await page.getByRole("button", { name: "Copied" }).waitFor();
  return page.evaluate(() => navigator.clipboard.readText());
}

/** A new key that may do little is revoked again, once the question is answered with yes. */
async function revoke(page, world) {
  await page.getByRole("button", { name: "Close" }).click();
  await page.getByRole("button", { name: "New key" }).click();
  const form = page.getByRole("dialog", { name: "New key" });
  await form.getByLabel("Name").fill("short-lived");
  await form.getByLabel("call models").uncheck();
  await form.getByLabel("Only from these addresses").fill("nonsense");
  await form.getByRole("button", { name: "Make the key" }).click();
  await form.getByText("is not a range").waitFor();
  await form.getByLabel("Only from these addresses").fill("203.0.113.0/24\n2001:db8::/32");
  await form.getByRole("button", { name: "Make the key" }).click();
  await page.getByRole("link", { name: "Done" }).click();
  const row = page.getByRole("row", { name: "short-lived" });
  await row.getByRole("button", { name: "Restrict" }).click();
  await page.getByRole("dialog").getByLabel("read the account").uncheck();
  await page.getByRole("button", { name: "Restrict it" }).click();
  await row.getByRole("cell", { name: "models", exact: true }).waitFor();
  for (const answer of ["Cancel", "Revoke it"]) {
    await row.getByRole("button", { name: "Revoke" }).click();
    await page.getByRole("dialog").getByRole("button", { name: answer }).click();
  }
  await row.getByText("revoked").waitFor();
  return row.getByRole("cell").nth(2).textContent();
}

async function choose(page, world) {
  await page.goto("/admin/models");
  await page.getByRole("radio", { name: world.provider }).check();
  await page.getByRole("button", { name: "Ask this one first" }).click();
  const first = page.getByRole("radio").first();
  await page.locator(`label:has-text("${world.provider}") .badge`).waitFor();
  return first.getAttribute("value");
}

async function approve(page) {
  await page.goto("/admin/sign-ups");
  await page.getByRole("button", { name: "Approve Ada" }).click();
  await page.getByText("Nobody waits.").waitFor();
  await page.goto("/admin/sign-ups?show=all");
  return page.locator("tbody .badge").textContent();
}

/** The account as its owner sees it, marked, and the way back. */
async function look(page, world) {
  await page.goto(`/admin/customers/${world.user}`);
  await page.getByRole("button", { name: "Look as its owner" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Look" }).click();
  await page.waitForURL(`${world.url}/dashboard`);
  const mark = page.getByRole("complementary", { name: "Looking as an operator" });
  const marked = await mark.textContent();
  const balance = await page.locator("[data-balance]").textContent();
  await mark.getByRole("button", { name: "Stop" }).click();
  await page.waitForURL(`${world.url}/admin/customers/${world.user}`);
  await page.getByRole("heading", { name: "Person" }).waitFor();
  return { marked, balance, still: await mark.count() };
}

/** An order, of which the whole text is copied. */
async function deliver(page) {
  await page.goto("/admin/orders");
  await page.getByLabel("Order number").fill("G2G-7");
  await page.getByLabel("Wallet credit").fill("25");
  const preview = await page.locator("[data-preview]").first().textContent();
  await page.getByRole("button", { name: "Make the account" }).click();
  await page.getByText("is ready").waitFor();
  const part = page.locator(".copy", { hasText: "All of it, for Linux" });
  await part.getByRole("button", { name: "Copy" }).click();
  await part.getByRole("button", { name: "Copied" }).waitFor();
  const copied = await page.evaluate(() => navigator.clipboard.readText());
  const expected = await foretold(page, copied);
  await page.goto("/admin/orders");
  await page.getByRole("button", { name: "Show G2G-7" }).click();
  await page.getByText("is ready").waitFor();
  const again = await page.locator("#text-1").textContent();
  return { copied, again, preview, expected };
}

/** A text that was made, with names for what was drawn for it. */
async function foretold(page, text) {
  const of = (name) =>
    page.locator(".copy", { has: page.getByRole("heading", { name, exact: true }) }).last();
  const [username, password, key] = await Promise.all(
    ["Username", "Password", "Key"].map((name) => of(name).locator("pre").textContent()),
  );
  const told = text.replaceAll(key, "<GANTRY_API_KEY>").replace(password, "<PASSWORD>");
  return told.replace(username, "buyer-…");
}
