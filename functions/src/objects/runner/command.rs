//! What the object is told: read, done, and answered when something has come of it.

use std::rc::Rc;

use futures::channel::oneshot;
use schema::{Error, Result, tunnel};
use wasm_bindgen::JsValue;

use super::Inner;
use crate::{
    domain::hub::{
        Place, Settled, Verdict, closed,
        command::{Act, Answer, Command, Hosted, Look},
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
        let (answer, body) = done.unwrap_or_else(|error| (Answer::Refused(error), Vec::new()));
        frame::answer(&answer, &body)
    }

    async fn obey(self: &Rc<Self>, message: &[u8]) -> Result<(Answer, Vec<u8>)> {
        let command = tunnel::pop::<Command>(message).map_err(Error::internal)?;
        let (command, body, _) = command.ok_or_else(|| Error::internal("no command"))?;
        match command {
            Command::Look(look) => Ok((self.look(&look)?, Vec::new())),
            Command::Act(act) => match self.act(act, body).await? {
                Settled::Answer(answer, body) => Ok((answer, body)),
                Settled::Announced(size, _) => {
                    Err(Error::internal(format!("a body of {size} bytes")))
                }
            },
        }
    }

    fn look(self: &Rc<Self>, look: &Look) -> Result<Answer> {
        let (_, now) = self.wake()?;
        self.look_alive(now);
        match look {
            Look::Asks { account } => {
                Ok(Answer::Asks(self.rows.asks(*account).map_err(Error::unavailable)?))
            }
            Look::Process { account } => self.with(|hub| {
                let Some(profile) = &hub.kept().profile else { return Answer::Gone };
                let Place { process, last, first, .. } =
                    hub.place(*account).cloned().unwrap_or_default();
                Answer::Process(Box::new(Hosted { runner: profile.id, process, last, first }))
            }),
            Look::Runner => self.with(|hub| {
                let Some(mut description) = hub.describe(now) else { return Answer::Gone };
                description.viewers = self.viewers.get();
                description.awake_since = self.awake_since;
                Answer::Description(Box::new(description))
            }),
        }
    }

    /// Does something, and waits for what comes of it.
    pub(super) async fn act(self: &Rc<Self>, act: Act, body: &[u8]) -> Result<Settled> {
        let (_, now) = self.wake()?;
        self.look_alive(now);
        if let Act::Resolve { ask, .. } = &act
            && self.with(|hub| hub.question(*ask).is_none())?
            && let Some(question) = self.rows.question(*ask).map_err(Error::unavailable)?
        {
            let refusal = Answer::Refused(closed(&question.state));
            return Ok(Settled::Answer(refusal, Vec::new()));
        }
        let fed = match &act {
            Act::Follow { account, project, .. } | Act::Feed { account, project } => {
                Some((*account, *project))
            }
            _ => None,
        };
        let (verdict, outputs) = self.with(|hub| hub.obey(act, body, now))?;
        let op = match verdict {
            Verdict::Now(answer) => {
                self.carry_out(outputs)?;
                if let Some((account, project)) = fed {
                    self.feed_anew(account, project);
                }
                return Ok(Settled::Answer(answer, Vec::new()));
            }
            Verdict::Later(op) => op,
        };
        let (tell, told) = oneshot::channel();
        self.waiters.borrow_mut().insert(op, tell);
        self.carry_out(outputs)?;
        self.keep_time();
        told.await.map_err(|_| Error::unavailable("the hub began anew"))
    }
}
