//! What the account's books say of a stretch of time.

use schema::{Timestamp, time::HOUR_MS};

use super::{Fault, Rows};
use crate::{domain::reconciliation::UsageSum, objects::sql::number};

impl Rows {
    /// Sources of credits that came from Stripe, from one moment to before another.
    pub fn paid(&self, from: Timestamp, until: Timestamp) -> Result<Vec<String>, Fault> {
        #[derive(serde::Deserialize)]
        struct Row {
            source: String,
        }
        // `;` is what follows `:`.
        let sql = "SELECT source FROM entries WHERE source >= 'stripe:' AND source < 'stripe;'
                     AND kind = 'credit' AND at >= ? AND at < ? ORDER BY seq";
        let rows = self.rows::<Row>(sql, vec![number(from.millis()), number(until.millis())])?;
        Ok(rows.into_iter().map(|row| row.source).collect())
    }

    /// Sums of the hours from one to before another, of the rows themselves.
    pub fn summed(&self, from: Timestamp, until: Timestamp) -> Result<Vec<UsageSum>, Fault> {
        let sql =
            "SELECT at / 3600000 AS hour, model, route, count(*) AS requests, sum(input) AS input,
               sum(output) AS output, -sum(amount) AS charged FROM entries
             WHERE kind = 'post' AND at >= ? AND at < ? GROUP BY hour, model, route";
        let edge = |at: Timestamp| number(at.millis().div_euclid(HOUR_MS) * HOUR_MS);
        self.rows(sql, vec![edge(from), edge(until)])
    }
}
