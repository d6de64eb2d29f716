//! Events as the stand-in tells them.

use std::process::{Command, Stdio};
use std::{io::Write, thread};

use schema::stripe::{Event, VERSION};
use serde_json::{Value, json};
use tests::stripe::{Badly, Stripe};
use tests::{packages, paths};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// What Stripe's own description has against events.
fn against(events: &[Value]) -> Vec<String> {
    let mut command = Command::new(packages::node());
    command.arg(paths::at("tests/stripe/check-events.mjs"));
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("node starts");
    let mut input = child.stdin.take().expect("an input");
    let told = serde_json::to_vec(events).expect("JSON");
    let teller = thread::spawn(move || input.write_all(&told));
    let said = child.wait_with_output().expect("an end");
    teller.join().expect("no panic").expect("it reads");
    serde_json::from_slice(&said.stdout).expect("a list")
}

fn id(object: &Value) -> &str {
    object["id"].as_str().expect("an id")
}

/// Opens a checkout, as the control has it: without a call that would be checked.
async fn session(stripe: &Stripe, mode: &str) -> String {
    let url = format!("{}/v1/checkout/sessions", stripe.url());
    let item = "line_items[0][price_data]";
    let priced = format!(
        "line_items[0][quantity]=1&{item}[currency]=usd&{item}[unit_amount]=19900\
         &{item}[product_data][name]=x"
    );
    let form = match mode {
        "setup" => "mode=setup&currency=usd".to_owned(),
        "subscription" => format!("mode={mode}&{priced}&{item}[recurring][interval]=month"),
        _ => format!("mode={mode}&{priced}"),
    };
    let form = format!("{form}&success_url=http://127.0.0.1/done");
    let request = reqwest::Client::new().post(url).bearer_auth(stripe.secret_key());
    let request = request.header("stripe-version", VERSION).body(form);
    let request = request.header("content-type", "application/x-www-form-urlencoded");
    let made: Value = request.send().await.expect("an answer").json().await.expect("JSON");
    made["id"].as_str().unwrap_or_else(|| panic!("{made}")).to_owned()
}

/// Everything that can happen, so that every kind of event is told.
async fn everything(stripe: &Stripe) {
    for outcome in ["paid", "insufficient_funds", "async"] {
        stripe.pay_as(&session(stripe, "payment").await, outcome).await;
    }
    for paid in [true, false] {
        let late = session(stripe, "payment").await;
        stripe.pay_as(&late, "async").await;
        stripe.settle(&late, paid).await;
    }
    stripe.lead("expire", json!({ "session": session(stripe, "payment").await })).await;
    stripe.pay(&session(stripe, "setup").await).await;
    let monthly = stripe.pay(&session(stripe, "subscription").await).await["subscription"].clone();
    stripe.lead("renew", json!({ "subscription": monthly })).await;
    stripe.lead("renew", json!({ "subscription": monthly, "outcome": "card_declined" })).await;
    stripe.lead("end_subscription", json!({ "subscription": monthly })).await;
    let new = async |outcome: &str| {
        stripe.lead("new_intent", json!({ "amount": 5_000, "outcome": outcome })).await
    };
    for outcome in ["authentication_required", "requires_action"] {
        new(outcome).await;
    }
    let back = stripe.refund(id(&new("paid").await), Some(100)).await;
    stripe.lead("move_refund", json!({ "refund": id(&back), "status": "failed" })).await;
    for end in ["won", "lost"] {
        let dispute = stripe.dispute(id(&new("paid").await)).await;
        stripe.move_dispute(id(&dispute), "under_review").await;
        stripe.move_dispute(id(&dispute), end).await;
    }
}

#[tokio::test]
async fn every_event_is_as_stripes_description_has_it() {
    let stripe = Stripe::start().await;
    everything(&stripe).await;
    let events = stripe.events().await;
    let mut types: Vec<_> = events.iter().filter_map(|event| event["type"].as_str()).collect();
    types.sort_unstable();
    types.dedup();
    assert!(types.len() >= 28, "{types:?}");
    assert_eq!(against(&events), Vec::<String>::new());
    for event in &events {
        let read: Event = serde_json::from_value(event.clone()).expect("our slice of it");
        assert_eq!(read.id, id(event));
    }
    let mut broken = events[0].clone();
    broken["data"]["object"]["id"] = Value::Null;
    assert_eq!(against(&[broken]).len(), 1, "it would be seen");
}

