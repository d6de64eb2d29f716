//! `cargo dev`, as a newcomer and as a script use it.

use std::io::{BufRead, BufReader, Read};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use serde_json::Value;
use tests::{build, command};

/// A running `cargo dev`.
struct Dev {
    child: Child,
    ready: Value,
}

impl Dev {
    /// Starts it on a port and a folder, and reads to the end of what it prints to a person.
    fn start(folder: &Path, port: u16) -> Self {
        let ready = folder.join("ready.json");
        let mut child = Command::new(env!("CARGO_BIN_EXE_dev"))
            .env("GANTRY_PORT", port.to_string())
            .env("GANTRY_STATE_DIR", folder.join("state"))
            .env("GANTRY_READY_FILE", &ready)
            .env_remove("GANTRY_UPSTREAM_URL")
            .env_remove("OPENAI_API_KEY")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts");
        let printed = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        let last = printed.map(|line| line.expect("text")).find(|line| line.contains("Ctrl-C"));
        assert!(last.is_some(), "it ended before it was ready");
        let ready = std::fs::read(ready).expect("the ready file");
        Self { child, ready: serde_json::from_slice(&ready).expect("JSON") }
    }

    fn text(&self, name: &str) -> &str {
        self.ready[name].as_str().unwrap_or_else(|| panic!("{name} in {}", self.ready))
    }

    /// A connection that ends when the runtime does.
    fn connect(&self) -> TcpStream {
        let address = self.text("url").trim_start_matches("http://");
        TcpStream::connect(address).expect("it listens")
    }

    fn send(&mut self, signal: &str) {
        let pid = self.child.id().to_string();
        command::run(Command::new("kill").args([signal, &pid])).expect("a signal");
        self.child.wait().expect("an end");
    }
}

impl Drop for Dev {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn the_printed_command_answers_and_an_end_leaves_nothing_behind_but_storage() {
    build::ensure().expect("the Worker builds");
    let folder = tempfile::tempdir().expect("a folder");
    let port = free_port();

    let mut first = Dev::start(folder.path(), port);
    let mut codex = Command::new("sh");
    let answer = command::run(codex.args(["-c", first.text("codex_command")])).expect("an answer");
    assert!(answer.contains("scripted"), "{answer}");
    let mut curl = Command::new("sh");
    let events = command::run(curl.args(["-c", first.text("turn_command")])).expect("events");
    assert!(events.contains("event: item/agentMessage/delta"), "{events}");
    assert!(events.contains("\"type\":\"commandExecution\""), "{events}");
    assert!(events.contains("event: turn/completed"), "{events}");
    assert!(listens(first.text("stripe_url")), "nobody is there to pay");
    let mut connection = first.connect();
    first.send("-TERM");
    await_end(&mut connection);
    assert!(!folder.path().join("ready.json").exists());

    let mut second = Dev::start(folder.path(), port);
    assert_eq!(second.text("key"), first.text("key"));
    assert_eq!(second.text("admin_token"), first.text("admin_token"));
    let mut connection = second.connect();
    second.send("-KILL");
    await_end(&mut connection);
}

#[test]
fn what_is_built_is_not_built_again() {
    build::ensure().expect("the Worker builds");
    let again = build::ensure().expect("the Worker is there");
    assert!(!again, "every start would build");
}

#[test]
fn a_taken_port_is_told_before_anything_is_built() {
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let port = taken.local_addr().expect("an address").port().to_string();
    let folder = tempfile::tempdir().expect("a folder");
    let mut dev = Command::new(env!("CARGO_BIN_EXE_dev"));
    dev.env("GANTRY_PORT", &port).env("GANTRY_STATE_DIR", folder.path());
    let error = command::run(&mut dev).expect_err("it must not start").to_string();
    assert!(error.contains(&format!("port {port} is taken")), "{error}");
}

/// Whether somebody listens there within half a minute: the stand-in for Stripe starts last.
fn listens(url: &str) -> bool {
    let address = url.trim_start_matches("http://");
    (0..600).any(|_| {
        let listens = TcpStream::connect(address).is_ok();
        if !listens {
            sleep(Duration::from_millis(50));
        }
        listens
    })
}

fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    listener.local_addr().expect("an address").port()
}

/// Reads until the other side is gone, whether it closed or was cut off.
fn await_end(connection: &mut TcpStream) {
    let _ = connection.read_to_end(&mut Vec::new());
}
