//! The runner's rows: SQL in, values out. Everything is synchronous, so nothing comes between two
//! statements of one turn.

use std::collections::BTreeMap;

use schema::{AccountId, AskId, Timestamp, tunnel::Seq};
use serde::de::DeserializeOwned;
use wasm_bindgen::JsValue;
use worker::SqlStorage;

use super::shape::{AskShape, EventShape, OneText, PlaceShape, QuestionShape, event_row};
use crate::{
    config::Retention,
    domain::hub::{Batch, EventRow, Hub, Kept, Place, Question, State, command::PendingAsk},
    objects::sql::{migrate, number, optional, text},
};

/// Steps of the schema, each run once, in order; never changed, only added to.
const STEPS: [&str; 4] = [
    "
    CREATE TABLE kept (one INTEGER PRIMARY KEY CHECK (one = 1), body TEXT NOT NULL);
    CREATE TABLE places (
      number INTEGER PRIMARY KEY, account TEXT NOT NULL UNIQUE, key TEXT, process TEXT,
      -- Where the log stands; its rows say it too, as long as there are any.
      last INTEGER NOT NULL, first INTEGER NOT NULL);
    -- The logs of all places in one table: the key is the place's number and the event's, so that
    -- a log is a range. `through` counts the log's bytes from its beginning.
    CREATE TABLE events (
      key INTEGER PRIMARY KEY, at INTEGER NOT NULL, method TEXT NOT NULL, thread TEXT, turn TEXT,
      ask TEXT, request TEXT, params TEXT NOT NULL, through INTEGER NOT NULL);
    CREATE TABLE asks (
      ask TEXT PRIMARY KEY, account TEXT NOT NULL, seq INTEGER NOT NULL, at INTEGER NOT NULL,
      method TEXT NOT NULL, thread TEXT, turn TEXT, request TEXT NOT NULL, params TEXT NOT NULL,
      state TEXT NOT NULL, op TEXT, reply TEXT) WITHOUT ROWID;
    CREATE INDEX asks_state ON asks (state);
",
    "ALTER TABLE asks ADD COLUMN decided_at INTEGER",
    "
    -- Where codex pays by itself: turns that no account has settled yet, and how far threads are
    -- counted.
    CREATE TABLE turns (call TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE threads (
      account TEXT NOT NULL, thread TEXT NOT NULL, body TEXT NOT NULL, at INTEGER NOT NULL,
      PRIMARY KEY (account, thread)) WITHOUT ROWID;
",
    "
    -- Which projects are told what threads say; `since` is where the log stood when that began.
    CREATE TABLE follows (
      account TEXT NOT NULL, thread TEXT NOT NULL, project TEXT NOT NULL, since INTEGER NOT NULL,
      PRIMARY KEY (account, thread)) WITHOUT ROWID;
    CREATE INDEX asks_request ON asks (account, request, seq);
",
];

/// Events of one place have keys from its number times this; a number is below 8,192, so that keys
/// stay below 2^53.
const PLACE_KEYS: i64 = 1 << 40;
/// Rows that are written by one statement have at most so many bytes together.
const STATEMENT_BYTES: usize = 256 * 1024;
/// Events that are read at once.
const READ_MAX_EVENTS: i64 = 256;
/// Bytes of events that are read at once, but for the last one's.
const READ_MAX_BYTES: usize = 256 * 1024;

/// A row that could not be read or written.
pub type Fault = worker::Error;

/// The runner's storage.
pub struct Rows(SqlStorage);

/// Which events of a log to read.
#[derive(Debug, Clone, Copy)]
pub struct Span<'a> {
    pub place: u32,
    pub after: Seq,
    /// Of these threads only; of all if none is named.
    pub threads: &'a [String],
}

impl Rows {
    pub const fn new(sql: SqlStorage) -> Self {
        Self(sql)
    }

