// The calls that the description knows, over one account's state.

import { Refusal, invalid } from "./account.mjs";
import * as checkout from "./checkout.mjs";
import * as money from "./money.mjs";
import * as subscriptions from "./subscriptions.mjs";

/** Call by method and path: `(account, {id, body, query, origin, key})` gives the answer. */
export const ROUTES = {
  "post /v1/customers": (account, { body, key }) => {
    const { name = null, email = null, description = null, phone = null, metadata = {} } = body;
    const customer = account.add("customer", {
      name,
      email,
      description,
      phone,
      metadata: metadata || {},
      currency: null,
      discount: null,
      default_source: null,
      shipping: null,
    });
    customer.invoice_settings = {
      custom_fields: null,
      default_payment_method: null,
      footer: null,
      rendering_options: null,
    };
    account.emit("customer.created", customer, key);
    return customer;
  },
  "get /v1/customers": lister("customer", ["email"]),
  "get /v1/customers/:id": getter("customer"),
  "post /v1/customers/:id": updater("customer", "customer.updated"),
  "delete /v1/customers/:id": (account, { id }) => {
    account.emit("customer.deleted", account.get("customer", id));
    account.objects.delete(id);
    return { id, object: "customer", deleted: true };
  },
  "get /v1/customers/:id/payment_methods": (account, call) => {
    const filter = (it) => it.customer === call.id;
    return page(account, "payment_method", call, filter);
  },
  "get /v1/payment_methods": lister("payment_method", ["customer", "type"]),
  "get /v1/payment_methods/:id": getter("payment_method"),
  "post /v1/payment_methods/:id/attach": (account, { id, body }) => {
    const method = money.card(account, id);
    money.attach(account, method, account.get("customer", body.customer, "customer").id);
    return method;
  },
  "post /v1/payment_methods/:id/detach": (account, { id }) => {
    const method = account.get("payment_method", id);
    account.emit("payment_method.detached", method);
    return Object.assign(method, { customer: null });
  },

  "post /v1/checkout/sessions": (account, { body, origin }) =>
    checkout.open(account, body, origin),
  "get /v1/checkout/sessions": lister("checkout.session", [
    "customer",
    "payment_intent",
    "status",
    "subscription",
  ]),
  "get /v1/checkout/sessions/:id": getter("checkout.session"),
  "post /v1/checkout/sessions/:id/expire": (account, { id }) => checkout.expire(account, id),

  "post /v1/payment_intents": createIntent,
  "get /v1/payment_intents": lister("payment_intent", ["customer"]),
  "get /v1/payment_intents/:id": getter("payment_intent"),
  "post /v1/payment_intents/:id": updater("payment_intent"),
  "post /v1/payment_intents/:id/confirm": (account, call) => {
    const intent = account.get("payment_intent", call.id);
    if (call.body.payment_method) {
      intent.payment_method = money.card(account, call.body.payment_method, intent.customer).id;
    }
    return confirm(account, intent, call);
  },
  "post /v1/payment_intents/:id/cancel": (account, { id, body, key }) => {
    const intent = account.get("payment_intent", id);
    if (["succeeded", "canceled", "processing"].includes(intent.status)) {
      const message = `A PaymentIntent that is ${intent.status} cannot be canceled.`;
      throw invalid(message, { code: "payment_intent_unexpected_state" });
    }
    Object.assign(intent, {
      status: "canceled",
      canceled_at: account.now(),
      cancellation_reason: body.cancellation_reason ?? null,
      next_action: null,
    });
    account.emit("payment_intent.canceled", intent, key);
    return intent;
  },

  "get /v1/setup_intents": lister("setup_intent", ["customer", "payment_method"]),
  "get /v1/setup_intents/:id": getter("setup_intent"),

  "get /v1/charges": lister("charge", ["customer", "payment_intent"]),
  "get /v1/charges/:id": getter("charge"),

  "post /v1/refunds": (account, { body }) => {
    const { payment_intent: intent, charge, amount, reason, metadata } = body;
    if (!intent && !charge) throw invalid("One of `charge` or `payment_intent` is required.");
    const made = money.refund(account, { intent, charge, amount, reason });
    return Object.assign(made, { metadata: metadata || {} });
  },
  "get /v1/refunds": lister("refund", ["charge", "payment_intent"]),
  "get /v1/refunds/:id": getter("refund"),
  "get /v1/disputes": lister("dispute", ["charge", "payment_intent"]),
  "get /v1/disputes/:id": getter("dispute"),
  "post /v1/disputes/:id/close": (account, { id }) => money.moveDispute(account, id, "lost"),

  "get /v1/subscriptions": lister("subscription", ["customer", "status"]),
  "get /v1/subscriptions/:id": getter("subscription"),
  "post /v1/subscriptions/:id": updater("subscription", "customer.subscription.updated"),
  "delete /v1/subscriptions/:id": (account, { id }) => {
    const { status } = account.get("subscription", id);
    if (status === "canceled") {
      const message = `No such subscription: '${id}'`;
      throw new Refusal(404, {
        type: "invalid_request_error",
        code: "resource_missing",
        message,
      });
    }
    return subscriptions.end(account, id);
  },

  "get /v1/invoices": lister("invoice", ["customer", "status"]),
  "get /v1/invoices/:id": getter("invoice"),
  "post /v1/invoices/:id/pay": (account, { id }) => {
    const invoice = account.get("invoice", id);
    if (invoice.status === "paid") throw invalid("Invoice is already paid");
    return subscriptions.payBill(account, invoice, account.outcomes.shift());
  },
  "get /v1/invoice_payments": lister("invoice_payment", ["invoice", "status"]),
  "get /v1/invoice_payments/:id": getter("invoice_payment"),

  "get /v1/events": lister("event", ["type"], (query) => query.types),
  "get /v1/events/:id": getter("event"),
};

