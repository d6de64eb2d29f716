//! Turns of a thread, one after the other: which one runs, which prompts wait, and what becomes of
//! a prompt that comes while another is worked on.

use std::collections::{BTreeMap, VecDeque};

use schema::{Code, Error, MicroUsd, OpId, PromptId, Result, Timestamp, agent::WhenBusy};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A turn that was let begin and of which nothing was heard for so long is taken to have never
/// begun.
const STARTING_MS: i64 = 90_000;
/// Turns that have ended and are remembered, for answers that come after their end.
const ENDED_MAX: usize = 32;
/// Prompts that wait in one project at most.
pub const QUEUE_MAX: usize = 100;

/// What a thread is doing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Slot {
    /// A turn was let begin; codex has not said its name yet.
    Starting { op: OpId, until: Timestamp },
    /// A turn runs.
    Running { turn: String },
}

/// A prompt that waits for its turn, as codex will be told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Prompt {
    pub id: PromptId,
    pub thread: String,
    pub at: Timestamp,
    /// The parameters of `turn/start`.
    pub params: Map<String, Value>,
    /// The most that the turn may cost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub most: Option<MicroUsd>,
    /// Why it could not begin when its turn came, for a person.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub blocked: String,
}

/// What becomes of a prompt.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum Leave {
    /// Nothing runs: begin.
    Go,
    /// A turn runs: tell it.
    Steer { turn: String },
    /// It waits, behind so many.
    Queued { ahead: usize },
    /// A turn is about to begin: ask again in a moment.
    Soon,
    /// It came before, and began this turn.
    Begun { turn: String },
}

/// What becomes of a turn that a terminal wants to begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Floor {
    /// Nothing runs: it begins.
    Begin,
    /// A turn runs: codex tells it.
    Join,
    /// A turn is about to begin: ask again in a moment.
    Wait,
}

/// The threads of a project that are not idle, and what waits for them.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Turns {
    slots: BTreeMap<String, Slot>,
    ended: VecDeque<String>,
    /// What was let begin last in a thread that has not been idle since.
    latest: BTreeMap<String, OpId>,
    /// Turns that operations began, for prompts that are sent again.
    begun: VecDeque<(OpId, String)>,
    /// In rows of their own.
    #[serde(skip)]
    pub queue: VecDeque<Prompt>,
}

impl Turns {
    /// What a thread is doing; nothing if it is idle.
    pub fn slot(&self, thread: &str) -> Option<&Slot> {
        self.slots.get(thread)
    }

    /// The turn that runs in a thread.
    pub fn running(&self, thread: &str) -> Option<&str> {
        match self.slots.get(thread) {
            Some(Slot::Running { turn }) => Some(turn),
            _ => None,
        }
    }

    /// Whether any thread is not idle.
    pub fn is_busy(&self) -> bool {
        !self.slots.is_empty()
    }

    /// A prompt comes: begin, tell the turn that runs, or wait. Sent again, it is the same prompt.
    pub fn ask(
        &mut self,
        prompt: &Prompt,
        op: OpId,
        when: WhenBusy,
        now: Timestamp,
    ) -> Result<Leave> {
        if let Some(at) = self.queue.iter().position(|it| it.id == prompt.id) {
            return Ok(Leave::Queued { ahead: at });
        }
        if let Some((_, turn)) = self.begun.iter().find(|(its, _)| *its == op) {
            return Ok(Leave::Begun { turn: turn.clone() });
        }
        let behind = self.queue.iter().filter(|it| it.thread == prompt.thread).count();
        match (self.slots.get(&prompt.thread), when) {
            (Some(Slot::Starting { op: its, .. }), _) if *its == op => Ok(Leave::Go),
            (None, _) if behind == 0 => {
                self.occupy(&prompt.thread, op, now);
                Ok(Leave::Go)
            }
            (Some(Slot::Running { turn }), WhenBusy::Steer) => {
                Ok(Leave::Steer { turn: turn.clone() })
            }
            (Some(Slot::Starting { .. }), WhenBusy::Steer) => Ok(Leave::Soon),
            (_, WhenBusy::Refuse) => {
                let message = "A turn runs in this project. Wait for its end, interrupt it, or \
                               send the prompt with `whenBusy` `steer` or `queue`.";
                Err(Error::new(Code::Conflict, message))
            }
            (_, WhenBusy::Queue | WhenBusy::Steer) => self.enqueue(prompt),
        }
    }

    /// A terminal wants to begin a turn. It overtakes nobody who waits, and does not wait in line
    /// itself: its person looks on.
    pub fn take(&mut self, thread: &str, op: OpId, now: Timestamp) -> Floor {
        match self.slots.get(thread) {
            Some(Slot::Running { .. }) => Floor::Join,
            None if self.queue.iter().all(|it| it.thread != thread) => {
                self.occupy(thread, op, now);
                Floor::Begin
            }
            Some(Slot::Starting { .. }) | None => Floor::Wait,
        }
    }

