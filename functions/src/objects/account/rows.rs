//! The account's rows: SQL in, values out. Everything is synchronous, so nothing comes between two
//! statements of one turn.

mod caps;
mod notices;
mod payments;
mod reconciliation;

pub use notices::{DueNotice, NewNotice, Tried};

use schema::{
    CallId, MicroUsd, Timestamp,
    admin::WalletTransaction,
    agent::{DailySpend, UsageTransaction},
    time::{DAY_MS, HOUR_MS},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use wasm_bindgen::JsValue;
use worker::{SqlStorage, SqlStorageValue};

use super::shape::{
    CountedRow, CoveredRow, DayRow, EntryRow, LastRow, MarkRow, OpenRow, StepRow, UsageRow,
    entry_row, unhex,
};
use crate::{
    domain::{
        access::Key,
        account::Profile,
        admission::Live,
        booking::Booked,
        cap::Purpose,
        fair_use::Span,
        ledger::{Entry, Ledger, Parts},
        person, session,
        token::Hash,
        unlimited,
        window::{Counted, Counter},
    },
    objects::sql::{migrate, number},
    store::usage::HourlySum,
};

/// Steps of the schema, each run once, in order; never changed, only added to.
const STEPS: [&str; 7] = [
    "
    CREATE TABLE profile (one INTEGER PRIMARY KEY CHECK (one = 1), body TEXT NOT NULL);
    CREATE TABLE keys (hash TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID;
    -- Requests of the last hour, and of the last day what has a daily quota, so that a restart
    -- forgets none.
    CREATE TABLE counted (at INTEGER NOT NULL, holder TEXT NOT NULL, weight INTEGER NOT NULL);
    CREATE INDEX counted_at ON counted (at);
    -- The ledger. `amount` is what a row does to the balance, `held` what it does to the
    -- reserved part.
    CREATE TABLE entries (
      seq INTEGER PRIMARY KEY, kind TEXT NOT NULL, call TEXT, source TEXT,
      amount INTEGER NOT NULL, held INTEGER NOT NULL, balance INTEGER NOT NULL,
      at INTEGER NOT NULL, note TEXT,
      model TEXT, route TEXT, holder TEXT, conversation TEXT,
      input INTEGER, cached INTEGER, output INTEGER, reasoning INTEGER,
      billed INTEGER, price INTEGER, basis TEXT, cost INTEGER);
    -- The same thing is never booked twice.
    CREATE UNIQUE INDEX entries_source ON entries (source) WHERE source IS NOT NULL;
    -- The high-water mark of a conversation, and the sums of a day.
    CREATE INDEX entries_conversation ON entries (conversation, input)
      WHERE conversation IS NOT NULL;
    CREATE INDEX entries_posted ON entries (at) WHERE kind = 'post';
    -- Positions: `settled`, up to which no hold is open; `summed`, up to which usage has been
    -- reported.
    CREATE TABLE marks (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
",
    "
    -- A secret key that had all of a customer's scopes has the one that was added, too.
    UPDATE keys SET body = replace(body, '\"scopes\":[\"responses\",\"models\",\"account\"]',
      '\"scopes\":[\"responses\",\"models\",\"account\",\"agent\"]')
      WHERE body LIKE '%\"kind\":\"secret\"%';
",
    "
    -- Things of which an account has one: each a value by its name.
    CREATE TABLE facts (name TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID;
",
    "
    -- What the person is told. `body` is sealed, and gone once nothing will be tried any more.
    CREATE TABLE notices (
      id TEXT PRIMARY KEY, event TEXT NOT NULL, channel TEXT NOT NULL, template TEXT NOT NULL,
      recipient TEXT, body TEXT, state TEXT NOT NULL, attempts INTEGER NOT NULL,
      created_at INTEGER NOT NULL, tried_at INTEGER, next_at INTEGER, answer TEXT,
      UNIQUE (event, channel)) WITHOUT ROWID;
    CREATE INDEX notices_due ON notices (next_at) WHERE next_at IS NOT NULL;
",
    "
    -- What the Unlimited plan paid, and what a row does to the reserved part of its allowance; both
    -- only where it is something.
    ALTER TABLE entries ADD COLUMN covered INTEGER;
    ALTER TABLE entries ADD COLUMN reserved INTEGER;
    CREATE INDEX entries_covered ON entries (at, covered) WHERE covered IS NOT NULL;
",
    "
    -- What was wished to be paid and what became of it. `key` names a wish for whoever sent it; a
    -- checkout and a payment at Stripe belong to one row.
    CREATE TABLE payments (
      id TEXT PRIMARY KEY, key TEXT UNIQUE, session TEXT UNIQUE, intent TEXT UNIQUE, offer TEXT,
      body TEXT NOT NULL) WITHOUT ROWID;
    CREATE INDEX payments_offer ON payments (offer) WHERE offer IS NOT NULL;
",
    "
    -- What projects may spend. What they have spent is the sum of their charges: a row of a call
    -- that counts to one says to which, and to which of its turns.
    CREATE TABLE caps (project TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID;
    ALTER TABLE entries ADD COLUMN project TEXT;
    ALTER TABLE entries ADD COLUMN turn TEXT;
    CREATE INDEX entries_project ON entries (project, turn, amount, covered)
      WHERE project IS NOT NULL AND kind = 'post';
",
];

/// A row that could not be read or written.
pub type Fault = worker::Error;

/// The account's storage.
pub struct Rows(SqlStorage);

impl Rows {
    pub const fn new(sql: SqlStorage) -> Self {
        Self(sql)
    }

    /// Brings the schema up to date and reads what lives in memory. An object that nobody has
    /// opened writes nothing: whoever makes up an account's id must not make us keep it.
    pub fn load(&self, now: Timestamp) -> Result<Live, Fault> {
        let opened = "SELECT count(*) AS done FROM sqlite_master WHERE name = 'profile'";
        if self.rows::<StepRow>(opened, vec![])?.first().is_none_or(|row| row.done == 0) {
            return Ok(Live::default());
        }
        migrate(&self.0, &STEPS)?;
        let mut live = Live::default();
        live.ledger = self.ledger()?;
        self.load_caps(&mut live.ledger.caps)?;
        live.unlimited = self.fact(unlimited::FACT)?.unwrap_or_default();
        live.ledger.allowance.set_terms(live.unlimited.terms());
        if live.unlimited.is_known() {
            self.restore_covered(&mut live.ledger, now)?;
        }
        live.profile = self.values::<Profile>("SELECT body FROM profile", vec![])?.pop();
        live.standing = self.fact(person::STANDING)?.unwrap_or_default();
        live.username_void = self.fact(person::USERNAME_VOID)?.unwrap_or_default();
        for row in self.0.exec("SELECT hash, body FROM keys", None)?.raw() {
            let [hash, body] = texts(row?)?;
            live.restore_key(unhex(&hash).ok_or("a key's hash is broken")?, read(&body)?);
        }
        live.sessions = self.fact(session::FACT)?.unwrap_or_default();
        let counted = "SELECT holder, at, weight FROM counted
                       WHERE at > ?1 AND (at > ?2 OR holder LIKE 'day:%') ORDER BY at";
        for row in self.rows::<CountedRow>(counted, edges(now))? {
            if let Some(counter) = Counter::parse(&row.holder) {
                let at = Timestamp::from_millis(row.at);
                live.windows.restore(Counted { counter, at, weight: row.weight });
            }
        }
        Ok(live)
    }

    /// Writes what memory has and storage has not, in this turn. All or, by the turn, nothing.
    pub fn store(&self, live: &mut Live) -> Result<(), Fault> {
        if let Err(fault) = self.insert(live.ledger.unstored()) {
            // The only row that may be here already is a charge for a response that came twice.
            self.forgive_known(&mut live.ledger, fault)?;
            self.insert(live.ledger.unstored())?;
        }
        live.ledger.stored(live.ledger.unstored().len());
        let counted = live.windows.unstored();
        if !counted.is_empty() {
            let row = |c: &Counted| json!([c.at.millis(), c.counter.text(), c.weight]);
            let rows = Value::Array(counted.iter().map(row).collect()).to_string();
            self.0.exec_raw(INSERT_COUNTED, vec![rows.into()])?;
            live.windows.stored(counted.len());
        }
        Ok(())
    }

    fn insert(&self, entries: &[Entry]) -> Result<(), Fault> {
        if entries.is_empty() {
            return Ok(());
        }
        let rows = Value::Array(entries.iter().map(entry_row).collect()).to_string();
        self.0.exec_raw(INSERT_ENTRIES, vec![rows.into()]).map(drop)
    }

    /// Takes back the charges whose source is stored; the fault stands if there is none.
    fn forgive_known(&self, ledger: &mut Ledger, fault: Fault) -> Result<(), Fault> {
        let sources: Vec<_> = ledger.unstored().iter().filter_map(|e| e.source.clone()).collect();
        let mut fault = Err(fault);
        for source in sources {
            if self.has_source(&source)? {
                ledger.forgive(&source);
                fault = Ok(());
            }
        }
        fault
    }

    /// Makes the tables and the account.
    pub fn open(&self, profile: &Profile) -> Result<(), Fault> {
        migrate(&self.0, &STEPS)?;
        self.put_profile(profile)
    }

    pub fn put_profile(&self, profile: &Profile) -> Result<(), Fault> {
        let body = serde_json::to_string(profile)?;
        let sql =
            "INSERT INTO profile VALUES (1, ?) ON CONFLICT DO UPDATE SET body = excluded.body";
        self.0.exec_raw(sql, vec![body.into()]).map(drop)
    }

    /// Something of which the account has one, by its name.
    pub fn fact<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, Fault> {
        let sql = "SELECT body FROM facts WHERE name = ?";
        Ok(self.values::<T>(sql, vec![name.into()])?.pop())
    }

    pub fn put_fact(&self, name: &str, value: &impl Serialize) -> Result<(), Fault> {
        let body = serde_json::to_string(value)?;
        let sql = "INSERT INTO facts VALUES (?, ?) ON CONFLICT DO UPDATE SET body = excluded.body";
        self.0.exec_raw(sql, vec![name.into(), body.into()]).map(drop)
    }

    pub fn put_key(&self, hash: &Hash, key: &Key) -> Result<(), Fault> {
        let body = serde_json::to_string(key)?;
        self.0
            .exec_raw(
                "INSERT INTO keys VALUES (?, ?)",
                vec![crate::domain::token::hex(hash).into(), body.into()],
            )
            .map(drop)
    }

    pub fn update_key(&self, key: &Key) -> Result<(), Fault> {
        let body = serde_json::to_string(key)?;
        let sql = "UPDATE keys SET body = ?1 WHERE body ->> 'id' = ?2";
        self.0.exec_raw(sql, vec![body.into(), key.id.to_string().into()]).map(drop)
    }

    /// Whether a row with this source is stored.
    pub fn has_source(&self, source: &str) -> Result<bool, Fault> {
        let sql = "SELECT 1 FROM entries WHERE source = ?";
        Ok(self.0.exec_raw(sql, vec![source.into()])?.raw().next().transpose()?.is_some())
    }

    /// When something was booked under a source.
    pub fn booked_at(&self, source: &str) -> Result<Option<Timestamp>, Fault> {
        let sql = "SELECT at AS value FROM entries WHERE source = ?";
        let row = self.rows::<MarkRow>(sql, vec![source.into()])?.pop();
        Ok(row.map(|row| Timestamp::from_millis(row.value)))
    }

    /// What was booked under a source.
    pub fn booked(&self, source: &str) -> Result<Option<Booked>, Fault> {
        let sql = "SELECT kind, amount, balance, note FROM entries WHERE source = ?";
        Ok(self.rows(sql, vec![source.into()])?.pop())
    }

    /// The most input that a conversation had in one call, as the provider reported it: an estimate
    /// is no mark to bill by, and neither is the sum of a turn's calls.
    pub fn high_water(&self, conversation: &str) -> Result<u64, Fault> {
        let sql = "SELECT input FROM entries WHERE conversation = ? AND basis = 'reported'
                     AND (source IS NULL OR source NOT LIKE 'turn:%')
                   ORDER BY input DESC LIMIT 1";
        let row = self.0.exec_raw(sql, vec![conversation.into()])?.raw().next().transpose()?;
        let most = row.and_then(|row| row.into_iter().next());
        Ok(match most {
            Some(SqlStorageValue::Integer(most)) => most.unsigned_abs(),
            _ => 0,
        })
    }

    /// Rows before a position, newest first, one more than `limit` so that the caller learns
    /// whether more follow.
    pub fn transactions(&self, before: i64, limit: u32) -> Result<Vec<WalletTransaction>, Fault> {
        let sql = "SELECT seq, kind, amount, held, balance, source, call, note, at,
                     covered, reserved FROM entries
                   WHERE seq < ? ORDER BY seq DESC LIMIT ?";
        let bindings = vec![number(before), number(i64::from(limit) + 1)];
        Ok(self.rows::<EntryRow>(sql, bindings)?.into_iter().map(EntryRow::shown).collect())
    }

    /// Charges before a position, newest first, one more than `limit`, each with its position.
    pub fn usage(&self, before: i64, limit: u32) -> Result<Vec<(i64, UsageTransaction)>, Fault> {
        let sql =
            "SELECT seq, call, at, model, source, conversation, holder, input, cached, billed,
                   output, reasoning, amount, balance, basis, covered FROM entries
                   WHERE kind = 'post' AND seq < ? ORDER BY seq DESC LIMIT ?";
        let bindings = vec![number(before), number(i64::from(limit) + 1)];
        Ok(self.rows::<UsageRow>(sql, bindings)?.into_iter().map(UsageRow::shown).collect())
    }

    /// Sums of the thirty days that end today, newest first.
    pub fn daily(&self, now: Timestamp) -> Result<Vec<DailySpend>, Fault> {
        let today = now.millis().div_euclid(DAY_MS);
        let sql = "SELECT at / 86400000 AS day, count(*) AS requests, sum(input) AS input,
                   sum(output) AS output, -sum(amount) AS charged,
                   sum(coalesce(covered, 0)) AS covered FROM entries
                   WHERE kind = 'post' AND at >= ? GROUP BY day ORDER BY day DESC";
        let rows = self.rows::<DayRow>(sql, vec![number((today - 29) * DAY_MS)])?;
        Ok(rows.into_iter().map(DayRow::shown).collect())
    }

    /// Sums of the hours since `hour`, for the directory.
    pub fn hourly(&self, hour: i64) -> Result<Vec<HourlySum>, Fault> {
        let sql =
            "SELECT at / 3600000 AS hour, model, route, count(*) AS requests, sum(input) AS input,
                   sum(output) AS output, -sum(amount) AS charged FROM entries
                   WHERE kind = 'post' AND at >= ? GROUP BY hour, model, route";
        self.rows(sql, vec![number(hour * HOUR_MS)])
    }

    pub fn mark(&self, name: &str) -> Result<i64, Fault> {
        let sql = "SELECT value FROM marks WHERE name = ?";
        Ok(self.rows::<MarkRow>(sql, vec![name.into()])?.pop().map_or(0, |row| row.value))
    }

    pub fn set_mark(&self, name: &str, value: i64) -> Result<(), Fault> {
        let sql =
            "INSERT INTO marks VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value";
        self.0.exec_raw(sql, vec![name.into(), number(value)]).map(drop)
    }

    /// Forgets counted requests that no window holds any more.
    pub fn trim(&self, now: Timestamp) -> Result<(), Fault> {
        let sql = "DELETE FROM counted WHERE at <= ?2 AND (at <= ?1 OR holder NOT LIKE 'day:%')";
        self.0.exec_raw(sql, edges(now)).map(drop)
    }

    /// The live end of the ledger: the last row's balance, and the holds that are still open.
    fn ledger(&self) -> Result<Ledger, Fault> {
        let last = "SELECT seq, balance FROM entries ORDER BY seq DESC LIMIT 1";
        let Some(last) = self.rows::<LastRow>(last, vec![])?.pop() else {
            return Ok(Ledger::default());
        };
        let mut ledger = Ledger::resume(last.seq, MicroUsd::new(last.balance));
        // Of a hold's rows only the first has a note.
        let open = "SELECT call, sum(held) AS held, sum(coalesce(reserved, 0)) AS reserved,
                      min(seq) AS seq, min(at) AS at, max(note) AS note,
                      max(project) AS project, max(turn) AS turn FROM entries
                    WHERE seq > ? AND call IS NOT NULL GROUP BY call
                    HAVING sum(held) <> 0 OR sum(coalesce(reserved, 0)) <> 0";
        for row in self.rows::<OpenRow>(open, vec![number(self.mark("settled")?)])? {
            let Ok(call) = row.call.parse::<CallId>() else { continue };
            let (money, allowance) = (MicroUsd::new(row.held), MicroUsd::new(row.reserved));
            let (parts, at) = (Parts { money, allowance }, Timestamp::from_millis(row.at));
            ledger.reopen(call, parts, row.seq, at, row.note.as_deref());
            if let Some(project) = row.project.and_then(|id| id.parse().ok()) {
                let (turn, thread) = (row.turn, String::new());
                ledger.recount(call, Purpose { project, turn, thread });
            }
        }
        Ok(ledger)
    }

    /// What the Unlimited plan paid in the longest window that ends now, a second at a time.
    fn restore_covered(&self, ledger: &mut Ledger, now: Timestamp) -> Result<(), Fault> {
        let sql = "SELECT (at + 999) / 1000 AS second, sum(covered) AS covered FROM entries
                   WHERE covered IS NOT NULL AND at > ? GROUP BY second ORDER BY second";
        let since = now.plus_millis(-Span::ThreeDays.ms()).plus_millis(-1_000);
        for row in self.rows::<CoveredRow>(sql, vec![number(since.millis())])? {
            let at = Timestamp::from_millis(row.second.saturating_mul(1_000));
            ledger.allowance.restore(at, MicroUsd::new(row.covered));
        }
        Ok(())
    }

    fn rows<T: DeserializeOwned>(
        &self,
        sql: &str,
        bindings: Vec<JsValue>,
    ) -> Result<Vec<T>, Fault> {
        self.0.exec_raw(sql, bindings)?.to_array()
    }

    /// The first column of each row, read as JSON.
    fn values<T: DeserializeOwned>(
        &self,
        sql: &str,
        bindings: Vec<JsValue>,
    ) -> Result<Vec<T>, Fault> {
        let rows = self.0.exec_raw(sql, bindings)?;
        rows.raw().map(|row| texts(row?).and_then(|[body]| read(&body))).collect()
    }
}

const INSERT_ENTRIES: &str = "
    INSERT INTO entries SELECT
      value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6,
      value ->> 7, value ->> 8, value ->> 9, value ->> 10, value ->> 11, value ->> 12, value ->> 13,
      value ->> 14, value ->> 15, value ->> 16, value ->> 17, value ->> 18, value ->> 19,
      value ->> 20, value ->> 21, value ->> 22, value ->> 23, value ->> 24
    FROM json_each(?)";

const INSERT_COUNTED: &str =
    "INSERT INTO counted SELECT value ->> 0, value ->> 1, value ->> 2 FROM json_each(?)";

fn read<T: DeserializeOwned>(body: &str) -> Result<T, Fault> {
    Ok(serde_json::from_str(body)?)
}

fn texts<const N: usize>(row: Vec<SqlStorageValue>) -> Result<[String; N], Fault> {
    let texts: Option<Vec<_>> = row
        .into_iter()
        .map(|value| if let SqlStorageValue::String(text) = value { Some(text) } else { None })
        .collect();
    let texts = texts.and_then(|texts| texts.try_into().ok());
    texts.ok_or_else(|| Fault::from("a row has other columns than it should"))
}

/// Where the windows begin that end now: the day's and the hour's.
fn edges(now: Timestamp) -> Vec<JsValue> {
    [DAY_MS, HOUR_MS].map(|span| number(now.plus_millis(-span).millis())).to_vec()
}
