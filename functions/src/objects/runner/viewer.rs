//! A viewer of a process's events: a cursor on the log. It reads what it has not seen, waits until
//! that is written, and then for more; so it cannot be overrun, only overtaken by what is
//! forgotten.

use std::{fmt::Write as _, rc::Rc};

use js_sys::futures::{JsFuture, spawn_local};
use schema::{AccountId, Result, Timestamp, tunnel::Seq};
use serde_json::{Value, json, value::RawValue};

use super::{Inner, rows::Span, shape::EventShape};
use crate::{domain::hub::command::Standing, js};

/// Between two signs that a stream is alive. Whoever has left is noticed by one.
const KEEPALIVE_MS: i64 = 15_000;
const KEEPALIVE: &str = ": still here\n\n";
/// How soon a client may come back by itself.
const RETRY: &str = "retry: 2000\n\n";

/// Which events somebody wants to see.
#[derive(Debug)]
pub(super) struct Wish {
    pub account: AccountId,
    /// The last one seen; from now on if there is none.
    pub after: Option<Seq>,
    pub thread: Option<String>,
    /// The turn with whose end the stream ends.
    pub until: Option<String>,
}

/// Opens a stream of events.
pub(super) fn open(inner: &Rc<Inner>, wish: Wish) -> Result<web_sys::Response> {
    let account = wish.account;
    let (_, now) = inner.wake()?;
    let last = inner.place(account, |place| place.last).unwrap_or_default();
    let opening = js::Opening::new();
    let lines = "content-type: text/event-stream\ncache-control: no-store";
    let response = js::answer(200, lines, &opening.readable().into());
    let viewer = Viewer {
        inner: inner.clone(),
        opening,
        account,
        cursor: wish.after.unwrap_or(last),
        thread: wish.thread,
        until: wish.until,
        told: None,
        is_ready: false,
        written_at: now,
    };
    inner.viewers.set(inner.viewers.get() + 1);
    inner.keep_time();
    spawn_local(viewer.run());
    response.map_err(|thrown| schema::Error::internal(js::said(&thrown)))
}

struct Viewer {
    inner: Rc<Inner>,
    opening: js::Opening,
    account: AccountId,
    cursor: Seq,
    thread: Option<String>,
    until: Option<String>,
    /// How the runner stood when the viewer was told last.
    told: Option<Standing>,
    /// Whether it has seen everything that there was once.
    is_ready: bool,
    written_at: Timestamp,
}

/// A stream goes no further: its turn has ended, nobody reads, or nothing can be read.
struct End;

impl Drop for Viewer {
    fn drop(&mut self) {
        self.inner.viewers.set(self.inner.viewers.get().saturating_sub(1));
    }
}

impl Viewer {
    async fn run(mut self) {
        if self.say(RETRY).await.is_ok() {
            while self.catch_up().await.is_ok() {
                self.inner.signals.next(self.account).await;
            }
        }
        let _ = JsFuture::from(self.opening.end()).await;
    }

    /// Says everything that has not been said.
    async fn catch_up(&mut self) -> Result<(), End> {
        while let Some(text) = self.unseen()? {
            let over = text.is_over;
            if !text.said.is_empty() {
                self.say(&text.said).await?;
            }
            if over {
                return Err(End);
            }
        }
        let Ok((_, now)) = self.inner.wake() else { return Err(End) };
        let (standing, reason) = self.inner.stands(now);
        if self.told.replace(standing) != Some(standing) {
            let data = json!({ "state": standing.as_str(), "reason": reason });
            self.say(&format!("event: gantry/runner\ndata: {data}\n\n")).await?;
        }
        if standing == Standing::Revoked {
            // Whoever comes back is led to where the account lives then.
            return Err(End);
        }
        if !std::mem::replace(&mut self.is_ready, true) {
            let data = json!({ "seq": self.cursor });
            self.say(&format!("event: ready\ndata: {data}\n\n")).await?;
        } else if now.since(self.written_at) >= KEEPALIVE_MS {
            self.say(KEEPALIVE).await?;
        }
        Ok(())
    }

    /// The next events after the cursor; nothing if it has seen them all.
    fn unseen(&mut self) -> Result<Option<Text>, End> {
        if self.inner.wake().is_err() {
            return Err(End);
        }
        let log = self.inner.place(self.account, |place| (place.number, place.first, place.last));
        let (place, first, last) = log.unwrap_or_default();
        if self.cursor == last {
            return Ok(None);
        }
        if self.cursor.next() < first || self.cursor > last {
            return Ok(Some(self.gap(first, last)));
        }
        let span = Span { place, after: self.cursor, threads: self.thread.as_slice() };
        let read = self.inner.rows.events(span);
        let (events, more) = read.map_err(|fault| {
            worker::console_error!("events: {fault}");
            End
        })?;
        self.cursor = events.last().filter(|_| more).map_or(last, |event| event.seq);
        let (mut said, mut is_over) = (String::new(), false);
        for event in &events {
            push(&mut said, event);
            is_over = self.until.is_some()
                && event.method == "turn/completed"
                && event.turn == self.until;
            if is_over {
                break;
            }
        }
        Ok(Some(Text { said, is_over }))
    }

    /// What was forgotten before it was seen, and how things stand instead.
    fn gap(&mut self, first: Seq, last: Seq) -> Text {
        let after = self.cursor;
        // A cursor beyond the end is of another log: what comes next is all that can be said.
        let first = if after > last { last.next() } else { first };
        self.cursor = Seq(first.0.saturating_sub(1));
        let asks = self.inner.rows.asks(Some(self.account)).unwrap_or_default();
        let asks: Vec<Value> = asks
            .iter()
            .map(|ask| {
                json!({
                    "id": ask.ask, "seq": ask.seq, "time": ask.at.to_string(),
                    "method": ask.method, "requestId": ask.request,
                    "params": parsed(&ask.params),
                })
            })
            .collect();
        let process = self.inner.place(self.account, |place| place.process.clone()).flatten();
        let processes: Vec<_> = process.into_iter().collect();
        let snapshot = json!({ "asks": asks, "processes": processes });
        let data = json!({ "after": after, "first": first, "snapshot": snapshot });
        let id = self.cursor.0;
        Text { said: format!("id: {id}\nevent: gap\ndata: {data}\n\n"), is_over: false }
    }

    async fn say(&mut self, text: &str) -> Result<(), End> {
        let heard = JsFuture::from(self.opening.say(text)).await;
        self.written_at = self.inner.wake().map_or(self.written_at, |(_, now)| now);
        if heard.is_ok_and(|heard| heard.is_truthy()) { Ok(()) } else { Err(End) }
    }
}

/// A snapshot is rare, and may be read.
fn parsed(params: &RawValue) -> Value {
    serde_json::from_str(params.get()).unwrap_or_default()
}

/// What is to be said next.
struct Text {
    said: String,
    is_over: bool,
}

/// An event as a frame of the stream.
fn push(said: &mut String, event: &EventShape) {
    let EventShape { seq, at, method, params, .. } = event;
    // A line of its own must stay one line.
    let name = if method.contains(char::is_control) { "message" } else { method };
    let method = Value::from(method.as_str());
    let _ = write!(
        said,
        "id: {0}\nevent: {name}\ndata: {{\"seq\":{0},\"time\":\"{at}\",\"method\":{method}",
        seq.0
    );
    if let Some(ask) = &event.ask {
        let _ = write!(said, ",\"id\":\"{ask}\"");
    }
    if let Some(request) = &event.request {
        let _ = write!(said, ",\"requestId\":{request}");
    }
    let _ = write!(said, ",\"params\":{params}}}\n\n");
}
