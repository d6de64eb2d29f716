//! Rows of what projects may spend, and what their charges come to.

use schema::{MicroUsd, ProjectId};

use super::{Fault, Rows, read};
use crate::{
    domain::cap::{Budget, Caps, Spent},
    objects::account::shape::{CapRow, SpentRow},
};

impl Rows {
    pub fn put_cap(&self, project: ProjectId, budget: &Budget) -> Result<(), Fault> {
        let body = serde_json::to_string(budget)?;
        let sql = "INSERT INTO caps VALUES (?, ?) ON CONFLICT DO UPDATE SET body = excluded.body";
        self.0.exec_raw(sql, vec![project.to_string().into(), body.into()]).map(drop)
    }

    pub(super) fn load_caps(&self, caps: &mut Caps) -> Result<(), Fault> {
        for row in self.rows::<CapRow>("SELECT project, body FROM caps", vec![])? {
            if let Ok(project) = row.project.parse() {
                caps.put(project, read(&row.body)?);
            }
        }
        Ok(())
    }

    /// What a project has been charged: in all, and for those turns that its budget remembers.
    pub fn spent(&self, project: ProjectId, budget: &Budget) -> Result<Spent, Fault> {
        let project = project.to_string();
        let all = "SELECT NULL AS turn, coalesce(sum(coalesce(covered, 0) - amount), 0) AS spent
                   FROM entries WHERE project = ? AND kind = 'post'";
        let all = self.rows::<SpentRow>(all, vec![project.clone().into()])?.pop();
        let turns: Vec<_> = budget.turns.iter().map(|turn| &turn.cap.id).collect();
        let of_turns = "SELECT turn, sum(coalesce(covered, 0) - amount) AS spent FROM entries
                        WHERE project = ?1 AND kind = 'post'
                          AND turn IN (SELECT value FROM json_each(?2)) GROUP BY turn";
        let bindings = vec![project.into(), serde_json::to_string(&turns)?.into()];
        let of_turns = self.rows::<SpentRow>(of_turns, bindings)?.into_iter();
        Ok(Spent {
            project: MicroUsd::new(all.map_or(0, |row| row.spent)),
            turns: of_turns.filter_map(|row| Some((row.turn?, MicroUsd::new(row.spent)))).collect(),
        })
    }
}
