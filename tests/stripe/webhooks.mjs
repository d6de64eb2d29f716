// Events on their way: signed by Stripe's own client, and delivered as badly as Stripe may.

import http from "node:http";

import Stripe from "stripe";

const signer = new Stripe("sk_test_signer").webhooks;

/** Tries until an event is given up; Stripe's own last for days. */
const TRIES = 12;
const BACKOFF_MS = 40;
const PATIENCE_MS = 60_000;

/** The `Stripe-Signature` of a body, for the account's clock or another moment. */
export function sign(account, payload, secret, timestamp = account.now()) {
  return signer.generateTestHeaderString({ payload, secret, timestamp });
}

/** Delivers an event once, and tells the status; 0 if the answer was lost. */
export function once(account, event, { to, secret, hangUp = false }) {
  const payload = JSON.stringify(event);
  const headers = {
    "content-type": "application/json; charset=utf-8",
    "content-length": Buffer.byteLength(payload),
    "stripe-signature": sign(account, payload, secret),
    "user-agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
  };
  return new Promise((resolve) => {
    const request = http.request(to, {
      method: "POST",
      headers,
      agent: false,
      timeout: PATIENCE_MS,
    });
    request.on("response", (answer) => {
      answer.resume();
      answer.on("close", () => resolve(answer.statusCode));
    });
    request.on("timeout", () => request.destroy());
    request.on("error", () => resolve(0));
    request.end(payload, () => {
      // It is with the receiver, who goes on; we shall not hear of it.
      if (hangUp) setImmediate(() => request.destroy());
    });
  });
}

/** Delivers an event until it is taken, and tells the statuses. */
export async function persist(account, event, where) {
  const statuses = [];
  for (let attempt = 0; attempt < TRIES; attempt += 1) {
    const hangUp = where.hangUp === true && attempt === 0;
    const status = await once(account, event, { ...where, hangUp });
    statuses.push(status);
    if (status >= 200 && status < 300) break;
    if (where.retry === false) break;
    await new Promise((resolve) => setTimeout(resolve, BACKOFF_MS * 2 ** Math.min(attempt, 5)));
  }
  return { event: event.id, type: event.type, statuses };
}

/**
 * Delivers events: each so many `times`, in an order that `seed` names, together or one after the
 * other, with the first answer lost (`hangUp`).
 */
export async function deliver(account, events, how) {
  const { times = 1, seed, together = false } = how;
  let all = Array.from({ length: times }, () => events).flat();
  if (seed !== undefined) all = shuffled(all, seed);
  if (together) return Promise.all(all.map((event) => persist(account, event, how)));
  const done = [];
  for (const event of all) done.push(await persist(account, event, how));
  return done;
}

/** From now on every event goes there by itself, as Stripe does it: at once, until it is taken. */
export function listen(account, where) {
  account.hook = where;
  account.underway = new Set();
  account.listeners = [
    (event) => {
      const way = persist(account, event, where).finally(() => account.underway.delete(way));
      account.underway.add(way);
    },
  ];
}

/** Waits until nothing is underway any more. */
export async function settled(account) {
  while (account.underway?.size > 0) await Promise.all(account.underway);
}

/** A fixed shuffle of each seed. */
function shuffled(items, seed) {
  let state = (seed >>> 0) + 1;
  const next = () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
  const all = [...items];
  for (let last = all.length - 1; last > 0; last -= 1) {
    const other = Math.floor(next() * (last + 1));
    [all[last], all[other]] = [all[other], all[last]];
  }
  return all;
}
