//! A database as it is after years: many customers with all that lists show of them. The database
//! makes the rows itself, from their numbers, so the same plan makes the same rows.
//!
//! Only rows of D1 are made: an account that nobody has opened has an object without anything in
//! it.

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::{Database, Statement};

const HOUR_MS: i64 = 3_600_000;
/// Usage is of the last ninety days.
const USED_HOURS: i64 = 90 * 24;
/// Customers came over so long.
const YEARS_MS: i64 = 3 * 365 * 24 * HOUR_MS;
/// Rows that one statement makes.
const PIECE: u64 = 100_000;

const FIRST: [&str; 12] = [
    "Ada",
    "Grace",
    "Edsger",
    "Barbara",
    "Alan",
    "Katherine",
    "Dennis",
    "Radia",
    "Niklaus",
    "Jean",
    "Donald",
    "Shafi",
];
const LAST: [&str; 11] = [
    "Lovelace", "Hopper", "Dijkstra", "Liskov", "Turing", "Johnson", "Ritchie", "Perlman", "Wirth",
    "Bartik", "Knuth",
];

/// The numbers of a piece, and what statements know of the plan.
const NUMBERS: &str = "WITH RECURSIVE
  given AS (SELECT CAST(?1 AS INTEGER) AS first, CAST(?2 AS INTEGER) AS past,
    CAST(?3 AS INTEGER) AS seed, CAST(?4 AS INTEGER) AS begun, CAST(?5 AS INTEGER) AS step,
    CAST(?6 AS INTEGER) AS until, CAST(?7 AS INTEGER) AS each, CAST(?8 AS INTEGER) AS machines,
    ?9 AS firsts, ?10 AS lasts),
  numbers(i) AS (
    SELECT first FROM given UNION ALL SELECT i + 1 FROM numbers, given WHERE i + 1 < past),
  drawn AS (SELECT *, begun + i * step AS at, (i * 2654435761 + seed * 40503) % 4294967296 AS dice
    FROM numbers, given)";

/// Of a table how many rows, its columns, and what they are for a number.
type Table = (&'static str, u64, &'static str, String);

/// How much there shall be.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    pub customers: u64,
    /// Sums of usage, over the last ninety days.
    pub sums: u64,
    pub runners: u64,
    /// Another seed makes other rows.
    pub seed: u64,
    /// The newest moment of all, in milliseconds.
    pub until: i64,
}

impl Plan {
    /// Fills a database that has its tables, and none of these rows.
    pub async fn fill(&self, database: &Database) -> Result<()> {
        for (table, rows, columns, select) in self.people().into_iter().chain(self.things()) {
            let sql =
                format!("INSERT INTO {table} ({columns}) {NUMBERS} SELECT {select} FROM drawn");
            for from in (0..rows).step_by(usize::try_from(PIECE)?) {
                let values = self.values(from, rows.min(from + PIECE));
                let done = database.batch(&[Statement::new(&sql, values)]).await;
                done.with_context(|| format!("rows of {table}"))?;
            }
        }
        Ok(())
    }

    /// The id of the account with this number; others have their own prefix.
    pub fn account(&self, number: u64) -> String {
        let (begun, step) = (self.until - YEARS_MS, self.step());
        let at = begun + i64::try_from(number).unwrap_or_default() * step;
        let dice = number * 2_654_435_761 + self.seed * 40_503;
        format!("acct_{at:012x}7{:03x}8{:015x}", number % 4096, dice % 4_294_967_296)
    }

    fn step(&self) -> i64 {
        (YEARS_MS / i64::try_from(self.customers.max(1)).unwrap_or(i64::MAX)).max(1)
    }

    fn values(&self, from: u64, past: u64) -> Vec<Value> {
        vec![
            json!(from),
            json!(past),
            json!(self.seed),
            json!(self.until - YEARS_MS),
            json!(self.step()),
            json!(self.until),
            json!(self.sums.div_ceil(self.customers.max(1)).max(1)),
            json!(self.runners.max(1)),
            json!(json!(FIRST).to_string()),
            json!(json!(LAST).to_string()),
        ]
    }

