// What Lighthouse thinks of pages: `{pages: [{path, cookie}]}`. Also whether each can be read
// without JavaScript, and what a first view weighs. Tells the scores.

import { createServer } from "node:net";

import lighthouse from "lighthouse";
import { chromium } from "playwright-core";

import { QUIET } from "./harness.mjs";
import { light } from "./manners.mjs";

const world = JSON.parse(process.argv[2]);
const port = await freePort();
const chrome = await chromium.launch({
  executablePath: process.env.CHROME_PATH,
  args: [...QUIET, `--remote-debugging-port=${port}`],
});
try {
  const told = [];
  for (const page of world.pages) told.push({ ...(await judge(page)), ...(await plain(page)) });
  process.stdout.write(JSON.stringify(told));
} finally {
  await chrome.close();
}

/** A run whose trace was lost says nothing of the page, and asks to be repeated. */
async function look(page, tries = 3) {
  const lhr = await run(page);
  return lhr.runtimeError && tries > 1 ? look(page, tries - 1) : lhr;
}

async function run({ path, cookie }) {
  const { lhr } = await lighthouse(world.url + path, {
    port,
    logLevel: "error",
    extraHeaders: cookie ? { cookie } : {},
    // The machine is what it is: nothing is made slower by guesses.
    throttlingMethod: "provided",
  });
  return lhr;
}

async function judge(page) {
  const lhr = await look(page);
  const { path } = page;
  const lost = Object.values(lhr.audits).filter(({ score }) => score !== null && score < 1);
  const wrong = lhr.runtimeError ? [lhr.runtimeError.message] : [];
  return {
    path,
    landed: new URL(lhr.finalDisplayedUrl).pathname,
    scores: Object.fromEntries(
      Object.entries(lhr.categories).map(([name, { score }]) => [name, Math.round(score * 100)]),
    ),
    shift: lhr.audits["cumulative-layout-shift"].numericValue,
    lost: [...wrong, ...lost.map(({ id, displayValue }) => `${id} ${displayValue ?? ""}`)],
  };
}

/**
 * The page as it is where no script runs: its heading is there, with the sheet's looks. And what it
 * weighs where they do.
 */
async function plain({ path, cookie }) {
  const page = await visit(path, cookie, false);
  await page.getByRole("heading", { level: 1 }).first().waitFor();
  const words = (await page.locator("main").innerText()).split(/\s+/).length;
  await page.context().close();
  const scripted = await visit(path, cookie, true);
  const weight = await light(scripted, path);
  await scripted.context().close();
  return { words, weight };
}

async function visit(path, cookie, javaScriptEnabled) {
  const context = await chrome.newContext({ javaScriptEnabled });
  if (cookie) {
    const [name, value] = cookie.split(/=(.*)/s);
    const url = world.url.replace("http:", "https:");
    await context.addCookies([{ name, value, url, secure: true, httpOnly: true }]);
  }
  const page = await context.newPage();
  await page.goto(world.url + path);
  return page;
}

function freePort() {
  return new Promise((found) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => found(port));
    });
  });
}
