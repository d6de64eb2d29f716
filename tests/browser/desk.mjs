// The operator's pages as they are found, at every width and in both themes: `world.pages`, each
// with the name of the set that they belong to.

import { browser } from "./harness.mjs";
import { paper } from "./paper.mjs";

await browser(async ({ page, context, world, shot }) => {
  await context.setExtraHTTPHeaders({ authorization: `Bearer ${world.token}` });
  let [bold, drawn, measures] = [0, 0, 0];
  for (const path of world.pages) {
    const answer = await page.goto(path);
    if (answer.status() !== 200) throw new Error(`${path} answers ${answer.status()}`);
    await page.waitForFunction(() => getComputedStyle(document.body).minHeight !== "0px");
    await page.waitForFunction(() => {
      const cells = [...document.querySelectorAll("[data-balance-of]")];
      return cells.every((cell) => cell.textContent !== "…");
    });
    if ((await page.locator("[data-chart]").count()) > 0) {
      await page.locator(".plot canvas").waitFor();
      drawn += 1;
      measures += await looks(page);
    }
    bold += await page.locator("main b").count();
    await shot(`admin-${world.name}${path.replace(/acct_[0-9a-f]+/, "one").replace(/\W+/g, "-")}`);
  }
  if (world.user) await dialogs(page, world, shot);
  return { bold, drawn, measures };
});

/** As how many different pictures the measures of a chart are drawn; the first is left chosen. */
async function looks(page) {
  const pictures = new Set();
  for (const radio of await page.locator("[data-chart] input[type=radio]").all()) {
    await radio.check();
    pictures.add(await page.locator(".plot canvas").evaluate((it) => it.toDataURL()));
  }
  await page.locator("[data-chart] input[type=radio]").first().check();
  return pictures.size;
}

/** What opens on top of a page. */
async function dialogs(page, world, shot) {
  await page.goto(`/admin/customers/${world.user}`);
  await page.getByRole("button", { name: "Adjust the wallet" }).click();
  await shot("admin-adjust");
  await page.goto(`/admin/customers/${world.user}?tab=keys`);
  await page.getByRole("button", { name: "New key" }).click();
  await shot("admin-new-key");
  await page.goto("/admin/billing");
  await page.getByRole("button", { name: "New price" }).click();
  await shot("admin-new-price");
  await page.goto("/admin/orders");
  await page.getByRole("button", { name: "Show G2G-1001" }).click();
  await page.getByText("is ready").waitFor();
  await shot("admin-delivery");
  await paper(page, world, "admin-delivery");
  await page.setViewportSize({ width: 390, height: 900 });
  await page.getByRole("button", { name: "Menu" }).click();
  await page.getByRole("link", { name: "Billing" }).waitFor();
  await page.screenshot({ path: `${world.shots}/admin-menu-390.png` });
}