    /// The next prompt of a thread that has become idle, which begins now.
    pub fn next(&mut self, thread: &str, now: Timestamp) -> Option<Prompt> {
        if self.slots.contains_key(thread) {
            return None;
        }
        let at = self.queue.iter().position(|it| it.thread == thread)?;
        let prompt = self.queue.get(at)?.clone();
        self.occupy(thread, OpId::from_bits(prompt.id.bits()), now);
        Some(prompt)
    }

    /// Threads that are idle though prompts wait for them.
    pub fn idle_with_prompts(&self) -> Vec<String> {
        let mut threads: Vec<_> = self.queue.iter().map(|it| it.thread.clone()).collect();
        threads.retain(|thread| !self.slots.contains_key(thread));
        threads.dedup();
        threads
    }

    /// A prompt has begun, or is not wanted any more.
    pub fn dequeue(&mut self, prompt: PromptId) -> Option<Prompt> {
        let at = self.queue.iter().position(|it| it.id == prompt)?;
        self.queue.remove(at)
    }

    /// A prompt could not begin, and waits on.
    pub fn block(&mut self, prompt: PromptId, why: &str) -> Option<Prompt> {
        let prompt = self.queue.iter_mut().find(|it| it.id == prompt)?;
        why.clone_into(&mut prompt.blocked);
        let prompt = prompt.clone();
        self.free(&prompt.thread, OpId::from_bits(prompt.id.bits()));
        Some(prompt)
    }

    /// Codex named the turn that an operation began.
    pub fn began(&mut self, thread: &str, op: OpId, turn: &str) {
        let ours =
            matches!(self.slots.get(thread), Some(Slot::Starting { op: its, .. }) if *its == op);
        if ours {
            self.slots.remove(thread);
        }
        self.started(thread, turn);
        if !self.begun.iter().any(|(its, _)| *its == op) {
            self.begun.push_back((op, turn.to_owned()));
        }
        while self.begun.len() > ENDED_MAX {
            self.begun.pop_front();
        }
    }

    /// A turn began to run, however it was asked for.
    pub fn started(&mut self, thread: &str, turn: &str) {
        let has_ended = self.ended.iter().any(|ended| ended == turn);
        // What steers a turn is answered with its own name by one version, and a made up one by
        // another.
        let runs = matches!(self.slots.get(thread), Some(Slot::Running { .. }));
        if !has_ended && !runs {
            self.slots.insert(thread.to_owned(), Slot::Running { turn: turn.to_owned() });
        }
    }

    /// A turn has ended.
    pub fn ended(&mut self, thread: &str, turn: &str) {
        if self.running(thread) == Some(turn) {
            self.slots.remove(thread);
        }
        if !self.ended.iter().any(|ended| ended == turn) {
            self.ended.push_back(turn.to_owned());
        }
        while self.ended.len() > ENDED_MAX {
            self.ended.pop_front();
        }
    }

    /// A turn that was let begin did not.
    pub fn free(&mut self, thread: &str, op: OpId) {
        if matches!(self.slots.get(thread), Some(Slot::Starting { op: its, .. }) if *its == op) {
            self.slots.remove(thread);
        }
    }

    /// Lets go of turns that were let begin and of which nothing was heard. True if there were any.
    pub fn tick(&mut self, now: Timestamp) -> bool {
        let many = self.slots.len();
        self.slots.retain(|_, slot| !matches!(slot, Slot::Starting { until, .. } if *until <= now));
        self.slots.len() < many
    }

    /// When something has to be looked at, if nothing happens before.
    pub fn due(&self) -> Option<Timestamp> {
        let until = |slot: &Slot| match slot {
            Slot::Starting { until, .. } => Some(*until),
            Slot::Running { .. } => None,
        };
        self.slots.values().filter_map(until).min()
    }

    /// What was let begin last in a thread.
    pub fn latest(&self, thread: &str) -> Option<OpId> {
        self.latest.get(thread).copied()
    }

    /// What was let begin in threads that are idle now: each once.
    pub fn over(&mut self) -> Vec<(String, OpId)> {
        let slots = &self.slots;
        self.latest.extract_if(.., |thread, _| !slots.contains_key(thread)).collect()
    }

    fn occupy(&mut self, thread: &str, op: OpId, now: Timestamp) {
        self.latest.insert(thread.to_owned(), op);
        let until = now.plus_millis(STARTING_MS);
        self.slots.insert(thread.to_owned(), Slot::Starting { op, until });
    }

    fn enqueue(&mut self, prompt: &Prompt) -> Result<Leave> {
        if self.queue.len() >= QUEUE_MAX {
            let message = format!("{QUEUE_MAX} prompts wait in this project already.");
            return Err(Error::new(Code::Conflict, message));
        }
        let ahead = self.queue.iter().filter(|it| it.thread == prompt.thread).count();
        self.queue.push_back(prompt.clone());
        Ok(Leave::Queued { ahead })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_000);