    /// Reads what lives in memory. A runner that nobody has enrolled writes nothing: whoever makes
    /// up a runner's id must not make us keep it.
    pub fn load(&self, is_connected: impl Fn(u64) -> bool, now: Timestamp) -> Result<Hub, Fault> {
        let made = "SELECT name AS text FROM sqlite_master WHERE name = 'kept'";
        if self.rows::<OneText>(made, vec![])?.is_empty() {
            return Ok(Hub::default());
        }
        migrate(&self.0, &STEPS)?;
        let kept = self.rows::<OneText>("SELECT body AS text FROM kept", vec![])?.pop();
        let kept: Kept = kept.map(|kept| kept.json()).transpose()?.unwrap_or_default();
        let sql = "SELECT number, account, key, process, last, first,
                     (SELECT key FROM events WHERE key > number * ?1 AND key < (number + 1) * ?1
                      ORDER BY key LIMIT 1) - number * ?1 AS oldest,
                     (SELECT key FROM events WHERE key > number * ?1 AND key < (number + 1) * ?1
                      ORDER BY key DESC LIMIT 1) - number * ?1 AS newest FROM places";
        let places = self.rows::<PlaceShape>(sql, vec![number(PLACE_KEYS)])?;
        let places: BTreeMap<AccountId, Place> =
            places.into_iter().map(PlaceShape::place).collect::<Result<_, Fault>>()?;
        let sql = "SELECT ask, account, seq, thread, request, state, op, reply,
                     coalesce(decided_at, at) AS decided_at FROM asks
                   WHERE state IN ('pending', 'answered')";
        let mut asks = BTreeMap::new();
        for row in self.rows::<QuestionShape>(sql, vec![])? {
            let (ask, question) = row.question()?;
            asks.insert(ask, question);
        }
        // Those whose turn among the events has not come have to be known, open or not.
        let sql = "SELECT ask, account, seq, thread, request, state, op, reply,
                     coalesce(decided_at, at) AS decided_at FROM asks
                   WHERE account = ?1 AND seq > ?2";
        for (account, place) in &places {
            let bindings = vec![account.to_string().into(), seq(place.last)];
            for row in self.rows::<QuestionShape>(sql, bindings)? {
                let (ask, question) = row.question()?;
                asks.insert(ask, question);
            }
        }
        let is_connected = is_connected(kept.generation);
        let mut hub = Hub::restore(kept.clone(), places, asks, is_connected, now);
        hub.restore_turns(self.turns()?, self.threads()?);
        hub.restore_follows(self.follows()?);
        // That a connection was lost is found out once.
        if *hub.kept() != kept {
            self.keep(hub.kept())?;
        }
        Ok(hub)
    }

