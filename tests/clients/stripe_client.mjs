// Stripe's own JavaScript client, told as JSON what to do; prints what it got as JSON.

import Stripe from "stripe";

const told = JSON.parse(process.argv[2]);
const { hostname: host, port } = new URL(told.url);
const options = { host, port, protocol: "http", maxNetworkRetries: 0, telemetry: false };
const stripe = new Stripe(told.key, options);

const STEPS = {
  customer: async ({ email }) => (await stripe.customers.create({ email })).id,
  session: async ({ customer, cents, key }) => {
    const product_data = { name: "Credit" };
    const made = await stripe.checkout.sessions.create(
      {
        mode: "payment",
        customer,
        client_reference_id: "acct_peer",
        success_url: "http://127.0.0.1/done?session_id={CHECKOUT_SESSION_ID}",
        line_items: [
          { quantity: 1, price_data: { currency: "usd", unit_amount: cents, product_data } },
        ],
        payment_intent_data: { setup_future_usage: "off_session", metadata: { told: "ä & =" } },
      },
      { idempotencyKey: key },
    );
    return { id: made.id, status: made.status, cents: made.amount_total };
  },
  read: async ({ session }) => {
    const expand = ["payment_intent.latest_charge"];
    const { payment_status, payment_intent } = await stripe.checkout.sessions.retrieve(session, {
      expand,
    });
    const { id, status, metadata, latest_charge } = payment_intent;
    return { id, status, payment_status, told: metadata.told, paid: latest_charge.paid };
  },
  list: async ({ limit }) => {
    const ids = [];
    for await (const { id } of stripe.paymentIntents.list({ limit, created: { gte: 1 } }))
      ids.push(id);
    return ids;
  },
  refund: async ({ intent, cents }) => {
    const { amount, status } = await stripe.refunds.create({
      payment_intent: intent,
      amount: cents,
    });
    return { amount, status };
  },
  charge: async ({ customer, cents, method }) => {
    const words = { amount: cents, currency: "usd", customer, payment_method: method };
    const made = await stripe.paymentIntents.create({
      ...words,
      confirm: true,
      off_session: true,
    });
    return made.status;
  },
  believe: async ({ payload, header, secret }) =>
    stripe.webhooks.constructEvent(payload, header, secret).type,
};

const got = [];
for (const { do: step, ...how } of told.asks) {
  try {
    got.push(await STEPS[step](how));
  } catch (error) {
    const { statusCode: status = null, code = null, decline_code = null } = error;
    got.push({ class: error.type ?? error.constructor.name, status, code, decline_code });
  }
}
console.log(JSON.stringify(got));
