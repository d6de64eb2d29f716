// A customer's first minutes in a browser: they sign up, fill their wallet and find their commands.
// Then, with what the command cost, they look again.

import { browser } from "./harness.mjs";

await browser(async ({ page, world, shot }) => {
  await page.goto("/sign-up");
  await wrong(page);
  await shot("sign-up-refused");
  await right(page, world);
  await page.getByRole("heading", { name: "You are in" }).waitFor();
  await shot("welcome");
  const key = await page.locator("#new-key").textContent();
  await page.getByRole("link", { name: "Go to your wallet" }).click();
  await page.getByRole("heading", { name: "Hello, Ada" }).waitFor();
  await shot("wallet-empty");
  await page.getByLabel("Pack").selectOption({ index: 0 });
  await page.getByRole("button", { name: "Pay" }).click();
  await page.waitForURL((url) => !url.href.startsWith(world.url));
  await page.getByRole("button", { name: /pay/i }).first().click();
  await page.waitForURL(`${world.url}/wallet?session_id=*`);
  await page.getByText("are in your wallet").waitFor();
  await shot("wallet-paid");
  const balance = await page.locator("[data-balance]").textContent();
  return { key, balance, command: await copied(page) };
});

async function wrong(page) {
  await page.getByLabel("Mail address").fill("nobody");
  await page.getByRole("button", { name: "Create account" }).click();
  await page.locator("[aria-invalid=true]").first().waitFor();
}

async function right(page, world) {
  await page.getByLabel("Name", { exact: true }).fill("Ada");
  await page.getByLabel("Mail address").fill(world.email);
  await page.getByLabel("Password").fill(world.password);
  await page.getByLabel("Country").selectOption("DE");
  await page.getByLabel("Phone or WhatsApp").fill("+493012345678");
  await page.getByRole("button", { name: "Create account" }).click();
}

/** The command that asks once, as the button copies it. */
async function copied(page) {
  const part = page.locator(".copy", { hasText: "Ask once" });
  await part.getByRole("button", { name: "Copy" }).click();
  await part.getByRole("button", { name: "Copied" }).waitFor();
  return page.evaluate(() => navigator.clipboard.readText());
}
