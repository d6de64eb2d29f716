//! What the object is told, and what it answers.

use std::rc::Rc;

use schema::{AskId, Error, Result, tunnel};
use wasm_bindgen::JsValue;

use super::Inner;
use crate::{
    domain::project::{
        approval::Verdict,
        command::{Answer, Command, Turns},
        feed::Append,
        history,
        turn::Leave,
    },
    objects::frame,
};

impl Inner {
    /// A command, as a frame; so is the answer.
    pub(super) async fn command(
        self: Rc<Self>,
        request: &web_sys::Request,
    ) -> Result<web_sys::Response, JsValue> {
        let done = self.obey(&frame::told(request).await?).await;
        frame::answer(&done.unwrap_or_else(Answer::Refused), b"")
    }

    async fn obey(self: &Rc<Self>, message: &[u8]) -> Result<Answer> {
        let command = tunnel::pop::<Command>(message).map_err(Error::internal)?;
        let (command, _, _) = command.ok_or_else(|| Error::internal("no command"))?;
        let (_, now) = self.wake()?;
        if let Command::Create(profile) = command {
            let outputs = self.with(|project| project.create(profile))??;
            return self.carry_out(outputs).map(|()| Answer::Done);
        }
        // A project that nobody made is asked for by whoever makes its name up.
        if self.with(|project| project.profile().is_none())? {
            return Ok(Answer::None);
        }
        match command {
            Command::Append(append) => self.append(append),
            Command::Decide(verdict) => self.decide(verdict).await,
            Command::Look | Command::Approvals { .. } | Command::Approval { .. } => {
                self.look(&command)
            }
            Command::Turns { thread, limit, before } => {
                let lines = self.rows.turn_lines(&thread, limit, before);
                let lines = lines.map_err(Error::unavailable)?;
                let (turns, first) = history::turns(lines);
                let before = first.filter(|_| turns.len() >= usize::try_from(limit).unwrap_or(0));
                Ok(Answer::Turns(Turns { turns, before }))
            }
            Command::Ask { prompt, op, when } => {
                let (thread, most) = (prompt.thread.clone(), prompt.most);
                let (leave, outputs) = self.with(|it| it.ask(prompt, op, when, now))??;
                self.carry_out(outputs)?;
                if leave == Leave::Go
                    && let Err(error) = self.cap(&thread, op, most).await
                {
                    let outputs = self.with(|it| it.not_begun(&thread, op, now))?;
                    self.carry_out(outputs)?;
                    return Err(error);
                }
                Ok(Answer::Leave(leave))
            }
            Command::Admit { hash, purpose, until } => {
                self.rows.admit(&hash, purpose, until, now).map_err(Error::unavailable)?;
                Ok(Answer::Done)
            }
            Command::Expel => {
                self.rows.expel().map_err(Error::unavailable)?;
                self.terminals.expel();
                Ok(Answer::Done)
            }
            Command::Enter { hash, purpose } => {
                let is_good = self.rows.enter(&hash, purpose, now).map_err(Error::unavailable)?;
                let profile = self.with(|it| it.profile().cloned())?.filter(|_| is_good);
                Ok(profile.map_or(Answer::None, Answer::Entered))
            }
            Command::Policy => self.policy(),
            Command::SetPolicy { rules, if_match } => {
                let outputs = self.with(|it| it.set_policy(rules, if_match.as_deref()))??;
                self.carry_out(outputs)?;
                self.policy()
            }
            change => self.change(change),
        }
    }

    /// What only changes the project.
    fn change(self: &Rc<Self>, command: Command) -> Result<Answer> {
        let (_, now) = self.wake()?;
        let outputs = match command {
            Command::Opened(opened) => self.with(|it| it.opened(opened, now))?,
            Command::Began { thread, op, turn } => {
                self.with(|it| it.began(&thread, op, &turn, now))?
            }
            Command::NotBegun { thread, op } => self.with(|it| it.not_begun(&thread, op, now))?,
            Command::Dequeue { prompt } => self.with(|it| it.dequeue(prompt, now))??,
            Command::Set(settings) => self.with(|it| it.set(&settings))?,
            Command::Meter(meter) => self.with(|it| it.meter(&meter, now))?,
            other => return Err(Error::internal(format!("{other:?} changes nothing"))),
        };
        self.carry_out(outputs).map(|()| Answer::Done)
    }

    fn look(&self, command: &Command) -> Result<Answer> {
        match command {
            Command::Approvals { all } => {
                self.rows.approvals(*all).map(Answer::Approvals).map_err(Error::unavailable)
            }
            Command::Approval { ask } => {
                let found = self.approval(*ask)?;
                Ok(Answer::Approvals(found.into_iter().collect()))
            }
            _ => {
                let described = self.with(|it| it.describe())?;
                let mut described = described.ok_or_else(|| Error::internal("nobody's project"))?;
                described.first = self.rows.first().map_err(Error::unavailable)?;
                Ok(Answer::Described(Box::new(described)))
            }
        }
    }

    fn policy(&self) -> Result<Answer> {
        self.with(|it| Answer::Policy(Box::new(it.policy().clone())))
    }

    fn approval(&self, ask: AskId) -> Result<Option<crate::domain::project::approval::Approval>> {
        if let Some(open) = self.with(|it| it.open(ask).cloned())? {
            return Ok(Some(open));
        }
        self.rows.approval(ask).map_err(Error::unavailable)
    }

    /// What came next of a runner's log.
    fn append(self: &Rc<Self>, append: Append) -> Result<Answer> {
        let (_, now) = self.wake()?;
        let join = |item: &str| self.rows.item(item);
        let (appended, outputs) = self.with(|it| it.append(append, &join, now))?;
        self.carry_out(outputs)?;
        Ok(Answer::Appended(appended))
    }

    /// Decides an approval, and tells its runner at once.
    pub(super) async fn decide(self: &Rc<Self>, verdict: Verdict) -> Result<Answer> {
        let (_, now) = self.wake()?;
        let ask = verdict.ask;
        let open = self.with(|it| it.open(ask).is_some())?;
        if !open {
            let known = self.rows.approval(ask).map_err(Error::unavailable)?;
            let known = known.ok_or_else(|| Error::not_found("approval", ask))?;
            return Err(known.closed());
        }
        let outputs = self.with(|it| it.decide(verdict, now))??;
        // It is told here, so that whoever decides learns whether it has arrived.
        let outputs = outputs.into_iter().filter(|it| !super::carry::delivers(it, ask)).collect();
        self.carry_out(outputs)?;
        let delivered = self.deliver(ask).await;
        let approval = self.approval(ask)?.ok_or_else(|| Error::internal("an approval is gone"))?;
        Ok(Answer::Decided { approval: Box::new(approval), delivered })
    }
}
