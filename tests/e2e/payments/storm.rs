//! Everything that Stripe has to tell, as badly as it may tell it, while customers come back and
//! the sweeper sweeps: the ledger equals Stripe's state, to the cent.

use std::fs;

use reqwest::Client;
use serde_json::{Value, json};
use tests::paths;
use tests::stripe::Badly;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::shop::{CONFIRM, Shop, text};
use crate::dice::Dice;

const TIMES: u32 = 5;

/// Every file of `tests/stripe/events`, as if it told of this payment.
fn as_if_of(shop: &Shop, session: &str, intent: &str, charge: &str, mark: usize) -> Vec<Value> {
    let files = fs::read_dir(paths::at("tests/stripe/events")).expect("a folder");
    let texts = files.map(|file| fs::read_to_string(file.expect("a file").path()).expect("text"));
    let replaced = texts.map(|text| {
        let text = text
            .replace("cs_test_a1TestTopup0001", session)
            .replace("pi_3TestTopup0001", intent)
            .replace("pi_3TestAuto0001", intent)
            .replace("ch_3TestTopup0001", charge)
            .replace("acct_u1", &shop.desk.account.id)
            .replace("evt_1Test", &format!("evt_{mark}Storm"));
        serde_json::from_str::<Value>(&text).expect("JSON")
    });
    replaced.collect()
}

/// Customers that come back again and again until the storm is over.
fn come_back(shop: &Shop, sessions: &[String], over: &watch::Receiver<bool>) -> JoinSet<()> {
    let mut customers = JoinSet::new();
    for session in sessions {
        let (http, at, key) =
            (Client::new(), shop.world().at(CONFIRM), shop.desk.account.key.clone());
        let (body, over) = (json!({ "sessionId": session }), over.clone());
        customers.spawn(async move {
            while !*over.borrow() {
                let reply = http.post(&at).bearer_auth(&key).json(&body).send().await;
                assert!(reply.expect("an answer").status().is_success());
            }
        });
    }
    customers
}

/// One payment of each fate.
async fn fates(shop: &Shop) -> Vec<(String, String, String)> {
    let mut all = Vec::new();
    for fate in ["paid", "partly", "whole", "lost", "won", "both", "open", "failed"] {
        if matches!(fate, "open" | "failed") {
            let session = shop.checkout("usd_10").await;
            if fate == "failed" {
                shop.stripe.pay_as(&session, "async").await;
                shop.stripe.settle(&session, false).await;
            }
            let intent = shop.stripe.object(&session).await["payment_intent"].clone();
            let none = || "pi_none".to_owned();
            all.push((
                session,
                intent.as_str().map_or_else(none, str::to_owned),
                "ch_none".to_owned(),
            ));
            continue;
        }
        let (session, intent) = shop.paid("usd_50").await;
        let charge = text(&shop.stripe.object(&intent).await["latest_charge"]);
        if matches!(fate, "partly" | "both") {
            shop.stripe.refund(&intent, Some(1_333)).await;
            shop.stripe.refund(&intent, Some(334)).await;
        }
        if fate == "whole" {
            shop.stripe.refund(&intent, None).await;
        }
        if matches!(fate, "lost" | "won" | "both") {
            let dispute = text(&shop.stripe.dispute(&intent).await["id"]);
            let end = if fate == "won" { "won" } else { "lost" };
            shop.stripe.move_dispute(&dispute, end).await;
        }
        all.push((session, intent, charge));
    }
    all
}

#[tokio::test]
async fn every_event_five_times_shuffled_at_once_while_everyone_else_asks_too() {
    let shop = Shop::open().await;
    let fates = fates(&shop).await;
    let mut events = shop.stripe.events().await;
    for (mark, (session, intent, charge)) in fates.iter().enumerate().take(3) {
        events.extend(as_if_of(&shop, session, intent, charge, mark));
    }
    let sessions: Vec<_> = fates.iter().map(|(session, ..)| session.clone()).collect();
    // All payments are due at once, again and again.
    shop.world().sql("UPDATE payments SET due_at = 1", vec![]).await;
    let (end, over) = watch::channel(false);
    let customers = come_back(&shop, &sessions, &over);
    let seed = u32::try_from(Dice::new().below(1 << 31)).ok();
    let how = Badly { times: Some(TIMES), seed, together: true, ..Badly::default() };
    let hook = shop.hook();
    let storm = shop.stripe.deliver_badly(&events, &hook, how);
    let sweeper = async {
        while !*over.borrow() {
            shop.world().sql("UPDATE payments SET due_at = 1", vec![]).await;
            shop.world().ring().await;
        }
    };
    let told = async {
        let told = storm.await;
        let _ = end.send(true);
        told
    };
    let (told, ()) = tokio::join!(told, sweeper);
    customers.join_all().await;
    assert_eq!(told.len(), events.len() * TIMES as usize);
    assert!(told.iter().all(tests::stripe::Delivered::taken), "seed {seed:?}: {told:#?}");
    shop.outcomes().await;
    let owed = shop.owed().await;
    shop.until_balance(owed).await;
    let booked = shop.booked().await;
    let credits = booked.iter().filter(|(_, amount)| *amount == 540_000_000);
    let credits = credits.filter(|(source, _)| source.matches(':').count() == 1).count();
    assert_eq!(credits, 6, "seed {seed:?}: {booked:#?}");
    assert_eq!(booked.iter().map(|(_, amount)| amount).sum::<i64>(), owed);
    for payment in shop.shown_to_operator().await {
        assert_eq!(payment["problem"], Value::Null, "{payment}");
    }
    println!("seed {seed:?}: {} deliveries, {} rows, {owed} owed", told.len(), booked.len());
}

#[tokio::test]
async fn what_goes_on_at_stripe_while_events_fly_is_caught_up_with() {
    let shop = Shop::open().await;
    shop.stripe.listen(&shop.hook()).await;
    let mut intents = Vec::new();
    for _ in 0..4 {
        intents.push(shop.paid("usd_50").await.1);
    }
    for cents in [1, 999, 1_500] {
        for intent in &intents {
            shop.stripe.refund(intent, Some(cents)).await;
        }
    }
    let dispute = text(&shop.stripe.dispute(&intents[0]).await["id"]);
    shop.stripe.move_dispute(&dispute, "won").await;
    shop.stripe.settled().await;
    shop.outcomes().await;
    let owed = shop.owed().await;
    assert_eq!(owed, 4 * 270_000_000);
    shop.until_balance(owed).await;
}
