// One account at the stand-in: what is stored there, its clock, and the events of it. The secret
// key names the account, so that tests share a process and nothing else.

import { randomBytes } from "node:crypto";

import { VERSION, eventTypes, example } from "./document.mjs";

/** Of each kind: what its identifiers begin with, and its name in the description. */
const KINDS = {
  customer: ["cus_", "Customer"],
  payment_method: ["pm_", "PaymentMethod"],
  "checkout.session": ["cs_test_", "Checkout.Session"],
  payment_intent: ["pi_", "PaymentIntent"],
  setup_intent: ["seti_", "SetupIntent"],
  charge: ["ch_", "Charge"],
  refund: ["re_", "Refund"],
  dispute: ["du_", "Dispute"],
  subscription: ["sub_", "Subscription"],
  subscription_item: ["si_", "SubscriptionItem"],
  invoice: ["in_", "Invoice"],
  invoice_payment: ["inpay_", "InvoicePayment"],
  product: ["prod_", "Product"],
  price: ["price_", "Price"],
  webhook_endpoint: ["we_", "WebhookEndpoint"],
};

/** A refusal in Stripe's words. */
export class Refusal extends Error {
  constructor(status, error) {
    super(error.message);
    this.status = status;
    this.error = error;
  }
}

export function invalid(message, more = {}) {
  return new Refusal(400, { type: "invalid_request_error", message, ...more });
}

export class Account {
  constructor(key) {
    this.key = key;
    this.objects = new Map();
    /** Answers by idempotency key. */
    this.answers = new Map();
    this.requests = [];
    this.refusals = [];
    /** What shall go wrong with the next calls. */
    this.faults = [];
    /** What shall come of the next charges of kept cards. */
    this.outcomes = [];
    /** Seconds that the clock is ahead. */
    this.skew = 0;
    /** Where events go by themselves: `{url, secret}`. */
    this.hook = null;
    this.listeners = [];
  }

  now() {
    return Math.floor(Date.now() / 1000) + this.skew;
  }

  newId(prefix) {
    return prefix + randomBytes(12).toString("hex");
  }

  /** Stores a new object: the example of its kind with these fields. */
  add(kind, fields) {
    const [prefix, name] = KINDS[kind];
    const id = this.newId(prefix);
    const object = { ...example(name), created: this.now(), livemode: false, metadata: {} };
    if (kind === "subscription_item" || kind === "webhook_endpoint") delete object.created;
    Object.assign(object, { object: kind }, fields, { id });
    if (object.created === undefined) object.created = this.now();
    for (const [field, value] of Object.entries(object)) {
      if (value === undefined) delete object[field];
    }
    this.objects.set(id, object);
    return object;
  }

  find(id) {
    return this.objects.get(id);
  }

  get(kind, id, param = "id") {
    const object = this.objects.get(id);
    if (object?.object !== kind) {
      const message = `No such ${kind.replace(".", " ")}: '${id}'`;
      throw new Refusal(404, {
        type: "invalid_request_error",
        code: "resource_missing",
        message,
        param,
      });
    }
    return object;
  }

  /** All of a kind, newest first. */
  all(kind) {
    return [...this.objects.values()].filter((it) => it.object === kind).reverse();
  }

  /** Tells that something happened to an object; types that the description lacks are not told. */
  emit(type, object, key = null) {
    if (!eventTypes.has(type)) return null;
    const id = this.newId("evt_");
    const event = {
      id,
      object: "event",
      api_version: VERSION,
      created: this.now(),
      data: { object: structuredClone(object) },
      livemode: false,
      pending_webhooks: this.hook ? 1 : 0,
      request: { id: null, idempotency_key: key },
      type,
    };
    if (type.endsWith(".updated")) event.data.previous_attributes = {};
    this.objects.set(id, event);
    for (const listener of this.listeners) listener(event);
    return event;
  }
}

const accounts = new Map();

/** The account of a secret key, made when it is first heard of. */
export function account(key) {
  if (!accounts.has(key)) accounts.set(key, new Account(key));
  return accounts.get(key);
}

/** The account that has an object with that identifier. */
export function owner(id) {
  return [...accounts.values()].find((it) => it.objects.has(id));
}
