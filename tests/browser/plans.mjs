// A customer who subscribes, and whose wallet shall fill itself up: with a card for which the bank
// asks them, and the link that they are then sent.

import { followMail, payThere, signUp } from "./customer.mjs";
import { browser } from "./harness.mjs";

await browser(async ({ page, context, world, shot }) => {
  await page.goto("/sign-up");
  await signUp(page, world);
  const key = await page.locator("#new-key").textContent();
  await page.goto("/wallet");
  await page.getByRole("button", { name: "Subscribe" }).click();
  await payThere(page, world, "/wallet?subscribed=*");
  await page.getByText("What your plan covers stands below").waitFor();
  const meters = await page.getByRole("meter").count();
  await shot("wallet-subscribed");

  await refused(page);
  await shot("wallet-auto-refused");
  await page.getByLabel("Charge at most in a month").fill("100");
  await save(page).click();
  await payThere(page, world, "/wallet?card=kept");
  await page.getByText("Your card is kept").waitFor();

  // The wallet is empty, so it is tried at once; the bank wants its customer.
  const mailed = await followMail(context, world, "Confirm the payment");
  await page.goto("/wallet");
  await page.getByText("Your bank wants you to approve $20.00").waitFor();
  await shot("wallet-to-approve");
  const [there] = [mailed.url(), await mailed.close()];
  await page.getByRole("link", { name: "Approve the payment." }).click();
  await page.waitForURL((url) => !url.href.startsWith(world.url));
  const same = page.url() === there;
  await payThere(page, world, "/wallet?session_id=*");
  await page.getByText("are in your wallet").waitFor();
  await shot("wallet-filled");
  const balance = await page.locator("[data-balance]").textContent();
  return { key, meters, same, balance, terms: await terms(page) };
});

function save(page) {
  return page.getByRole("button", { name: "Save" });
}

/** One number is missing: the page says which, beside its field. */
async function refused(page) {
  await page.getByLabel("Fill the wallet when it runs low").check();
  await page.getByLabel("When it falls below (US dollars)").fill("5");
  await page.getByLabel("Fill it up to").fill("20.00");
  await save(page).click();
  await page.locator("#monthlyCapUsd[aria-invalid=true]").waitFor();
  await page.getByText("Something is missing or not right.").waitFor();
}

/** What the form shows of what was agreed. */
async function terms(page) {
  const values = page.locator("form[data-action$='auto-topup'] input:not([type=checkbox])");
  return values.evaluateAll((fields) => fields.map((field) => field.value));
}
