//! Who watches an account's events and is cut off too: it comes back by the id it saw last.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::Value;
use tokio::time::{Instant, sleep, timeout};

use super::turns::{Desk, Outcome};
use crate::dice::Dice;

const PAUSE: Duration = Duration::from_millis(50);
/// After all is over, so long without an event is the end.
const QUIET: Duration = Duration::from_secs(5);

/// Every event, by its number.
#[derive(Debug, Default)]
pub struct Seen {
    pub events: BTreeMap<u64, Value>,
}

/// Watches until all is over and nothing more comes.
pub async fn watch(desk: Desk, mut dice: Dice, over: Arc<AtomicBool>) {
    let mut quiet_since = Instant::now();
    loop {
        let after = desk.seen().last();
        listen(&desk, &mut dice, &over).await;
        if desk.seen().last() > after {
            quiet_since = Instant::now();
        }
        if over.load(Ordering::Relaxed) && quiet_since.elapsed() > QUIET {
            return;
        }
        sleep(PAUSE).await;
    }
}

/// Listens on one connection until it breaks, or is left at random.
async fn listen(desk: &Desk, dice: &mut Dice, over: &AtomicBool) {
    let last = desk.seen().last();
    let Ok(mut stream) = desk.events(last).send().await else { return };
    if !stream.status().is_success() {
        return;
    }
    let mut stay = 50 + dice.below(400);
    let mut unread = Vec::new();
    while stay > 0 {
        let Ok(Ok(Some(block))) = timeout(QUIET, stream.chunk()).await else { return };
        unread.extend_from_slice(&block);
        while let Some(end) = unread.windows(2).position(|pair| pair == b"\n\n") {
            let frame: Vec<u8> = unread.drain(..end + 2).collect();
            desk.seen().take(&String::from_utf8_lossy(&frame));
            stay = stay.saturating_sub(1);
        }
        if over.load(Ordering::Relaxed) {
            // From here on silence decides.
            stay = stay.max(2);
        }
    }
}

impl Seen {
    fn last(&self) -> u64 {
        self.events.last_key_value().map_or(0, |(seq, _)| *seq)
    }

    /// Takes one frame. A numbered one is the next, and never one that was there before.
    fn take(&mut self, frame: &str) {
        let field = |name: &str| frame.lines().find_map(|line| line.strip_prefix(name));
        assert_ne!(field("event: "), Some("gap"), "a gap: {frame}");
        let Some(id) = field("id: ") else { return };
        let seq: u64 = id.parse().unwrap_or_else(|_| panic!("no number: {frame}"));
        assert_eq!(seq, self.last() + 1, "not the next: {frame}");
        let data = field("data: ").unwrap_or_default();
        let event = serde_json::from_str(data).unwrap_or_else(|_| panic!("no JSON: {frame}"));
        self.events.insert(seq, event);
    }

    /// The methods of a turn's events, with the last number of all.
    pub fn of(&self, turn: &str) -> (u64, Vec<(u64, String)>) {
        let ours = self.events.iter().filter(|(_, event)| event.to_string().contains(turn));
        (self.last(), ours.map(|(seq, event)| (*seq, event["method"].to_string())).collect())
    }

    /// How a turn ended, if it did.
    pub fn end_of(&self, turn: &str) -> Option<String> {
        let ended = self.events.values().rev().find(|event| {
            event["method"] == "turn/completed" && event["params"]["turn"]["id"] == turn
        });
        Some(ended?["params"]["turn"]["status"].as_str().unwrap_or_default().to_owned())
    }

    /// The events of a turn told all that it did.
    pub fn tells_of(&self, outcome: &Outcome) {
        let ours = |event: &&Value| {
            let params = &event["params"];
            params["turnId"] == *outcome.turn || params["turn"]["id"] == *outcome.turn
        };
        let events: Vec<&Value> = self.events.values().filter(ours).collect();
        let named = |name: &str| events.iter().filter(|event| event["method"] == name).count();
        assert_eq!(named("turn/completed"), 1, "{outcome:?}: {events:#?}");
        if outcome.status != "completed" {
            return;
        }
        assert_eq!(named("turn/started"), 1, "{outcome:?}");
        let questions = named("item/commandExecution/requestApproval");
        assert_eq!(questions, 1, "{outcome:?}: {events:#?}");
        let items = events.iter().filter(|event| event["method"] == "item/completed");
        let items: Vec<&Value> = items.map(|event| &event["params"]["item"]).collect();
        // What a command printed late is not in its item, but in deltas that may come after it.
        let deltas = events.iter().filter(|it| it["method"] == "item/commandExecution/outputDelta");
        let printed = deltas.filter_map(|event| event["params"]["delta"].as_str());
        let whole = items.iter().filter_map(|item| item["aggregatedOutput"].as_str());
        let said: String = printed.chain(whole).collect();
        assert!(said.contains(&outcome.mark), "{outcome:?}: {events:#?}");
        for item in items.iter().filter(|item| item["type"] == "agentMessage") {
            let deltas = events.iter().filter(|event| {
                event["method"] == "item/agentMessage/delta"
                    && event["params"]["itemId"] == item["id"]
            });
            let spoken: String =
                deltas.filter_map(|event| event["params"]["delta"].as_str()).collect();
            assert_eq!(item["text"], *spoken, "{outcome:?}");
        }
    }

    /// Questions that were asked and never came to an end.
    pub fn open_questions(&self) -> Vec<String> {
        let asked = |event: &&Value| {
            event["method"].as_str().is_some_and(|method| method.ends_with("/requestApproval"))
        };
        let turns = self
            .events
            .values()
            .filter(asked)
            .map(|event| event["params"]["turnId"].as_str().unwrap_or_default().to_owned());
        let ended = self.events.values().filter(|event| event["method"] == "turn/completed");
        let ended: BTreeSet<&str> =
            ended.filter_map(|event| event["params"]["turn"]["id"].as_str()).collect();
        turns.filter(|turn| !ended.contains(turn.as_str())).collect()
    }
}
