// Somebody signs up where an operator looks at every account first.

import { fillIn } from "./customer.mjs";
import { browser } from "./harness.mjs";

await browser(async ({ page, world, shot }) => {
  await page.goto("/sign-up");
  await fillIn(page, world);
  await page.getByRole("heading", { name: "Almost there" }).waitFor();
  await shot("welcome-pending");
  const seen = (name) => page.getByRole("link", { name }).isVisible();
  return { wallet: await seen("Go to your wallet"), signIn: await seen("Sign in") };
});
