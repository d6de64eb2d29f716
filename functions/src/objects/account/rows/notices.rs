//! Rows of what the person is told, and what became of it.

use schema::{NoticeId, Timestamp};

use super::{Fault, Rows, number};
use crate::domain::notice::{Channel, State};

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
    /// When it is tried, if nothing tries it before.
    pub next_at: Option<Timestamp>,
    /// Why it is not tried.
    pub answer: Option<&'a str>,
}

impl Rows {
    /// Adds a notice, unless its event is known on this channel; says whether it did.
    pub fn add_notice(&self, new: &NewNotice<'_>, now: Timestamp) -> Result<bool, Fault> {
        let text = |value: Option<&str>| value.map_or(wasm_bindgen::JsValue::NULL, Into::into);
        let sql = "INSERT INTO notices (id, event, channel, template, recipient, body, state,
                     attempts, created_at, next_at, answer)
                   VALUES (?, ?, ?, ?, ?, ?, ?, 0, ?, ?, ?)
                   ON CONFLICT (event, channel) DO NOTHING RETURNING 1";
        let bindings = vec![
            new.id.to_string().into(),
            new.event.into(),
            new.channel.as_str().into(),
            new.template.into(),
            text(new.recipient),
            text(new.body),
            new.state.as_str().into(),
            number(now.millis()),
            new.next_at.map_or(wasm_bindgen::JsValue::NULL, |at| number(at.millis())),
            text(new.answer),
        ];
        Ok(self.0.exec_raw(sql, bindings)?.raw().next().transpose()?.is_some())
    }
}
