//! What is open in a log of events: the process that runs, its turns, its questions.
//!
//! It follows from the events alone, so a host that starts after a crash finds it out by reading
//! the journal on from the last snapshot, and can close what nobody else will.

use std::borrow::Cow;
use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use schema::rpc::{self, RequestId};
use schema::tunnel::Seq;
use schema::{AskId, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::json;
use serde_json::value::RawValue;

use super::record::Record;

/// Ends of turns that are remembered, for answers that come after them.
const ENDED_MAX: usize = 64;

/// What is open after an event.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Open {
    /// The last event that it follows from.
    pub through: Seq,
    /// The process that runs.
    pub pid: Option<u32>,
    /// Turns that run, and the threads they run in.
    pub turns: BTreeMap<String, String>,
    /// Questions without an answer.
    pub asks: BTreeMap<AskId, Ask>,
    #[serde(skip)]
    ended: VecDeque<String>,
}

/// A question without an answer.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Ask {
    pub seq: Seq,
    pub at: Timestamp,
    /// The name that the process knows it by.
    pub rpc: RequestId,
    pub thread: String,
    /// What it asked. Not kept over a restart of the host, which ends the process that asked.
    #[serde(skip)]
    pub body: Bytes,
}

/// What a message of the process says about itself.
#[derive(Debug, Deserialize)]
pub struct Line<'a> {
    #[serde(borrow, default)]
    pub id: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub method: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub params: Option<&'a RawValue>,
    /// `null` is a result, too.
    #[serde(borrow, default, deserialize_with = "rpc::present")]
    pub result: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub error: Option<&'a RawValue>,
}

/// The few members of params that matter here.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct About {
    #[serde(default)]
    pub thread_id: Option<String>,
    #[serde(default)]
    pub turn_id: Option<String>,
    #[serde(default)]
    pub item_id: Option<String>,
    #[serde(default)]
    pub conversation_id: Option<String>,
    #[serde(default)]
    pub request_id: Option<RequestId>,
    #[serde(default)]
    pub turn: Option<Named>,
    #[serde(default)]
    pub thread: Option<Named>,
    #[serde(default)]
    pub pid: Option<u32>,
}

/// Something with an id.
#[derive(Debug, Deserialize)]
pub struct Named {
    pub id: String,
}

impl About {
    /// Reads params; what is missing or of another type is not said.
    pub fn of(params: Option<&RawValue>) -> Self {
        params.and_then(|params| serde_json::from_str(params.get()).ok()).unwrap_or_default()
    }
}

impl Open {
    /// Follows an event. Most methods change nothing, and are not read any further.
    pub fn observe(&mut self, record: &Record) {
        self.through = record.seq;
        let Ok(line) = serde_json::from_slice::<Line>(&record.body) else { return };
        let Some(method) = line.method.as_deref() else { return };
        if let Some(ask) = record.ask {
            self.ask(ask, record, &line);
            return;
        }
        match method {
            "turn/started" => {
                let about = About::of(line.params);
                if let (Some(turn), Some(thread)) = (about.turn, about.thread_id) {
                    self.begin(&turn.id, &thread);
                }
            }
            "turn/completed" => {
                if let Some(turn) = About::of(line.params).turn {
                    self.end(turn.id);
                }
            }
            "serverRequest/resolved" => self.resolve(&About::of(line.params)),
            "gantry/process/started" => self.pid = About::of(line.params).pid,
            "gantry/process/exited" => self.pid = None,
            _ => {}
        }
    }

    /// A turn runs, as its thread's answer or its first event says; whichever comes first, and
    /// neither after its end. True if that is new.
    pub fn begin(&mut self, turn: &str, thread: &str) -> bool {
        let has_ended = self.ended.iter().any(|ended| ended == turn);
        !has_ended && self.turns.insert(turn.to_owned(), thread.to_owned()).is_none()
    }

    /// The turns that run in a thread: one, or two for the moment in which the end of the first is
    /// on its way.
    pub fn running(&self, thread: &str) -> impl Iterator<Item = &str> {
        self.turns.iter().filter(move |(_, its)| *its == thread).map(|(turn, _)| turn.as_str())
    }

