//! A subscription's life at Stripe, read there and believed nowhere else.

use reqwest::Client;
use tests::stripe::Stripe;

use super::*;

/// A world with an account at Stripe.
async fn desk(stripe: &Stripe) -> Desk {
    Desk::of(World::plan().with_stripe(stripe), "0.00").await
}

/// A checkout of the plan, as we ask Stripe for one.
async fn checkout(stripe: &Stripe, account: &str) -> String {
    let form = [
        ("mode", "subscription"),
        ("success_url", "http://127.0.0.1/wallet"),
        ("client_reference_id", account),
        ("line_items[0][quantity]", "1"),
        ("line_items[0][price_data][currency]", "usd"),
        ("line_items[0][price_data][unit_amount]", "19900"),
        ("line_items[0][price_data][product_data][name]", "Unlimited"),
        ("line_items[0][price_data][recurring][interval]", "month"),
        ("subscription_data[metadata][account_id]", account),
        ("subscription_data[metadata][plan]", "unlimited"),
    ];
    let request = Client::new().post(format!("{}/v1/checkout/sessions", stripe.url()));
    let request =
        request.bearer_auth(stripe.secret_key()).header("stripe-version", schema::stripe::VERSION);
    let session: Value =
        request.form(&form).send().await.expect("an answer").json().await.expect("JSON");
    session["id"].as_str().unwrap_or_else(|| panic!("{session}")).to_owned()
}

/// Rings until nothing is due any more: what is written down is read at Stripe.
async fn sweep(desk: &Desk, id: &str) {
    let due = "INSERT INTO subscriptions (id, account, check_at) VALUES (?1, ?2, 0)
               ON CONFLICT (id) DO UPDATE SET check_at = 0";
    desk.world.sql(due, vec![json!(id), json!(desk.account.id)]).await;
    desk.world.ring().await;
}

async fn shown(desk: &Desk) -> Value {
    desk.send(desk.get("/api/v1/wallet/subscription")).await.json()
}

/// Subscribed, and known to be.
async fn subscribed(desk: &Desk, stripe: &Stripe) -> String {
    let session = checkout(stripe, &desk.account.id).await;
    sweep(desk, &session).await;
    assert_eq!(shown(desk).await["status"], "none");
    let paid = stripe.pay(&session).await;
    // Its event never comes.
    sweep(desk, &session).await;
    let shown = shown(desk).await;
    assert_eq!((&shown["status"], &shown["active"]), (&json!("active"), &json!(true)), "{shown}");
    paid["subscription"].as_str().expect("a subscription").to_owned()
}

#[tokio::test]
async fn a_subscription_is_paid_renewed_past_due_and_over_as_stripe_says() {
    let stripe = Stripe::start().await;
    let mut desk = desk(&stripe).await;
    assert_eq!(desk.respond(&ask(CALL)).await.status, 402);
    let id = subscribed(&desk, &stripe).await;
    calls(&desk, 0, 1).await;
    let first = shown(&desk).await["periodEndsAt"].clone();
    stripe.lead("renew", json!({ "subscription": id })).await;
    sweep(&desk, &id).await;
    let second = shown(&desk).await;
    assert!(second["periodEndsAt"].as_str() > first.as_str(), "{second}");
    // The next one fails: three days of the period that is not paid are given all the same.
    stripe.lead("renew", json!({ "subscription": id, "outcome": "insufficient_funds" })).await;
    sweep(&desk, &id).await;
    assert_eq!(shown(&desk).await["status"], "past_due");
    later(&mut desk, 62 * DAY_MS).await;
    assert_eq!(shown(&desk).await["active"], true);
    calls(&desk, 1, 1).await;
    later(&mut desk, 63 * DAY_MS + 60_000).await;
    assert_eq!(shown(&desk).await["active"], false);
    let reply = desk.respond(&ask(CALL)).await;
    reply.refuses(402, "insufficient_credit", "Your wallet is empty");
    stripe.lead("move_subscription", json!({ "subscription": id, "status": "active" })).await;
    sweep(&desk, &id).await;
    calls(&desk, 2, 1).await;
    stripe.lead("end_subscription", json!({ "subscription": id })).await;
    sweep(&desk, &id).await;
    assert_eq!(shown(&desk).await["status"], "canceled");
    desk.respond(&ask(CALL)).await.refuses(402, "insufficient_credit", "Your wallet is empty");
}

#[tokio::test]
async fn what_stripe_calls_unpaid_or_paused_pays_for_nothing() {
    let stripe = Stripe::start().await;
    let desk = desk(&stripe).await;
    let id = subscribed(&desk, &stripe).await;
    for status in ["unpaid", "paused", "incomplete"] {
        stripe.lead("move_subscription", json!({ "subscription": id, "status": status })).await;
        sweep(&desk, &id).await;
        let now = shown(&desk).await;
        assert_eq!((&now["status"], &now["active"]), (&json!(status), &json!(false)), "{now}");
        assert_eq!(desk.respond(&ask(CALL)).await.status, 402);
    }
}

#[tokio::test]
async fn a_customer_lets_it_end_with_its_period_and_may_change_their_mind() {
    let stripe = Stripe::start().await;
    let mut desk = desk(&stripe).await;
    let nothing = desk.post("/api/v1/wallet/subscription");
    let nothing = desk.send(nothing.json(&json!({ "cancelAtPeriodEnd": true }))).await;
    nothing.refuses(409, "conflict", "There is no subscription");
    let id = subscribed(&desk, &stripe).await;
    for ends in [true, false, true] {
        let change = desk.post("/api/v1/wallet/subscription");
        let change = desk.send(change.json(&json!({ "cancelAtPeriodEnd": ends }))).await;
        assert_eq!(change.json()["cancelAtPeriodEnd"], json!(ends), "{change:?}");
        assert_eq!(stripe.object(&id).await["cancel_at_period_end"], json!(ends));
    }
    assert_eq!(shown(&desk).await["active"], true);
    // Nobody has told of its end; the period is over all the same.
    later(&mut desk, 30 * DAY_MS + 60_000).await;
    assert_eq!(shown(&desk).await["active"], false);
    assert_eq!(desk.respond(&ask(CALL)).await.status, 402);
}

#[tokio::test]
async fn a_subscription_that_is_nobodys_here_gives_nothing() {
    let stripe = Stripe::start().await;
    let desk = desk(&stripe).await;
    let session = checkout(&stripe, "acct_00000000000000000000000000000001").await;
    let paid = stripe.pay(&session).await;
    let id = paid["subscription"].as_str().expect("a subscription");
    sweep(&desk, id).await;
    assert_eq!(shown(&desk).await["status"], "none");
    // Of another plan, though for this account.
    let fields = json!({ "metadata": { "account_id": desk.account.id, "plan": "other" } });
    stripe.lead("patch", json!({ "id": id, "fields": fields })).await;
    sweep(&desk, id).await;
    assert_eq!(shown(&desk).await["status"], "none");
}

#[tokio::test]
async fn who_is_closed_is_not_charged_any_more() {
    let stripe = Stripe::start().await;
    let desk = desk(&stripe).await;
    let id = subscribed(&desk, &stripe).await;
    let path = format!("/admin/api/users/{}", desk.account.id);
    assert_eq!(desk.send(desk.admin("DELETE", &path)).await.status, 200);
    assert_eq!(stripe.object(&id).await["status"], "canceled");
    assert_eq!(standing(&desk).await["active"], false);
}
