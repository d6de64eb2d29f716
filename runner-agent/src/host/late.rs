//! Ends of items that come after the end of their turn, put before it; independent of the process.
//!
//! Codex tells the end of a quick command some 20 to 60 ms after the end of its turn (0.130 nearly
//! always), and never tells the end of one that is interrupted (no version does). Whoever reads a
//! turn to its end would miss what it printed, or see it run for ever. So the end of a turn with
//! items in progress is held back, and with it all that its thread says next, until the items have
//! ended or [`HOLD`] is over. Then the items of a turn that did not complete are closed here. A
//! command of a turn that did complete may go on after it, and says so itself when it ends.
//!
//! What is held is in memory only. If host and process die in these moments, the next host finds
//! the turn open in its journal and says that it was lost, as of any other that ran.

use std::borrow::Cow;

use bytes::Bytes;
use schema::{AskId, Timestamp};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};
use tokio::time::{Duration, Instant};

use super::open::Line;

/// How long the end of a turn waits for its items: several times of what was measured.
const HOLD: Duration = Duration::from_millis(300);
/// Of one thread so many events are held; beyond it all are let go.
const HELD_MAX_EVENTS: usize = 1_024;
/// So many items are waited for, none larger than this; others end as codex tells it.
const ITEMS_MAX: usize = 64;
const ITEM_MAX_BYTES: usize = 256 * 1024;
/// Of what a command prints so much is remembered, for an end that does not tell it.
const OUTPUT_MAX_BYTES: usize = 64 * 1024;

/// Once items are in progress, these matter.
const MATTERS: [&str; 4] = [
    "item/completed",
    "item/commandExecution/outputDelta",
    "thread/status/changed",
    "turn/completed",
];

/// What the process said, as it will be written down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    pub ask: Option<AskId>,
    pub body: Bytes,
    /// Whether it changes what is open.
    pub matters: bool,
}

/// A moment, on both clocks.
#[derive(Debug, Clone, Copy)]
pub struct Now {
    pub instant: Instant,
    pub time: Timestamp,
}

/// Items in progress, and what waits for their ends.
#[derive(Debug, Default)]
pub struct Late {
    items: Vec<Item>,
    holds: Vec<Hold>,
}

/// An item in progress.
#[derive(Debug)]
struct Item {
    thread: String,
    turn: String,
    id: String,
    /// The item as it was told when it started.
    started: Map<String, Value>,
    output: String,
}

/// What a thread has said since its turn ended.
#[derive(Debug)]
struct Hold {
    thread: String,
    until: Instant,
    events: Vec<Event>,
    ends: Vec<End>,
}

/// The end of a turn.
#[derive(Debug, Deserialize)]
struct End {
    id: String,
    #[serde(default)]
    status: String,
}

/// The members of params that matter here.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct About<'a> {
    #[serde(borrow, default)]
    thread_id: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    turn_id: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    item_id: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    delta: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    item: Option<&'a RawValue>,
    #[serde(borrow, default)]
    status: Option<&'a RawValue>,
    #[serde(borrow, default)]
    turn: Option<&'a RawValue>,
}

impl Late {
    /// Whether an event has to [`pass`](Self::pass) here. Most do not, and are read no further.
    pub fn concerns(&self, method: &str) -> bool {
        let is_tracked = !self.items.is_empty() && MATTERS.contains(&method);
        is_tracked || !self.holds.is_empty() || method == "item/started"
    }

    /// Takes an event, and gives what is to be written down now.
    pub fn pass(&mut self, event: Event, line: &Line, now: Now) -> Vec<Event> {
        let mut out = Vec::new();
        self.take(event, line, now, &mut out);
        out
    }

    /// Whether a turn has ended, although its end is not written down yet.
    pub fn has_ended(&self, turn: &str) -> bool {
        self.holds.iter().flat_map(|hold| &hold.ends).any(|end| end.id == turn)
    }

    /// When something has been held for long enough.
    pub fn deadline(&self) -> Option<Instant> {
        self.holds.iter().map(|hold| hold.until).min()
    }

    /// Lets go what has been held for long enough.
    pub fn due(&mut self, now: Now) -> Vec<Event> {
        let mut out = Vec::new();
        while let Some(place) = self.holds.iter().position(|hold| hold.until <= now.instant) {
            self.release(place, now, &mut out);
        }
        out
    }

    /// The process has ended, and with it all of its items.
    pub fn end(&mut self, now: Now) -> Vec<Event> {
        let mut out = Vec::new();
        while !self.holds.is_empty() {
            self.release(0, now, &mut out);
        }
        out.extend(self.items.drain(..).map(|item| item.close(now.time)));
        out
    }

    fn take(&mut self, event: Event, line: &Line, now: Now, out: &mut Vec<Event>) {
        let method = line.method.as_deref().unwrap_or_default();
        let about = About::of(line.params);
        let Some(thread) = about.thread_id.as_deref() else { return out.push(event) };
        let held = self.holds.iter().position(|hold| hold.thread == thread);
        if let Some(place) = held
            && !self.overtakes(place, method, &about)
        {
            return self.hold(place, (event, about.end(method)), now, out);
        }
        match method {
            "item/started" => self.started(&about),
            "item/commandExecution/outputDelta" => self.printed(&about),
            "item/completed" => {
                out.push(self.completed(event, &about));
                if let Some(place) = held.filter(|_| !self.waits(thread)) {
                    self.release(place, now, out);
                }
                return;
            }
            _ if about.ends(method) && self.waits(thread) => {
                let (until, ends) = (now.instant + HOLD, Vec::from_iter(about.end(method)));
                let (thread, events) = (thread.to_owned(), vec![event]);
                return self.holds.push(Hold { thread, until, events, ends });
            }
            _ => {}
        }
        out.push(event);
    }

