// A customer makes a key that may do little, copies it while it is shown, leaves it
// with less, and revokes it.

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
  const restricted = await restrict(page, row, key, shot);
  await row.getByRole("button", { name: "Revoke" }).click();
  await page.getByRole("button", { name: "Revoke it" }).click();
  await row.waitFor({ state: "hidden" });
  return { key, works, restricted, revoked: await status(page, key) };
});

/** Nothing is no choice; less than there was is one. */
async function restrict(page, row, key, shot) {
  await row.getByRole("button", { name: "Restrict" }).click();
  const dialog = page.getByRole("dialog", { name: "Restrict Laptop" });
  const scopes = ["List models", "Read and change this account"];
  for (const scope of scopes) await dialog.getByLabel(scope).uncheck();
  await dialog.getByRole("button", { name: "Restrict it" }).click();
  await dialog.getByText("leave it at least one").waitFor();
  await shot("keys-restrict");
  await dialog.getByLabel("List models").check();
  await dialog.getByRole("button", { name: "Restrict it" }).click();
  await row.getByRole("cell", { name: "models", exact: true }).waitFor();
  const found = [await status(page, key), await status(page, key, "/v1/models")];
  await row.getByRole("button", { name: "Restrict" }).click();
  await dialog.getByLabel("From these addresses only").fill("203.0.113.0/24, 2001:db8::/32");
  await dialog.getByRole("button", { name: "Restrict it" }).click();
  await row.getByText("203.0.113.0/24").waitFor();
  return [...found, await status(page, key, "/v1/models")];
}

function status(page, key, path = "/api/v1/me") {
  return page.evaluate(async ([key, path]) => {
    const headers = { authorization: `Bearer ${key}` };
    return (await fetch(path, { headers })).status;
  }, [key, path]);
}
