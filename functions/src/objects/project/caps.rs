//! What the project's turns may cost: its account is told before a turn begins and when it is over,
//! and a turn whose budget is nearly or wholly used up is told.

use std::rc::Rc;

use schema::{Code, Error, MicroUsd, OpId, Result, tunnel::Grade};
use serde_json::json;

use super::Inner;
use crate::{
    cx,
    domain::{
        account, cap,
        hub::command::{Act, Command},
        project::meter::{Meter, Nudge},
    },
    objects::{runner::stub, stub as accounts},
};

/// How long codex may take to hear it.
const NUDGE_MS: u32 = 10_000;

impl Inner {
    /// From now on the calls of a thread count to what an operation begins, which may cost so much.
    /// A project that has spent all that it may begins nothing.
    pub(super) async fn cap(&self, thread: &str, op: OpId, most: Option<MicroUsd>) -> Result<()> {
        let found = self.with(|it| Some((it.profile()?.clone(), it.kept().most)))?;
        let Some((profile, limit)) = found else { return Ok(()) };
        let turn = cap::TurnCap { id: op.to_string(), limit: most };
        let cap = cap::Cap { thread: thread.to_owned(), turn: Some(turn), limit };
        let set = cap::Command::Set { project: profile.id, cap };
        let told = accounts::ask(&self.env, profile.account, account::Command::Cap(set)).await?;
        let account::Outcome::Meter(Some(meter)) = told else {
            return Err(Error::internal(format!("{told:?} instead of a meter")));
        };
        match meter.project_limit {
            Some(limit) if meter.spent_project >= limit => Err(spent(&meter, limit)),
            _ => Ok(()),
        }
    }

    /// A turn is over. An account that does not hear it counts what the thread does next to it.
    pub(super) async fn over(&self, thread: String, op: OpId) {
        let Ok(Some(profile)) = self.with(|it| it.profile().cloned()) else { return };
        let end = cap::Command::End { project: profile.id, thread, turn: op.to_string() };
        let told = accounts::ask(&self.env, profile.account, account::Command::Cap(end)).await;
        if let Err(error) = told {
            worker::console_warn!("cap: {}", error.cause.unwrap_or(error.message));
        }
    }

    /// Tells a turn to wrap up, or ends it. One that has ended meanwhile does not hear it.
    pub(super) async fn nudge(self: &Rc<Self>, thread: String, turn: String, nudge: Nudge) {
        let told = self.try_nudge(&thread, &turn, nudge).await;
        if let Err(error) = told {
            worker::console_warn!("budget: {}", error.cause.unwrap_or(error.message));
        }
    }

    async fn try_nudge(&self, thread: &str, turn: &str, nudge: Nudge) -> Result<()> {
        let place = self.with(|it| Some((it.profile()?.account, it.kept().runner?)))?;
        let Some((account, runner)) = place else { return Ok(()) };
        let body = match nudge {
            Nudge::Steer(text) => {
                let input = json!([{ "type": "text", "text": text, "text_elements": [] }]);
                let params = json!({ "threadId": thread, "expectedTurnId": turn, "input": input });
                json!({ "method": "turn/steer", "params": params })
            }
            Nudge::Interrupt => {
                let params = json!({ "threadId": thread, "turnId": turn });
                json!({ "method": "turn/interrupt", "params": params })
            }
        };
        let op = cx::new_id(self.wake()?.1)?;
        let (grade, wait_ms, pays) = (Grade::Customer, NUDGE_MS, None);
        let act = Command::Act(Act::Call { op, account, grade, wait_ms, pays });
        stub::tell(&self.env, runner, &act, body.to_string().as_bytes()).await.map(drop)
    }
}

fn spent(meter: &Meter, limit: MicroUsd) -> Error {
    let spent = meter.spent_project;
    let message = format!(
        "The budget of this project is used up: ${spent} of ${limit}. Raise its `maxCostMicroUsd`."
    );
    Error::new(Code::BudgetExceeded, message)
}
