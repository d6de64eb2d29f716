//! The stock Codex CLI, oldest and newest supported: turns, money, and what a person reads.

use schema::MicroUsd;
use schema::admin::CreateUser;
use serde_json::json;
use tests::account::Account;
use tests::codex::Cli;
use tests::packages::Codex;
use tests::terminal::{ENTER, ESCAPE};
use tests::world::World;

use crate::bill;

const CREDIT_USD: &str = "120.00";
const CREDIT: MicroUsd = MicroUsd::from_cents(12_000);

/// Both versions with a classic model, and the newest with its own, which offers its tools as code.
fn clients(world: &World, account: &Account) -> [Cli; 3] {
    let client = |version| Cli::new(version, &world.url(), &account.key).expect("an installation");
    let own = client(Codex::Newest).with_its_own_model();
    [client(Codex::Pinned), client(Codex::Newest), own]
}

#[tokio::test]
async fn a_text_turn_is_answered_and_paid_for_to_the_micro_dollar() {
    let world = World::start().await;
    let account = world.account(CREDIT_USD).await;
    for client in clients(&world, &account) {
        let turn = client.exec("rehearse: reasoning 4; say forty two").await.expect("a turn");
        assert_eq!(turn.answer(), Some("forty two"), "{turn:?}");
        let sent = world.upstream().responses().pop().expect("a request").usage();
        let sent = sent.expect("usage");
        assert_eq!(turn.usage().expect("usage")["input_tokens"], sent.input);
        assert_eq!(turn.usage().expect("usage")["output_tokens"], sent.output);
    }
    bill::check(&world, &account, CREDIT).await;
}

#[tokio::test]
async fn commands_and_patches_are_further_calls_of_one_conversation() {
    let world = World::start().await;
    let account = world.account(CREDIT_USD).await;
    for client in clients(&world, &account) {
        let prompt = "rehearse: text 9; shell echo $((6 * 7)); patch note.txt";
        let turn = client.exec(prompt).await.expect("a turn");
        let command = turn.items("command_execution").next().expect("a command");
        assert!(command["aggregated_output"].as_str().unwrap().ends_with("42\n"), "{turn:?}");
        assert!(client.work().join("note.txt").is_file(), "{turn:?}");
    }
    assert_eq!(world.upstream().responses().len(), 9);
    bill::check(&world, &account, CREDIT).await;
}

#[tokio::test]
async fn a_conversation_that_goes_on_pays_only_for_what_is_new() {
    let world = World::start().await;
    let account = world.account(CREDIT_USD).await;
    for client in clients(&world, &account) {
        let first = client.exec("rehearse: text 40").await.expect("a turn");
        let second = client.resume("rehearse: text 7").await.expect("a turn");
        assert!(first.thread().is_some() && first.thread() == second.thread());
    }
    bill::check(&world, &account, CREDIT).await;
    for pair in account.charges(6).await.chunks(2) {
        assert_eq!(pair[0].billed_input_tokens, pair[0].input_tokens);
        assert!(pair[1].billed_input_tokens < 1_000, "{pair:#?}");
    }
}

#[tokio::test]
async fn a_cut_stream_is_asked_for_again_and_each_answer_is_paid() {
    let world = World::start().await;
    let account = world.account(CREDIT_USD).await;
    for client in clients(&world, &account) {
        let turn = client.exec("rehearse: once; text 9; cut 8").await.expect("a turn");
        assert!(turn.succeeded && turn.tried_again(), "{turn:?}");
    }
    world.upstream().wait_until_idle().await;
    for pair in account.charges(6).await.chunks(2) {
        assert_eq!((pair[0].output_tokens, pair[0].basis.as_str()), (4, "counted"));
        assert_eq!((pair[1].output_tokens, pair[1].basis.as_str()), (9, "reported"));
    }
}

#[tokio::test]
async fn an_interrupted_turn_costs_what_the_model_produced() {
    let world = World::start().await;
    let account = world.account(CREDIT_USD).await;
    let mut asked = 0;
    for client in clients(&world, &account) {
        let mut terminal = client.terminal().expect("a terminal");
        terminal.wait_for("›").await;
        terminal.paste(&format!("rehearse: text 30; wait door-{asked} 20")).await;
        terminal.press(ENTER);
        terminal.wait_for("esc to interrupt").await;
        let door = format!("door-{asked}");
        asked += asked_at_terminal(&client);
        world.upstream().wait_for(asked).await;
        terminal.press(ESCAPE);
        terminal.wait_for("interrupted").await;
        world.upstream().release(&door);
    }
    let sent = world.upstream().wait_until_idle().await;
    let charges = account.charges(sent.len()).await;
    for record in &sent {
        let charge = charges.iter().find(|charge| charge.response_id == record.response_id);
        assert_eq!(charge.map(|charge| charge.output_tokens), Some(record.output_tokens));
    }
}