    /// Writes what a step came to. Events come last: a fault in between leaves nothing that the
    /// runner would not send again.
    pub fn store(&self, batch: &Batch) -> Result<(), Fault> {
        if let Some(kept) = &batch.kept {
            self.keep(kept)?;
        }
        for (account, place) in &batch.places {
            self.put_place(*account, place)?;
        }
        for row in &batch.asks {
            let said = &row.said;
            let sql = "INSERT OR IGNORE INTO asks
                         (ask, account, seq, at, method, thread, turn, request, params, state)
                       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 'pending')";
            let bindings = vec![
                row.ask.to_string().into(),
                row.account.to_string().into(),
                seq(row.seq),
                number(row.at.millis()),
                text(&said.method),
                optional(said.thread.as_deref()),
                optional(said.turn.as_deref()),
                optional(said.id.as_deref()),
                text(&said.params),
            ];
            self.0.exec_raw(sql, bindings)?;
        }
        for (ask, state) in &batch.states {
            self.put_state(*ask, state)?;
        }
        for (call, turn) in &batch.turns {
            self.put_turn(*call, turn.as_ref())?;
        }
        for ((account, thread), counted) in &batch.threads {
            self.put_thread(*account, thread, counted)?;
        }
        for ((account, thread), follow) in &batch.follows {
            self.put_follow(*account, thread, *follow)?;
        }
        self.put_events(batch)
    }

    fn keep(&self, kept: &Kept) -> Result<(), Fault> {
        migrate(&self.0, &STEPS)?;
        let sql = "INSERT INTO kept VALUES (1, ?) ON CONFLICT DO UPDATE SET body = excluded.body";
        self.0.exec_raw(sql, vec![serde_json::to_string(kept)?.into()]).map(drop)
    }

    fn put_place(&self, account: AccountId, place: &Place) -> Result<(), Fault> {
        let sql = "INSERT INTO places (number, account, key, process, last, first)
                   VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (number) DO UPDATE SET
                     key = excluded.key, process = excluded.process, last = excluded.last,
                     first = excluded.first";
        let process = place.process.as_ref().map(serde_json::to_string).transpose()?;
        let bindings = vec![
            number(place.number.into()),
            account.to_string().into(),
            optional(place.key.map(|key| key.to_string()).as_deref()),
            optional(process.as_deref()),
            seq(place.last),
            seq(place.first),
        ];
        self.0.exec_raw(sql, bindings).map(drop)
    }

    fn put_state(&self, ask: AskId, state: &State) -> Result<(), Fault> {
        let sql = "UPDATE asks SET state = ?2, op = ?3, reply = ?4, decided_at = ?5 WHERE ask = ?1";
        let (op, decision) = match state {
            State::Answered { op, decision } => (Some(op.to_string()), Some(decision)),
            State::Delivered(decision) => (None, Some(decision)),
            State::Pending | State::Resolved | State::Lapsed => (None, None),
        };
        let bindings = vec![
            ask.to_string().into(),
            text(state.as_str()),
            optional(op.as_deref()),
            optional(decision.map(|decision| decision.reply.as_str())),
            decision.map_or(JsValue::NULL, |decision| number(decision.at.millis())),
        ];
        self.0.exec_raw(sql, bindings).map(drop)
    }

    /// Events go in together as far as they are small: a statement costs more than a row.
    fn put_events(&self, batch: &Batch) -> Result<(), Fault> {
        let mut throughs = BTreeMap::new();
        let (mut together, mut bytes) = (Vec::new(), 0);
        for row in &batch.events {
            let through = match throughs.get(&row.place) {
                Some(through) => *through,
                None => self.through(row.place)?,
            };
            let size = row.said.params.len();
            let through = through + i64::try_from(size).unwrap_or(0);
            throughs.insert(row.place, through);
            if size > STATEMENT_BYTES / 2 || batch.events.len() == 1 {
                self.put_together(&mut together)?;
                self.put_alone(row, through)?;
                continue;
            }
            if bytes + size > STATEMENT_BYTES {
                self.put_together(&mut together)?;
                bytes = 0;
            }
            bytes += size;
            together.push(event_row(key(row.place, row.seq), row, through));
        }
        self.put_together(&mut together)
    }

    fn put_together(&self, rows: &mut Vec<serde_json::Value>) -> Result<(), Fault> {
        if rows.is_empty() {
            return Ok(());
        }
        let rows = serde_json::Value::Array(std::mem::take(rows)).to_string();
        let sql = "INSERT INTO events SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3,
                     value ->> 4, value ->> 5, value ->> 6, value ->> 7, value ->> 8
                   FROM json_each(?)";
        self.0.exec_raw(sql, vec![rows.into()]).map(drop)
    }

    fn put_alone(&self, row: &EventRow, through: i64) -> Result<(), Fault> {
        let said = &row.said;
        let bindings = vec![
            number(key(row.place, row.seq)),
            number(row.at.millis()),
            text(&said.method),
            optional(said.thread.as_deref()),
            optional(said.turn.as_deref()),
            optional(row.ask.map(|ask| ask.to_string()).as_deref()),
            optional(said.id.as_deref()),
            text(&said.params),
            number(through),
        ];
        let sql = "INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)";
        self.0.exec_raw(sql, bindings).map(drop)
    }

    /// Bytes of a log from its beginning.
    fn through(&self, place: u32) -> Result<i64, Fault> {
        let sql = "SELECT CAST(through AS TEXT) AS text FROM events WHERE key > ?1 AND key < ?2
                   ORDER BY key DESC LIMIT 1";
        let last = self.rows::<OneText>(sql, range(place))?.pop();
        Ok(last.and_then(|last| last.text.parse().ok()).unwrap_or(0))
    }

    /// Events after a place in the log, oldest first: as many as are read at once. And whether
    /// there may be more.
    pub fn events(&self, span: Span<'_>) -> Result<(Vec<EventShape>, bool), Fault> {
        let (from, to) = (key(span.place, span.after), key(span.place + 1, Seq(0)));
        let mut bindings = vec![number(from), number(to), number(READ_MAX_EVENTS)];
        let sql = if span.threads.is_empty() {
            "SELECT key, at, method, thread, turn, ask, request, params FROM events
             WHERE key > ?1 AND key < ?2 ORDER BY key LIMIT ?3"
        } else {
            bindings.push(text(&serde_json::to_string(span.threads)?));
            "SELECT key, at, method, thread, turn, ask, request, params FROM events
             WHERE key > ?1 AND key < ?2 AND thread IN (SELECT value FROM json_each(?4))
             ORDER BY key LIMIT ?3"
        };
        let (mut events, mut bytes) = (Vec::new(), 0);
        for row in self.0.exec_raw(sql, bindings)?.raw() {
            let event = EventShape::read(row?, PLACE_KEYS)?;
            bytes += event.params.len();
            events.push(event);
            if bytes > READ_MAX_BYTES {
                return Ok((events, true));
            }
        }
        let more = i64::try_from(events.len()).is_ok_and(|many| many >= READ_MAX_EVENTS);
        Ok((events, more))
    }

    /// Open questions, oldest first.
    pub fn asks(&self, account: Option<AccountId>) -> Result<Vec<PendingAsk>, Fault> {
        let sql = "SELECT ask, account, seq, at, method, thread, turn, request, params, state
                   FROM asks WHERE state IN ('pending', 'answered') AND (?1 = '' OR account = ?1)
                   ORDER BY ask";
        let account = account.map(|account| account.to_string()).unwrap_or_default();
        let rows = self.rows::<AskShape>(sql, vec![account.into()])?;
        rows.into_iter().map(AskShape::pending).collect()
    }

    /// A question, open or not.
    pub fn question(&self, ask: AskId) -> Result<Option<Question>, Fault> {
        let sql = "SELECT ask, account, seq, thread, request, state, op, reply,
                     coalesce(decided_at, at) AS decided_at FROM asks
                   WHERE ask = ?";
        let row = self.rows::<QuestionShape>(sql, vec![ask.to_string().into()])?.pop();
        Ok(row.map(QuestionShape::question).transpose()?.map(|(_, question)| question))
    }

    /// Forgets events of a log that are too old, too many or too large together. The oldest that is
    /// left, if any was forgotten.
    pub fn trim(
        &self,
        place: &Place,
        retention: &Retention,
        now: Timestamp,
    ) -> Result<Option<Seq>, Fault> {
        let count = i64::try_from(place.last.0).unwrap_or(0) - retention.events;
        let bytes = self.through(place.number)? - retention.bytes;
        let oldest = now.plus_millis(-retention.ms).millis();
        let mut bindings = range(place.number);
        let many = i64::from(place.number) * PLACE_KEYS + count;
        bindings.extend([number(many), number(bytes), number(oldest)]);
        let sql = "SELECT CAST(key AS TEXT) AS text FROM events
                   WHERE key > ?1 AND key < ?2 AND key > ?3 AND through > ?4 AND at >= ?5
                   ORDER BY key LIMIT 1";
        let kept = self.rows::<OneText>(sql, bindings)?.pop();
        let kept = kept.and_then(|kept| kept.text.parse::<i64>().ok());
        let first = kept.map_or(place.last.next(), seq_of);
        if first <= place.first {
            return Ok(None);
        }
        let sql = "UPDATE places SET last = ?2, first = ?3 WHERE number = ?1";
        let bindings = vec![number(place.number.into()), seq(place.last), seq(first)];
        self.0.exec_raw(sql, bindings)?;
        let sql = "DELETE FROM events WHERE key > ?1 AND key < ?2";
        let bindings = vec![number(key(place.number, Seq(0))), number(key(place.number, first))];
        self.0.exec_raw(sql, bindings)?;
        Ok(Some(first))
    }

    /// Forgets questions that were closed long ago.
    pub fn trim_asks(&self, retention: &Retention, now: Timestamp) -> Result<(), Fault> {
        let sql = "DELETE FROM asks WHERE state NOT IN ('pending', 'answered') AND at < ?";
        let oldest = now.plus_millis(-retention.ms);
        self.0.exec_raw(sql, vec![number(oldest.millis())]).map(drop)
    }

    pub(super) fn run(&self, sql: &str, bindings: Vec<JsValue>) -> Result<(), Fault> {
        self.0.exec_raw(sql, bindings).map(drop)
    }

    pub(super) fn rows<T: DeserializeOwned>(
        &self,
        sql: &str,
        bindings: Vec<JsValue>,
    ) -> Result<Vec<T>, Fault> {
        self.0.exec_raw(sql, bindings)?.to_array()
    }
}

fn key(place: u32, seq: Seq) -> i64 {
    i64::from(place) * PLACE_KEYS + i64::try_from(seq.0).unwrap_or(PLACE_KEYS - 1)
}

fn seq_of(key: i64) -> Seq {
    Seq(key.rem_euclid(PLACE_KEYS).unsigned_abs())
}

/// Keys of a place's events lie between these.
fn range(place: u32) -> Vec<JsValue> {
    vec![number(key(place, Seq(0))), number(key(place + 1, Seq(0)))]
}

fn seq(seq: Seq) -> JsValue {
    number(i64::try_from(seq.0).unwrap_or(i64::MAX))
}
