// A real Chromium for a script: `browser(async ({ page, world, shot }) => …)`. What the world is
// comes as JSON in the first argument; what the script returns goes out as JSON. It fails when a
// page writes an error to its console, asks a stranger for anything, or is wider than its window;
// and what was looked at, when it shuts somebody out, moves by itself, or is heavy.

import { mkdir } from "node:fs/promises";
import path from "node:path";

import { chromium } from "playwright-core";

import { axe, light, still } from "./manners.mjs";

const WIDTHS = [390, 768, 1440];
const THEMES = ["light", "dark"];

/** Where axe looks: what is folded away on a phone, and what is there on a desk. */
const EXAMINED = [390, 1440];

/** Chromium looks for its maker's hosts unless it is told not to. */
export const QUIET = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

export async function browser(script) {
  const world = JSON.parse(process.argv[2]);
  const executablePath = process.env.CHROME_PATH;
  const chrome = await chromium.launch({ executablePath, args: QUIET });
  try {
    const context = await chrome.newContext({ baseURL: world.url, locale: "en-GB" });
    await context.grantPermissions(["clipboard-read", "clipboard-write"]);
    const faults = [];
    context.on("page", (page) => watch(page, world, faults));
    const page = await context.newPage();
    const shot = (name) => shots(page, world, name);
    const result = await script({ page, context, world, shot, faults });
    if (faults.length > 0) throw new Error(`the pages complained:\n${faults.join("\n")}`);
    process.stdout.write(JSON.stringify(result ?? null));
  } finally {
    await chrome.close();
  }
}

/** Whatever a page should not do, as it happens. */
function watch(page, world, faults) {
  const ours = [world.url, ...(world.friends ?? [])];
  page.on("console", (message) => {
    // A refusal that a page shows to its reader is no fault of the page.
    const refused = message.text().startsWith("Failed to load resource");
    if (message.type() === "error" && !refused) faults.push(`console: ${message.text()}`);
  });
  page.on("pageerror", (error) => faults.push(`thrown: ${error}`));
  page.on("request", (request) => {
    const url = request.url();
    const fine = ours.some((origin) => url.startsWith(origin)) || url.startsWith("data:");
    if (!fine) faults.push(`a stranger was asked: ${url}`);
  });
}

/** The page at every width in both themes, as files, none of them wider than its window. */
async function shots(page, world, name) {
  await mkdir(world.shots, { recursive: true });
  await still(page, name);
  await light(page, name);
  for (const colorScheme of THEMES) {
    await page.emulateMedia({ colorScheme });
    for (const width of WIDTHS) {
      await page.setViewportSize({ width, height: 900 });
      const wide = await page.evaluate(() => document.documentElement.scrollWidth);
      if (wide > width) throw new Error(`${name} is ${wide} px wide at ${width} px`);
      if (EXAMINED.includes(width)) await axe(page, `${name} (${width} px, ${colorScheme})`);
      const file = path.join(world.shots, `${name}-${width}-${colorScheme}.png`);
      await page.screenshot({ path: file, fullPage: true });
    }
  }
  await page.emulateMedia({ colorScheme: "light" });
  await page.setViewportSize({ width: 1280, height: 900 });
}