    /// The events that say that everything open has ended with the process.
    pub fn closing(&self, why: &str, now: Timestamp) -> Vec<Bytes> {
        let mut events = Vec::new();
        for (id, ask) in &self.asks {
            events.push(json!({
                "method": "serverRequest/resolved",
                "params": {
                    "threadId": ask.thread, "requestId": ask.rpc, "ask": id, "gantry": "lapsed",
                },
            }));
        }
        for (turn, thread) in &self.turns {
            let error = json!({
                "message": why, "codexErrorInfo": "other", "additionalDetails": null,
            });
            let turn = json!({
                "id": turn, "items": [], "itemsView": "notLoaded", "status": "failed",
                "error": error, "startedAt": null, "completedAt": now.seconds(),
                "durationMs": null,
            });
            let params = json!({ "threadId": thread, "turn": turn, "gantry": "lost" });
            events.push(json!({ "method": "turn/completed", "params": params }));
        }
        events.into_iter().map(|event| event.to_string().into()).collect()
    }

    fn ask(&mut self, ask: AskId, record: &Record, line: &Line) {
        let rpc = line.id.and_then(|id| serde_json::from_str(id.get()).ok());
        let about = About::of(line.params);
        let thread = about.thread_id.or(about.conversation_id).unwrap_or_default();
        let (seq, at, body) = (record.seq, record.at, record.body.clone());
        if let Some(rpc) = rpc {
            self.asks.insert(ask, Ask { seq, at, rpc, thread, body });
        }
    }

    fn end(&mut self, turn: String) {
        self.turns.remove(&turn);
        self.ended.push_back(turn);
        if self.ended.len() > ENDED_MAX {
            self.ended.pop_front();
        }
    }

    fn resolve(&mut self, about: &About) {
        self.asks.retain(|_, ask| Some(&ask.rpc) != about.request_id.as_ref());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    fn observe(open: &mut Open, ask: Option<AskId>, event: Value) {
        let at = Timestamp::from_millis(0);
        let seq = open.through.next();
        open.observe(&Record { seq, at, ask, body: event.to_string().into() });
    }

    fn turn(method: &str, id: &str) -> Value {
        json!({ "method": method, "params": { "threadId": "T", "turn": { "id": id } } })
    }

    #[test]
    fn a_turn_is_open_from_its_start_to_its_end() {
        let mut open = Open::default();
        observe(&mut open, None, turn("turn/started", "U"));
        assert_eq!(open.running("T").next(), Some("U"));
        observe(&mut open, None, turn("turn/completed", "U"));
        assert_eq!(open.running("T").next(), None);
    }

    #[test]
    fn an_answer_that_comes_after_the_end_opens_nothing() {
        let mut open = Open::default();
        observe(&mut open, None, turn("turn/completed", "U"));
        open.begin("U", "T");
        assert_eq!(open.running("T").next(), None);
    }

    #[test]
    fn everything_open_is_closed_in_words_that_the_log_itself_understands() {
        let mut open = Open::default();
        let ask = AskId::from_bits(1);
        observe(&mut open, None, turn("turn/started", "U"));
        let params = json!({ "threadId": "T", "turnId": "U" });
        let question =
            json!({ "id": 0, "method": "item/fileChange/requestApproval", "params": params });
        observe(&mut open, Some(ask), question);
        assert_eq!(open.asks[&ask].rpc, RequestId::Number(0));
        let closing = open.closing("signal: 9", Timestamp::from_millis(5_000));
        assert_eq!(closing.len(), 2);
        for event in closing {
            observe(&mut open, None, serde_json::from_slice(&event).unwrap());
        }
        assert!(open.turns.is_empty() && open.asks.is_empty());
    }

    #[test]
    fn a_snapshot_reads_back() {
        let mut open = Open::default();
        observe(&mut open, None, turn("turn/started", "U"));
        observe(
            &mut open,
            None,
            json!({ "method": "gantry/process/started", "params": { "pid": 7 } }),
        );
        let text = serde_json::to_string(&open).unwrap();
        let again: Open = serde_json::from_str(&text).unwrap();
        assert_eq!(
            (again.through, again.pid, again.running("T").next()),
            (Seq(2), Some(7), Some("U"))
        );
    }
}
