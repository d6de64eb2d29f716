// Payments: intents, their charges, and what takes money back.

import { Refusal, invalid } from "./account.mjs";

/** What a card does, by its test name. */
const CARDS = {
  pm_card_visa: "paid",
  pm_card_chargeDeclined: "card_declined",
  pm_card_chargeDeclinedInsufficientFunds: "insufficient_funds",
  pm_card_authenticationRequired: "authentication_required",
};

const SAYS = {
  card_declined: "Your card was declined.",
  insufficient_funds: "Your card has insufficient funds.",
  expired_card: "Your card has expired.",
  authentication_required: "Your card was declined. This transaction requires authentication.",
};

/** The card of that name or identifier, if it is there. */
export function card(account, id, customer = null) {
  const outcome = CARDS[id];
  if (!outcome) return account.get("payment_method", id, "payment_method");
  return newCard(account, { outcome, customer });
}

export function newCard(account, { outcome = "paid", customer = null } = {}) {
  const method = account.add("payment_method", { customer });
  // Not a field of Stripe's: nobody who reads the object sees it.
  Object.defineProperty(method, "outcome", { value: outcome, writable: true });
  return method;
}

export function newIntent(account, fields) {
  const intent = account.add("payment_intent", {
    amount_received: 0,
    amount_capturable: 0,
    automatic_payment_methods: { enabled: true },
    canceled_at: null,
    cancellation_reason: null,
    customer: null,
    description: null,
    last_payment_error: null,
    latest_charge: null,
    next_action: null,
    payment_method: null,
    processing: null,
    setup_future_usage: null,
    status: "requires_payment_method",
    ...fields,
  });
  intent.client_secret = `${intent.id}_secret_rehearsal`;
  return intent;
}

/** Tries to take the money, and tells what came of it. */
export function charge(account, intent, outcome, how = {}) {
  if (outcome === "paid") return succeed(account, intent);
  if (outcome === "processing") {
    Object.assign(intent, { status: "processing", processing: { type: "card" } });
    account.emit("payment_intent.processing", intent, how.key);
    return intent;
  }
  if (outcome === "requires_action") {
    intent.status = "requires_action";
    intent.next_action = {
      type: "redirect_to_url",
      redirect_to_url: { url: `${how.origin}/authenticate/${intent.id}`, return_url: null },
    };
    account.emit("payment_intent.requires_action", intent, how.key);
    return intent;
  }
  return fail(account, intent, outcome, how);
}

/** The money comes. */
export function succeed(account, intent) {
  if (intent.status === "succeeded") throw invalid("This PaymentIntent has already succeeded.");
  const made = newCharge(account, intent, { paid: true, captured: true, status: "succeeded" });
  made.amount_captured = intent.amount;
  Object.assign(intent, {
    status: "succeeded",
    amount_received: intent.amount,
    latest_charge: made.id,
    last_payment_error: null,
    next_action: null,
    processing: null,
  });
  if (intent.setup_future_usage && intent.customer && intent.payment_method) {
    attach(account, account.find(intent.payment_method), intent.customer);
  }
  account.emit("charge.succeeded", made);
  account.emit("payment_intent.succeeded", intent);
  return intent;
}

/** The bank refuses. */
export function fail(account, intent, outcome, how = {}) {
  const own = outcome === "authentication_required" ? outcome : "card_declined";
  const message = SAYS[outcome] ?? SAYS.card_declined;
  const made = newCharge(account, intent, {
    paid: false,
    captured: false,
    status: "failed",
    failure_code: own,
    failure_message: message,
  });
  const error = {
    type: "card_error",
    code: own,
    decline_code: outcome,
    message,
    charge: made.id,
  };
  const method = account.find(intent.payment_method);
  Object.assign(intent, {
    status: "requires_payment_method",
    latest_charge: made.id,
    last_payment_error: method ? { ...error, payment_method: structuredClone(method) } : error,
    next_action: null,
    processing: null,
    payment_method: null,
  });
  account.emit("charge.failed", made, how.key);
  account.emit("payment_intent.payment_failed", intent, how.key);
  if (how.quietly) return intent;
  throw new Refusal(402, { ...error, payment_intent: structuredClone(intent) });
}

export function attach(account, method, customer) {
  if (method.customer === customer) return;
  method.customer = customer;
  account.emit("payment_method.attached", method);
}

