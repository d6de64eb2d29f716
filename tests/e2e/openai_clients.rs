//! OpenAI's own clients, in Python and JavaScript: answers, money, and the exceptions they throw.

use schema::MicroUsd;
use schema::admin::CreateUser;
use serde_json::{Value, json};
use tests::openai::{self, Failure, Got};
use tests::sdk::Sdk;
use tests::world::World;

use crate::bill;

const CREDIT_USD: &str = "25.00";
const CREDIT: MicroUsd = MicroUsd::from_cents(2_500);

fn ask(how: &str, prompt: &str) -> Value {
    json!({ "do": how, "model": "gpt-5.5", "prompt": prompt })
}

#[tokio::test]
async fn answers_come_whole_and_streamed_and_are_paid_for_to_the_micro_dollar() {
    let world = World::start().await;
    let account = world.account(CREDIT_USD).await;
    for sdk in Sdk::ALL {
        let prompt = "rehearse: reasoning 3; say forty two";
        let asks = json!([ask("create", prompt), ask("stream", prompt)]);
        let got = openai::ask(sdk, &world.url(), &account.key, asks).await.expect("answers");
        let sent = world.upstream().wait_until_idle().await;
        let sent = &sent[sent.len() - 2..];
        for (got, sent) in got.iter().zip(sent) {
            assert_eq!((got.text.as_str(), got.status.as_str()), ("forty two", "completed"));
            assert_eq!(got.kinds, ["reasoning", "message"]);
            assert_eq!(Some(&got.id), sent.response_id.as_ref());
            assert_eq!(got.usage, sent.usage());
        }
        assert_eq!(got.iter().map(|got| got.events).collect::<Vec<_>>(), [0, sent[1].events]);
    }
    bill::check(&world, &account, CREDIT).await;
}

#[tokio::test]
async fn exact_usage_of_the_provider_is_what_the_ledger_holds() {
    let world = World::start().await;
    let account = world.account(CREDIT_USD).await;
    let prompt = "rehearse: text 3; usage input=1000 cached=200 output=50 reasoning=10";
    for sdk in Sdk::ALL {
        let asks = json!([ask("create", prompt), ask("stream", prompt)]);
        let got = openai::ask(sdk, &world.url(), &account.key, asks).await.expect("answers");
        assert!(got.iter().all(|got| got.usage.is_some_and(|usage| usage.cached == 200)));
    }
    let charges = account.charges(4).await;
    let charged = charges.iter().map(|charge| charge.charged_micro_usd);
    assert!(charged.clone().all(|micros| micros == MicroUsd::new(1_000 * 5 + 50 * 30)));
    bill::check(&world, &account, CREDIT).await;
}

#[tokio::test]
async fn calls_of_tools_are_streamed() {
    let world = World::start().await;
    let account = world.account(CREDIT_USD).await;
    let tool = json!({
        "type": "function", "name": "exec_command", "strict": false,
        "parameters": { "type": "object", "properties": { "cmd": { "type": "string" } } },
    });
    for sdk in Sdk::ALL {
        let mut call = ask("stream", "rehearse: text 2; shell ls");
        call["tools"] = json!([tool]);
        let got =
            openai::ask(sdk, &world.url(), &account.key, json!([call])).await.expect("answers");
        assert_eq!(got[0].kinds, ["message", "function_call"]);
    }
    bill::check(&world, &account, CREDIT).await;
}

#[tokio::test]
async fn the_models_are_listed() {
    let world = World::start().await;
    let account = world.account("0.00").await;
    for sdk in Sdk::ALL {
        let asks = json!([{ "do": "models" }]);
        let got = openai::ask(sdk, &world.url(), &account.key, asks).await.expect("answers");
        assert!(got[0].models.iter().any(|model| model == "gpt-5.5"), "{got:?}");
    }
}

/// Asks whole and streamed, and takes the failure, which must be the same.
async fn failure(sdk: Sdk, world: &World, key: &str, model: &str) -> Failure {
    let ask = |how| json!({ "do": how, "model": model, "prompt": "hello" });
    let asks = json!([ask("create"), ask("stream")]);
    let got = openai::ask(sdk, &world.url(), key, asks).await.expect("answers");
    let mut failures: Vec<Failure> = got.into_iter().filter_map(|got: Got| got.failure).collect();
    assert_eq!(failures.len(), 2);
    assert_eq!(failures[0].code, failures[1].code);
    failures.remove(0)
}

#[track_caller]
fn check(failure: &Failure, status: u16, class: &str, kind: &str, code: &str) {
    assert_eq!((failure.status, failure.class.as_str()), (status, class), "{failure:?}");
    let said = (failure.r#type.as_deref(), failure.code.as_deref());
    assert_eq!(said, (Some(kind), Some(code)), "{failure:?}");
}

#[tokio::test]
async fn refusals_arrive_as_the_exceptions_that_the_clients_name_for_them() {
    let world = World::start().await;
    let (rich, poor) = (world.account(CREDIT_USD).await, world.account("0.00").await);
    let plan = Some("enterprise".to_owned());
    let wish = CreateUser { plan, requests_per_hour: Some(0), ..CreateUser::default() };
    let tired = world.open_account(&wish).await;
    for sdk in Sdk::ALL {
        let other = if sdk == Sdk::Python { "APIStatusError" } else { "APIError" };
        let unknown = failure(sdk, &world, "cdx_sk_unknown", "gpt-5.5").await;
        let (kind, code) = ("authentication_error", "authentication_required");
        check(&unknown, 401, "AuthenticationError", kind, code);
        let empty = failure(sdk, &world, &poor.key, "gpt-5.5").await;
        check(&empty, 402, other, "insufficient_quota", "insufficient_credit");
        assert!(empty.message.contains("Your wallet is empty"), "{empty:?}");
        let missing = failure(sdk, &world, &rich.key, "gpt-0").await;
        check(&missing, 404, "NotFoundError", "invalid_request_error", "model_not_found");
        let limited = failure(sdk, &world, &tired.key, "gpt-5.5").await;
        check(&limited, 429, "RateLimitError", "rate_limit_error", "rate_limit_exceeded");
    }
    assert!(world.upstream().requests().is_empty());
    assert!(rich.charges(0).await.is_empty());
}
