// What customers do in several scripts: they sign up, read their mail and pay.

/** How long a mail may take. */
const PATIENCE_MS = 20_000;

/** Signs up where nobody looks at new accounts, which ends with being told one's key. */
export async function signUp(page, world) {
  await fillIn(page, world);
  await page.getByRole("heading", { name: "You are in" }).waitFor();
  if (await page.getByRole("link", { name: "Sign in" }).isVisible()) {
    throw new Error("who is in is asked to sign in");
  }
}

/** Fills the form in and sends it. */
export async function fillIn(page, world) {
  await page.getByLabel("Name", { exact: true }).fill("Ada");
  await page.getByLabel("Mail address").fill(world.email);
  await page.getByLabel("Password").fill(world.password);
  await page.getByLabel("Country").selectOption("DE");
  await page.getByLabel("Phone or WhatsApp").fill("+493012345678");
  await page.getByRole("button", { name: "Create account" }).click();
}

/** Follows the link of a mail as its program does, in a page of its own; returns that page. */
export async function followMail(context, world, label) {
  const inbox = await context.newPage();
  const mail = inbox.locator(`iframe[srcdoc*="${label}"]`).first();
  const deadline = Date.now() + PATIENCE_MS;
  for (await inbox.goto(world.inbox); (await mail.count()) === 0; await inbox.reload()) {
    if (Date.now() > deadline) throw new Error(`no mail says "${label}"`);
  }
  const link = mail.contentFrame().getByRole("link", { name: label });
  const [page] = await Promise.all([inbox.waitForEvent("popup"), link.click()]);
  await inbox.close();
  return page;
}

/** Presses the button of the page on which customers pay, and comes back. */
export async function payThere(page, world, back) {
  await page.waitForURL((url) => !url.href.startsWith(world.url));
  await page.getByRole("button", { name: /pay|keep/i }).first().click();
  await page.waitForURL(`${world.url}${back}`);
}
