//! A part of a test that is a script: what happens in it comes out, a JSON object to a line, and
//! what it is told goes in the same way. It ends with its input.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Mutex;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::watch;
use tokio::time::timeout;

use crate::{packages, paths};

/// Nothing that a test waits for takes longer; what does is a failure, not a hang.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running script.
#[derive(Debug)]
pub struct Part {
    name: String,
    child: Child,
    input: Mutex<ChildStdin>,
    events: watch::Receiver<Vec<Value>>,
}

impl Part {
    /// Starts a script of `tests/` with these arguments.
    pub fn start(script: &str, arguments: &[&str]) -> Self {
        let mut command = Command::new(packages::node());
        command.arg(paths::at("tests").join(script)).args(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("node starts");
        let input = Mutex::new(child.stdin.take().expect("an input"));
        let output = BufReader::new(child.stdout.take().expect("an output"));
        let (tell, events) = watch::channel(Vec::new());
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                let event = serde_json::from_str(&line).expect("a JSON object to a line");
                tell.send_modify(|events: &mut Vec<Value>| events.push(event));
            }
        });
        Self { name: script.to_owned(), child, input, events }
    }

    /// Tells it something.
    pub fn tell(&self, value: &Value) {
        let mut input = self.input.lock().expect("no panic");
        writeln!(input, "{value}").and_then(|()| input.flush()).expect("the script listens");
    }

    /// What happened so far, by the name of its only member.
    pub fn events(&self, name: &str) -> Vec<Value> {
        self.events.borrow().iter().filter_map(|event| event.get(name).cloned()).collect()
    }

    /// Waits until something was told of what happened.
    pub async fn until<T>(&self, what: &str, mut found: impl FnMut(&[Value]) -> Option<T>) -> T {
        let mut events = self.events.clone();
        let wait = async {
            loop {
                if let Some(value) = found(&events.borrow_and_update()) {
                    return value;
                }
                events.changed().await.unwrap_or_else(|_| panic!("{} has ended", self.name));
            }
        };
        match timeout(PATIENCE, wait).await {
            Ok(value) => value,
            Err(_) => panic!("{}: no {what} in {:#?}", self.name, self.events.borrow()),
        }
    }

    /// Waits for the first event with this member.
    pub async fn first(&self, name: &str) -> Value {
        self.until(name, |events| events.iter().find_map(|event| event.get(name).cloned())).await
    }

    /// Waits until so many events with this member were there.
    pub async fn count(&self, name: &str, count: usize) -> Vec<Value> {
        let named = |events: &[Value]| -> Vec<Value> {
            events.iter().filter_map(|event| event.get(name).cloned()).collect()
        };
        self.until(name, |events| Some(named(events)).filter(|it| it.len() >= count)).await
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
