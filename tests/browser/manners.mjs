// What is true of every page: nothing in it shuts anybody out (axe), nothing moves before somebody
// touches it, and a first view is light.

import { gzipSync } from "node:zlib";

import { AxeBuilder } from "@axe-core/playwright";

/** What a first view may weigh, compressed. */
const WEIGHT_MAX_BYTES = 150_000;

/** What is told as 0.000: nobody sees it. */
const SHIFT_MAX = 0.0005;

/** Fails when something moved before somebody touched the page. */
export async function still(page, name) {
  const shifts = await page.evaluate(() => {
    const told = (type) => {
      const observer = new PerformanceObserver(() => {});
      observer.observe({ type, buffered: true });
      return observer.takeRecords();
    };
    const [touch] = told("first-input");
    const own = ({ startTime, hadRecentInput }) =>
      !hadRecentInput && startTime < (touch?.startTime ?? Infinity);
    const moved = ({ node }) => `${node?.nodeName} ${node?.id || node?.className}`;
    const shifts = told("layout-shift").filter(own);
    return shifts.map(({ value, sources }) => ({ value, moved: sources.map(moved) }));
  });
  const sum = shifts.reduce((sum, { value }) => sum + value, 0);
  if (sum >= SHIFT_MAX) throw new Error(`${name} moves by itself: ${JSON.stringify(shifts)}`);
}

/** Fails when axe finds anything that shuts somebody out. */
export async function axe(page, name) {
  const { violations } = await new AxeBuilder({ page }).analyze();
  const told = violations.flatMap(({ id, help, nodes }) =>
    nodes.map(({ target, failureSummary }) => `${id} (${help}): ${target}\n  ${failureSummary}`),
  );
  if (told.length > 0) throw new Error(`${name} shuts somebody out:\n${told.join("\n")}`);
}

/** Fails when what a first view loads is heavy; returns what it weighs. */
export async function light(page, name) {
  const { html, loaded } = await page.evaluate(() => ({
    html: document.documentElement.outerHTML,
    loaded: performance.getEntriesByType("resource").map((entry) => entry.toJSON()),
  }));
  let weight = gzipSync(html).length;
  for (const { name, decodedBodySize } of loaded) {
    const isFile = new URL(name).pathname.startsWith("/assets/");
    weight += isFile ? await fileWeight(name) : decodedBodySize;
  }
  if (weight > WEIGHT_MAX_BYTES) {
    const files = [...new Set(loaded.map(({ name }) => name))].join("\n");
    throw new Error(`${name} weighs ${weight} bytes, over ${WEIGHT_MAX_BYTES}:\n${files}`);
  }
  return weight;
}

/** What files weigh is known after the first page that loads them. */
const weights = new Map();

async function fileWeight(url) {
  if (!weights.has(url)) {
    const answer = await fetch(url);
    weights.set(url, gzipSync(new Uint8Array(await answer.arrayBuffer())).length);
  }
  return weights.get(url);
}
