//! Rows of turns that a codex pays for by itself, and of how far their threads are counted.

use schema::{AccountId, CallId, Timestamp};
use serde::Deserialize;

use super::rows::{Fault, Rows};
use crate::{
    config::Retention,
    domain::hub::{Counted, ThreadKey, Turn},
    objects::sql::number,
};

#[derive(Deserialize)]
struct TurnShape {
    call: CallId,
    body: String,
}

#[derive(Deserialize)]
struct ThreadShape {
    account: AccountId,
    thread: String,
    body: String,
}

impl Rows {
    pub(super) fn turns(&self) -> Result<Vec<(CallId, Turn)>, Fault> {
        let rows = self.rows::<TurnShape>("SELECT call, body FROM turns", vec![])?;
        rows.into_iter().map(|row| Ok((row.call, serde_json::from_str(&row.body)?))).collect()
    }

    pub(super) fn threads(&self) -> Result<Vec<(ThreadKey, Counted)>, Fault> {
        let rows = self.rows::<ThreadShape>("SELECT account, thread, body FROM threads", vec![])?;
        let read =
            |row: ThreadShape| Ok(((row.account, row.thread), serde_json::from_str(&row.body)?));
        rows.into_iter().map(read).collect()
    }

    /// Keeps a turn, or forgets it when it is settled.
    pub(super) fn put_turn(&self, call: CallId, turn: Option<&Turn>) -> Result<(), Fault> {
        let call = call.to_string().into();
        let Some(turn) = turn else {
            return self.run("DELETE FROM turns WHERE call = ?", vec![call]);
        };
        let sql = "INSERT INTO turns VALUES (?, ?) ON CONFLICT DO UPDATE SET body = excluded.body";
        self.run(sql, vec![call, serde_json::to_string(turn)?.into()])
    }

    pub(super) fn put_thread(
        &self,
        account: AccountId,
        thread: &str,
        counted: &Counted,
    ) -> Result<(), Fault> {
        let sql = "INSERT INTO threads VALUES (?, ?, ?, 1000 * unixepoch()) ON CONFLICT
                   DO UPDATE SET body = excluded.body, at = excluded.at";
        let body = serde_json::to_string(counted)?;
        self.run(sql, vec![account.to_string().into(), thread.into(), body.into()])
    }

    /// Forgets threads in which nothing was used for long. One that goes on then is counted from
    /// where it says that it stands.
    pub(super) fn trim_threads(&self, retention: &Retention, now: Timestamp) -> Result<(), Fault> {
        let oldest = now.plus_millis(-retention.ms);
        self.run("DELETE FROM threads WHERE at < ?", vec![number(oldest.millis())])
    }
}
