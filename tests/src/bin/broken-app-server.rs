//! An app-server for what the true one will not do on demand: floods, garbage, silence, death.
//!
//! It speaks as much of the protocol as its host needs, and plays what the text of a turn asks for:
//!
//! | text | plays |
//! |---|---|
//! | `flood N BYTES` | N deltas of that many bytes, as fast as they are taken |
//! | `pace RATE N BYTES` | N deltas, RATE of them a second |
//! | `ask N` | N approvals, one after the other, each when the one before is answered |
//! | `garbage` | lines that are no JSON, and bytes that are no text |
//! | `hang` | takes everything from now on and says nothing, the answer to this turn included |
//! | `die` | ends with status 7 in the middle of a line |
//! | `linger` | a turn that goes on until it is interrupted |
//!
//! Deltas and questions carry `atMicros`, the time at which they were written. Started as
//! `broken-app-server --version` or `… app-server generate-json-schema` it answers as the true
//! program does.

use std::fs;
use std::io::{self, BufRead, Write};
use std::path::PathBuf;
use std::process::exit;
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

const STATUS_OF_DEATH: i32 = 7;

fn main() -> io::Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let has = |word: &str| args.iter().any(|arg| arg == word);
    if has("--version") {
        println!("codex-cli 0.0.0");
    } else if has("generate-json-schema") {
        let out = args.iter().skip_while(|arg| *arg != "--out").nth(1);
        schema(&PathBuf::from(out.map_or(".", String::as_str)))?;
    } else {
        Server::default().run()?;
    }
    Ok(())
}

/// The one file that names methods.
fn schema(out: &std::path::Path) -> io::Result<()> {
    fs::create_dir_all(out)?;
    let methods = ["initialize", "thread/start", "thread/resume", "turn/start", "turn/interrupt"];
    let variant = |name: &&str| json!({ "properties": { "method": { "enum": [name] } } });
    let requests = json!({ "oneOf": methods.iter().map(variant).collect::<Vec<_>>() });
    fs::write(out.join("ClientRequest.json"), requests.to_string())
}

#[derive(Default)]
struct Server {
    /// Threads and turns are numbered.
    threads: u64,
    turns: u64,
    /// The running turn: its thread, its id, and the questions that it has still to ask.
    running: Option<(String, String, u64)>,
    asked: i64,
    silent: bool,
}

impl Server {
    fn run(mut self) -> io::Result<()> {
        for line in io::stdin().lock().lines() {
            let Ok(message) = serde_json::from_str::<Value>(&line?) else { continue };
            if self.silent {
                continue;
            }
            match (message["method"].as_str(), &message["id"]) {
                (Some(method), id) if !id.is_null() => self.answer(method, &message)?,
                (Some(_), _) => {}
                (None, _) => self.ask_next()?,
            }
        }
        Ok(())
    }

    fn answer(&mut self, method: &str, message: &Value) -> io::Result<()> {
        let (id, params) = (&message["id"], &message["params"]);
        let result = match method {
            "initialize" => json!({
                "userAgent": "host/0.0.0 (broken)", "codexHome": "/", "platformFamily": "unix",
                "platformOs": "linux",
            }),
            "thread/start" | "thread/resume" => {
                let thread = self.thread(params);
                json!({ "thread": { "id": thread, "turns": [] }, "model": "none", "cwd": "/" })
            }
            "turn/start" => return self.turn(id, params),
            "turn/interrupt" => {
                say(&json!({ "id": id, "result": {} }))?;
                return self.complete("interrupted");
            }
            _ => json!({ "data": [], "nextCursor": null }),
        };
        say(&json!({ "id": id, "result": result }))
    }

    fn thread(&mut self, params: &Value) -> String {
        if let Some(known) = params["threadId"].as_str() {
            return known.to_owned();
        }
        self.threads += 1;
        format!("00000000-0000-7000-8000-{:012}", self.threads)
    }

    fn turn(&mut self, id: &Value, params: &Value) -> io::Result<()> {
        let text = params["input"][0]["text"].as_str().unwrap_or_default();
        let words: Vec<&str> = text.split_whitespace().collect();
        let number = |at: usize| words.get(at).and_then(|word| word.parse().ok()).unwrap_or(1_u64);
        if words.first() == Some(&"hang") {
            self.silent = true;
            return Ok(());
        }
        self.turns += 1;
        let turn = format!("11111111-0000-7000-8000-{:012}", self.turns);
        let thread = params["threadId"].as_str().unwrap_or_default().to_owned();
        let shown = json!({ "id": turn, "items": [], "status": "inProgress", "error": null });
        say(&json!({ "id": id, "result": { "turn": shown } }))?;
        let started = json!({ "threadId": thread, "turn": shown });
        say(&json!({ "method": "turn/started", "params": started }))?;
        self.running = Some((thread, turn, 0));
        match words.first().copied() {
            Some("flood") => self.deltas(number(1), number(2), Duration::ZERO)?,
            Some("pace") => {
                let pause = Duration::from_secs(1) / u32::try_from(number(1)).unwrap_or(1).max(1);
                self.deltas(number(2), number(3), pause)?;
            }
            Some("ask") => {
                if let Some((_, _, left)) = &mut self.running {
                    *left = number(1);
                }
                return self.ask_next();
            }
            Some("garbage") => write(b"this is no JSON\n{\"half\": \n\xff\xfe\x00\n[1,2]\n")?,
            Some("die") => {
                write(b"{\"method\":\"item/agentMessage/delta\",\"params\":{\"delta\":\"cut he")?;
                exit(STATUS_OF_DEATH);
            }
            Some("linger") => return Ok(()),
            _ => self.deltas(1, 5, Duration::ZERO)?,
        }
        self.complete("completed")
    }

    /// Deltas on a timetable, so that the rate holds however long a write takes.
    fn deltas(&self, count: u64, bytes: u64, pause: Duration) -> io::Result<()> {
        let Some((thread, turn, _)) = &self.running else { return Ok(()) };
        let delta = "x".repeat(usize::try_from(bytes).unwrap_or_default());
        let mut due = Instant::now();
        for n in 1..=count {
            due += pause;
            sleep(due.saturating_duration_since(Instant::now()));
            let params = json!({
                "threadId": thread, "turnId": turn, "itemId": "msg", "n": n, "delta": delta,
                "atMicros": micros(),
            });
            say(&json!({ "method": "item/agentMessage/delta", "params": params }))?;
        }
        Ok(())
    }

    /// The next question of the running turn, or its end.
    fn ask_next(&mut self) -> io::Result<()> {
        let Some((thread, turn, left)) = &mut self.running else { return Ok(()) };
        if *left == 0 {
            return self.complete("completed");
        }
        *left -= 1;
        let id = self.asked;
        self.asked += 1;
        let params = json!({
            "threadId": thread, "turnId": turn, "itemId": format!("call_{id}"),
            "command": "true", "cwd": "/", "atMicros": micros(),
        });
        let method = "item/commandExecution/requestApproval";
        say(&json!({ "method": method, "id": id, "params": params }))
    }

    fn complete(&mut self, status: &str) -> io::Result<()> {
        let Some((thread, turn, _)) = self.running.take() else { return Ok(()) };
        let turn = json!({ "id": turn, "items": [], "status": status, "error": null });
        let params = json!({ "threadId": thread, "turn": turn });
        say(&json!({ "method": "turn/completed", "params": params }))
    }
}

fn say(message: &Value) -> io::Result<()> {
    write(format!("{message}\n").as_bytes())
}

fn write(bytes: &[u8]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(bytes)?;
    out.flush()
}

fn micros() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or_default()
}
