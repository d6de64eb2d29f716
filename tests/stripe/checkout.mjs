// Checkout: pages on which customers pay, subscribe or leave a card.

import { Refusal, invalid } from "./account.mjs";
import { attach, charge, fail, newCard, newIntent, succeed } from "./money.mjs";
import { subscribe } from "./subscriptions.mjs";

const DAY_S = 86_400;

/** Opens a session. Whatever spans fields is checked here: the description knows no such rules. */
export function open(account, body, origin) {
  const mode = body.mode ?? "payment";
  const items = list(body.line_items);
  if (mode !== "setup" && items.length === 0) {
    throw invalid("You must provide `line_items`.", {
      code: "parameter_missing",
      param: "line_items",
    });
  }
  if (mode === "setup" && !body.currency && !body.allowed_payment_method_types) {
    throw invalid("`currency` is required in setup mode.", { param: "currency" });
  }
  if (!body.success_url)
    throw invalid("You must provide `success_url`.", { param: "success_url" });
  if (body.customer) account.get("customer", body.customer, "customer");
  if (body.client_reference_id?.length > 200) {
    throw invalid("`client_reference_id` is too long.", { param: "client_reference_id" });
  }
  const expires = body.expires_at ?? account.now() + DAY_S;
  // Half an hour, as Stripe has it, but for what the call takes.
  if (expires < account.now() + 1_790 || expires > account.now() + DAY_S + 10) {
    throw invalid("`expires_at` must be 30 minutes to 24 hours from now.", {
      param: "expires_at",
    });
  }
  const priced = items.map((item) => ({
    ...price(account, item, mode),
    quantity: item.quantity ?? 1,
  }));
  const total = priced.reduce((sum, item) => sum + item.unit_amount * item.quantity, 0);
  const currency = priced[0]?.currency ?? body.currency ?? null;
  const session = account.add("checkout.session", {
    amount_subtotal: mode === "setup" ? null : total,
    amount_total: mode === "setup" ? null : total,
    cancel_url: body.cancel_url ?? null,
    client_reference_id: body.client_reference_id ?? null,
    currency,
    currency_conversion: null,
    customer: body.customer ?? null,
    customer_email: body.customer_email ?? null,
    customer_details: null,
    expires_at: expires,
    invoice: null,
    metadata: body.metadata ?? {},
    mode,
    payment_intent: null,
    payment_status: total === 0 ? "no_payment_required" : "unpaid",
    setup_intent: null,
    status: "open",
    subscription: null,
    success_url: body.success_url,
    url: null,
  });
  session.url = `${origin}/pay/${session.id}`;
  Object.defineProperty(session, "wants", { value: { body, priced } });
  if (mode === "setup") {
    session.setup_intent = account.add("setup_intent", {
      customer: session.customer,
      last_setup_error: null,
      metadata: body.setup_intent_data?.metadata ?? {},
      next_action: null,
      payment_method: null,
      status: "requires_payment_method",
    }).id;
  }
  return session;
}

function price(account, item, mode) {
  if (item.price) return account.get("price", item.price, "line_items[0][price]");
  const data = item.price_data;
  if (!data) throw invalid("A line item needs `price` or `price_data`.", { param: "line_items" });
  if (data.unit_amount === undefined) throw invalid("`unit_amount` is missing.");
  if (mode === "payment" && data.currency === "usd" && data.unit_amount < 50) {
    throw invalid("The amount must be at least 50 cents.", { code: "amount_too_small" });
  }
  if ((mode === "subscription") !== Boolean(data.recurring)) {
    throw invalid("`recurring` belongs to subscriptions, and only there.");
  }
  const { recurring } = data;
  return account.add("price", {
    currency: data.currency,
    product: account.add("product", { name: data.product_data?.name, created: account.now() }).id,
    recurring: recurring
      ? {
          interval_count: 1,
          meter: null,
          trial_period_days: null,
          usage_type: "licensed",
          ...recurring,
        }
      : null,
    type: recurring ? "recurring" : "one_time",
    unit_amount: data.unit_amount,
    unit_amount_decimal: String(data.unit_amount),
  });
}

/**
 * The customer does their part. `outcome`: `paid`, `async` (the money comes later, or never), or
 * why the card is refused: then the session stays open.
 */
export function pay(account, id, { outcome = "paid", card: kept = "paid" } = {}) {
  const session = account.get("checkout.session", id);
  if (session.status !== "open") throw invalid(`The session is ${session.status}.`);
  const { body, priced } = session.wants;
  if (!session.customer) {
    const customer = account.add("customer", { email: session.customer_email });
    session.customer = customer.id;
    account.emit("customer.created", customer);
  }
  session.customer_details = {
    address: null,
    business_name: null,
    email: session.customer_email ?? "customer@example.test",
    individual_name: null,
    name: null,
    phone: null,
    tax_exempt: "none",
    tax_ids: [],
  };
  const method = newCard(account, { outcome: kept });
  const close = (status) => {
    Object.assign(session, { status: "complete", payment_status: status, url: null });
    account.emit("checkout.session.completed", session);
    return session;
  };
  if (session.mode === "setup") {
    const setup = account.find(session.setup_intent);
    Object.assign(setup, {
      status: "succeeded",
      payment_method: method.id,
      customer: session.customer,
    });
    attach(account, method, session.customer);
    account.emit("setup_intent.succeeded", setup);
    return close("no_payment_required");
  }
  if (session.mode === "subscription") {
    attach(account, method, session.customer);
    subscribe(account, session, { method, price: priced[0], data: body.subscription_data ?? {} });
    return close("paid");
  }
  if (session.amount_total === 0) return close("no_payment_required");
  const intent = intentOf(account, session, body.payment_intent_data ?? {});
  intent.payment_method = method.id;
  if (outcome === "async") {
    charge(account, intent, "processing");
    return close("unpaid");
  }
  if (outcome !== "paid") return (fail(account, intent, outcome, { quietly: true }), session);
  succeed(account, intent);
  return close("paid");
}

function intentOf(account, session, data) {
  if (session.payment_intent) return account.find(session.payment_intent);
  const intent = newIntent(account, {
    amount: session.amount_total,
    currency: session.currency,
    customer: session.customer,
    description: data.description ?? null,
    metadata: data.metadata ?? {},
    setup_future_usage: data.setup_future_usage ?? null,
  });
  session.payment_intent = intent.id;
  return intent;
}

/** A payment that took its time comes, or does not. */
export function settle(account, id, paid) {
  const session = account.get("checkout.session", id);
  const intent = account.find(session.payment_intent);
  if (paid) {
    succeed(account, intent);
    session.payment_status = "paid";
    account.emit("checkout.session.async_payment_succeeded", session);
  } else {
    fail(account, intent, "card_declined", { quietly: true });
    account.emit("checkout.session.async_payment_failed", session);
  }
  return session;
}

export function expire(account, id) {
  const session = account.get("checkout.session", id);
  if (session.status !== "open") {
    throw new Refusal(400, {
      type: "invalid_request_error",
      message: `Only sessions that are open can be expired. This one is ${session.status}.`,
    });
  }
  Object.assign(session, { status: "expired", url: null });
  account.emit("checkout.session.expired", session);
  return session;
}

/** Arrays arrive as arrays, or as objects with numbers for names. */
export function list(value) {
  return Array.isArray(value) ? value : Object.values(value ?? {});
}
