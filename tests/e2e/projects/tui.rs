//! The stock terminal interface, `codex --remote`, led by its keys through the edge, while a real
//! browser watches the same thread. What stood on the screen is kept beside the build.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use tests::browser;
use tests::packages::Codex;
use tests::paths;
use tests::terminal::{ENTER, Terminal};

use super::line;
use crate::app_server::seat::{Seat, VERSIONS};
use crate::setup::machine::{Machine, leave};

/// Its last line when it is ready: the model, and the project's directory on the machine.
const READY: &str = " · /";
/// What the interface asks before a file is written, if its person lets nothing be written unasked.
const ASKED: &str = "Would you like to make the following edits?";
const READ_ONLY: &str = "-s read-only -c 'approval_policy=\"on-request\"'";
const PROMPT: &str = "rehearse: patch made-here.txt; say and that was it";

/// A project, and how a person comes to it.
async fn project(seat: &Seat) -> (String, Value) {
    let made = seat.post("/api/v1/projects", json!({ "name": "Landing" })).await;
    let id = made.json()["id"].as_str().expect("an id").to_owned();
    let pass = seat.post(&format!("/api/v1/projects/{id}/terminal"), json!({})).await;
    assert_eq!(pass.status, 201, "{}", pass.text());
    (id, pass.json())
}

/// A person's machine on which the pasted command has come to the project.
async fn come(version: Codex, pass: &Value) -> (Machine, Terminal) {
    let machine = Machine::new(version);
    machine.trust(".codex");
    let command = pass["command"].as_str().expect("a command");
    let terminal = machine.open_until(&format!("{command} {READ_ONLY}"), READY).await;
    (machine, terminal)
}

fn keep(name: &str, screen: &str) {
    let folder = paths::at("target/screenshots");
    fs::create_dir_all(&folder).expect("a folder");
    fs::write(folder.join(format!("{name}.txt")), screen).expect("a file");
}

/// A turn with an approval, as its person and a browser see it.
async fn work(hosted: Codex, client: Codex) {
    let name = format!("remote-{client:?}-at-{hosted:?}").to_lowercase();
    let seat = Seat::with(hosted).await;
    let (project, pass) = project(&seat).await;
    let path = format!("/api/v1/projects/{project}/events/ticket");
    let ticket = seat.post(&path, json!({})).await.json()["ticket"].clone();
    let about = json!({ "project": project, "ticket": ticket });
    let watched = async { browser::run(&seat.world, "watch.mjs", about).await };
    let worked = async {
        let (_machine, mut terminal) = come(client, &pass).await;
        terminal.paste(PROMPT).await;
        terminal.press(ENTER);
        let asked = terminal.wait_for(ASKED).await;
        keep(&format!("{name}-asked"), &asked);
        assert!(asked.contains("made-here.txt"), "{asked}");
        terminal.answer(ASKED, "y").await;
        let done = terminal.wait_for("• and that was it").await;
        keep(&format!("{name}-done"), &done);
        leave(terminal).await;
    };
    let (heard, ()) = futures::join!(watched, worked);
    let named = |name: &str| {
        let heard = heard.as_array().expect("events").iter();
        heard.filter(|it| it["name"] == name).map(|it| it["data"].clone()).collect::<Vec<_>>()
    };
    let asked = named("item/fileChange/requestApproval");
    let ended = named("turn/completed");
    assert_eq!(ended[0]["params"]["turn"]["status"], "completed", "{ended:#?}");
    assert_eq!(asked[0]["threadId"], ended[0]["threadId"], "it is the same thread");
    let decided = named("gantry/approval").pop().expect("a decision");
    assert_eq!(
        (&decided["params"]["state"], &decided["params"]["channel"]),
        (&json!("approved"), &json!("terminal"))
    );
    let state = seat.get(&format!("/api/v1/projects/{project}")).await.json();
    assert_eq!(state["threadId"], ended[0]["threadId"]);
    let cwd = state["thread"]["cwd"].as_str().expect("a directory");
    assert!(Path::new(cwd).join("made-here.txt").is_file(), "{state}");
    seat.check_bill().await;
}

#[tokio::test]
async fn the_oldest_terminal_works_at_the_oldest_process() {
    work(Codex::Pinned, Codex::Pinned).await;
}

#[tokio::test]
async fn the_newest_terminal_works_at_the_newest_process() {
    work(Codex::Newest, Codex::Newest).await;
}

#[tokio::test]
async fn the_newest_terminal_works_at_the_oldest_process() {
    work(Codex::Pinned, Codex::Newest).await;
}

#[tokio::test]
async fn the_oldest_terminal_works_at_the_newest_process() {
    work(Codex::Newest, Codex::Pinned).await;
}

#[tokio::test]
async fn what_is_decided_elsewhere_leaves_the_screen() {
    for version in VERSIONS {
        let seat = Seat::with(version).await;
        let (project, pass) = project(&seat).await;
        let (_machine, mut terminal) = come(version, &pass).await;
        terminal.paste(PROMPT).await;
        terminal.press(ENTER);
        terminal.wait_for(ASKED).await;
        // Another terminal joins the turn and answers.
        let token = pass["token"].as_str().expect("a pass");
        let (mut other, _) = line::open(&seat.world, token, "0.169.0").await;
        let state = seat.get(&format!("/api/v1/projects/{project}")).await.json();
        other.ask("thread/resume", json!({ "threadId": state["threadId"] })).await;
        let asked = other.hear("item/fileChange/requestApproval").await;
        other.say(json!({ "id": asked["id"], "result": { "decision": "accept" } })).await;
        let done = terminal.wait_for("• and that was it").await;
        assert!(!done.contains(ASKED), "{done}");
        leave(terminal).await;
    }
}
