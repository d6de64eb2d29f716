//! Terminals at a project: each is a socket, a machine that keeps what codex would keep for its
//! connection, and a cursor on the log.
//!
//! A socket is served by the object's memory and does not sleep, so the object stays in memory
//! while a terminal is open, which costs what being in memory costs. A deploy or a move of the
//! object ends it; its person comes back with the same command, and finds everything.

mod call;

use std::{
    cell::{Cell, RefCell},
    rc::{Rc, Weak},
};

use futures::future::{Either, select};
use js_sys::futures::{JsFuture, spawn_local};
use schema::{Code, Error, Result, Timestamp};
use serde::Deserialize;

use super::Inner;
use crate::{
    domain::project::{
        approval::{Decision, Verdict},
        terminal::{Call, Place, Step, Terminal},
    },
    js,
};

/// Terminals at one project.
const TERMINALS_MAX: usize = 32;
/// Messages of one terminal that wait to be heard, and their characters together.
const INBOX_MAX: u32 = 256;
const INBOX_MAX_CHARS: u32 = 4 << 20;
/// Calls of one terminal that are under way.
const CALLS_MAX: u32 = 64;
/// Between two signs of life. Nothing on this platform sends a WebSocket's own pings, and what lies
/// between may cut what says nothing for a minute.
const KEEPALIVE_MS: u32 = 20_000;
/// A notification that no client knows, and therefore none acts on. The first is sent at once, so
/// that a client that could not bear it would show it.
const KEEPALIVE: &str = r#"{"method":"gantry/stillHere","params":{}}"#;
/// Why a socket is closed: what let it in is not good any more.
const NOT_ALLOWED: u16 = 1008;
/// The object cannot go on with it.
const FAILED: u16 = 1011;

/// The query of a terminal's connection.
#[derive(Deserialize)]
pub(super) struct TerminalOf {
    /// What let it in, for people.
    by: String,
    /// Whether that was a pass of the project.
    pass: bool,
    /// Until when it may stay, in milliseconds.
    until: i64,
}

/// The terminals that are open.
#[derive(Default)]
pub(super) struct Terminals(RefCell<Vec<Weak<Session>>>);

impl Terminals {
    fn open(&self) -> Vec<Rc<Session>> {
        let mut open = self.0.borrow_mut();
        open.retain(|it| it.upgrade().is_some_and(|it| !it.over.get()));
        open.iter().filter_map(Weak::upgrade).collect()
    }

    fn add(&self, session: &Rc<Session>) -> Result<()> {
        if self.open().len() >= TERMINALS_MAX {
            let message = format!("{TERMINALS_MAX} terminals are open at this project. Close one.");
            return Err(Error::new(Code::ConcurrencyLimitExceeded, message).retry_after(10));
        }
        self.0.borrow_mut().push(Rc::downgrade(session));
        Ok(())
    }

    /// Hangs up on all that came by a pass.
    pub fn expel(&self) {
        for session in self.open().iter().filter(|it| it.pass) {
            session.end(NOT_ALLOWED, "the pass was revoked");
        }
    }
}

/// One terminal.
pub(super) struct Session {
    inner: Rc<Inner>,
    socket: js::Socket,
    terminal: RefCell<Terminal>,
    /// The last line of the log that was looked at.
    cursor: Cell<u64>,
    calls: Cell<u32>,
    /// Calls whose answer comes before the events that follow from it.
    first: Cell<u32>,
    over: Cell<bool>,
    by: String,
    pass: bool,
    until: Timestamp,
}

/// Lets a terminal in.
pub(super) fn open(inner: &Rc<Inner>, at: TerminalOf) -> Result<web_sys::Response> {
    inner.wake()?;
    let TerminalOf { by, pass, until } = at;
    let found = inner.with(|it| {
        let profile = it.profile()?;
        let cwd = it.kept().said.get("cwd").and_then(|cwd| cwd.as_str());
        Some((Place::new(profile.root(), cwd.map(str::to_owned)), it.kept().thread.clone()))
    })?;
    let (place, thread) = found.ok_or_else(|| Error::internal("nobody's project"))?;
    let mut terminal = Terminal::new(place);
    thread.iter().for_each(|thread| terminal.know(thread));
    let session = Rc::new(Session {
        inner: inner.clone(),
        socket: js::Socket::new(INBOX_MAX, INBOX_MAX_CHARS),
        terminal: RefCell::new(terminal),
        cursor: Cell::new(inner.with(|it| it.last())?),
        calls: Cell::new(0),
        first: Cell::new(0),
        over: Cell::new(false),
        by,
        pass,
        until: Timestamp::from_millis(until),
    });
    inner.terminals.add(&session)?;
    let response = session.socket.answer();
    spawn_local(session.clone().hear());
    spawn_local(session.tell());
    Ok(response)
}

