//! Questions that processes ask: open until somebody answers, the process takes the question back,
//! or ends. An answer is kept until the process has it.

use schema::tunnel::{Refusal, Seq, ToRunner};
use schema::{AccountId, AskId, Code, Error, OpId, Timestamp, rpc::RequestId};
use serde_json::Value;

use super::{
    AskRow, Hub, Said, Verdict,
    command::{Answer, Resolved},
    operate::{Kind, Operation},
    out::Out,
    peek,
};

/// How long who answers a question waits to learn that the process has it. The answer is safe
/// before.
const DELIVERY_MS: i64 = 5_000;
/// Of an answer that was delivered so much is kept, for whoever comes later.
const KEPT_BYTES: usize = 1_024;

/// A question of a process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    pub account: AccountId,
    /// Its place in the process's log.
    pub seq: Seq,
    /// The process's own name for it.
    pub request: RequestId,
    pub thread: Option<String>,
    pub state: State,
}

/// What became of a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// It waits for somebody.
    Pending,
    /// Somebody answered; the process does not have it yet.
    Answered { op: OpId, decision: Decision },
    /// The process has the answer.
    Delivered(Decision),
    /// The process took it back before an answer came: its turn was interrupted, for example.
    Resolved,
    /// Its process ended before it had an answer.
    Lapsed,
}

/// What somebody answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// In codex's words: `{"result"}` or `{"error"}`. Cut off once it has been delivered.
    pub reply: String,
    /// When.
    pub at: Timestamp,
}

impl Decision {
    /// What is kept of it.
    fn cut(mut self) -> Self {
        self.reply.truncate(self.reply.floor_char_boundary(KEPT_BYTES));
        self
    }

    /// The word for it, or what was said instead of one.
    fn word(&self) -> String {
        let reply: Value = serde_json::from_str(&self.reply).unwrap_or_default();
        let word = reply.pointer("/result/decision").and_then(Value::as_str);
        word.unwrap_or(&self.reply).to_owned()
    }
}

impl State {
    /// As it is stored and told.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Answered { .. } => "answered",
            Self::Delivered(_) => "delivered",
            Self::Resolved => "resolved",
            Self::Lapsed => "lapsed",
        }
    }

    const fn is_open(&self) -> bool {
        matches!(self, Self::Pending | Self::Answered { .. })
    }
}

impl Question {
    pub(super) fn is_pending(&self) -> bool {
        self.state == State::Pending
    }
}

impl Hub {
    /// Whether a question is open, answered or closed a moment ago; older ones are in rows only.
    pub fn question(&self, ask: AskId) -> Option<&Question> {
        self.asks.get(&ask)
    }

