//! Rows of what the person is told, and what became of it.

use schema::{NoticeId, Timestamp, time::DAY_MS};
use serde::Deserialize;
use wasm_bindgen::JsValue;

use super::{Fault, Rows};
use crate::{
    domain::notice::{Channel, Record, State},
    objects::sql::{number, optional},
};

/// How long records are kept. An event is not told again while its record is there; none comes
/// again after so long.
const KEPT_MS: i64 = 400 * DAY_MS;
/// What the process left in the middle, and nobody can tell the end of.
const DOUBT: &str = "The process ended before the server's answer was written down.";

/// A notice on one channel, before it is a row.
pub struct NewNotice<'a> {
    pub id: NoticeId,
    pub event: &'a str,
    pub channel: Channel,
    pub template: &'a str,
    pub recipient: Option<&'a str>,
    /// Sealed.
    pub body: Option<&'a str>,
    pub state: State,
    /// Why it is not tried.
    pub answer: Option<&'a str>,
}

/// A notice that is to be tried.
#[derive(Debug, Deserialize)]
pub struct DueNotice {
    pub id: String,
    pub recipient: String,
    pub body: String,
    pub attempts: u32,
    pub created_at: i64,
}

/// What a try leaves behind.
pub struct Tried<'a> {
    pub state: State,
    /// When it is tried again.
    pub next_at: Option<Timestamp>,
    pub answer: &'a str,
}

#[derive(Debug, Deserialize)]
struct NextRow {
    next_at: Option<i64>,
}

impl Rows {
    /// Adds a notice, unless its event is known on this channel. One that waits is due at once.
    pub fn add_notice(&self, new: &NewNotice<'_>, now: Timestamp) -> Result<(), Fault> {
        let sql = "INSERT INTO notices (id, event, channel, template, recipient, body, state,
                     attempts, created_at, next_at, answer)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 0, ?8, ?9, ?10)
                   ON CONFLICT (event, channel) DO NOTHING";
        let waits = new.state == State::Waiting;
        let bindings = vec![
            new.id.to_string().into(),
            new.event.into(),
            new.channel.as_str().into(),
            new.template.into(),
            optional(new.recipient),
            optional(new.body),
            new.state.as_str().into(),
            number(now.millis()),
            if waits { number(now.millis()) } else { JsValue::NULL },
            optional(new.answer),
        ];
        self.0.exec_raw(sql, bindings).map(drop)
    }

    /// The notice of a channel that has been due for longest.
    pub fn due_notice(&self, channel: Channel, now: Timestamp) -> Result<Option<DueNotice>, Fault> {
        let sql = "SELECT id, recipient, body, attempts, created_at FROM notices
                   WHERE next_at <= ?1 AND channel = ?2 ORDER BY next_at LIMIT 1";
        let bindings = vec![number(now.millis()), channel.as_str().into()];
        Ok(self.rows::<DueNotice>(sql, bindings)?.pop())
    }

    /// Counts a try, and says when the next is should this one never be heard of again.
    pub fn try_notice(&self, id: &str, now: Timestamp, next_at: Timestamp) -> Result<(), Fault> {
        let sql = "UPDATE notices SET attempts = attempts + 1, tried_at = ?2, next_at = ?3
                   WHERE id = ?1";
        let bindings = vec![id.into(), number(now.millis()), number(next_at.millis())];
        self.0.exec_raw(sql, bindings).map(drop)
    }

    /// From here on it may have been delivered, whatever is heard.
    pub fn hand_over_notice(&self, id: &str) -> Result<(), Fault> {
        let sql = "UPDATE notices SET state = 'handed', next_at = NULL WHERE id = ?1";
        self.0.exec_raw(sql, vec![id.into()]).map(drop)
    }

    /// Writes down what came of a try. What it said is forgotten where it is not tried again.
    pub fn end_notice(&self, id: &str, tried: &Tried<'_>) -> Result<(), Fault> {
        let sql = "UPDATE notices SET state = ?2, next_at = ?3, answer = ?4,
                     body = CASE WHEN ?3 IS NULL THEN NULL ELSE body END WHERE id = ?1";
        let bindings = vec![
            id.into(),
            tried.state.as_str().into(),
            tried.next_at.map_or(JsValue::NULL, |at| number(at.millis())),
            tried.answer.into(),
        ];
        self.0.exec_raw(sql, bindings).map(drop)
    }

    /// What a process before this one was handing over when it ended, nobody knows the end of: it
    /// is not sent again.
    pub fn doubt_notices(&self) -> Result<(), Fault> {
        let sql = "UPDATE notices SET state = 'unconfirmed', body = NULL, answer = ?1
                   WHERE state = 'handed'";
        self.0.exec_raw(sql, vec![DOUBT.into()]).map(drop)
    }

    /// When the next notice is due.
    pub fn next_notice_at(&self) -> Result<Option<Timestamp>, Fault> {
        let sql = "SELECT min(next_at) AS next_at FROM notices WHERE next_at IS NOT NULL";
        let next = self.rows::<NextRow>(sql, vec![])?.pop().and_then(|row| row.next_at);
        Ok(next.map(Timestamp::from_millis))
    }

    /// Records before one of them, newest first, one more than `limit`.
    pub fn notices(&self, before: Option<NoticeId>, limit: u32) -> Result<Vec<Record>, Fault> {
        let sql = "SELECT json_object('id', id, 'event', event, 'channel', channel,
                     'template', template, 'recipient', recipient, 'state', state,
                     'attempts', attempts, 'created_at', created_at, 'tried_at', tried_at,
                     'next_at', next_at, 'answer', answer) FROM notices
                   WHERE ?1 IS NULL OR id < ?1 ORDER BY id DESC LIMIT ?2";
        let before = before.map_or(JsValue::NULL, |id| id.to_string().into());
        self.values(sql, vec![before, number(i64::from(limit) + 1)])
    }

    /// Forgets records that are old.
    pub fn trim_notices(&self, now: Timestamp) -> Result<(), Fault> {
        let sql = "DELETE FROM notices WHERE created_at < ?1 AND next_at IS NULL";
        self.0.exec_raw(sql, vec![number(now.plus_millis(-KEPT_MS).millis())]).map(drop)
    }
}
