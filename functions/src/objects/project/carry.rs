//! What was decided is carried out: rows first, then runners are told, and told again until they
//! have heard.

use std::rc::Rc;

use js_sys::futures::spawn_local;
use schema::{AskId, Code, Error, OpId, Result, agent::ApprovalState, tunnel};
use serde::Deserialize;
use serde_json::{json, value::RawValue};

use super::Inner;
use crate::{
    domain::{
        hub::command::{Act, Answer, Command, Resolved},
        project::{Output, turn::Prompt},
    },
    objects::runner::stub,
};

/// How long a turn may take to begin.
const START_MS: u32 = 60_000;
/// The alarm is set anew only for what comes so much earlier.
const ALARM_SLACK_MS: i64 = 250;

/// Whether this is the telling of that decision.
pub(super) fn delivers(output: &Output, ask: AskId) -> bool {
    matches!(output, Output::Deliver(its) if *its == ask)
}

impl Inner {
    pub(super) fn carry_out(self: &Rc<Self>, outputs: Vec<Output>) -> Result<()> {
        for output in outputs {
            match output {
                Output::Store(batch) => self.store(&batch)?,
                Output::Deliver(ask) => {
                    let inner = self.clone();
                    spawn_local(async move {
                        inner.deliver(ask).await;
                    });
                }
                Output::Start(prompt) => {
                    let inner = self.clone();
                    spawn_local(async move { inner.start(*prompt).await });
                }
                Output::Nudge { thread, turn, nudge } => {
                    let inner = self.clone();
                    spawn_local(async move { inner.nudge(thread, turn, nudge).await });
                }
                Output::Over { thread, op } => {
                    let inner = self.clone();
                    spawn_local(async move { inner.over(thread, op).await });
                }
            }
        }
        self.set_alarm();
        Ok(())
    }

    /// What the alarm does.
    pub(super) async fn ring(self: &Rc<Self>) -> Result<()> {
        let (_, now) = self.wake()?;
        let outputs = self.with(|it| it.tick(now))?;
        self.carry_out(outputs)?;
        if self.with(|it| it.kept().turns.is_busy())? {
            self.ask_for_events().await;
        }
        self.set_alarm();
        Ok(())
    }

    /// Asks the runner for what its feed may have missed. One that is away says nothing.
    async fn ask_for_events(self: &Rc<Self>) {
        let place = self.with(|it| Some((it.profile()?.clone(), it.kept().runner?)));
        let Ok(Some((profile, runner))) = place else { return };
        let act = Act::Feed { account: profile.account, project: profile.id };
        if let Err(error) = stub::tell(&self.env, runner, &Command::Act(act), b"").await {
            worker::console_warn!("feed: {}", error.cause.unwrap_or(error.message));
        }
    }

    /// Tells the runner what was decided. Whether codex has it, or its runner keeps it for codex.
    pub(super) async fn deliver(self: &Rc<Self>, ask: AskId) -> bool {
        let told = self.tell_decision(ask).await;
        let outputs = match told {
            Ok(delivered) => {
                let outputs = self.with(|it| it.delivered(ask)).unwrap_or_default();
                if let Err(error) = self.carry_out(outputs) {
                    worker::console_error!("approval: {error}");
                }
                return delivered;
            }
            // It was answered elsewhere, or is asked no more: the log says so.
            Err(error) if matches!(error.code, Code::Conflict | Code::ResourceNotFound) => {
                worker::console_warn!("approval {ask}: {}", error.message);
                self.with(|it| it.delivered(ask)).unwrap_or_default()
            }
            Err(error) => {
                worker::console_warn!("approval: {}", error.cause.unwrap_or(error.message));
                Vec::new()
            }
        };
        if let Err(error) = self.carry_out(outputs) {
            worker::console_error!("approval: {error}");
        }
        false
    }