function getter(kind) {
  return (account, { id }) => account.get(kind, id);
}

function updater(kind, type) {
  return (account, { id, body, key }) => {
    const object = account.get(kind, id);
    const { expand: _, metadata, ...fields } = body;
    for (const [name, value] of Object.entries(fields)) {
      const simple = value === null || typeof value !== "object";
      if (!simple || !(name in object))
        throw invalid(`The stand-in does not change \`${name}\`.`);
      object[name] = value;
    }
    if (metadata === "") object.metadata = {};
    else Object.assign(object.metadata, metadata);
    if (type) account.emit(type, object, key);
    return object;
  };
}

function createIntent(account, call) {
  const { body } = call;
  if (body.currency === "usd" && body.amount < 50) {
    throw invalid("Amount must be at least $0.50 usd", {
      code: "amount_too_small",
      param: "amount",
    });
  }
  if (body.off_session && !body.confirm) {
    throw invalid("`off_session` may only be used with `confirm`.", { param: "off_session" });
  }
  const customer = body.customer ? account.get("customer", body.customer, "customer").id : null;
  const method = body.payment_method ? money.card(account, body.payment_method, customer) : null;
  if (method?.customer && method.customer !== customer) {
    throw invalid("The payment method belongs to another customer.", { param: "payment_method" });
  }
  const intent = money.newIntent(account, {
    amount: body.amount,
    currency: body.currency,
    customer,
    description: body.description ?? null,
    metadata: body.metadata ?? {},
    payment_method: method?.id ?? null,
    receipt_email: body.receipt_email ?? null,
    setup_future_usage: body.setup_future_usage ?? null,
    status: method ? "requires_confirmation" : "requires_payment_method",
  });
  return body.confirm ? confirm(account, intent, call) : intent;
}

function confirm(account, intent, { origin, key }) {
  const method = account.find(intent.payment_method);
  if (!method) throw invalid("A payment method is missing.", { code: "parameter_missing" });
  const outcome = account.outcomes.shift() ?? method.outcome ?? "paid";
  return money.charge(account, intent, outcome, { origin, key });
}

function lister(kind, names, any) {
  return (account, call) => {
    const wanted = names.filter((name) => call.query[name] !== undefined);
    const types = any?.(call.query);
    const filter = (it) =>
      wanted.every((name) => it[name] === call.query[name]) &&
      (!types || types.includes(it.type));
    return page(account, kind, call, filter);
  };
}

/** A page of a list, newest first, between cursors. */
function page(account, kind, { query, path }, filter) {
  const { limit = 10, starting_after: after, ending_before: before, created } = query;
  if (limit < 1 || limit > 100) throw invalid("`limit` is 1 to 100.", { param: "limit" });
  let all = account.all(kind).filter((it) => filter(it) && inTime(it.created, created));
  const at = (id) => {
    const index = all.findIndex((it) => it.id === id);
    return index >= 0 ? index : account.get(kind, id) && all.length;
  };
  if (after) all = all.slice(at(after) + 1);
  if (before) all = all.slice(0, at(before));
  const data = before ? all.slice(-limit) : all.slice(0, limit);
  return { object: "list", data, has_more: all.length > data.length, url: path };
}

function inTime(at, range) {
  if (range === undefined) return true;
  if (typeof range !== "object") return at === Number(range);
  const { gt, gte, lt, lte } = range;
  return !(at <= gt || at < gte || at >= lt || at > lte);
}

/** An answer with what the call wants in full in place of its identifier. */
export function expanded(account, answer, paths = []) {
  const copy = structuredClone(answer);
  for (const path of checkout.list(paths)) expand(account, copy, path.split("."), path);
  return copy;
}

function expand(account, object, [name, ...rest], path) {
  if (Array.isArray(object[name])) {
    for (const item of object[name]) if (rest.length > 0) expand(account, item, rest, path);
    return;
  }
  const value = object[name];
  if (value === undefined) {
    throw invalid(`This property cannot be expanded (${path}).`, { param: "expand" });
  }
  if (value === null) return;
  if (typeof value === "string") object[name] = structuredClone(account.find(value) ?? value);
  if (rest.length > 0) expand(account, object[name], rest, path);
}
