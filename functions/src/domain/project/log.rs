//! A project's log: every event of its threads and of itself, numbered without gaps from 1. What
//! came in many pieces at once is kept as one.

use schema::{Timestamp, tunnel::Seq};
use serde::Deserialize;
use serde_json::{Value, value::RawValue};

use super::feed::Event;

/// The largest piece that pieces grow together to.
const TOGETHER_MAX_BYTES: usize = 64 * 1024;

/// A line of the log.
#[derive(Debug, Clone)]
pub struct Entry {
    pub seq: u64,
    pub at: Timestamp,
    pub method: String,
    pub thread: Option<String>,
    pub turn: Option<String>,
    pub item: Option<String>,
    /// The question, if it is one.
    pub ask: Option<schema::AskId>,
    pub request: Option<String>,
    pub params: Box<RawValue>,
}

/// What is read of an event's parameters.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct About {
    pub item_id: Option<String>,
    pub item: Option<Named>,
    pub turn: Option<Named>,
    pub thread: Option<Named>,
    pub request_id: Option<schema::rpc::RequestId>,
    /// What our own host says of an event that it made.
    pub gantry: Option<String>,
    pub ask: Option<schema::AskId>,
}

/// Something with an id.
#[derive(Debug, Default, Deserialize)]
pub struct Named {
    #[serde(default)]
    pub id: String,
}

impl About {
    /// Reads parameters; what is missing or of another type is not said.
    pub fn of(params: &RawValue) -> Self {
        serde_json::from_str(params.get()).unwrap_or_default()
    }

    /// The item that it concerns.
    pub fn item(self) -> Option<String> {
        self.item_id.or(self.item.map(|item| item.id))
    }
}

/// Whether an event is a piece of an item that is told as a whole at its end. Only pieces are ever
/// put together, or forgotten before their time.
pub fn is_piece(method: &str) -> bool {
    let tail = method.rsplit('/').next().unwrap_or_default();
    let ends = ["delta", "Delta", "progress", "partAdded", "PartAdded"];
    method.starts_with("item/") && ends.iter().any(|end| tail.ends_with(end))
}

/// Puts pieces of the same item together where they follow each other, as one event with all of
/// their text and the number of the last.
pub fn together(events: Vec<Event>) -> Vec<Event> {
    let mut merged: Vec<Event> = Vec::with_capacity(events.len());
    for event in events {
        if let Some(last) = merged.last_mut()
            && let Some(params) = joined(last, &event)
        {
            last.params = params;
            last.seq = event.seq;
            continue;
        }
        merged.push(event);
    }
    merged
}

fn joined(first: &Event, second: &Event) -> Option<Box<RawValue>> {
    let same = first.method == second.method && first.thread == second.thread;
    let fits = first.params.get().len() + second.params.get().len() < TOGETHER_MAX_BYTES;
    if !same || !fits || !is_piece(&first.method) {
        return None;
    }
    let mut one: Value = serde_json::from_str(first.params.get()).ok()?;
    let mut two: Value = serde_json::from_str(second.params.get()).ok()?;
    let head = one.get("delta")?.as_str()?.to_owned();
    let tail = two.get("delta")?.as_str()?.to_owned();
    // Everything else has to be the same: the item, and the part of it.
    *one.get_mut("delta")? = Value::Null;
    *two.get_mut("delta")? = Value::Null;
    for it in [&mut one, &mut two] {
        // 0.169 says of each notification when it was sent.
        it.as_object_mut()?.remove("emittedAtMs");
    }
    if one != two {
        return None;
    }
    *one.get_mut("delta")? = Value::from(head + &tail);
    serde_json::value::to_raw_value(&one).ok()
}

impl Entry {
    /// An event of codex, as the project's log has it.
    pub fn of(event: Event, seq: u64) -> Self {
        let Event { at, method, turn, thread, ask, request, params, .. } = event;
        let item = About::of(&params).item();
        Self { seq, at, method, thread, turn, item, ask, request, params }
    }
}

/// The watermark of a feed that has not been heard of.
pub const BEGINNING: Seq = Seq(0);

#[cfg(test)]
mod tests {
    use serde_json::{json, value::to_raw_value};

    use super::*;

    fn event(seq: u64, method: &str, params: &Value) -> Event {
        Event {
            seq: Seq(seq),
            at: Timestamp::from_millis(0),
            method: method.to_owned(),
            turn: Some("U".to_owned()),
            thread: Some("T".to_owned()),
            ask: None,
            request: None,
            params: to_raw_value(params).unwrap(),
            resolves: None,
            answer: None,
        }
    }

    fn delta(seq: u64, item: &str, text: &str) -> Event {
        let params = json!({ "threadId": "T", "turnId": "U", "itemId": item, "delta": text });
        event(seq, "item/agentMessage/delta", &params)
    }

    fn texts(events: Vec<Event>) -> Vec<(u64, String)> {
        let text = |event: Event| {
            let params: Value = serde_json::from_str(event.params.get()).unwrap();
            (event.seq.0, params["delta"].as_str().unwrap_or("-").to_owned())
        };
        together(events).into_iter().map(text).collect()
    }

    #[test]
    fn pieces_that_follow_each_other_become_one_and_nothing_else_does() {
        let events = vec![
            delta(1, "a", "Hel"),
            delta(2, "a", "lo"),
            event(3, "item/completed", &json!({ "item": { "id": "a" } })),
            event(4, "item/completed", &json!({ "item": { "id": "a" } })),
            delta(5, "b", "x"),
            delta(6, "c", "y"),
        ];
        let expected = [(2, "Hello"), (3, "-"), (4, "-"), (5, "x"), (6, "y")];
        assert_eq!(texts(events), expected.map(|(seq, text)| (seq, text.to_owned())));
    }

    #[test]
    fn pieces_grow_together_to_a_bound() {
        let text = "x".repeat(TOGETHER_MAX_BYTES / 3);
        let events = (1..=6).map(|n| delta(n, "a", &text)).collect();
        let all = texts(events);
        assert!(all.len() > 1 && all.len() < 6, "{}", all.len());
        assert_eq!(all.iter().map(|(_, text)| text.len()).sum::<usize>(), text.len() * 6);
    }

    #[test]
    fn only_pieces_are_pieces() {
        for piece in [
            "item/agentMessage/delta",
            "item/commandExecution/outputDelta",
            "item/reasoning/summaryTextDelta",
            "item/reasoning/summaryPartAdded",
        ] {
            assert!(is_piece(piece), "{piece}");
        }
        for whole in
            ["item/completed", "turn/completed", "item/fileChange/requestApproval", "turn/delta"]
        {
            assert!(!is_piece(whole), "{whole}");
        }
    }
}