function newCharge(account, intent, fields) {
  return account.add("charge", {
    amount: intent.amount,
    amount_captured: 0,
    amount_refunded: 0,
    balance_transaction: null,
    currency: intent.currency,
    customer: intent.customer,
    description: intent.description,
    disputed: false,
    failure_code: null,
    failure_message: null,
    metadata: { ...intent.metadata },
    payment_intent: intent.id,
    payment_method: intent.payment_method,
    refunded: false,
    refunds: undefined,
    ...fields,
  });
}

/** Gives money back; `amount` in cents, all that is left if it is not said. */
export function refund(account, { intent, charge: id, amount, status = "succeeded", reason }) {
  const made = account.get("charge", id ?? account.get("payment_intent", intent).latest_charge);
  const left = made.amount_captured - made.amount_refunded;
  const cents = amount ?? left;
  if (left === 0) {
    throw invalid(`Charge ${made.id} has already been refunded.`, {
      code: "charge_already_refunded",
    });
  }
  if (cents > left) {
    throw invalid(`Refund amount ($${cents / 100}) is greater than unrefunded amount on charge.`);
  }
  const back = account.add("refund", {
    amount: cents,
    charge: made.id,
    currency: made.currency,
    customer: made.customer,
    payment_intent: made.payment_intent,
    payment_method: made.payment_method,
    reason: reason ?? null,
    status,
  });
  account.emit("refund.created", back);
  countRefunds(account, made);
  account.emit("charge.refunded", made);
  return back;
}

/** A refund that goes on: one that fails is no refund any more. */
export function moveRefund(account, id, status) {
  const back = account.get("refund", id);
  back.status = status;
  if (status === "failed") back.failure_reason = "expired_or_canceled_card";
  const made = account.find(back.charge);
  countRefunds(account, made);
  if (status === "failed") account.emit("refund.failed", back);
  account.emit("refund.updated", back);
  account.emit("charge.refund.updated", back);
  return back;
}

function countRefunds(account, made) {
  const counts = (it) => it.charge === made.id && !["failed", "canceled"].includes(it.status);
  const all = account.all("refund").filter(counts);
  made.amount_refunded = all.reduce((sum, it) => sum + it.amount, 0);
  made.refunded = made.amount_refunded === made.amount;
}

/** A customer's bank wants money back. Unless it only asks, the money is taken at once. */
export function dispute(
  account,
  { intent, amount, status = "needs_response", reason = "fraudulent" },
) {
  const made = account.get("charge", account.get("payment_intent", intent).latest_charge);
  made.disputed = true;
  const opened = account.add("dispute", {
    amount: amount ?? made.amount,
    balance_transactions: [],
    charge: made.id,
    currency: made.currency,
    is_charge_refundable: status.startsWith("warning_"),
    payment_intent: made.payment_intent,
    reason,
    status,
  });
  account.emit("charge.dispute.created", opened);
  account.emit("charge.updated", made);
  if (!status.startsWith("warning_")) account.emit("charge.dispute.funds_withdrawn", opened);
  return opened;
}

/** Where a dispute may go from where it stands. */
const NEXT = {
  warning_needs_response: ["warning_under_review", "warning_closed", "needs_response"],
  warning_under_review: ["warning_closed", "needs_response"],
  needs_response: ["under_review", "won", "lost", "prevented"],
  under_review: ["won", "lost"],
  lost: ["appeal_needs_response", "won"],
  appeal_needs_response: ["appeal_under_review", "lost"],
  appeal_under_review: ["won", "lost"],
};

/** A dispute that goes on. */
export function moveDispute(account, id, status) {
  const moved = account.get("dispute", id);
  const before = moved.status;
  if (!NEXT[before]?.includes(status)) {
    throw invalid(`A dispute that is ${before} does not become ${status}.`);
  }
  moved.status = status;
  if (before.startsWith("warning_") && status === "needs_response") {
    account.emit("charge.dispute.funds_withdrawn", moved);
  }
  const closed = ["won", "lost", "warning_closed", "prevented"].includes(status);
  account.emit(closed ? "charge.dispute.closed" : "charge.dispute.updated", moved);
  if (status === "won" || status === "prevented") {
    account.emit("charge.dispute.funds_reinstated", moved);
  }
  return moved;
}
