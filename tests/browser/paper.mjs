// A page as it is printed: nothing to press, black on white even for who reads by night, what is
// folded unfolded, and no table cut.

import path from "node:path";

/** About an A4 page between its margins. */
const SHEET = { width: 680, height: 960 };

export async function paper(page, world, name) {
  await page.emulateMedia({ media: "print", colorScheme: "dark" });
  await page.setViewportSize(SHEET);
  const faults = await page.evaluate(look);
  if (faults.length > 0) throw new Error(`${name} on paper: ${faults.join("; ")}`);
  const file = path.join(world.shots, `${name}-paper.png`);
  await page.screenshot({ path: file, fullPage: true });
  await page.emulateMedia({ media: null, colorScheme: "light" });
  await page.setViewportSize({ width: 1280, height: 900 });
}

function look() {
  const all = (what) => [...document.querySelectorAll(what)];
  const seen = (part) => part.checkVisibility();
  const name = (part) => part.textContent.trim().slice(0, 40);
  const faults = all("nav, button, .button, input").filter(seen).map((it) => `shows ${name(it)}`);
  const cut = all(".scroll, pre").filter((it) => seen(it) && it.scrollWidth > it.clientWidth + 1);
  faults.push(...cut.map((it) => `cuts ${name(it)}`));
  const folded = all("main details table").filter((it) => !seen(it));
  faults.push(...folded.map((it) => `hides ${name(it)}`));
  const { color, backgroundColor } = getComputedStyle(document.documentElement);
  const inks = `${color} on ${backgroundColor}`;
  if (inks !== "rgb(0, 0, 0) on rgb(255, 255, 255)") faults.push(inks);
  return faults;
}
