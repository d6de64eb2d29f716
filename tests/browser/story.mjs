// A customer's first minutes in a browser: they sign up, confirm their address by the link in their
// mail, fill their wallet and find their command.

import { followMail, payThere, signUp } from "./customer.mjs";
import { browser } from "./harness.mjs";

await browser(async ({ page, context, world, shot }) => {
  await page.goto("/sign-up");
  await wrong(page);
  await shot("sign-up-refused");
  await signUp(page, world);
  await shot("welcome");
  const key = await page.locator("#new-key").textContent();
  const mailed = await followMail(context, world, "Verify this address");
  await mailed.getByRole("button", { name: "Confirm" }).click();
  await mailed.getByRole("heading", { name: "Confirmed" }).waitFor();
  await mailed.close();
  await page.getByRole("link", { name: "Go to your wallet" }).click();
  await page.getByRole("heading", { name: "Hello, Ada" }).waitFor();
  await shot("wallet-empty");
  await page.getByLabel("Pack").selectOption({ index: 0 });
  await page.getByRole("button", { name: "Pay" }).click();
  await payThere(page, world, "/wallet?session_id=*");
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

/** The command that asks once, as the button copies it. */
async function copied(page) {
  const part = page.locator(".copy", { hasText: "Ask once" });
  await part.getByRole("button", { name: "Copy" }).click();
  await part.getByRole("button", { name: "Copied" }).waitFor();
  return page.evaluate(() => navigator.clipboard.readText());
}
