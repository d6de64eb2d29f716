//! Every event that Stripe's own story has, as it is and as Stripe may change it without notice.

use std::{fs, path::Path};

use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::*;

const EVENTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/stripe/events");

fn events() -> Vec<(String, Value)> {
    let files = fs::read_dir(EVENTS).unwrap().map(|file| file.unwrap().path());
    let read = |path: &Path| serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    let mut all: Vec<_> = files
        .map(|path| (path.file_stem().unwrap().to_string_lossy().into_owned(), read(&path)))
        .collect();
    all.sort_by(|(one, _), (other, _)| one.cmp(other));
    assert_eq!(all.len(), 45);
    all
}

fn can<T: DeserializeOwned>(value: &Value) -> Result<(), String> {
    serde_json::from_value::<T>(value.clone()).map(drop).map_err(|error| error.to_string())
}

/// Reads an object as what it says it is; none where we read nothing of its kind.
fn object(value: &Value) -> Option<Result<(), String>> {
    Some(match value["object"].as_str()? {
        "checkout.session" => can::<CheckoutSession>(value),
        "payment_intent" => can::<PaymentIntent>(value),
        "setup_intent" => can::<SetupIntent>(value),
        "charge" => can::<Charge>(value),
        "refund" => can::<Refund>(value),
        "dispute" => can::<Dispute>(value),
        "subscription" => can::<Subscription>(value),
        "invoice" => can::<Invoice>(value),
        "customer" => can::<Customer>(value),
        _ => return None,
    })
}

/// What an object cannot be read without.
fn required(kind: &str) -> &'static [&'static str] {
    match kind {
        "checkout.session" => &["id", "mode", "payment_status", "created"],
        "payment_intent" => &["id", "status", "amount", "amount_received", "currency", "created"],
        "setup_intent" => &["id", "status"],
        "charge" => &["id", "amount", "amount_refunded", "disputed", "paid", "currency", "created"],
        "refund" => &["id", "amount", "currency", "created"],
        "dispute" => &["id", "amount", "currency", "status", "created"],
        "subscription" => &["id", "status", "items", "created"],
        "invoice" => &["id", "amount_paid", "amount_due", "currency", "created"],
        "customer" => &["id"],
        _ => &[],
    }
}

/// The same with fields that nobody knows, everywhere.
fn with_news(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let mut all: Map<_, _> =
                fields.iter().map(|(name, value)| (name.clone(), with_news(value))).collect();
            // What we noted is ours, and holds texts.
            let ours = fields.values().all(Value::is_string);
            if !ours {
                all.insert("brand_new".to_owned(), json!({ "nested": [1, null, "x"] }));
            }
            Value::Object(all)
        }
        Value::Array(items) => items.iter().map(with_news).collect(),
        other => other.clone(),
    }
}

#[test]
fn every_event_is_read_and_so_is_what_it_is_about() {
    for (name, event) in events() {
        assert_eq!(can::<Event>(&event), Ok(()), "{name}");
        let about = &event["data"]["object"];
        assert!(object(about).is_none_or(|read| read == Ok(())), "{name}: {:?}", object(about));
    }
}

#[test]
fn fields_that_nobody_knows_are_passed_over() {
    for (name, event) in events() {
        let event = with_news(&event);
        assert_eq!(can::<Event>(&event), Ok(()), "{name}");
        let about = &event["data"]["object"];
        assert!(object(about).is_none_or(|read| read == Ok(())), "{name}: {:?}", object(about));
    }
}

#[test]
fn a_word_that_nobody_knows_is_no_fault() {
    for (name, event) in events() {
        let about = event["data"]["object"].as_object().unwrap();
        for (field, value) in about.iter().filter(|(field, _)| *field != "object") {
            let mut changed = event.clone();
            if !value.is_string() {
                continue;
            }
            changed["data"]["object"][field] = "brand_new_word".into();
            assert_eq!(can::<Event>(&changed), Ok(()), "{name}: {field}");
            let read = object(&changed["data"]["object"]);
            assert!(read.as_ref().is_none_or(|it| *it == Ok(())), "{name}: {field}: {read:?}");
        }
    }
}

#[test]
fn null_is_nothing_unless_money_depends_on_it() {
    for (name, event) in events() {
        let about = event["data"]["object"].as_object().unwrap();
        let kind = about["object"].as_str().unwrap_or_default();
        for field in about.keys().filter(|field| *field != "object") {
            let mut changed = event.clone();
            changed["data"]["object"][field] = Value::Null;
            assert_eq!(can::<Event>(&changed), Ok(()), "{name}: {field}");
            let Some(read) = object(&changed["data"]["object"]) else { continue };
            let needed = required(kind).contains(&field.as_str());
            assert_eq!(read.is_err(), needed, "{name}: {field}: {read:?}");
        }
    }
}

#[test]
fn an_event_says_what_to_read_again() {
    let all = events();
    let event = |name: &str| -> Event {
        let (_, event) = all.iter().find(|(its, _)| its == name).unwrap();
        serde_json::from_value(event.clone()).unwrap()
    };
    let topup = event("checkout.session.completed");
    assert_eq!(topup.session(), Some("cs_test_a1TestTopup0001"));
    assert_eq!(topup.intent(), Some("pi_3TestTopup0001"));
    assert_eq!(event("payment_intent.succeeded.auto_topup").intent(), Some("pi_3TestAuto0001"));
    assert_eq!(event("charge.refunded.full").intent(), Some("pi_3TestTopup0001"));
    assert_eq!(event("charge.dispute.closed.lost").intent(), Some("pi_3TestTopup0001"));
    assert_eq!(event("invoice_payment.paid").intent(), Some("pi_3TestPlan0001"));
    let renewed = event("invoice.paid.subscription_cycle");
    assert_eq!(renewed.subscription(), Some("sub_1TestPlan0001"));
    assert_eq!(renewed.invoice(), Some("in_1TestPlan0002"));
    let ended = event("customer.subscription.deleted");
    assert_eq!(ended.subscription(), Some("sub_1TestPlan0001"));
    assert_eq!(ended.customer(), Some("cus_TestWallet0001"));
    assert_eq!(event("unknown_type").intent(), None);
}

#[test]
fn a_dispute_that_nobody_knows_holds_its_money_back() {
    let stands = |status: &str| {
        let status: DisputeStatus = serde_json::from_value(status.into()).unwrap();
        status.stands()
    };
    assert_eq!(stands("brand_new_word"), Stands::Open);
    assert_eq!(stands("needs_response"), Stands::Open);
    assert_eq!(stands("appeal_under_review"), Stands::Lost);
    assert_eq!(stands("won"), Stands::Ours);
    assert_eq!(stands("warning_closed"), Stands::Ours);
}
