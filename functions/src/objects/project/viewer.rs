//! Whoever watches a project: a cursor on its log. It reads what it has not seen, waits for more,
//! and so cannot be overrun. At the log's end all are told the same text, made once.

use std::{cell::RefCell, collections::VecDeque, fmt::Write as _, rc::Rc};

use futures::future::{Either, select};
use js_sys::futures::{JsFuture, spawn_local};
use schema::{Error, Result};
use serde_json::{Value, json};

use super::Inner;
use crate::{domain::project::log::Entry, js};

/// Between two signs that a stream is alive. Whoever has left is noticed by one.
const KEEPALIVE_MS: u32 = 15_000;
const KEEPALIVE: &str = ": still here\n\n";
/// How soon a client may come back by itself.
const RETRY: &str = "retry: 2000\n\n";
/// Lines whose text is kept for those at the log's end, and their bytes together.
const RECENT_MAX_LINES: usize = 512;
const RECENT_MAX_BYTES: usize = 1024 * 1024;

/// The newest lines as they are told.
#[derive(Default)]
pub(super) struct Recent(RefCell<Told>);

#[derive(Default)]
struct Told {
    lines: VecDeque<Line>,
    bytes: usize,
}

struct Line {
    seq: u64,
    thread: Option<String>,
    text: Rc<str>,
}

impl Recent {
    /// Keeps lines that were just written.
    pub fn push(&self, entries: &[Entry]) {
        let mut told = self.0.borrow_mut();
        for entry in entries {
            let text: Rc<str> = text(entry).into();
            told.bytes += text.len();
            told.lines.push_back(Line { seq: entry.seq, thread: entry.thread.clone(), text });
        }
        while told.lines.len() > RECENT_MAX_LINES || told.bytes > RECENT_MAX_BYTES {
            let Some(line) = told.lines.pop_front() else { break };
            told.bytes -= line.text.len();
        }
    }

    /// What was written may not be there.
    pub fn forget(&self) {
        *self.0.borrow_mut() = Told::default();
    }

    /// All that follows a line, if nothing is missing between; and the last of it.
    fn after(&self, cursor: u64, thread: Option<&str>) -> Option<(String, u64)> {
        let told = self.0.borrow();
        let first = told.lines.front()?.seq;
        if first > cursor + 1 {
            return None;
        }
        let mut said = String::new();
        for line in told.lines.iter().filter(|line| line.seq > cursor) {
            if concerns(line.thread.as_deref(), thread) {
                said.push_str(&line.text);
            }
        }
        Some((said, told.lines.back()?.seq))
    }
}

/// What concerns no thread concerns all.
fn concerns(its: Option<&str>, wanted: Option<&str>) -> bool {
    its.is_none() || wanted.is_none() || its == wanted
}

/// Opens a stream of events: after a line, or from now on.
pub(super) fn open(
    inner: &Rc<Inner>,
    after: Option<u64>,
    thread: Option<String>,
) -> Result<web_sys::Response> {
    inner.wake()?;
    let last = inner.with(|it| it.last())?;
    let opening = js::Opening::new();
    let lines = "content-type: text/event-stream\ncache-control: no-store";
    let response = js::answer(200, lines, &opening.readable().into());
    let cursor = after.unwrap_or(last);
    inner.viewers.set(inner.viewers.get() + 1);
    let viewer = Viewer { inner: inner.clone(), opening, cursor, thread };
    spawn_local(viewer.run());
    response.map_err(|thrown| Error::internal(js::said(&thrown)))
}

struct Viewer {
    inner: Rc<Inner>,
    opening: js::Opening,
    cursor: u64,
    thread: Option<String>,
}

/// A stream goes no further: nobody reads, or nothing can be read.
struct End;

impl Drop for Viewer {
    fn drop(&mut self) {
        self.inner.viewers.set(self.inner.viewers.get().saturating_sub(1));
    }
}

impl Viewer {
    async fn run(mut self) {
        let _ = self.tell().await;
        let _ = JsFuture::from(self.opening.end()).await;
    }

