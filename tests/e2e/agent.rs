//! `/api/v1`: what a customer reads of their own account: `/api/v1/me`,
//! `/api/v1/billing/token-usage`.

use schema::MicroUsd;
use serde_json::{Value, json};

use crate::desk::{Desk, Reply, ask};

const USAGE: &str = "/api/v1/billing/token-usage";

async fn get(desk: &Desk, path: &str) -> Reply {
    desk.send(desk.get(path)).await
}

/// The same without the look at manners: a customer may read the own name.
async fn me(desk: &Desk) -> Value {
    Reply::to(desk.get("/api/v1/me")).await.json()
}

#[tokio::test]
async fn a_customer_reads_wallet_and_limits() {
    let desk = Desk::open().await;
    assert_eq!(
        me(&desk).await,
        json!({
            "id": desk.account.id,
            "username": desk.account.username,
            "plan": "enterprise",
            "cli": {
                "providerId": "gantry", "providerName": "Gantry", "officialCliVersion": "0.130.0",
                "baseUrl": desk.world.at("/v1"), "envKey": "GANTRY_API_KEY",
                "wireApi": "responses", "model": "gpt-5.5", "reasoningEffort": "medium",
                "codexHome": "$HOME/.gantry-codex",
            },
            "wallet": {
                "balanceMicroUsd": 25_000_000, "heldMicroUsd": 0, "availableMicroUsd": 25_000_000,
                "balanceUsd": "25.000000",
            },
            "autoTopUp": "off",
            "limits": {
                "requestsPerHour": 50_000, "requestsRemaining": 49_999,
                "concurrentRequests": 100, "running": 0,
            },
            "person": {
                "name": null, "email": null, "emailVerified": false, "country": null,
                "phone": null, "missing": ["email", "country", "phone"],
            },
        })
    );
}

#[tokio::test]
async fn what_runs_is_held_until_it_is_charged() {
    let desk = Desk::open().await;
    let mut body = ask("rehearse: text 2; wait door");
    body["stream"] = json!(true);
    let stream = desk.post("/v1/responses").json(&body).send().await.expect("an open stream");
    let running = me(&desk).await;
    let held = running["wallet"]["heldMicroUsd"].as_i64().expect("a number");
    assert!(held > 0, "{running}");
    assert_eq!(running["wallet"]["availableMicroUsd"], 25_000_000 - held);
    assert_eq!(
        (&running["limits"]["running"], &running["wallet"]["balanceUsd"]),
        (&json!(1), &json!("25.000000"))
    );
    desk.world.upstream().release("door");
    drop(stream.bytes().await);
    let charged = desk.account.charges(1).await[0].charged_micro_usd.micros();
    let after = me(&desk).await;
    assert_eq!(after["wallet"]["balanceMicroUsd"], 25_000_000 - charged);
    assert_eq!(
        (&after["wallet"]["heldMicroUsd"], &after["limits"]["running"]),
        (&json!(0), &json!(0))
    );
}

#[tokio::test]
async fn a_charge_says_all_that_it_was_made_of() {
    let desk = Desk::open().await;
    let (key, key_id) = desk.key(json!({})).await;
    let prompt = "rehearse: id resp_1; text 1; usage input=1000 cached=400 output=50 reasoning=20";
    let request = desk.request("POST", "/v1/responses").bearer_auth(key);
    let reply = desk.send(request.header("thread_id", "t-1").json(&ask(prompt))).await;
    let charge = desk.account.charges(1).await.remove(0);
    assert_eq!(charge.id, reply.header("x-request-id"));
    assert_eq!(
        json!(charge),
        json!({
            "id": charge.id, "at": charge.at, "model": "gpt-5.5", "responseId": "resp_1",
            "conversation": "t-1", "keyId": key_id, "inputTokens": 1_000, "cachedInputTokens": 400,
            "billedInputTokens": 1_000, "outputTokens": 50, "reasoningTokens": 20,
            "chargedMicroUsd": 6_500, "chargedUsd": "0.006500", "purse": "wallet",
            "coveredMicroUsd": 0, "coveredUsd": "0.000000",
            "balanceAfterMicroUsd": 24_993_500, "basis": "reported",
        })
    );
    let today = &get(&desk, USAGE).await.json()["daily"];
    assert_eq!(
        today,
        &json!([{
            "date": charge.at[..10], "requests": 1, "inputTokens": 1_000, "outputTokens": 50,
            "chargedMicroUsd": 6_500, "coveredMicroUsd": 0,
        }])
    );
}

#[tokio::test]
async fn charges_are_read_page_by_page_newest_first() {
    let desk = Desk::open().await;
    for _ in 0..5 {
        assert_eq!(desk.respond(&ask("rehearse: text 1")).await.status, 200);
    }
    let mut expected: Vec<_> = desk.account.charges(5).await.into_iter().map(|it| it.id).collect();
    expected.reverse();
    for (limit, sizes) in [("2", vec![2, 2, 1]), ("5", vec![5]), ("0", vec![1; 5])] {
        let (mut read, mut found, mut after) = (Vec::new(), Vec::new(), String::new());
        loop {
            let page = get(&desk, &format!("{USAGE}?limit={limit}{after}")).await.json();
            let rows = page["transactions"].as_array().expect("a list");
            read.extend(rows.iter().map(|row| row["id"].as_str().expect("an id").to_owned()));
            found.push(rows.len());
            assert_eq!(page["hasMore"], page["nextCursor"].is_string());
            let Some(cursor) = page["nextCursor"].as_str() else { break };
            after = format!("&starting_after={cursor}");
        }
        assert_eq!((found, &read), (sizes, &expected), "{limit}");
    }
}

#[tokio::test]
async fn a_page_that_cannot_be_is_refused() {
    let desk = Desk::open().await;
    for query in ["limit=x", "limit=-1", "starting_after=x", "starting_after="] {
        let reply = get(&desk, &format!("{USAGE}?{query}")).await;
        reply.refuses(422, "validation_error", "");
    }
    let beyond = get(&desk, &format!("{USAGE}?starting_after=0")).await.json();
    assert_eq!((&beyond["transactions"], &beyond["hasMore"]), (&json!([]), &json!(false)));
}

#[tokio::test]
async fn nobody_reads_what_is_anothers() {
    let desk = Desk::open().await;
    assert_eq!(desk.respond(&ask("rehearse: text 1")).await.status, 200);
    desk.account.charges(1).await;
    let other = desk.world.account("3.00").await;
    assert!(other.token_usage().await.transactions.is_empty());
    assert_eq!(other.me().await.wallet.balance_micro_usd, MicroUsd::from_cents(300));
}
