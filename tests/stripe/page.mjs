// In place of the page on which customers pay: a rehearsal, and it says so.

import { owner } from "./account.mjs";
import * as checkout from "./checkout.mjs";
import { succeed } from "./money.mjs";

const escape = (text) => String(text).replace(/[&<>"']/g, (it) => `&#${it.charCodeAt(0)};`);

function page(title, body) {
  return `<!doctype html><html lang="en"><meta charset="utf-8"><title>${escape(title)}</title>
<meta name="viewport" content="width=device-width">
<style>body{font:1.1rem/1.5 system-ui;max-width:26rem;margin:4rem auto;padding:0 1rem}
button{font:inherit;padding:.6rem 1.2rem;margin:.3rem .3rem .3rem 0}</style>
<h1>${escape(title)}</h1>
<p><strong>A rehearsal:</strong> no card is asked for and no money moves.</p>
${body}</html>`;
}

const button = (name, label) => `<button name="do" value="${name}">${escape(label)}</button>`;

export function pages(app) {
  app.get("/pay/:id", (request, reply) => {
    const session = owner(request.params.id)?.find(request.params.id);
    if (session?.status !== "open") {
      return reply.status(404).send(page("Nothing to pay", "<p>This checkout is over.</p>"));
    }
    const cents = session.amount_total ?? 0;
    const what = session.mode === "setup" ? "Keep a card" : `Pay $${(cents / 100).toFixed(2)}`;
    const buttons = [button("pay", what), button("insufficient_funds", "Be declined")];
    if (session.cancel_url) buttons.push(button("cancel", "Go back"));
    reply.send(page("Checkout", `<form method="post">${buttons.join("")}</form>`));
  });
  app.post("/pay/:id", (request, reply) => {
    const { id } = request.params;
    const account = owner(id);
    const session = account?.find(id);
    if (!session) return reply.status(404).send(page("Nothing to pay", ""));
    const what = request.body.do;
    if (what === "cancel") return reply.redirect(303, session.cancel_url);
    if (session.status === "open")
      checkout.pay(account, id, { outcome: what === "pay" ? "paid" : what });
    if (session.status !== "complete") return reply.redirect(303, `/pay/${id}`);
    reply.redirect(303, session.success_url.replaceAll("{CHECKOUT_SESSION_ID}", id));
  });
  app.get("/authenticate/:id", (_request, reply) => {
    reply.send(page("Your bank asks", `<form method="post">${button("agree", "Agree")}</form>`));
  });
  app.post("/authenticate/:id", (request, reply) => {
    const account = owner(request.params.id);
    const intent = account?.find(request.params.id);
    if (intent?.status !== "requires_action")
      return reply.status(404).send(page("Nothing to do", ""));
    succeed(account, intent);
    reply.send(page("Thank you", "<p>You may close this page.</p>"));
  });
}
