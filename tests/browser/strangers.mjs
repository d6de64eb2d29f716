// The pages of those who are not signed in: how they look, and what they say of wrong input.

import { browser } from "./harness.mjs";

await browser(async ({ page, shot }) => {
  for (const name of ["sign-up", "sign-in", "forgot", "reset?token=x", "verify?token=x"]) {
    const answer = await page.goto(`/${name}`);
    if (answer.status() !== 200) throw new Error(`${name} answers ${answer.status()}`);
    await page.waitForFunction(() => getComputedStyle(document.body).display === "flex");
    await shot(name.split("?")[0]);
  }
  const missing = await page.goto("/sign-up/nothing");
  return { missing: missing.status(), policy: await policy(page) };
});

async function policy(page) {
  const answer = await page.goto("/sign-in");
  return answer.headers()["content-security-policy"];
}
