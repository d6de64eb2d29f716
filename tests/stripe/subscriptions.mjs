// What is paid each month: subscriptions, their bills, and the payments of those.

import { fail, newIntent, succeed } from "./money.mjs";
import { example } from "./document.mjs";

/** A month, near enough: nobody counts the days of a rehearsal. */
const MONTH_S = 30 * 86_400;

/** The first payment of a session has come: makes the subscription and its first bill. */
export function subscribe(account, session, { method, price, data }) {
  const start = account.now();
  const subscription = account.add("subscription", {
    billing_cycle_anchor: start,
    cancel_at: null,
    cancel_at_period_end: false,
    canceled_at: null,
    currency: price.currency,
    customer: session.customer,
    default_payment_method: method.id,
    ended_at: null,
    latest_invoice: null,
    metadata: data.metadata ?? {},
    pause_collection: null,
    start_date: start,
    status: "active",
    trial_end: null,
    trial_start: null,
  });
  const item = account.add("subscription_item", {
    current_period_start: start,
    current_period_end: start + MONTH_S,
    plan: planOf(price),
    price: plain(price),
    quantity: price.quantity,
    subscription: subscription.id,
  });
  const url = `/v1/subscription_items?subscription=${subscription.id}`;
  subscription.items = { object: "list", data: [item], has_more: false, url };
  session.subscription = subscription.id;
  session.invoice = bill(account, subscription, "subscription_create").id;
  account.emit("customer.subscription.created", subscription);
  return subscription;
}

/** A period is over: bills the next one. */
export function renew(account, id, outcome = "paid") {
  const subscription = account.get("subscription", id);
  const [item] = subscription.items.data;
  if (subscription.cancel_at_period_end) return end(account, id);
  item.current_period_start = item.current_period_end;
  item.current_period_end += MONTH_S;
  bill(account, subscription, "subscription_cycle", outcome);
  account.emit("customer.subscription.updated", subscription);
  return subscription;
}

export function move(account, id, fields) {
  const subscription = account.get("subscription", id);
  Object.assign(subscription, fields);
  const to = fields.status === "paused" ? "paused" : "updated";
  account.emit(`customer.subscription.${to}`, subscription);
  return subscription;
}

export function end(account, id) {
  const subscription = account.get("subscription", id);
  const now = account.now();
  Object.assign(subscription, { status: "canceled", canceled_at: now, ended_at: now });
  account.emit("customer.subscription.deleted", subscription);
  return subscription;
}

function bill(account, subscription, reason, outcome = "paid") {
  const [item] = subscription.items.data;
  const amount = item.price.unit_amount * (item.quantity ?? 1);
  const { current_period_start: start, current_period_end: finish } = item;
  const invoice = account.add("invoice", {
    amount_due: amount,
    amount_overpaid: 0,
    amount_paid: 0,
    amount_remaining: amount,
    billing_reason: reason,
    currency: subscription.currency,
    customer: subscription.customer,
    parent: {
      quote_details: null,
      subscription_details: {
        metadata: { ...subscription.metadata },
        subscription: subscription.id,
      },
      type: "subscription_details",
    },
    payments: undefined,
    period_end: finish,
    period_start: start,
    status: "open",
    subtotal: amount,
    total: amount,
  });
  invoice.lines = lines(account, invoice, { subscription, item, amount });
  subscription.latest_invoice = invoice.id;
  account.emit("invoice.created", invoice);
  account.emit("invoice.finalized", invoice);
  payBill(account, invoice, outcome);
  return invoice;
}

/** Tries to pay a bill with the subscription's card. */
export function payBill(account, invoice, outcome = "paid") {
  const subscription = account.find(invoice.parent.subscription_details.subscription);
  const intent = newIntent(account, {
    amount: invoice.amount_due,
    currency: invoice.currency,
    customer: invoice.customer,
    description: "Subscription",
    payment_method: subscription.default_payment_method,
  });
  invoice.attempted = true;
  invoice.attempt_count += 1;
  if (outcome !== "paid") {
    fail(account, intent, outcome, { quietly: true });
    subscription.status = "past_due";
    account.emit("invoice.payment_failed", invoice);
    return invoice;
  }
  succeed(account, intent);
  const paid = { amount_paid: invoice.amount_due, amount_remaining: 0, status: "paid" };
  Object.assign(invoice, paid);
  invoice.status_transitions = { ...invoice.status_transitions, paid_at: account.now() };
  if (subscription.status === "past_due") subscription.status = "active";
  const payment = account.add("invoice_payment", {
    amount_paid: invoice.amount_paid,
    amount_requested: invoice.amount_paid,
    currency: invoice.currency,
    invoice: invoice.id,
    is_default: true,
    metadata: undefined,
    payment: { type: "payment_intent", payment_intent: intent.id },
    status: "paid",
    status_transitions: { canceled_at: null, paid_at: account.now() },
  });
  account.emit("invoice.paid", invoice);
  account.emit("invoice.payment_succeeded", invoice);
  account.emit("invoice_payment.paid", payment);
  return invoice;
}

function lines(account, invoice, { subscription, item, amount }) {
  const [line] = example("Invoice").lines.data;
  Object.assign(line, {
    amount,
    currency: subscription.currency,
    id: account.newId("il_"),
    invoice: invoice.id,
    period: { start: item.current_period_start, end: item.current_period_end },
    pricing: {
      price_details: { price: item.price.id, product: item.price.product },
      type: "price_details",
      unit_amount_decimal: item.price.unit_amount_decimal,
    },
    subscription: subscription.id,
    subtotal: amount,
  });
  const url = `/v1/invoices/${invoice.id}/lines`;
  return { object: "list", data: [line], has_more: false, total_count: 1, url };
}

function plain({ quantity, ...price }) {
  return price;
}

function planOf(price) {
  return {
    ...example("SubscriptionItem").plan,
    amount: price.unit_amount,
    amount_decimal: price.unit_amount_decimal,
    currency: price.currency,
    interval: price.recurring.interval,
    interval_count: 1,
    product: price.product,
  };
}
