"""Stripe's own Python client, told as JSON what to do; prints what it got as JSON."""

import json
import sys

import stripe


def customer(client, ask):
    return client.v1.customers.create({"email": ask["email"]}).id


def session(client, ask):
    price = {
        "currency": "usd",
        "unit_amount": ask["cents"],
        "product_data": {"name": "Credit"},
    }
    words = {
        "mode": "payment",
        "customer": ask["customer"],
        "client_reference_id": "acct_peer",
        "success_url": "http://127.0.0.1/done?session_id={CHECKOUT_SESSION_ID}",
        "line_items": [{"quantity": 1, "price_data": price}],
        "payment_intent_data": {
            "setup_future_usage": "off_session",
            "metadata": {"told": "ä & ="},
        },
    }
    made = client.v1.checkout.sessions.create(words, {"idempotency_key": ask["key"]})
    return {"id": made.id, "status": made.status, "cents": made.amount_total}


def read(client, ask):
    words = {"expand": ["payment_intent.latest_charge"]}
    found = client.v1.checkout.sessions.retrieve(ask["session"], words)
    intent = found.payment_intent
    return {
        "id": intent.id,
        "status": intent.status,
        "payment_status": found.payment_status,
        "told": intent.metadata["told"],
        "paid": intent.latest_charge.paid,
    }


def listed(client, ask):
    words = {"limit": ask["limit"], "created": {"gte": 1}}
    found = client.v1.payment_intents.list(words)
    return [intent.id for intent in found.auto_paging_iter()]


def refund(client, ask):
    words = {"payment_intent": ask["intent"], "amount": ask["cents"]}
    made = client.v1.refunds.create(words)
    return {"amount": made.amount, "status": made.status}


def charge(client, ask):
    words = {
        "amount": ask["cents"],
        "currency": "usd",
        "customer": ask["customer"],
        "payment_method": ask["method"],
        "confirm": True,
        "off_session": True,
    }
    return client.v1.payment_intents.create(words).status


def believe(client, ask):
    event = client.construct_event(ask["payload"], ask["header"], ask["secret"])
    return event.type


STEPS = {
    "customer": customer,
    "session": session,
    "read": read,
    "list": listed,
    "refund": refund,
    "charge": charge,
    "believe": believe,
}


def failure(error):
    body = (error.json_body or {}).get("error", {})
    return {
        "class": f"Stripe{type(error).__name__}",
        "status": error.http_status,
        "code": error.code,
        "decline_code": body.get("decline_code"),
    }


def main():
    told = json.loads(sys.argv[1])
    bases = {"api": told["url"]}
    client = stripe.StripeClient(told["key"], base_addresses=bases, max_network_retries=0)
    got = []
    for ask in told["asks"]:
        try:
            got.append(STEPS[ask["do"]](client, ask))
        except stripe.StripeError as error:
            got.append(failure(error))
    print(json.dumps(got))


main()
