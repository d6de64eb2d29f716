//! What a step of a project comes to: rows to write, and who is to act.

use schema::{AskId, OpId, PromptId, RunnerId, tunnel::Seq};

use super::{Kept, approval::Approval, log::Entry, meter::Nudge, turn::Prompt};
use crate::domain::policy;

/// What is to be done, in this order.
#[derive(Debug)]
pub enum Output {
    /// Write these rows; nothing that follows may be seen before they are safe.
    Store(Box<Batch>),
    /// Tell the runner what was decided.
    Deliver(AskId),
    /// Begin the turn of a prompt that waited.
    Start(Box<Prompt>),
    /// Do something about a turn whose budget is nearly or wholly used up.
    Nudge { thread: String, turn: String, nudge: Nudge },
    /// Tell the account that the turn is over which an operation was let begin.
    Over { thread: String, op: OpId },
}

/// Rows to write.
#[derive(Debug, Default)]
pub struct Batch {
    pub kept: Option<Kept>,
    pub mark: Option<(RunnerId, Seq)>,
    pub entries: Vec<Entry>,
    /// New or changed.
    pub approvals: Vec<Approval>,
    /// New or changed, or gone.
    pub prompts: Vec<(PromptId, Option<Prompt>)>,
    pub policy: Option<policy::Kept>,
}

impl Batch {
    fn is_empty(&self) -> bool {
        let Self { kept, mark, entries, approvals, prompts, policy } = self;
        let nothing = entries.is_empty() && approvals.is_empty() && prompts.is_empty();
        nothing && kept.is_none() && mark.is_none() && policy.is_none()
    }
}

/// What one step collects.
#[derive(Debug, Default)]
pub(super) struct Out {
    pub batch: Batch,
    pub outputs: Vec<Output>,
    /// Threads of which a turn has ended.
    pub ended: Vec<String>,
    keeps: bool,
}

impl Out {
    /// The project's row is to be written.
    pub const fn keep(&mut self) {
        self.keeps = true;
    }

    pub fn prompt(&mut self, id: PromptId, prompt: Option<Prompt>) {
        self.batch.prompts.push((id, prompt));
    }

    pub fn finish(mut self, kept: &Kept) -> Vec<Output> {
        if self.keeps {
            self.batch.kept = Some(kept.clone());
        }
        if !self.batch.is_empty() {
            self.outputs.insert(0, Output::Store(Box::new(self.batch)));
        }
        self.outputs
    }
}