    /// Whether an event comes before the end that is held: as a part of that turn, or because it
    /// takes back a question of that turn.
    fn overtakes(&self, place: usize, method: &str, about: &About) -> bool {
        let Some(hold) = self.holds.get(place) else { return true };
        let is_of_it = |item: &Item| {
            item.thread == hold.thread && Some(item.turn.as_str()) == about.turn_id.as_deref()
        };
        match method {
            "serverRequest/resolved" => hold.events.iter().all(|event| event.ask.is_none()),
            _ => method.starts_with("item/") && self.items.iter().any(is_of_it),
        }
    }

    fn hold(&mut self, at: usize, said: (Event, Option<End>), now: Now, out: &mut Vec<Event>) {
        let Some(hold) = self.holds.get_mut(at) else { return };
        hold.events.push(said.0);
        hold.ends.extend(said.1);
        if hold.events.len() > HELD_MAX_EVENTS {
            self.release(at, now, out);
        }
    }

    fn waits(&self, thread: &str) -> bool {
        self.items.iter().any(|item| item.thread == thread)
    }

    /// Only what says that it is in progress will say that it no longer is.
    fn started(&mut self, about: &About) {
        let size = about.item.map_or(0, |item| item.get().len());
        if self.items.len() < ITEMS_MAX
            && size <= ITEM_MAX_BYTES
            && let Some(item) = Item::of(about)
        {
            self.items.push(item);
        }
    }

    fn printed(&mut self, about: &About) {
        let id = about.item_id.as_deref();
        let item = self.items.iter_mut().find(|item| Some(item.id.as_str()) == id);
        if let (Some(item), Some(delta)) = (item, about.delta.as_deref())
            && item.output.len() + delta.len() <= OUTPUT_MAX_BYTES
        {
            item.output += delta;
        }
    }

    /// An item has ended. An end that does not tell what was printed is told it.
    fn completed(&mut self, event: Event, about: &About) -> Event {
        let ended = about.item.and_then(|item| serde_json::from_str::<Value>(item.get()).ok());
        let id = ended.as_ref().and_then(|ended| ended.get("id"));
        let Some(place) = self.items.iter().position(|item| id == Some(&json!(item.id))) else {
            return event;
        };
        let item = self.items.swap_remove(place);
        let untold = ended.as_ref().and_then(|ended| ended.get("aggregatedOutput"));
        if item.output.is_empty() || untold.is_none_or(|output| !output.is_null()) {
            return event;
        }
        let Ok(mut told) = serde_json::from_slice::<Value>(&event.body) else { return event };
        if let Some(output) = told.pointer_mut("/params/item/aggregatedOutput") {
            *output = json!(item.output);
        }
        Event { body: told.to_string().into(), ..event }
    }

    /// Lets go what is held of a thread. What came after the first of it passes here again, for a
    /// next turn may have begun and even ended.
    fn release(&mut self, place: usize, now: Now, out: &mut Vec<Event>) {
        let Hold { events, ends, .. } = self.holds.swap_remove(place);
        for end in ends {
            let of_it = self.items.extract_if(.., |item| item.turn == end.id);
            if end.status == "completed" {
                of_it.for_each(drop);
            } else {
                out.extend(of_it.map(|item| item.close(now.time)));
            }
        }
        let mut events = events.into_iter();
        out.extend(events.next());
        for event in events {
            let body = event.body.clone();
            match serde_json::from_slice::<Line>(&body) {
                Ok(line) => self.take(event, &line, now, out),
                Err(_) => out.push(event),
            }
        }
    }
}

impl Item {
    fn of(about: &About) -> Option<Self> {
        let started: Map<String, Value> = serde_json::from_str(about.item?.get()).ok()?;
        if started.get("status")? != "inProgress" {
            return None;
        }
        Some(Self {
            thread: about.thread_id.as_deref()?.to_owned(),
            turn: about.turn_id.as_deref()?.to_owned(),
            id: started.get("id")?.as_str()?.to_owned(),
            started,
            output: String::new(),
        })
    }

    /// The end that codex does not tell. Of the states that every kind of item has, in every
    /// version, `failed` is the one that says that it came to nothing.
    fn close(self, now: Timestamp) -> Event {
        let Self { thread, turn, started: mut item, output, .. } = self;
        item.insert("status".to_owned(), json!("failed"));
        if !output.is_empty() {
            item.insert("aggregatedOutput".to_owned(), json!(output));
        }
        let params = json!({
            "threadId": thread, "turnId": turn, "item": item, "completedAtMs": now.millis(),
            "gantry": "closed",
        });
        let event = json!({ "method": "item/completed", "params": params });
        Event { ask: None, body: event.to_string().into(), matters: false }
    }
}

impl<'a> About<'a> {
    fn of(params: Option<&'a RawValue>) -> Self {
        params.and_then(|params| serde_json::from_str(params.get()).ok()).unwrap_or_default()
    }

    /// Whether a thread no longer works on its turn. The first to say it is its status.
    fn ends(&self, method: &str) -> bool {
        let status = self.status.filter(|_| method == "thread/status/changed");
        let status = status.and_then(|status| serde_json::from_str::<Value>(status.get()).ok());
        let is_idle = |status: Value| status.get("type").is_some_and(|kind| kind != "active");
        method == "turn/completed" || status.is_some_and(is_idle)
    }

    fn end(&self, method: &str) -> Option<End> {
        let turn = self.turn.filter(|_| method == "turn/completed")?;
        serde_json::from_str(turn.get()).ok()
    }
}

#[cfg(test)]
mod tests;
