// A customer's first minutes in a browser: they sign up, confirm their address by the link in their
// mail, fill their wallet, paste the page's command on their machine, and see what it cost. Then
// they tell others, and are about to leave.

import { connect } from "node:net";
import { text } from "node:stream/consumers";

import { followMail, payThere, signUp } from "./customer.mjs";
import { browser } from "./harness.mjs";
import { paper } from "./paper.mjs";

/** How long the page may take to tell of a charge. */
const PATIENCE_MS = 60_000;

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
  await page.getByRole("link", { name: "Go to your dashboard" }).click();
  await page.getByRole("heading", { name: "Hello, Ada" }).waitFor();
  await shot("dashboard-new");
  await page.getByRole("link", { name: "Usage" }).first().click();
  await page.getByText("Nothing yet.").waitFor();
  await shot("usage-empty");
  await page.goto("/dashboard");
  await page.getByRole("radio").first().check();
  await page.getByRole("button", { name: "Pay" }).click();
  await payThere(page, world, "/wallet?session_id=*");
  await page.getByText("are in your wallet").waitFor();
  await shot("wallet-paid");
  await paper(page, world, "wallet");
  const balance = await page.locator("[data-balance]").textContent();
  await page.getByRole("link", { name: "Overview" }).click();
  const command = await copied(page);
  await shot("dashboard-paid");
  // The page stays as it is while the command runs elsewhere; the cost comes to it.
  const answer = await run(world, command);
  const charge = page.locator("[data-charges] tr").first();
  await charge.waitFor({ timeout: PATIENCE_MS });
  const charged = await charge.locator("td").nth(4).textContent();
  await shot("dashboard");
  await page.getByRole("link", { name: "All usage" }).click();
  await page.locator(".uplot canvas").waitFor();
  await shot("usage");
  await paper(page, world, "usage");
  await page.goto("/wallet");
  const address = await shared(page, shot);
  await leaving(page, world, shot);
  return { key, balance, command, answer, charged, address };
});

/** Telling others is paid for, once; returns what they are told. */
async function shared(page, shot) {
  const balance = () => page.locator("[data-balance]").innerText();
  const before = await balance();
  await page.getByRole("button", { name: "Share our address" }).click();
  await page.getByRole("button", { name: "Copied" }).waitFor();
  const address = await page.evaluate(() => navigator.clipboard.readText());
  await page.getByRole("button", { name: "Take my credit" }).click();
  await page.getByText(/^Thank you\. \$.* are in your wallet\.$/).waitFor();
  await page.getByRole("button", { name: "Take my credit" }).waitFor({ state: "hidden" });
  await page.waitForFunction(
    (before) => document.querySelector("[data-balance]").innerText !== before,
    before,
  );
  await shot("wallet-shared");
  await page.reload();
  await page.getByRole("heading", { name: "Balance" }).waitFor();
  const asked = await page.getByRole("button", { name: "Take my credit" }).count();
  if (asked > 0) throw new Error("what is given once is offered twice");
  return address;
}

/** The pointer leaves through the top: there is an offer, once in a session, and it is taken. */
async function leaving(page, world, shot) {
  const offer = page.getByRole("dialog", { name: "Before you go" });
  const leave = async () => {
    await page.mouse.move(400, 300);
    await page.mouse.move(400, -5);
  };
  await leave();
  await offer.waitFor();
  await shot("exit-offer");
  await offer.getByRole("button", { name: "Close" }).click();
  await page.reload();
  await page.getByRole("heading", { name: "Balance" }).waitFor();
  await leave();
  if (await offer.isVisible()) throw new Error("the offer is made twice in a session");

  await page.evaluate(() => sessionStorage.clear());
  await page.reload();
  await page.getByRole("heading", { name: "Balance" }).waitFor();
  await leave();
  await offer.getByRole("button", { name: "Take the offer" }).click();
  await payThere(page, world, "/wallet?session_id=*");
  await page.getByText("are in your wallet").waitFor();
  if ((await page.locator("dialog[data-exit]").count()) > 0) {
    throw new Error("an offer that was taken is made again");
  }
}

/** Has the command run on the customer's machine; returns what it printed. */
function run(world, command) {
  const machine = connect(world.machine);
  machine.end(command);
  return text(machine);
}

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
