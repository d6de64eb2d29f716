//! Rows of which project follows which thread.

use schema::{AccountId, ProjectId, tunnel::Seq};
use serde::Deserialize;

use super::{
    rows::{Fault, Rows},
    shape::number,
};
use crate::domain::hub::{Follow, Follows};

#[derive(Deserialize)]
struct FollowShape {
    account: AccountId,
    thread: String,
    project: ProjectId,
    since: u64,
}

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
}
