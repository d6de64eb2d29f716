// A customer makes a key that may do little, copies it while it is shown, and revokes it.

import { browser } from "./harness.mjs";

await browser(async ({ page, world, shot }) => {
  await page.goto(world.link);
  await page.getByRole("heading", { name: "Keys", exact: true }).waitFor();
  await page.getByRole("button", { name: "New key" }).click();
  const dialog = page.locator("#new-key");
  await dialog.getByRole("button", { name: "Make it" }).click();
  await dialog.locator("[aria-invalid=true]").waitFor();
  await shot("keys-refused");
  await dialog.getByLabel("Name").fill("Laptop <i>only</i>");
  await dialog.getByLabel("Have codex work in projects").uncheck();
  await dialog.getByLabel("Ask models, for money").uncheck();
  await dialog.getByRole("button", { name: "Make it" }).click();
  await dialog.getByRole("button", { name: "Copy" }).click();
  const key = await page.evaluate(() => navigator.clipboard.readText());
  await shot("keys-made");
  await dialog.getByRole("link", { name: "Done" }).click();
  const row = page.getByRole("row", { name: "Laptop <i>only</i>" });
  await row.waitFor();
  await shot("keys");
  const works = await status(page, key);
  await row.getByRole("button", { name: "Revoke" }).click();
  await page.getByRole("button", { name: "Revoke it" }).click();
  await row.waitFor({ state: "hidden" });
  return { key, works, revoked: await status(page, key) };
});

function status(page, key) {
  return page.evaluate(async (key) => {
    const headers = { authorization: `Bearer ${key}` };
    return (await fetch("/api/v1/me", { headers })).status;
  }, key);
}
