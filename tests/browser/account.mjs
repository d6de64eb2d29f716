// A customer's own account: what is missing is told, choices stay, and every browser can be signed
// out. What is new is said once for each version.

import { browser } from "./harness.mjs";

await browser(async ({ page, world, shot }) => {
  await page.goto(world.link);
  await page.getByText("We do not know yet").waitFor();
  await shot("account-missing");
  const you = page.locator("form[data-action='/api/v1/me']");
  await you.getByLabel("Name").fill("Ada <b>Byron</b>");
  await you.getByLabel("Country").selectOption("GB");
  await you.getByLabel("Phone or WhatsApp").fill("12");
  await you.getByRole("button", { name: "Save" }).click();
  await you.locator("[aria-invalid=true]").waitFor();
  await shot("account-refused");
  await you.getByLabel("Phone or WhatsApp").fill("+44 20 7946 0000");
  await you.getByRole("button", { name: "Save" }).click();
  await you.getByText("Saved.").waitFor();
  await page.getByLabel("When my wallet runs low").uncheck();
  await page.getByRole("button", { name: "Save this choice" }).click();
  await page.locator("form[data-action='/api/v1/notices/wanted'] .note.good").waitFor();

  const news = await whatIsNew(page, shot);
  await page.goto("/account");
  const name = await page.getByLabel("Name").inputValue();
  const wanted = await page.getByLabel("When my wallet runs low").isChecked();
  await page.getByRole("button", { name: "Sign out everywhere" }).click();
  await page.waitForURL("**/sign-in");
  await page.goto("/usage");
  return { name, wanted, news, after: new URL(page.url()).pathname };
});

/** Nothing to who comes for the first time; to who was here before, once. */
async function whatIsNew(page, shot) {
  const dialog = page.locator("dialog[data-release]");
  const shown = async () => {
    await page.goto("/dashboard");
    await page.getByRole("heading", { name: "Balance" }).waitFor();
    return dialog.isVisible();
  };
  const first = await shown();
  await page.evaluate(() => localStorage.setItem("release-seen", "an earlier version"));
  const second = await shown();
  await shot("what-is-new");
  await dialog.getByRole("button", { name: "Close" }).click();
  return [first, second, await shown()];
}