    async fn tell(&mut self) -> Result<(), End> {
        self.say(RETRY).await?;
        self.catch_up().await?;
        let data = json!({ "seq": self.cursor });
        self.say(&format!("event: ready\ndata: {data}\n\n")).await?;
        loop {
            let next = self.inner.signals.next(());
            let silence = self.inner.ticker.sleep(KEEPALIVE_MS);
            match select(next, silence).await {
                Either::Left(_) => self.catch_up().await?,
                Either::Right(_) => self.say(KEEPALIVE).await?,
            }
        }
    }

    /// Says everything that has not been said.
    async fn catch_up(&mut self) -> Result<(), End> {
        loop {
            self.inner.wake().map_err(|_| End)?;
            let last = self.inner.with(|it| it.last()).map_err(|_| End)?;
            if self.cursor == last {
                return Ok(());
            }
            let said = match self.inner.recent.after(self.cursor, self.thread.as_deref()) {
                Some((said, through)) if self.cursor < last => {
                    self.cursor = through;
                    said
                }
                _ => self.read(last)?,
            };
            if !said.is_empty() {
                self.say(&said).await?;
            }
        }
    }

    /// What rows have after the cursor.
    fn read(&mut self, last: u64) -> Result<String, End> {
        let fault = |fault| {
            worker::console_error!("log: {fault}");
            End
        };
        let first = self.inner.rows.first().map_err(fault)?;
        // A cursor beyond the end is of another log: what comes next is all that can be said.
        if self.cursor > last {
            let after = std::mem::replace(&mut self.cursor, last);
            return Ok(self.gap(after, last + 1));
        }
        if first > self.cursor + 1 && self.cursor > 0 {
            let after = std::mem::replace(&mut self.cursor, first - 1);
            return Ok(self.gap(after, first));
        }
        let lines = self.inner.rows.lines(self.cursor, self.thread.as_deref()).map_err(fault)?;
        let mut said = String::new();
        for line in &lines {
            said.push_str(&text(line));
        }
        self.cursor = lines.last().map_or(last, |line| line.seq);
        Ok(said)
    }

    /// What was forgotten before it was seen, and how things stand instead.
    fn gap(&self, after: u64, first: u64) -> String {
        let asks = self.inner.rows.approvals(false).unwrap_or_default();
        let asks: Vec<Value> = asks
            .iter()
            .map(|it| {
                let params: Value = serde_json::from_str(it.params.get()).unwrap_or_default();
                json!({ "approvalId": it.ask, "method": it.method, "params": params })
            })
            .collect();
        let described = self.inner.with(|it| it.describe()).ok().flatten();
        let (thread, turn) = described.map_or((None, None), |it| (it.thread, it.turn));
        let snapshot = json!({ "approvals": asks, "threadId": thread, "turnId": turn });
        let data = json!({ "after": after, "first": first, "snapshot": snapshot });
        format!("id: {}\nevent: gap\ndata: {data}\n\n", self.cursor)
    }

    async fn say(&self, text: &str) -> Result<(), End> {
        let heard = JsFuture::from(self.opening.say(text)).await;
        if heard.is_ok_and(|heard| heard.is_truthy()) { Ok(()) } else { Err(End) }
    }
}

/// A line as a frame of the stream.
fn text(entry: &Entry) -> String {
    let Entry { seq, at, method, thread, turn, ask, request, params, .. } = entry;
    // A line of its own must stay one line.
    let name = if method.contains(char::is_control) { "message" } else { method };
    let method = Value::from(method.as_str());
    let mut said = String::with_capacity(params.get().len() + 256);
    let _ = write!(
        said,
        "id: {seq}\nevent: {name}\ndata: {{\"seq\":{seq},\"time\":\"{at}\",\"method\":{method}"
    );
    for (name, value) in [("threadId", thread), ("turnId", turn)] {
        if let Some(value) = value {
            let _ = write!(said, ",\"{name}\":{}", Value::from(value.as_str()));
        }
    }
    if let Some(ask) = ask {
        let _ = write!(said, ",\"approvalId\":\"{ask}\"");
    }
    if let Some(request) = request {
        let _ = write!(said, ",\"requestId\":{request}");
    }
    let _ = write!(said, ",\"params\":{params}}}\n\n");
    said
}
