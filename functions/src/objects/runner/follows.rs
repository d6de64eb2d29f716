//! Rows of which project follows which thread, and of what became of what was asked there.

use schema::{AccountId, AskId, ProjectId, tunnel::Seq};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::rows::{Fault, Rows};
use crate::{
    domain::{
        hub::{Follow, Follows},
        project::feed::Event,
    },
    objects::sql::number,
};

#[derive(Deserialize)]
struct FollowShape {
    account: AccountId,
    thread: String,
    project: ProjectId,
    since: u64,
}

/// What is read of an event that tells that a question is no longer open.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct NoLonger<'a> {
    #[serde(borrow)]
    request_id: &'a RawValue,
}

#[derive(Deserialize)]
struct ReplyShape {
    ask: AskId,
    reply: Option<String>,
}

/// The question that is no longer open, and what was answered.
pub(super) type Resolved = (Option<AskId>, Option<Box<RawValue>>);

impl Rows {
    pub(super) fn follows(&self) -> Result<Follows, Fault> {
        let sql = "SELECT account, thread, project, since FROM follows";
        let rows = self.rows::<FollowShape>(sql, vec![])?;
        let follow = |row: FollowShape| {
            let follow = Follow { project: row.project, since: Seq(row.since) };
            ((row.account, row.thread), follow)
        };
        Ok(rows.into_iter().map(follow).collect())
    }

    pub(super) fn put_follow(
        &self,
        account: AccountId,
        thread: &str,
        follow: Follow,
    ) -> Result<(), Fault> {
        let sql = "INSERT INTO follows VALUES (?, ?, ?, ?) ON CONFLICT
                   DO UPDATE SET since = excluded.since";
        let since = number(i64::try_from(follow.since.0).unwrap_or(0));
        let project = follow.project.to_string().into();
        self.run(sql, vec![account.to_string().into(), thread.into(), project, since])
    }

    /// What an event resolves: the youngest question before it under the process's own id, which
    /// begins anew with every process.
    pub(super) fn resolved(&self, account: AccountId, event: &Event) -> Result<Resolved, Fault> {
        let Ok(gone) = serde_json::from_str::<NoLonger<'_>>(event.params.get()) else {
            return Ok((None, None));
        };
        let sql = "SELECT ask, reply FROM asks
                   WHERE account = ?1 AND request = ?2 AND seq < ?3 AND thread IS ?4
                   ORDER BY seq DESC LIMIT 1";
        let bindings = vec![
            account.to_string().into(),
            gone.request_id.get().into(),
            number(i64::try_from(event.seq.0).unwrap_or(i64::MAX)),
            event.thread.as_deref().into(),
        ];
        let Some(found) = self.rows::<ReplyShape>(sql, bindings)?.pop() else {
            return Ok((None, None));
        };
        Ok((Some(found.ask), found.reply.map(as_json).transpose()?))
    }
}

/// An answer as it was given; one that was cut is no JSON any more, and becomes a text.
fn as_json(reply: String) -> Result<Box<RawValue>, Fault> {
    match RawValue::from_string(reply.clone()) {
        Ok(json) => Ok(json),
        Err(_) => Ok(serde_json::value::to_raw_value(&reply)?),
    }
}
