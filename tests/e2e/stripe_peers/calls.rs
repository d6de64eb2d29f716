//! Calls as the stand-in takes them: what it refuses, and what it does twice.

use reqwest::{Client, RequestBuilder};
use serde_json::{Value, json};
use tests::stripe::Stripe;

const VERSION: &str = schema::stripe::VERSION;

fn post(stripe: &Stripe, path: &str, form: &str) -> RequestBuilder {
    let request = Client::new().post(format!("{}{path}", stripe.url()));
    let request = request.bearer_auth(stripe.secret_key()).header("stripe-version", VERSION);
    let request = request.header("content-type", "application/x-www-form-urlencoded");
    request.body(form.to_owned())
}

async fn said(request: RequestBuilder) -> (u16, Value) {
    let reply = request.send().await.expect("an answer");
    (reply.status().as_u16(), reply.json().await.expect("JSON"))
}

#[tokio::test]
async fn what_stripes_description_does_not_know_is_refused_and_remembered() {
    let stripe = Stripe::start().await;
    let item = "line_items[0][price_data][unit_amount]";
    let wrong = [
        ("/v1/customers", "emial=a@b.test"),
        ("/v1/payment_intents", "amount=100"),
        ("/v1/payment_intents", "amount=12.5&currency=usd"),
        ("/v1/checkout/sessions", "mode=pay"),
        ("/v1/checkout/sessions", &format!("mode=payment&{item}=100")),
        ("/v1/nothing", ""),
    ];
    for (path, form) in wrong {
        let (status, body) = said(post(&stripe, path, form)).await;
        assert!((400..=404).contains(&status), "{path} {form}: {status} {body}");
    }
    let unsaid = Client::new().post(format!("{}/v1/customers", stripe.url()));
    let (status, _) = said(unsaid.bearer_auth(stripe.secret_key())).await;
    assert_eq!(status, 400, "a call that names no version");
    assert_eq!(stripe.refusals().await.len(), wrong.len() + 1);
}

#[tokio::test]
async fn one_key_is_one_deed_whatever_happens_to_the_answer() {
    let stripe = Stripe::start().await;
    let call = || {
        let form = "amount=5000&currency=usd&payment_method=pm_card_visa&confirm=true";
        post(&stripe, "/v1/payment_intents", form).header("idempotency-key", "row-1")
    };
    stripe.fault("/v1/payment_intents", "500").await;
    assert_eq!(said(call()).await.0, 500);
    assert_eq!(stripe.all("charge").await.len(), 0, "nothing was done");
    stripe.fault("/v1/payment_intents", "cut").await;
    assert!(call().send().await.is_err(), "the answer is lost");
    stripe.fault("/v1/payment_intents", "500 after").await;
    assert_eq!(said(call()).await.0, 500);
    let first = said(call()).await;
    assert_eq!(first.0, 200);
    assert_eq!(said(call()).await, first);
    assert_eq!(stripe.all("charge").await.len(), 1);
}

#[tokio::test]
async fn a_key_in_use_is_refused_while_the_first_call_runs() {
    let stripe = Stripe::start().await;
    let call =
        || post(&stripe, "/v1/customers", "email=a@b.test").header("idempotency-key", "row-1");
    stripe.lead("fault", json!({ "kind": "held", "path": "/v1/customers", "ms": 1_500 })).await;
    let both = futures::future::join(said(call()), said(call())).await;
    let mut statuses = [both.0.0, both.1.0];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409]);
    assert_eq!(stripe.all("customer").await.len(), 1);
}

#[tokio::test]
async fn a_refused_card_is_refused_again_under_its_key() {
    let stripe = Stripe::start().await;
    let call = || {
        let card = "pm_card_chargeDeclinedInsufficientFunds";
        let form = format!("amount=5000&currency=usd&payment_method={card}&confirm=true");
        post(&stripe, "/v1/payment_intents", &form).header("idempotency-key", "row-1")
    };
    let first = said(call()).await;
    assert_eq!((first.0, &first.1["error"]["decline_code"]), (402, &json!("insufficient_funds")));
    assert_eq!(said(call()).await, first);
    assert_eq!(stripe.all("payment_intent").await.len(), 1);
}

#[tokio::test]
async fn one_accounts_things_are_none_of_anothers() {
    let (one, other) = (Stripe::start().await, Stripe::start().await);
    let (_, customer) = said(post(&one, "/v1/customers", "email=a@b.test")).await;
    let path = format!("/v1/customers/{}", customer["id"].as_str().expect("an id"));
    assert_eq!(said(post(&other, &path, "email=x@y.test")).await.0, 404);
    assert_eq!(said(post(&one, &path, "email=x@y.test")).await.0, 200);
}
