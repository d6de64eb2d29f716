//! Calls of a terminal: put to the project's process as everybody's are, and answered when it has.

use std::time::Duration;

use schema::{Code, Error, OpId, Result, tunnel::Grade};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Session;
use crate::{
    cx,
    domain::{
        hub::command::{Act, Answer, Command},
        project::{
            command::Opened,
            terminal::{Call, Heard},
            turn::Floor,
        },
    },
    objects::runner::stub,
};

/// How long a call may take.
const CALL_MS: u32 = 60_000;
/// How often a turn looks again where another is about to begin.
const TRIES_MAX: u32 = 50;
const TRY_AGAIN: Duration = Duration::from_millis(200);

impl Session {
    /// Puts a call to the process, and tells the terminal what came of it.
    pub(super) async fn call(&self, call: &Call) {
        match self.put(call).await {
            Ok(Heard { frame, opened }) => {
                self.say(&frame);
                opened.iter().for_each(|thread| self.ask_pending(thread));
            }
            Err(error) => {
                if let Some(cause) = &error.cause {
                    worker::console_warn!("terminal: {}: {cause}", call.method);
                }
                self.say(&call.refused(&error));
            }
        }
    }

    /// Asks what a thread that was just opened waits for.
    fn ask_pending(&self, thread: &str) {
        for open in self.inner.with(|it| it.pending(thread)).unwrap_or_default() {
            let asked = self.terminal.borrow_mut().ask(&open);
            asked.iter().for_each(|asked| self.say(asked));
        }
    }

    async fn put(&self, call: &Call) -> Result<Heard> {
        if let Some(thread) = call.thread() {
            self.check_thread(thread).await?;
            if call.opens() {
                self.follow(thread).await?;
            }
        }
        let body = if matches!(call.method.as_str(), "turn/start" | "review/start") {
            self.turn(call).await?
        } else {
            self.process(self.new_op()?, &call.method, Value::Object(call.params.clone())).await?
        };
        let heard = self.terminal.borrow_mut().answered(call, &body)?;
        if let Some(thread) = &heard.opened {
            self.follow(thread).await?;
        }
        Ok(heard)
    }

    /// Other projects' threads run in the same process: this one's run in its directory.
    async fn check_thread(&self, thread: &str) -> Result<()> {
        if self.terminal.borrow().knows(thread) {
            return Ok(());
        }
        #[derive(Deserialize)]
        struct Read {
            result: Option<Found>,
        }
        #[derive(Deserialize)]
        struct Found {
            thread: Thread,
        }
        #[derive(Deserialize)]
        struct Thread {
            cwd: String,
        }
        let params = json!({ "threadId": thread });
        let body = self.process(self.new_op()?, "thread/read", params).await?;
        let read: Read = serde_json::from_slice(&body).map_err(Error::internal)?;
        let mut terminal = self.terminal.borrow_mut();
        if read.result.is_some_and(|found| terminal.is_home(&found.thread.cwd)) {
            terminal.know(thread);
            return Ok(());
        }
        Err(Error::new(Code::ResourceNotFound, format!("thread not found: {thread}")))
    }

    /// What the thread says comes to the project's log from now on.
    async fn follow(&self, thread: &str) -> Result<()> {
        let (account, project, _) = self.home()?;
        let follow = Act::Follow { account, project, thread: thread.to_owned() };
        match self.runner(follow, b"").await? {
            (Answer::Done, _) => Ok(()),
            (other, _) => Err(Error::internal(format!("{other:?} instead of an answer"))),
        }
    }

    /// Begins a turn when its time has come, or has codex tell it to the one that runs. The thread
    /// that is worked in is the one with which the project goes on.
    async fn turn(&self, call: &Call) -> Result<Vec<u8>> {
        let thread = call.thread().unwrap_or_default();
        let op = self.new_op()?;
        let floor = self.floor(thread, op).await?;
        self.goes_on_with(thread)?;
        let params = Value::Object(call.params.clone());
        if floor == Floor::Join {
            return self.process(op, &call.method, params).await;
        }
        let body = match self.inner.cap(thread, op, None).await {
            Ok(()) => self.process(op, &call.method, params).await,
            Err(spent) => Err(spent),
        };
        let (_, now) = self.inner.wake()?;
        let begun = body.as_ref().ok().and_then(|body| begun(body));
        let outputs = match (begun, &body) {
            (Some(turn), _) => self.inner.with(|it| it.began(thread, op, &turn, now))?,
            // Whether it began is not known: if it did, the log says so.
            (None, Err(error)) if error.code == Code::Timeout => Vec::new(),
            (None, _) => self.inner.with(|it| it.not_begun(thread, op, now))?,
        };
        self.inner.carry_out(outputs)?;
        body
    }