    fn prompt(n: u128) -> (Prompt, OpId) {
        let prompt = Prompt {
            id: PromptId::from_bits(n),
            thread: "T".to_owned(),
            at: NOW,
            params: Map::new(),
            most: None,
            blocked: String::new(),
        };
        (prompt, OpId::from_bits(n))
    }

    fn ask(turns: &mut Turns, n: u128, when: WhenBusy) -> Result<Leave, Code> {
        let (prompt, op) = prompt(n);
        turns.ask(&prompt, op, when, NOW).map_err(|error| error.code)
    }

    #[test]
    fn the_first_prompt_begins_and_the_second_does_as_its_caller_says() {
        let mut turns = Turns::default();
        assert_eq!(ask(&mut turns, 1, WhenBusy::Steer), Ok(Leave::Go));
        assert_eq!(ask(&mut turns, 2, WhenBusy::Steer), Ok(Leave::Soon));
        turns.began("T", OpId::from_bits(1), "U");
        assert_eq!(ask(&mut turns, 1, WhenBusy::Steer), Ok(Leave::Begun { turn: "U".into() }));
        assert_eq!(ask(&mut turns, 2, WhenBusy::Steer), Ok(Leave::Steer { turn: "U".into() }));
        assert_eq!(ask(&mut turns, 3, WhenBusy::Queue), Ok(Leave::Queued { ahead: 0 }));
        assert_eq!(ask(&mut turns, 4, WhenBusy::Queue), Ok(Leave::Queued { ahead: 1 }));
        assert_eq!(ask(&mut turns, 5, WhenBusy::Refuse), Err(Code::Conflict));
        assert!(turns.next("T", NOW).is_none());
        turns.ended("T", "U");
        assert_eq!(turns.next("T", NOW).map(|it| it.id), Some(PromptId::from_bits(3)));
        // It begins: nobody else may.
        assert!(turns.next("T", NOW).is_none());
    }

    #[test]
    fn a_prompt_that_is_sent_again_is_the_same_prompt() {
        let mut turns = Turns::default();
        assert_eq!(ask(&mut turns, 1, WhenBusy::Queue), Ok(Leave::Go));
        assert_eq!(ask(&mut turns, 1, WhenBusy::Queue), Ok(Leave::Go));
        assert_eq!(ask(&mut turns, 2, WhenBusy::Queue), Ok(Leave::Queued { ahead: 0 }));
        assert_eq!(ask(&mut turns, 2, WhenBusy::Queue), Ok(Leave::Queued { ahead: 0 }));
        assert_eq!(turns.queue.len(), 1);
    }

    #[test]
    fn nobody_overtakes_who_waits() {
        let mut turns = Turns::default();
        let _ = ask(&mut turns, 1, WhenBusy::Queue);
        let _ = ask(&mut turns, 2, WhenBusy::Queue);
        turns.free("T", OpId::from_bits(1));
        assert_eq!(ask(&mut turns, 3, WhenBusy::Steer), Ok(Leave::Queued { ahead: 1 }));
        assert_eq!(turns.idle_with_prompts(), ["T"]);
    }

    #[test]
    fn a_terminal_begins_a_turn_or_joins_one_and_overtakes_nobody() {
        let mut turns = Turns::default();
        let op = OpId::from_bits(1);
        assert_eq!(turns.take("T", op, NOW), Floor::Begin);
        assert_eq!(turns.take("T", OpId::from_bits(2), NOW), Floor::Wait);
        turns.began("T", op, "U");
        assert_eq!(turns.take("T", OpId::from_bits(2), NOW), Floor::Join);
        assert_eq!(ask(&mut turns, 3, WhenBusy::Queue), Ok(Leave::Queued { ahead: 0 }));
        turns.ended("T", "U");
        assert_eq!(turns.take("T", OpId::from_bits(2), NOW), Floor::Wait);
        assert_eq!(turns.take("other", OpId::from_bits(2), NOW), Floor::Begin);
    }

    #[test]
    fn a_turn_whose_end_is_heard_before_its_name_does_not_run() {
        let mut turns = Turns::default();
        let _ = ask(&mut turns, 1, WhenBusy::Queue);
        turns.started("T", "U");
        turns.ended("T", "U");
        turns.began("T", OpId::from_bits(1), "U");
        assert!(!turns.is_busy(), "{turns:?}");
    }

    #[test]
    fn a_turn_of_which_nothing_is_heard_gives_its_place_back() {
        let mut turns = Turns::default();
        let _ = ask(&mut turns, 1, WhenBusy::Queue);
        assert!(!turns.tick(NOW));
        let due = turns.due().unwrap();
        assert!(turns.tick(due));
        assert!(!turns.is_busy());
    }
}