    /// A process asks. It comes twice: ahead of its turn, and among the events.
    pub(super) fn asked(
        &mut self,
        (ask, account): (AskId, AccountId),
        (seq, at): (Seq, Timestamp),
        said: Said,
        out: &mut Out,
    ) -> Result<(), &'static str> {
        let request = peek::request(&said).ok_or("a question without an id")?;
        let last = self.place_mut(account).last;
        if let Some(known) = self.asks.get(&ask) {
            // Both of its comings are past: nothing will name it again.
            if !known.state.is_open() && last >= seq {
                self.asks.remove(&ask);
            }
            return Ok(());
        }
        // Ahead of its turn, when its turn has been: it was closed since.
        if last > seq {
            return Ok(());
        }
        let thread = said.thread.clone();
        let question =
            Question { account, seq, request: request.clone(), thread, state: State::Pending };
        self.asks.insert(ask, question);
        out.changed.insert(account);
        out.batch.asks.push(AskRow { ask, account, seq, at, said, request });
        Ok(())
    }

    /// A process says that a question is no longer open.
    pub(super) fn no_longer(&mut self, account: AccountId, said: &Said, out: &mut Out) {
        let Some(gone) = peek::no_longer(&said.params) else { return };
        let lapsed = gone.gantry.as_deref() == Some("lapsed");
        let closes = |question: &Question| {
            question.account == account
                && question.request == gone.request_id
                && (gone.thread_id.is_none() || question.thread == gone.thread_id)
                // Whether an answer under way got there is for its own acknowledgement to say.
                && (question.is_pending() || (lapsed && question.state.is_open()))
        };
        let closed = self.asks.iter().filter(|(_, question)| closes(question));
        let closed: Vec<AskId> = closed.map(|(ask, _)| *ask).collect();
        for ask in closed {
            let state = if lapsed { State::Lapsed } else { State::Resolved };
            self.close(ask, state, out);
        }
    }

    /// Answers a question, once.
    pub(super) fn resolve(
        &mut self,
        (op, ask): (OpId, AskId),
        account: Option<AccountId>,
        body: &[u8],
        now: Timestamp,
        out: &mut Out,
    ) -> Verdict {
        let linked = self.is_linked();
        let found = self.asks.get_mut(&ask);
        let found = found.filter(|question| account.is_none_or(|it| it == question.account));
        let Some(question) = found else {
            return Verdict::refuse(Error::not_found("open question", ask));
        };
        if !question.is_pending() {
            return Verdict::refuse(closed(&question.state));
        }
        let Ok(reply) = str::from_utf8(body) else {
            return Verdict::refuse(Error::new(Code::InvalidRequest, "An answer has to be JSON."));
        };
        let decision = Decision { reply: reply.to_owned(), at: now };
        question.state = State::Answered { op, decision };
        out.batch.states.push((ask, question.state.clone()));
        if !linked {
            return Verdict::Now(Answer::Resolved(Resolved { delivered: false }));
        }
        let head = ToRunner::Reply { op, process: question.account, ask };
        out.send(&head, body);
        let deadline = now.plus_millis(DELIVERY_MS);
        self.park(op, Operation::new(Kind::Reply { ask }, head, deadline))
    }

    /// The runner has an answer, or could not use it. False if the operation was none.
    pub(super) fn replied(&mut self, op: OpId, refused: Option<&Refusal>, out: &mut Out) -> bool {
        let by_it = |it: &Question| matches!(it.state, State::Answered { op: by, .. } if by == op);
        let found = self.asks.iter().find(|(_, question)| by_it(question));
        let Some((ask, question)) = found else { return false };
        let state = match (&question.state, refused) {
            (State::Answered { decision, .. }, None) => State::Delivered(decision.clone().cut()),
            _ => State::Lapsed,
        };
        self.close(*ask, state, out);
        true
    }

    /// Sends the answers that no process has acknowledged.
    pub(super) fn reply_again(&self, out: &mut Out) {
        for (ask, question) in &self.asks {
            if let State::Answered { op, decision } = &question.state {
                let head = ToRunner::Reply { op: *op, process: question.account, ask: *ask };
                out.send(&head, decision.reply.as_bytes());
            }
        }
    }

    /// No question is open any more.
    pub(super) fn lapse_all(&mut self, out: &mut Out) {
        let open = self.asks.iter().filter(|(_, question)| question.state.is_open());
        let open: Vec<AskId> = open.map(|(ask, _)| *ask).collect();
        for ask in open {
            self.close(ask, State::Lapsed, out);
        }
    }

    /// Ends a question, and tells who waits for its delivery.
    fn close(&mut self, ask: AskId, state: State, out: &mut Out) {
        let Some(question) = self.asks.get_mut(&ask) else { return };
        let was = std::mem::replace(&mut question.state, state.clone());
        let (account, seq) = (question.account, question.seq);
        out.batch.states.push((ask, state.clone()));
        if let State::Answered { op, .. } = was
            && self.ops.remove(&op).is_some()
        {
            let answer = match state {
                State::Delivered(_) => Answer::Resolved(Resolved { delivered: true }),
                state => Answer::Refused(closed(&state)),
            };
            out.settle(op, answer, Vec::new());
        }
        // Until its turn among the events has come, it has to be known.
        if self.places.get(&account).is_some_and(|place| place.last >= seq) {
            self.asks.remove(&ask);
        }
    }
}

/// Why a question cannot be answered.
pub fn closed(state: &State) -> Error {
    let message = match state {
        State::Pending => "This question is open.",
        State::Answered { decision, .. } | State::Delivered(decision) => {
            let (word, at) = (decision.word(), decision.at);
            let message = format!("This question has been answered already, at {at}: {word}");
            return Error::new(Code::Conflict, message);
        }
        State::Resolved => "The process no longer asks this: its turn went on or was interrupted.",
        State::Lapsed => "The process that asked this has ended.",
    };
    Error::new(Code::Conflict, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(reply: &str, told: &str) {
        let decision = Decision { reply: reply.to_owned(), at: Timestamp::from_millis(0) };
        let error = closed(&State::Delivered(decision.cut()));
        assert_eq!(error.code, Code::Conflict);
        let told = format!("answered already, at 1970-01-01T00:00:00.000Z: {told}");
        assert!(error.message.ends_with(&told), "{}", error.message);
    }

    #[test]
    fn whoever_comes_second_is_told_what_the_first_decided() {
        check(r#"{"result":{"decision":"decline"}}"#, "decline");
        let amended = r#"{"result":{"decision":{"applyNetworkPolicyAmendment":{}}}}"#;
        check(amended, amended);
        let long = format!("{{\"result\":\"{}\"}}", "é".repeat(KEPT_BYTES));
        check(&long, &long[..KEPT_BYTES - 1]);
    }
}