    async fn floor(&self, thread: &str, op: OpId) -> Result<Floor> {
        for _ in 0..TRIES_MAX {
            let (_, now) = self.inner.wake()?;
            let (floor, outputs) = self.inner.with(|it| it.take_turn(thread, op, now))?;
            self.inner.carry_out(outputs)?;
            if floor != Floor::Wait {
                return Ok(floor);
            }
            worker::Delay::from(TRY_AGAIN).await;
        }
        let message = "Other prompts of this project come first. Try again when they have begun.";
        Err(Error::new(Code::Conflict, message))
    }

    /// The project goes on with the thread that a terminal opened, once it is worked in.
    fn goes_on_with(&self, thread: &str) -> Result<()> {
        let Some(said) = self.terminal.borrow_mut().take_said(thread) else { return Ok(()) };
        let (_, now) = self.inner.wake()?;
        let (_, project, runner) = self.home()?;
        let opened = Opened { thread: thread.to_owned(), runner, said };
        let outputs = self.inner.with(|it| it.opened(opened, now))?;
        self.inner.carry_out(outputs)?;
        let (env, thread) = (self.inner.env.clone(), thread.to_owned());
        js_sys::futures::spawn_local(async move {
            // Lists tell it; the project itself knows already.
            let noted = crate::store::projects::opened(&env, project, &thread, now).await;
            if let Err(error) = noted {
                worker::console_warn!("terminal: {}", error.cause.unwrap_or(error.message));
            }
        });
        Ok(())
    }

    /// Puts a request to the process: what it answered, `{"result"}` or `{"error"}`.
    async fn process(&self, op: OpId, method: &str, params: Value) -> Result<Vec<u8>> {
        let (account, _, _) = self.home()?;
        let body = json!({ "method": method, "params": params }).to_string();
        let (grade, wait_ms, pays) = (Grade::Customer, CALL_MS, None);
        let act = Act::Call { op, account, grade, wait_ms, pays };
        match self.runner(act, body.as_bytes()).await? {
            (Answer::Answered, said) => Ok(said),
            (Answer::NeedsHold { .. } | Answer::NeedsKey | Answer::Gone, _) => {
                let message = "The project's machine wants something of the account first. Leave \
                               and come again, or open the project: `POST …/open`.";
                Err(Error::new(Code::RunnerUnavailable, message))
            }
            (other, _) => Err(Error::internal(format!("{other:?} instead of an answer"))),
        }
    }

    async fn runner(&self, act: Act, body: &[u8]) -> Result<(Answer, Vec<u8>)> {
        let (_, _, runner) = self.home()?;
        stub::tell(&self.inner.env, runner, &Command::Act(act), body).await
    }

    /// Whose project it is, and where it runs.
    fn home(&self) -> Result<(schema::AccountId, schema::ProjectId, schema::RunnerId)> {
        self.inner.wake()?;
        let home = self.inner.with(|it| {
            let profile = it.profile()?;
            Some((profile.account, profile.id, it.kept().runner?))
        })?;
        home.ok_or_else(|| Error::unavailable("the project is on no runner"))
    }

    fn new_op(&self) -> Result<OpId> {
        let (_, now) = self.inner.wake()?;
        cx::new_id(now)
    }
}

/// The turn that a good answer names.
fn begun(body: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Said {
        result: Began,
    }
    #[derive(Deserialize)]
    struct Began {
        turn: Named,
    }
    #[derive(Deserialize)]
    struct Named {
        id: String,
    }
    serde_json::from_slice::<Said>(body).ok().map(|said| said.result.turn.id)
}