    async fn tell_decision(self: &Rc<Self>, ask: AskId) -> Result<bool> {
        let found = self.with(|it| {
            let account = it.profile()?.account;
            let approval = it.open(ask).filter(|it| it.state != ApprovalState::Pending)?;
            let reply = approval.decision.as_ref()?.reply.clone()?;
            Some((account, it.kept().runner, reply))
        })?;
        let Some((account, runner, reply)) = found else { return Ok(true) };
        let runner = runner.ok_or_else(|| Error::unavailable("the project is on no runner"))?;
        // One decision is one operation, however often it is told.
        let op = OpId::from_bits(ask.bits());
        let act = Command::Act(Act::Resolve { op, ask, account: Some(account) });
        match stub::tell(&self.env, runner, &act, reply.get().as_bytes()).await? {
            (Answer::Resolved(Resolved { delivered }), _) => Ok(delivered),
            (Answer::Gone, _) => Err(Error::not_found("runner", runner)),
            (other, _) => Err(Error::internal(format!("{other:?} instead of an answer"))),
        }
    }

    /// Begins the turn of a prompt that waited.
    async fn start(self: &Rc<Self>, prompt: Prompt) {
        let (thread, op) = (prompt.thread.clone(), OpId::from_bits(prompt.id.bits()));
        let begun = self.begin_turn(&prompt).await;
        let Ok((_, now)) = self.wake() else { return };
        let outputs = match begun {
            Ok(turn) => self.with(|it| it.began(&thread, op, &turn, now)),
            Err(error) => self.with(|it| it.blocked(prompt.id, &error.message, now)),
        };
        if let Err(error) = outputs.and_then(|outputs| self.carry_out(outputs)) {
            worker::console_error!("prompt: {error}");
        }
    }

    async fn begin_turn(self: &Rc<Self>, prompt: &Prompt) -> Result<String> {
        #[derive(Deserialize)]
        struct Began {
            turn: Named,
        }
        #[derive(Deserialize)]
        struct Named {
            id: String,
        }
        let place = self.with(|it| Some((it.profile()?.account, it.kept().runner?)))?;
        let Some((account, runner)) = place else {
            return Err(Error::unavailable("the project is on no runner"));
        };
        let body = json!({ "method": "turn/start", "params": prompt.params }).to_string();
        let op = OpId::from_bits(prompt.id.bits());
        self.cap(&prompt.thread, op, prompt.most).await?;
        let (grade, wait_ms, pays) = (tunnel::Grade::Customer, START_MS, None);
        let act = Command::Act(Act::Call { op, account, grade, wait_ms, pays });
        match stub::tell(&self.env, runner, &act, body.as_bytes()).await? {
            (Answer::Answered, said) => {
                #[derive(Deserialize)]
                struct Said {
                    result: Option<Began>,
                    error: Option<Box<RawValue>>,
                }
                let said: Said = serde_json::from_slice(&said).map_err(Error::internal)?;
                if let Some(error) = said.error {
                    return Err(Error::new(Code::Conflict, error.get()));
                }
                let began = said.result.ok_or_else(|| Error::internal("a turn without a name"))?;
                Ok(began.turn.id)
            }
            (Answer::NeedsHold { .. } | Answer::NeedsKey | Answer::Gone, _) => {
                let message = "The runner wants something of the account first: ask for the \
                               project's state, and the prompt goes on.";
                Err(Error::new(Code::RunnerUnavailable, message))
            }
            (other, _) => Err(Error::internal(format!("{other:?} instead of an answer"))),
        }
    }

    /// Rings again when something is due.
    pub(super) fn set_alarm(self: &Rc<Self>) {
        let Ok((_, now)) = self.wake() else { return };
        let Ok(Some(due)) = self.with(|it| it.due(now)) else { return };
        let known = self.alarm_at.get();
        if known.is_some_and(|at| at > now && at <= due.plus_millis(ALARM_SLACK_MS)) {
            return;
        }
        self.alarm_at.set(Some(due));
        let (storage, in_ms) = (self.state.storage(), due.since(now).max(1));
        spawn_local(async move {
            if let Err(error) = storage.set_alarm(in_ms).await {
                worker::console_error!("alarm: {error}");
            }
        });
    }
}
