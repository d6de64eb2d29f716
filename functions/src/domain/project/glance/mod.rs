//! A project's newest items as texts, within bounds: what its page shows before its script runs,
//! and to whom no script does. The script writes the same (`project-items.js`).

mod ask;
mod item;

pub use ask::{About, Ask, Decided, Question};
pub use item::{Badge, Body, Change, Line};

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::{Value, value::RawValue};

use super::approval::Approval;

/// Entries of a glance: as many as the script shows at first.
const ENTRIES_MAX: usize = 100;
/// The texts of its items in all; the oldest are left out.
const TEXTS_MAX_BYTES: usize = 200_000;
/// The texts of its questions in all.
const ASKS_MAX_BYTES: usize = 100_000;

/// The newest part of a conversation.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Glance {
    /// Oldest first.
    pub entries: Vec<Entry>,
    /// Whether everything that was asked for is in it, with all of its text.
    pub whole: bool,
}

/// An item with what was asked about it, a turn's end, or a question that is about no item here.
#[derive(Debug, PartialEq, Eq)]
pub struct Entry {
    pub id: String,
    pub body: Body,
    pub asks: Vec<Ask>,
}

/// A turn, as far as it is read.
#[derive(Deserialize)]
struct Turn {
    id: String,
    #[serde(default)]
    status: Value,
    #[serde(default)]
    error: Value,
    #[serde(default)]
    items: Vec<Value>,
}

impl Glance {
    /// Of turns and approvals, both oldest first.
    pub fn of(turns: &[Box<RawValue>], approvals: &[Approval]) -> Self {
        let turns = turns.iter().filter_map(|turn| serde_json::from_str::<Turn>(turn.get()).ok());
        let mut room = Room { left: TEXTS_MAX_BYTES, cut: false };
        let mut entries = newest(turns.collect(), &mut room);
        let mut beside_them = Room { left: ASKS_MAX_BYTES, cut: false };
        let shown: BTreeSet<String> = entries.iter().map(|it| it.id.clone()).collect();
        let is_shown = |it: &Approval| it.item.as_ref().is_some_and(|item| shown.contains(item));
        for approval in approvals.iter().filter(|it| it.is_pending() || is_shown(it)) {
            let beside = entries.iter_mut().find(|it| approval.item.as_deref() == Some(&it.id));
            let ask = Ask::of(approval, beside.is_some(), &mut beside_them);
            match beside {
                Some(entry) => entry.asks.push(ask),
                None => entries.push(Entry {
                    id: approval.ask.to_string(),
                    body: Body::Nothing,
                    asks: vec![ask],
                }),
            }
        }
        Self { entries, whole: !room.cut && !beside_them.cut }
    }

    /// Questions that wait.
    pub fn waiting(&self) -> usize {
        self.entries.iter().flat_map(|it| &it.asks).filter(|ask| ask.is_pending()).count()
    }
}

/// As many entries as there is room for, the newest first given it.
fn newest(turns: Vec<Turn>, room: &mut Room) -> Vec<Entry> {
    let mut entries = Vec::new();
    for turn in turns.into_iter().rev() {
        let items = turn.items.iter().rev().map(|it| (item::id(it), Some(it)));
        let end = std::iter::once((format!("end:{}", turn.id), None));
        for (id, told) in end.chain(items) {
            if entries.len() == ENTRIES_MAX || room.left == 0 {
                room.cut = true;
                break;
            }
            let body = match told {
                Some(told) => item::body(told, room),
                None => match ending(&turn, room) {
                    Some(end) => end,
                    None => continue,
                },
            };
            entries.push(Entry { id, body, asks: Vec::new() });
        }
    }
    entries.reverse();
    entries
}

/// How a turn ended, if there is anything to say about it.
fn ending(turn: &Turn, room: &mut Room) -> Option<Body> {
    let said = turn.error.get("message").and_then(Value::as_str);
    match turn.status.as_str() {
        Some("interrupted") => Some(Body::mark("Interrupted", "warn")),
        Some("failed") => {
            let said = said.map(|text| room.beginning(text));
            Some(Body::mark(said.as_deref().unwrap_or("The turn failed."), "bad"))
        }
        _ => None,
    }
}

/// How much text there is still room for.
#[derive(Debug)]
struct Room {
    left: usize,
    /// Whether anything was left out.
    cut: bool,
}

impl Room {
    /// A text, or its beginning.
    fn beginning(&mut self, text: &str) -> String {
        let (kept, _) = text.split_at(text.floor_char_boundary(self.left));
        self.took(kept, text)
    }

    /// A text, or its end.
    fn end(&mut self, text: &str) -> String {
        let from = text.ceil_char_boundary(text.len().saturating_sub(self.left));
        let (_, kept) = text.split_at(from);
        self.took(kept, text)
    }

    fn took(&mut self, kept: &str, of: &str) -> String {
        self.left -= kept.len();
        if kept.len() < of.len() {
            self.left = 0;
            self.cut = true;
        }
        kept.to_owned()
    }
}

#[cfg(test)]
mod tests;
