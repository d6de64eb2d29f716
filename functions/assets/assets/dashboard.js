// A customer's pages while they are looked at: the wallet and the newest charges follow what
// happens, without a reload.

import { copied } from "/assets/app.js";
import "/assets/exit.js";

/** How often it is asked: soon after something happened, seldom otherwise. */
const SOON_MS = 8_000;
const SELDOM_MS = 30_000;
const RARELY_MS = 180_000;
/** For how long something that happened makes more of it likely. */
const LIVELY_MS = 120_000;
/** Requests that are left to the customer's own work within an hour. */
const RESERVE = 150;

const wallet = document.querySelector("[data-wallet]");
const charges = document.querySelector("[data-charges]");

/** Dollars with two places at least and `most` at most, as the server words them. */
function words(most) {
  const form = { style: "currency", currency: "USD", maximumFractionDigits: most };
  const format = new Intl.NumberFormat("en-US", { ...form, minimumFractionDigits: 2 });
  return (micro) => format.format(micro / 1e6);
}

const dollars = words(6);
const whole = words(2);
/** A balance, to the cent and rounded towards zero. */
const cents = (micro) => whole(Math.trunc(micro / 10_000) * 10_000);
const count = new Intl.NumberFormat("en-US");

function put(selector, text) {
  const part = wallet.querySelector(selector);
  if (part.textContent === text) return false;
  part.textContent = text;
  return true;
}

/** Shows what a wallet holds; says whether that is something else than before. */
function show(it) {
  const parts = [
    put("[data-balance]", cents(it.balanceMicroUsd)),
    put("[data-held]", dollars(it.heldMicroUsd)),
    put("[data-available]", cents(it.availableMicroUsd)),
  ];
  return parts.includes(true) || it.heldMicroUsd > 0;
}

function row(charge) {
  const made = document.getElementById("charge-row").content.cloneNode(true);
  const time = made.querySelector("time");
  time.dateTime = charge.at;
  time.textContent = charge.at.slice(0, 16).replace("T", " ");
  const cells = {
    model: charge.model,
    input: count.format(charge.inputTokens),
    output: count.format(charge.outputTokens),
    charged: dollars(charge.chargedMicroUsd),
    balance: cents(charge.balanceAfterMicroUsd),
  };
  for (const [name, text] of Object.entries(cells)) {
    made.querySelector(`[data-cell=${name}]`).textContent = text;
  }
  return made;
}

function list(transactions) {
  if (!charges || transactions.length === 0) return;
  charges.replaceChildren(...transactions.map(row));
  document.querySelector("[data-none]").hidden = true;
  document.querySelector("[data-some]").hidden = false;
  document.querySelector("[data-begin]")?.setAttribute("hidden", "");
}

function say(text) {
  const line = wallet.querySelector("[data-live]");
  line.textContent = text;
  line.hidden = text === "";
}

let lively = Date.now() + LIVELY_MS;
let timer;

/** Asks once, and says when to ask again. */
async function ask() {
  const limit = charges?.dataset.charges ?? 1;
  const answer = await fetch(`/api/v1/billing/token-usage?limit=${limit}`);
  if (answer.status === 401) return location.reload();
  const left = Number(answer.headers.get("x-ratelimit-remaining") ?? RESERVE);
  if (!answer.ok) return RARELY_MS;
  const usage = await answer.json();
  if (show(usage.wallet)) lively = Date.now() + LIVELY_MS;
  list(usage.transactions);
  say("");
  if (left < RESERVE) return RARELY_MS;
  return Date.now() < lively ? SOON_MS : SELDOM_MS;
}

async function follow() {
  clearTimeout(timer);
  if (document.hidden) return;
  let wait = SELDOM_MS;
  try {
    wait = (await ask()) ?? SELDOM_MS;
  } catch {
    say("The server cannot be reached: these figures may be old.");
  }
  clearTimeout(timer);
  timer = setTimeout(follow, wait);
}

if (wallet) {
  document.addEventListener("visibilitychange", follow);
  document.addEventListener("sent", follow);
  timer = setTimeout(follow, SOON_MS);
}

/** Telling others: the system's own sheet where there is one, else the address is copied. */
document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-share]");
  if (!button) return;
  const url = `${location.origin}/`;
  try {
    await navigator.share({ title: document.title, url });
  } catch {
    await copied(button, url);
  }
});
