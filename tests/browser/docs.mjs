// The documentation: calls are found by keyboard and tried with one's own bearer, which goes
// nowhere else; and everything can be read without JavaScript.

import { browser } from "./harness.mjs";
import { light } from "./manners.mjs";
import { paper } from "./paper.mjs";

await browser(async ({ page, context, world, shot }) => {
  const leaked = watch(page, world);
  await page.goto("/docs");
  await shot("docs");
  await paper(page, world, "docs");
  const weights = { docs: await light(page, "docs") };
  await find(page);
  const wrong = await send(page, "cdx_sk_wrong");
  await page.getByLabel("Body", { exact: true }).fill("{");
  await page.getByRole("button", { name: "Send" }).click();
  await page.getByText("This is not JSON").waitFor();
  await page.getByLabel("Body", { exact: true }).fill(
    JSON.stringify({ model: "gpt-5.5", input: "rehearse: text 20", stream: true }),
  );
  await send(page, world.key);
  await page.getByText("response.completed").first().waitFor();
  const streamed = await page.locator("[data-body]").textContent();
  await shot("docs-streamed");
  await paper(page, world, "docs-call");
  await page.goto("/docs/calls/get_api_v1_me");
  weights.call = await light(page, "docs-call");
  const kept = (await page.getByLabel("Your key").inputValue()) === world.key;
  const right = await send(page);
  await page.locator("[data-body]", { hasText: world.username }).waitFor();
  await looks(page, shot);
  return { wrong, right, streamed, kept, leaked, weights, plain: await plain(context, world) };
});

/** By keyboard alone: a search, the way through what is found, and into it. */
async function find(page) {
  await page.keyboard.press("/");
  await page.keyboard.type("post responses");
  await page.getByText("1 call", { exact: true }).waitFor();
  if (!page.url().includes("q=post+responses")) throw new Error(`not in ${page.url()}`);
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await page.waitForURL("**/docs/calls/post_v1_responses");
}

/** Sends the form, and returns the status that it shows. */
async function send(page, bearer) {
  if (bearer) await page.getByLabel("Your key").fill(bearer);
  await page.getByRole("button", { name: "Send" }).click();
  const status = page.locator("[data-status]", { hasText: /^\d{3}/ });
  await status.waitFor();
  await page.locator("[data-took]", { hasText: /after \d+ ms/ }).waitFor();
  return Number.parseInt(await status.textContent(), 10);
}

/** Whatever goes out with the bearer in it, but as `Authorization`. */
function watch(page, world) {
  const leaked = [];
  page.on("request", (request) => {
    const said = [request.url(), request.postData() ?? "", request.headers().cookie ?? ""];
    if (said.some((text) => text.includes(world.key))) leaked.push(request.url());
  });
  return leaked;
}

async function looks(page, shot) {
  for (const name of ["start", "cli", "agent", "auth", "errors", "runners", "changelog"]) {
    await page.goto(`/docs/${name}`);
    await shot(`docs-${name}`);
  }
  await page.goto("/docs?q=nothing+of+the+sort");
  await page.getByText("Nothing is called that").waitFor();
  await shot("docs-none");
}

/** The list, a call and a search, for a browser that runs nothing. */
async function plain(context, world) {
  const bare = await context.browser().newContext({
    baseURL: world.url,
    javaScriptEnabled: false,
  });
  const page = await bare.newPage();
  await page.goto("/docs");
  await page.getByLabel("Find a call").fill("share-credit");
  await page.keyboard.press("Enter");
  await page.getByText("2 calls").waitFor();
  await page.getByRole("link", { name: "claim" }).click();
  await page.getByRole("heading", { name: "What it answers" }).waitFor();
  const told = await page.locator(".try noscript p").isVisible();
  await bare.close();
  return told;
}
