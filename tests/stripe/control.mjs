// How tests lead the stand-in: what customers, banks and support do, and what goes wrong.

import { readFileSync } from "node:fs";

import { invalid } from "./account.mjs";
import * as checkout from "./checkout.mjs";
import * as money from "./money.mjs";
import * as subscriptions from "./subscriptions.mjs";
import * as webhooks from "./webhooks.mjs";

/** Each answers what a test wants to know of it. */
const VERBS = {
  pay: (account, { session, ...how }) => checkout.pay(account, session, how),
  settle: (account, { session, paid }) => checkout.settle(account, session, paid),
  expire: (account, { session }) => checkout.expire(account, session),
  /** What shall come of the next charges of kept cards, in this order. */
  outcomes: (account, { next }) => void account.outcomes.push(...next),
  /** What a kept card does from now on. */
  card: (account, { id, outcome }) => {
    account.get("payment_method", id).outcome = outcome;
  },
  new_customer: (account, { outcome = "paid", metadata = {} }) => {
    const customer = account.add("customer", { metadata });
    const card = money.newCard(account, { outcome });
    money.attach(account, card, customer.id);
    return { customer, card };
  },
  /** A payment that no call of ours asked for. */
  new_intent: (account, { amount, outcome = "paid", ...fields }) => {
    const intent = money.newIntent(account, { amount, currency: "usd", ...fields });
    return money.charge(account, intent, outcome, { quietly: true });
  },
  /** The customer agrees at their bank, or the bank decides at last. */
  finish: (account, { intent, outcome = "paid" }) => {
    const found = account.get("payment_intent", intent);
    return outcome === "paid"
      ? money.succeed(account, found)
      : money.fail(account, found, outcome, { quietly: true });
  },
  refund: (account, how) => money.refund(account, how),
  move_refund: (account, { refund, status }) => money.moveRefund(account, refund, status),
  dispute: (account, how) => money.dispute(account, how),
  move_dispute: (account, { dispute, status }) => money.moveDispute(account, dispute, status),
  renew: (account, { subscription, outcome }) =>
    subscriptions.renew(account, subscription, outcome),
  move_subscription: (account, { subscription, ...fields }) =>
    subscriptions.move(account, subscription, fields),
  end_subscription: (account, { subscription }) => subscriptions.end(account, subscription),
  /** Changes an object behind everyone's back. */
  patch: (account, { id, fields }) => Object.assign(account.find(id) ?? missing(id), fields),
  object: (account, { id }) => account.find(id) ?? missing(id),
  all: (account, { kind }) => account.all(kind),
  /** An object as it stands in a file, under its own identifier. */
  plant: (account, { object }) => {
    account.objects.set(object.id, object);
    return object;
  },
  /** The events so far, oldest first; of some types, if they are named. */
  events: (account, { types }) =>
    account
      .all("event")
      .reverse()
      .filter((it) => !types || types.includes(it.type)),
  emit: (account, { type, id }) => account.emit(type, account.find(id) ?? missing(id)),
  deliver: (account, { events, ...how }) =>
    webhooks.deliver(
      account,
      events.map((event) => named(account, event)),
      how,
    ),
  sign: (account, { payload, secret, timestamp }) =>
    webhooks.sign(account, payload, secret, timestamp),
  listen: (account, where) => webhooks.listen(account, where),
  settled: (account) => webhooks.settled(account),
  clock: (account, { skew }) => void (account.skew = skew),
  /** What goes wrong: `{path, method, kind, times, ms}`. */
  fault: (account, fault) => void account.faults.push({ times: 1, ...fault }),
  mend: (account) => void (account.faults = []),
  requests: (account) => account.requests,
  refusals: (account) => account.refusals,
  forgive: (account) => account.refusals.splice(0),
};

/** An event by its identifier, by the file that holds it, or as it is. */
function named(account, event) {
  if (typeof event !== "string") return event;
  if (event.startsWith("evt_")) return account.get("event", event);
  return JSON.parse(readFileSync(new URL(`./events/${event}.json`, import.meta.url), "utf8"));
}

function missing(id) {
  throw invalid(`there is no ${id}`);
}

export async function control(account, verb, body) {
  const act = VERBS[verb];
  if (!act) throw invalid(`there is no verb ${verb}`);
  return (await act(account, body)) ?? null;
}