/// Calls for the first turn at a terminal. The newest version also asks for a title, in a
/// conversation of its own.
fn asked_at_terminal(client: &Cli) -> usize {
    match client.version() {
        Codex::Pinned => 1,
        Codex::Newest => 2,
    }
}

#[tokio::test]
async fn a_model_that_is_not_served_is_told_in_plain_words_at_the_first_try() {
    let world = World::start().await;
    let account = world.account(CREDIT_USD).await;
    for client in clients(&world, &account) {
        let turn = client.with_model("gpt-0").exec("Say hi").await.expect("a turn");
        let words = "The model `gpt-0` is not served here.";
        assert!(turn.failure().is_some_and(|said| said.starts_with(words)), "{turn:?}");
        assert!(!turn.tried_again(), "{turn:?}");
    }
    assert!(world.upstream().requests().is_empty());
}

#[tokio::test]
async fn an_empty_wallet_is_told_in_plain_words_at_the_first_try() {
    let world = World::start().await;
    let account = world.account("0.00").await;
    for client in clients(&world, &account) {
        let turn = client.exec("Say hi").await.expect("a turn");
        let failure = turn.failure().expect("a failure");
        let words = "Your wallet is empty: it holds $0.00 and this call needs at least $";
        assert!(!turn.succeeded && failure.starts_with(words), "{turn:?}");
        assert!(!turn.tried_again(), "{turn:?}");
    }
    assert!(world.upstream().requests().is_empty());
    assert!(account.charges(0).await.is_empty());
}

#[tokio::test]
async fn a_used_up_hour_is_told_in_plain_words_at_the_first_try() {
    let world = World::start().await;
    let (plan, hour) = (Some("enterprise".to_owned()), Some(1));
    let credit_usd = Some(CREDIT_USD.to_owned());
    let wish = CreateUser { plan, credit_usd, requests_per_hour: hour, ..CreateUser::default() };
    for version in [Codex::Pinned, Codex::Newest] {
        let account = world.open_account(&wish).await;
        let client = Cli::new(version, &world.url(), &account.key).expect("an installation");
        assert!(client.exec("Say hi").await.expect("a turn").succeeded);
        let turn = client.exec("Say hi again").await.expect("a turn");
        let failure = turn.failure().expect("a failure");
        let words = "You have made the 1 requests that your plan allows in any hour.";
        assert!(failure.starts_with(words) && !turn.tried_again(), "{turn:?}");
    }
    assert_eq!(world.upstream().responses().len(), 2);
}

#[tokio::test]
async fn a_person_at_a_terminal_is_answered_and_reads_where_they_stand() {
    let world = World::start().await;
    let account = world.account(CREDIT_USD).await;
    let mut asked = 0;
    for client in clients(&world, &account) {
        let mut terminal = client.terminal().expect("a terminal");
        terminal.wait_for("›").await;
        terminal.paste("rehearse: say forty two").await;
        terminal.press(ENTER);
        terminal.wait_for("• forty two").await;
        asked += asked_at_terminal(&client);
        world.upstream().wait_for(asked).await;
        terminal.paste("/status").await;
        terminal.press(ENTER);
        let screen = terminal.wait_for("Token usage:").await;
        // The newest version knows the wallet too, but shows it only to those who log in.
        let shown = screen.contains("120 credits") && screen.contains("1h limit:");
        assert!(shown || client.version() == Codex::Newest, "{screen}");
        terminal.paste("/quit").await;
        terminal.press(ENTER);
        assert!(terminal.end().await.expect("an end").success());
    }
    bill::check(&world, &account, CREDIT).await;
}

#[tokio::test]
async fn every_version_learns_the_wallet_and_the_hour_from_an_answer() {
    let world = World::start().await;
    let account = world.account(CREDIT_USD).await;
    for client in clients(&world, &account) {
        let limits = client.limits("rehearse: say forty two").await.expect("limits");
        let credits = &limits["credits"];
        assert_eq!((&credits["hasCredits"], &credits["unlimited"]), (&json!(true), &json!(false)));
        // What this very answer will cost is not known when it begins.
        let balance = credits["balance"].as_str().expect("a balance");
        assert!(balance == CREDIT_USD || balance.starts_with("119."), "{limits}");
        assert_eq!(limits["primary"]["windowDurationMins"], 60);
    }
}