impl Session {
    fn say(&self, text: &str) {
        if !self.socket.say(text) {
            self.over.set(true);
        }
    }

    fn end(&self, code: u16, reason: &str) {
        self.socket.end(code, reason);
        self.over.set(true);
        // Whoever tells it of events waits for one.
        self.inner.signals.ring(());
    }

    /// Takes what the terminal sends, in order. What takes long happens beside it.
    async fn hear(self: Rc<Self>) {
        loop {
            let text = JsFuture::from(self.socket.hear()).await;
            let Some(text) = text.ok().and_then(|text| text.as_string()) else { break };
            let step = self.terminal.borrow_mut().hear(&text);
            match step {
                Some(Step::Say(text)) => self.say(&text),
                Some(Step::Decide { ask, reply }) => {
                    let channel = "terminal".to_owned();
                    let (by, note, reply) = (self.by.clone(), String::new(), Some(reply));
                    let decide = |at| Decision { at, by, channel, note, reply };
                    let session = self.clone();
                    match self.inner.wake() {
                        Ok((_, now)) => {
                            let verdict = Verdict { ask, decision: decide(now) };
                            spawn_local(async move { session.decide(verdict).await });
                        }
                        Err(error) => worker::console_error!("terminal: {error}"),
                    }
                }
                Some(Step::Call(call)) => self.begin(*call),
                None => {}
            }
        }
        self.end(FAILED, "");
    }

    /// The first decision stands, and whoever comes later is not told: so it is with codex itself.
    async fn decide(self: Rc<Self>, verdict: Verdict) {
        if let Err(error) = self.inner.decide(verdict).await
            && !matches!(
                error.code,
                Code::Conflict | Code::ApprovalExpired | Code::ResourceNotFound
            )
        {
            worker::console_error!("terminal: {}", error.cause.unwrap_or(error.message));
        }
    }

    fn begin(self: &Rc<Self>, call: Call) {
        if self.calls.get() >= CALLS_MAX {
            let message = "Too many calls of this terminal are under way.";
            let error = Error::new(Code::ConcurrencyLimitExceeded, message);
            return self.say(&call.refused(&error));
        }
        self.calls.set(self.calls.get() + 1);
        let first = u32::from(call.goes_first());
        self.first.set(self.first.get() + first);
        let session = self.clone();
        spawn_local(async move {
            session.call(&call).await;
            session.calls.set(session.calls.get() - 1);
            session.first.set(session.first.get() - first);
            if first > 0 {
                // What has waited for the answer is told now.
                session.inner.signals.ring(());
            }
        });
    }

    /// Tells the terminal what happens, until it leaves.
    async fn tell(self: Rc<Self>) {
        self.say(KEEPALIVE);
        while !self.over.get() {
            if let Err(error) = self.catch_up() {
                worker::console_error!("terminal: {}", error.cause.unwrap_or(error.message));
                return self.end(FAILED, "the log cannot be read: come back");
            }
            let next = self.inner.signals.next(());
            let silence = self.inner.ticker.sleep(KEEPALIVE_MS);
            if let Either::Right(_) = select(next, silence).await {
                if self.inner.wake().is_ok_and(|(_, now)| self.until <= now) {
                    return self.end(NOT_ALLOWED, "this terminal was open for long: come again");
                }
                self.say(KEEPALIVE);
            }
        }
    }

    /// Tells all lines that it has not seen, unless an answer has to come first.
    fn catch_up(&self) -> Result<()> {
        loop {
            self.inner.wake()?;
            let last = self.inner.with(|it| it.last())?;
            if self.first.get() > 0 || self.cursor.get() >= last || self.over.get() {
                return Ok(());
            }
            let lines = self.inner.rows.lines(self.cursor.get(), None);
            let lines = lines.map_err(Error::unavailable)?;
            for line in &lines {
                let open = line.ask.and_then(|ask| {
                    self.inner.with(|it| it.open(ask).filter(|it| it.is_pending()).cloned()).ok()?
                });
                let said = self.terminal.borrow_mut().show(line, open.as_ref());
                said.iter().for_each(|said| self.say(said));
            }
            self.cursor.set(lines.last().map_or(last, |line| line.seq));
        }
    }
}
