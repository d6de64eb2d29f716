// A browser that is signed in by a link, and other sites that would like to act in it:
// `{"url", "first", "second"}`, of which the last two are tokens of links. Tells what happened.

import { createServer } from "node:http";
import { chromium } from "playwright-core";

const { url, first, second } = JSON.parse(process.argv[2]);
const link = (token) => `${url}/api/v1/auth/sso?token=${token}`;
const ME = "/api/v1/me";
const LOGOUT = "/api/v1/auth/logout";

/** A page of somebody else: it tries what a page can try with the visitor's cookies. */
const ELSEWHERE = `<!doctype html>
<iframe name="out"></iframe>
<form method="post" action="${url}${LOGOUT}" target="out" enctype="text/plain">
<input name='{"everywhere":true,"x":"' value='"}'></form>
<form method="post" action="${url}${LOGOUT}" target="_top"></form>`;

const elsewhere = createServer((_, response) => {
  response.writeHead(200, { "content-type": "text/html" }).end(ELSEWHERE);
});
await new Promise((done) => elsewhere.listen(0, "127.0.0.1", done));
const { port } = elsewhere.address();

const browser = await chromium.launch({
  executablePath: process.env.CHROME_PATH,
  args: ["--no-sandbox", "--disable-dev-shm-usage"],
});
const context = await browser.newContext();
const page = await context.newPage();
const sent = [];
context.on("request", (request) => {
  sent.push({ url: request.url(), referer: request.headers().referer ?? "" });
});

const landed = async (page) => {
  await page.waitForURL((address) => !address.pathname.endsWith("/auth/sso"));
  return new URL(page.url()).pathname;
};
const me = (page) => page.evaluate(async (path) => (await fetch(path)).status, ME);

await page.goto(link(first), { waitUntil: "commit" });
const told = { landed: await landed(page) };
told.leaks = sent.filter(({ referer }) => referer.includes("token"));
told.strangers = sent.filter((request) => !request.url.startsWith(url));
told.cookies = await context.cookies();
await page.goto(`${url}/sign-in`);
told.visible = await page.evaluate(() => document.cookie);
told.me = await me(page);

// `localhost` is another site than 127.0.0.1; another port is another origin of the same site.
told.elsewhere = [];
for (const host of ["localhost", "127.0.0.1"]) {
  const other = await context.newPage();
  const answered = [];
  other.on("response", (response) => {
    if (response.url().endsWith(LOGOUT)) answered.push(response.status());
  });
  await other.goto(`http://${host}:${port}/`);
  const read = await other.evaluate(async (address) => {
    const asked = fetch(address, { credentials: "include" });
    return asked.then((answer) => answer.status, () => "not readable");
  }, url + ME);
  await other.evaluate(async (address) => {
    const init = { method: "POST", mode: "no-cors", credentials: "include" };
    await fetch(address, init).catch(() => {});
    await fetch(address, { ...init, body: '{"everywhere":true}' }).catch(() => {});
  }, url + LOGOUT);
  await other.evaluate(() => document.forms[0].submit());
  await other.waitForResponse((response) => response.url().endsWith(LOGOUT));
  await Promise.all([
    other.waitForURL(url + LOGOUT),
    other.evaluate(() => document.forms[1].submit()),
  ]);
  told.elsewhere.push({ host, read, answered, me: await me(page) });
  await other.close();
}

told.logout = await page.evaluate(async (path) => {
  return (await fetch(path, { method: "POST" })).status;
}, LOGOUT);
told.after = await me(page);

const plain = await browser.newContext({ javaScriptEnabled: false });
const button = await plain.newPage();
await button.goto(link(second));
await button.getByRole("button", { name: "Continue" }).click();
told.withoutScripts = await landed(button);

await browser.close();
elsewhere.close();
console.log(JSON.stringify(told));