    /// Who there is, and what they used.
    fn people(&self) -> Vec<Table> {
        let all = self.customers;
        let account = id("acct", "i");
        let name = format!(
            "firsts ->> (i % {}) || ' ' || (lasts ->> (dice % {}))",
            FIRST.len(),
            LAST.len()
        );
        let username = format!("lower(firsts ->> (i % {})) || '-' || i", FIRST.len());
        let email = format!("{username} || '@example.com'");
        vec![
            (
                "accounts",
                all,
                "id, username, plan, active, note, created_at",
                format!("{account}, {username}, 'starter', i % 50 > 0, 'note ' || i, at"),
            ),
            ("keys", all, "id, account", format!("{}, {account}", id("key", "i"))),
            (
                "emails",
                all,
                "email, account, salt, claimed_at, verified_at",
                format!(
                    "{email}, {account}, 'AAAAAAAAAAAAAAAAAAAAAA', at,
                     iif(i % 9, at + 60000, NULL)"
                ),
            ),
            (
                "signups",
                all,
                "account, username, name, email, country, phone, standing, created_at, judged_at",
                format!(
                    "{account}, {username}, {name}, {email}, 'DE', '+4930' || (1000000 + i),
                     iif(i % 40, 'approved', 'pending'), at, iif(i % 40, at + 60000, NULL)"
                ),
            ),
            (
                "usage_hourly",
                self.sums,
                "account, hour, model, route, requests, input, output, charged",
                format!(
                    "{}, until / {HOUR_MS} - (i / each * 13 + i % each * 211) % {USED_HOURS},
                     iif(i % 2, 'gpt-5.5', 'gpt-6.1-sol'), iif(i % 3, 'openai', 'azure'),
                     1 + dice % 30, dice % 90000, dice % 9000, dice % 500000",
                    id("acct", "i / each")
                ),
            ),
        ]
    }

    /// What there is beside people.
    fn things(&self) -> Vec<Table> {
        let all = self.customers;
        let account = id("acct", "i");
        vec![
            (
                "payments",
                all / 4,
                "id, account, session, intent, state, problem, created_at",
                format!(
                    "{}, {}, 'cs_' || i, 'pi_' || i, 'paid',
                     iif(i % 500, NULL, 'Somebody has to look at this.'), at",
                    id("pay", "i"),
                    id("acct", "i * 4")
                ),
            ),
            (
                "orders",
                all / 10,
                "number, account, username, credit, note, key, secrets, created_at, completed_at",
                format!(
                    "'G2G-' || i, {}, 'buyer-' || i, 5000000, 'an order', {}, '', at, at + 900",
                    id("acct", "i * 10"),
                    id("key", "i * 10")
                ),
            ),
            (
                "projects",
                all / 4,
                "id, account, owner, name, template, created_at, opened_at",
                format!(
                    "{}, {}, '', 'Project ' || i, '{{}}', at, iif(i % 3, at + 5000, NULL)",
                    id("prj", "i"),
                    id("acct", "i / 3 * 3")
                ),
            ),
            (
                "audit",
                all / 2,
                "at, actor, act, detail",
                format!("at, 'admin', iif(i % 2, 'wallet.set', 'key.create'), {account}"),
            ),
            (
                "runners",
                self.runners,
                "id, name, labels, capacity, public_key, machine, ephemeral, created_at, revoked_at,
                 online, draining, load",
                format!(
                    "{}, 'runner-' || i, '{{\"zone\":\"' || (i % 7) || '\"}}', 32, '', 'linux', 0,
                     at, iif(i % 10, NULL, at + 1), i % 10 > 0, i % 25 = 1, dice % 33",
                    id("rnr", "i")
                ),
            ),
            (
                "placements",
                all / 10,
                "account, runner",
                format!("{}, {}", id("acct", "i * 10"), id("rnr", "i % machines")),
            ),
        ]
    }
}

/// An id of the kind, in SQL, for the number that an expression is.
fn id(prefix: &str, number: &str) -> String {
    format!(
        "printf('{prefix}_%012x7%03x8%015x', begun + ({number}) * step, ({number}) % 4096,
           (({number}) * 2654435761 + seed * 40503) % 4294967296)"
    )
}
