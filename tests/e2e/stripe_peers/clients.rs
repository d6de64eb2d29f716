//! Stripe's own clients, in Python and JavaScript, against the stand-in, whose answers are checked
//! by Stripe's own description on their way.

use serde_json::{Value, json};
use tests::sdk::Sdk;
use tests::stripe::{Process, Stripe};
use tests::stripe_client;
use tokio::task::spawn_blocking;

async fn strict() -> Process {
    let start = || Process::start(&["--validate-responses"]);
    spawn_blocking(start).await.expect("no panic").expect("the stand-in starts")
}

#[tokio::test]
async fn a_customer_pays_is_refunded_and_declined() {
    let process = strict().await;
    for sdk in Sdk::ALL {
        let stripe = Stripe::at(process.url());
        let ask = async |asks: Value| {
            stripe_client::ask(sdk, stripe.url(), stripe.secret_key(), asks).await.expect("answers")
        };
        let customer = ask(json!([{ "do": "customer", "email": "zoe@example.test" }])).await;
        let session =
            json!({ "do": "session", "customer": customer[0], "cents": 5_000, "key": "1" });
        let mut other = session.clone();
        other["cents"] = 5_001.into();
        let got = ask(json!([session, session, other])).await;
        assert_eq!((&got[0]["status"], &got[0]["cents"]), (&json!("open"), &json!(5_000)));
        assert_eq!(got[0], got[1], "one key is one session");
        assert_eq!(got[2]["class"], "StripeIdempotencyError", "{}", got[2]);

        let id = got[0]["id"].as_str().expect("an id");
        let intent = stripe.pay(id).await["payment_intent"].clone();
        for cents in [100, 200] {
            stripe.lead("new_intent", json!({ "amount": cents })).await;
        }
        let got = ask(json!([
            { "do": "read", "session": id },
            { "do": "list", "limit": 2 },
            { "do": "refund", "intent": intent, "cents": 1_500 },
            { "do": "refund", "intent": intent, "cents": 5_000 },
            { "do": "read", "session": "cs_test_nobody" },
        ]))
        .await;
        let read = json!({
            "id": intent, "status": "succeeded", "payment_status": "paid", "told": "ä & =",
            "paid": true,
        });
        assert_eq!(got[0], read);
        assert_eq!(got[1].as_array().map(Vec::len), Some(3), "two pages");
        assert_eq!(got[1][2], intent, "newest first");
        assert_eq!(got[2], json!({ "amount": 1_500, "status": "succeeded" }));
        assert_eq!(got[3]["class"], "StripeInvalidRequestError", "{}", got[3]);
        assert_eq!((&got[4]["status"], &got[4]["code"]), (&json!(404), &json!("resource_missing")));

        let method = stripe.all("payment_method").await[0]["id"].clone();
        stripe.decline(&["insufficient_funds", "authentication_required"]).await;
        let charge =
            json!({ "do": "charge", "customer": customer[0], "cents": 5_000, "method": method });
        let got = ask(json!([charge, charge, charge])).await;
        let refused = |code: &str, word: &str| {
            let class = "StripeCardError";
            json!({ "class": class, "status": 402, "code": code, "decline_code": word })
        };
        let asks = "authentication_required";
        assert_eq!(got[0], refused("card_declined", "insufficient_funds"));
        assert_eq!(got[1], refused(asks, asks));
        assert_eq!(got[2], json!("succeeded"));
        stripe.fault("/v1/customers", "429").await;
        let got = ask(json!([{ "do": "customer", "email": "a@b.test" }])).await;
        assert_eq!(
            (&got[0]["class"], &got[0]["status"]),
            (&json!("StripeRateLimitError"), &json!(429))
        );
        stripe.assert_clean();
    }
}

#[tokio::test]
async fn webhooks_are_believed_by_both_clients_and_forgeries_are_not() {
    let stripe = Stripe::start().await;
    let payload =
        json!({ "id": "evt_1", "object": "event", "type": "charge.refunded" }).to_string();
    let header = stripe.sign(&payload).await;
    let believe = |payload: &str, secret: &str| {
        let (what, header) = ("believe", &header);
        json!({ "do": what, "payload": payload, "header": header, "secret": secret })
    };
    let asks = json!([
        believe(&payload, stripe.webhook_secret()),
        believe(&payload.replace("refunded", "succeeded"), stripe.webhook_secret()),
        believe(&payload, "whsec_another"),
    ]);
    for sdk in Sdk::ALL {
        let got = stripe_client::ask(sdk, stripe.url(), stripe.secret_key(), asks.clone())
            .await
            .expect("answers");
        assert_eq!(got[0], "charge.refunded");
        for got in &got[1..] {
            assert_eq!(got["class"], "StripeSignatureVerificationError", "{got}");
        }
    }
}
