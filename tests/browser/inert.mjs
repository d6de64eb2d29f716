// Every page and every mail of a world full of hostile texts: `{about}`, a file that has
// `{visits, texts, mails}`.
// Nothing of a text may run, ask, lead away or become part of a page; where a page has it, it has
// all of it, as text. Tells which fields were seen.

import { readFile } from "node:fs/promises";

import { browser } from "./harness.mjs";

/** Pages that are open at once. */
const LANES = 4;

await browser(async ({ context, page, world: { about, ...given }, faults }) => {
  const world = { ...given, ...JSON.parse(await readFile(about, "utf8")) };
  const ran = [];
  await context.exposeBinding("__owned", (_, number) => ran.push(number));
  context.on("dialog", (dialog) => {
    faults.push(`a dialog: ${dialog.message()}`);
    return dialog.dismiss();
  });
  const seen = new Set();
  for (const cookie of new Set(world.visits.map(({ cookie }) => cookie))) {
    await become(context, world, cookie);
    const visits = world.visits.filter((visit) => visit.cookie === cookie);
    const lanes = Array.from({ length: LANES }, (_, lane) =>
      walk(context, world, seen, faults, visits.filter((_, at) => at % LANES === lane)),
    );
    await Promise.all(lanes);
  }
  for (const html of world.mails) {
    await page.setContent(html);
    await judge(page, "a mail", world, seen, faults);
  }
  if (ran.length > 0) faults.push(`these ran: ${ran.join(", ")}`);
  return { views: world.visits.length + world.mails.length, seen: [...seen] };
});

/** Whoever has this cookie, and no other. */
async function become(context, world, cookie) {
  await context.clearCookies();
  const [name, value] = cookie.split(/=(.*)/s);
  const url = world.url.replace("http:", "https:");
  await context.addCookies([{ name, value, url, secure: true, httpOnly: true }]);
}

/** One page after the other, each with its tabs: what it leads to under its own path. */
async function walk(context, world, seen, faults, visits) {
  const page = await context.newPage();
  for (const visit of visits) {
    // What leads the page away ends its visit, and no other.
    const ends = ({ message }) => faults.push(`${visit.path}: ${message.split("\n")[0]}`);
    await visited(page, visit, world, seen, faults).catch(ends);
  }
  await page.close();
}

async function visited(page, { path, status }, world, seen, faults) {
  const answer = await page.goto(path);
  const fine = status ? answer.status() === status : answer.status() < 500;
  if (!fine) faults.push(`${path} answers ${answer.status()}`);
  await judge(page, path, world, seen, faults);
  for (const tab of status ? await tabs(page) : []) {
    await page.goto(tab);
    await judge(page, tab, world, seen, faults);
  }
  const isLive = status && (await page.locator("[data-project]").count()) > 0;
  if (isLive) await live(page, path, world, seen, faults);
}

/** A project's page as its script writes it from the API alone; then every file, opened. */
async function live(page, path, world, seen, faults) {
  const bare = async (route) => {
    const response = await route.fetch();
    const html = (await response.text()).replace(/ data-last="\d+"/, "");
    const body = html.replace(/(<ol [^>]*data-items>).*<\/ol>/s, "$1</ol>");
    await route.fulfill({ response, body });
  };
  await page.route(`**${path}`, bare);
  await page.goto(path);
  await page.locator("[data-line]", { hasText: /^live$/ }).waitFor();
  await judge(page, `${path} by its script`, world, seen, faults);
  await page.unroute(`**${path}`, bare);
  await page.locator("summary", { hasText: "Files" }).first().click();
  await page.locator("[data-tree] li, [data-tree-note]:not([hidden])").first().waitFor();
  for (const file of await page.locator("[data-tree] button").all()) {
    await file.click();
    const dialog = page.locator("dialog#file[open]");
    await dialog.waitFor();
    await judge(page, `${path}, a file`, world, seen, faults);
    await dialog.getByRole("button", { name: "Close" }).click();
  }
}

function tabs(page) {
  return page.evaluate(() => {
    const links = [...document.querySelectorAll("main a[href]")].map(({ href }) => new URL(href));
    const here = new URL(location.href);
    const own = links.filter(({ origin, pathname, search }) =>
      origin === here.origin && pathname === here.pathname && search !== here.search);
    return [...new Set(own.map(({ pathname, search }) => pathname + search))];
  });
}

async function judge(page, place, world, seen, faults) {
  const { odd, broken, whole } = await page.evaluate(look, world.texts);
  for (const it of odd) faults.push(`${place}: ${it}`);
  for (const it of broken) faults.push(`${place} has only a part of ${it}`);
  for (const field of whole) seen.add(field);
}

/** In the page: what should not be there, and which texts are, whole or not. */
function look(texts) {
  const odd = [];
  const said = [document.title];
  const led = /^\s*(javascript|data|vbscript):/i;
  for (const element of document.querySelectorAll("*")) {
    const name = element.localName;
    const scripted = name === "script" && !element.src && element.type !== "application/ld+json";
    // A letter is shown in a frame of its own, which is sandboxed, and brings a sheet.
    const framed = name === "iframe" && (element.srcdoc || !element.hasAttribute("sandbox"));
    const styled = name === "style" && element.textContent.includes("evil.test");
    if (scripted || framed || styled || ["base", "object", "embed"].includes(name)) {
      odd.push(`<${name}> ${element.outerHTML.slice(0, 120)}`);
    }
    if (name === "script" && element.type === "application/ld+json") {
      said.push(JSON.stringify(JSON.parse(element.textContent)));
    }
    for (const { name: attribute, value } of element.attributes) {
      if (attribute.startsWith("on")) odd.push(`${attribute}=${value}`);
      const leads = ["href", "src", "action", "formaction", "data-action"].includes(attribute);
      if (leads && (led.test(value) || /^(https?:)?\/\/evil/.test(value))) {
        odd.push(`${attribute}=${value}`);
      }
      said.push(value);
    }
    if ("value" in element) said.push(String(element.value));
  }
  const walker = document.createTreeWalker(document, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) said.push(walker.currentNode.data);
  // Addresses have texts in their own letters.
  const flat = (text) => {
    try {
      return decodeURIComponent(text).replace(/\s+/g, " ");
    } catch {
      return text.replace(/\s+/g, " ");
    }
  };
  const everything = said.map(flat);
  const [broken, whole] = [[], []];
  for (const { field, text } of texts) {
    const end = new RegExp(`${text.match(/f\d+i\d+$/)[0]}(?!\\d)`);
    const places = everything.filter((it) => end.test(it));
    if (places.length === 0) continue;
    if (places.some((it) => it.includes(flat(text)))) whole.push(field);
    else broken.push(`${field} (${text}): ${places[0].slice(0, 200)}`);
  }
  return { odd, broken, whole };
}
