// The home page, and from there every page that anybody may see: no link of theirs is dead.

import { browser } from "./harness.mjs";

await browser(async ({ page, context, world, shot }) => {
  await page.goto("/");
  await shot("home");
  await page.getByRole("button", { name: "Copy" }).first().click();
  await page.getByRole("button", { name: "Copied" }).waitFor();
  const copied = (await page.evaluate(() => navigator.clipboard.readText())).startsWith("npm ");
  const data = await page.locator('script[type="application/ld+json"]').textContent();
  JSON.parse(data);
  await page.goto("/nothing-of-the-sort");
  await shot("not-found");
  const painted = await bare(context, world);
  return { copied, painted, ...(await crawl(context.request, world)) };
});

/** What is there before anything runs. */
async function bare(context, world) {
  const plain = await context.browser().newContext({
    baseURL: world.url,
    javaScriptEnabled: false,
  });
  const page = await plain.newPage();
  await page.goto("/");
  const there = await page.getByRole("heading", { name: "What we promise about money" });
  const painted = await there.isVisible();
  await plain.close();
  return painted;
}

/** Follows whatever leads to a page or a file of ours, and looks whether its place is there. */
async function crawl(request, world) {
  const texts = new Map();
  const dead = [];
  const waiting = [["/", ""]];
  const seen = new Set();
  while (waiting.length > 0) {
    const [address, from] = waiting.pop();
    if (seen.has(address)) continue;
    seen.add(address);
    const [path, place] = address.split("#");
    if (!texts.has(path)) texts.set(path, await read(request, path));
    const text = texts.get(path);
    if (text === undefined) dead.push(`${path}, from ${from}`);
    const id = place && decodeURIComponent(place);
    if (text && id && !text.includes(`id="${id}"`)) dead.push(`${address}, from ${from}`);
    for (const [, link] of (text ?? "").matchAll(/\s(?:href|src)="([^"]*)"/g)) {
      const url = new URL(link.replaceAll("&amp;", "&"), world.url + path);
      if (url.origin === world.url) waiting.push([url.pathname + url.search + url.hash, path]);
    }
  }
  return { dead, pages: texts.size };
}

/** The page's text; nothing where there is no page. */
async function read(request, path) {
  const answer = await request.get(path || "/", { headers: { accept: "text/html" } });
  if (answer.status() >= 400) return undefined;
  return (answer.headers()["content-type"] ?? "").includes("html") ? answer.text() : "";
}
