//! Commands for POSIX shells, each pasted as it is into one, with the oldest CLI that is promised
//! to work and the newest; what they ask for is paid from the wallet.

use std::fs;

use schema::MicroUsd;
use serde_json::Value;
use tests::packages::Codex;

use super::machine::{Machine, ask, leave};
use super::{nasty, own};
use crate::bill;
use crate::desk::Desk;

const CREDIT: MicroUsd = MicroUsd::from_cents(2_500);
const VERSIONS: [Codex; 2] = [Codex::Pinned, Codex::Newest];

async fn open() -> Desk {
    Desk::of(nasty(), "25.00").await
}

/// What was asked for after the first so many requests came from these settings. The newest version
/// also asks for a title, for which it offers no search.
fn check_requests(desk: &Desk, from: usize) {
    let asked = desk.world.upstream().responses();
    let search = |body: &Value| {
        let mut tools = body["tools"].as_array().into_iter().flatten();
        tools.find(|tool| tool["type"] == "web_search").cloned()
    };
    let searching = asked[from..].iter().find_map(|it| Some((&it.body, search(&it.body)?)));
    let (body, search) = searching.expect("a request that may search");
    assert_eq!(search["external_web_access"], true, "the search is live");
    assert_eq!(body["model"], "gpt-5.5");
    assert_eq!(body["reasoning"]["effort"], "medium");
}

#[tokio::test]
async fn the_smoke_tests_are_answered_and_paid() {
    let desk = open().await;
    let shown = own(&desk).await;
    for version in VERSIONS {
        let machine = Machine::new(version);
        for command in
            [&shown.exec_smoke_test_command, &shown.logged_in_override_exec_smoke_test_command]
        {
            let before = desk.world.upstream().responses().len();
            assert!(!machine.answer(command).await.trim().is_empty());
            let asked = desk.world.upstream().responses();
            assert_eq!(asked.len(), before + 1);
            let prompt = format!("Say hello from {}.", super::BRAND);
            let said = asked[before].body["input"].as_array().and_then(|input| input.last());
            assert_eq!(said.expect("a prompt")["content"][0]["text"], prompt);
            check_requests(&desk, before);
        }
        let apart = machine.at("home/.rock-run-codex");
        assert!(apart.join("sessions").is_dir(), "the second kept to a folder of its own");
    }
    bill::check(&desk.world, &desk.account, CREDIT).await;
}

#[tokio::test]
async fn a_login_elsewhere_does_not_come_between() {
    let desk = open().await;
    let shown = own(&desk).await;
    for version in VERSIONS {
        let machine = Machine::new(version);
        let theirs = machine.at("home/.codex");
        fs::create_dir(&theirs).expect("a folder");
        let login = r#"{ "OPENAI_API_KEY": "sk-somebody-elses" }"#;
        fs::write(theirs.join("auth.json"), login).expect("a file");
        for command in
            [&shown.exec_smoke_test_command, &shown.logged_in_override_exec_smoke_test_command]
        {
            machine.answer(command).await;
        }
        assert_eq!(fs::read_to_string(theirs.join("auth.json")).expect("their file"), login);
    }
    bill::check(&desk.world, &desk.account, CREDIT).await;
}

#[tokio::test]
async fn a_person_starts_talks_leaves_and_goes_on_where_they_were() {
    let desk = open().await;
    let shown = own(&desk).await;
    for version in VERSIONS {
        let machine = Machine::new(version);
        machine.trust(".codex");
        machine.trust(".rock-run-codex");
        let before = desk.world.upstream().responses().len();
        let mut terminal = machine.open(&shown.start_command).await;
        ask(&mut terminal, "forty two").await;
        check_requests(&desk, before);
        leave(terminal).await;
        let mut terminal = machine.open(&shown.logged_in_override_command).await;
        ask(&mut terminal, "forty three").await;
        leave(terminal).await;
        let mut terminal = machine.open(&shown.resume_last_command).await;
        terminal.wait_for("• forty three").await;
        let before = desk.world.upstream().responses().len();
        ask(&mut terminal, "forty four").await;
        check_requests(&desk, before);
        leave(terminal).await;
    }
    bill::check(&desk.world, &desk.account, CREDIT).await;
}

#[tokio::test]
async fn the_file_says_what_the_arguments_say() {
    let desk = open().await;
    let shown = own(&desk).await;
    for (version, mark) in VERSIONS.into_iter().zip(["", "\u{feff}"]) {
        let machine = Machine::new(version);
        let home = machine.at("home/apart");
        fs::create_dir(&home).expect("a folder");
        // Windows PowerShell begins a file with a byte order mark.
        for mark in [mark, "\u{feff}"] {
            let file = format!("{mark}{}", shown.config_toml);
            fs::write(home.join("config.toml"), file).expect("a file");
            let key = &desk.account.key;
            let run = "codex exec --skip-git-repo-check 'Say hi'";
            let command = format!("CODEX_HOME=\"$HOME/apart\" ROCK_CODEX_API_KEY={key} {run}");
            let before = desk.world.upstream().responses().len();
            machine.answer(&command).await;
            check_requests(&desk, before);
        }
    }
    bill::check(&desk.world, &desk.account, CREDIT).await;
}

#[tokio::test]
async fn the_package_is_installed_under_the_name_that_it_has() {
    let desk = open().await;
    let shown = own(&desk).await;
    let machine = Machine::new(Codex::Pinned);
    // What npm would be told, without a registry.
    let npm = format!("npm() {{ printf '%s\\n' \"$@\"; }}; {}", shown.official_install_command);
    let told = String::from_utf8(machine.run(&npm).await.stdout).expect("text");
    assert_eq!(told, "install\n-g\n@openai/codex@latest\n");
}