/// Takes posts: the first `refused` of them badly. Tells their bodies.
async fn receiver(
    refused: usize,
    expected: usize,
) -> (String, tokio::task::JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/hook", listener.local_addr().expect("an address"));
    let receive = async move {
        let mut bodies = Vec::new();
        while bodies.len() < expected {
            let (mut stream, _) = listener.accept().await.expect("a call");
            let mut text = Vec::new();
            let mut piece = [0; 65_536];
            while !whole(&text) {
                match stream.read(&mut piece).await {
                    Ok(0) | Err(_) => break,
                    Ok(read) => text.extend_from_slice(&piece[..read]),
                }
            }
            let status = if bodies.len() < refused { "500 No" } else { "200 OK" };
            bodies.push(String::from_utf8(text).expect("text"));
            let answer =
                format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            // Whoever has hung up does not hear it.
            let _ = stream.write_all(answer.as_bytes()).await;
        }
        bodies
    };
    (url, tokio::spawn(receive))
}

fn whole(text: &[u8]) -> bool {
    let text = String::from_utf8_lossy(text);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    length.and_then(|length| length.parse().ok()).is_some_and(|length: usize| body.len() >= length)
}

#[tokio::test]
async fn an_event_comes_again_until_it_is_taken() {
    let stripe = Stripe::start().await;
    let (url, received) = receiver(2, 3).await;
    stripe.listen(&url).await;
    stripe.lead("new_intent", json!({ "amount": 100, "outcome": "processing" })).await;
    stripe.settled().await;
    let bodies = received.await.expect("no panic");
    assert!(bodies.iter().all(|body| body.contains("stripe-signature: t=")), "{}", bodies[0]);
    assert!(bodies.iter().all(|body| body.contains("payment_intent.processing")));
}

#[tokio::test]
async fn events_come_as_often_and_as_disordered_as_is_asked() {
    let stripe = Stripe::start().await;
    let story = ["charge.succeeded", "refund.created", "customer.created"].map(Value::from);
    for together in [false, true] {
        // Each comes twice, and the answer to each is first lost.
        let (url, received) = receiver(0, 12).await;
        let how = Badly { times: Some(2), seed: Some(7), together, hang_up: true };
        let delivered = stripe.deliver_badly(&story, &url, how).await;
        assert_eq!(delivered.len(), 6);
        for it in &delivered {
            assert!(it.taken() && it.statuses == [0, 200], "{it:?}");
        }
        let order: Vec<_> = delivered.iter().map(|it| it.r#type.as_str()).collect();
        assert_ne!(order[..3], ["charge.succeeded", "refund.created", "customer.created"]);
        assert_eq!(received.await.expect("no panic").len(), 12);
    }
}

#[tokio::test]
async fn the_page_on_which_customers_pay_says_that_it_is_a_rehearsal() {
    let stripe = Stripe::start().await;
    let id = session(&stripe, "payment").await;
    let url = stripe.object(&id).await["url"].as_str().expect("a page").to_owned();
    let page = reqwest::get(&url).await.expect("a page").text().await.expect("text");
    assert!(page.contains("A rehearsal") && page.contains("Pay $199.00"), "{page}");
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none());
    let client = client.build().expect("a client");
    let form = "application/x-www-form-urlencoded";
    let press = client.post(&url).header("content-type", form).body("do=pay");
    let reply = press.send().await.expect("an answer");
    assert_eq!(reply.status().as_u16(), 303);
    assert_eq!(reply.headers()["location"], "http://127.0.0.1/done");
    assert_eq!(stripe.object(&id).await["payment_status"], "paid");
    let gone = reqwest::get(&url).await.expect("a page");
    assert_eq!(gone.status().as_u16(), 404);
}
