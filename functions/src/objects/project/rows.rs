//! A project's rows: SQL in, values out. Everything is synchronous, so nothing comes between two
//! statements of one turn.

use std::collections::BTreeMap;

use schema::{AskId, PromptId, RunnerId, Timestamp, tunnel::Seq};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::value::RawValue;
use wasm_bindgen::JsValue;
use worker::{SqlStorage, SqlStorageValue};

use crate::{
    domain::project::{
        Batch, Kept, Project,
        approval::Approval,
        command::Purpose,
        log::{Entry, is_piece},
        turn::Prompt,
    },
    objects::sql::{migrate, number, optional, text},
};

/// Steps of the schema, each run once, in order; never changed, only added to.
const STEPS: [&str; 2] = [
    "
    CREATE TABLE kept (one INTEGER PRIMARY KEY CHECK (one = 1), body TEXT NOT NULL);
    CREATE TABLE marks (runner TEXT PRIMARY KEY, through INTEGER NOT NULL) WITHOUT ROWID;
    -- `piece` says that an item's end tells it as a whole.
    CREATE TABLE log (
      seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, method TEXT NOT NULL, thread TEXT, turn TEXT,
      item TEXT, ask TEXT, request TEXT, params TEXT NOT NULL, piece INTEGER NOT NULL);
    CREATE INDEX log_item ON log (item, seq) WHERE item IS NOT NULL AND piece = 0;
    CREATE INDEX log_turns ON log (thread, seq)
      WHERE method IN ('turn/started', 'turn/completed');
    CREATE INDEX log_pieces ON log (seq) WHERE piece = 1;
    CREATE TABLE approvals (
      ask TEXT PRIMARY KEY, state TEXT NOT NULL, undelivered INTEGER NOT NULL, body TEXT NOT NULL)
      WITHOUT ROWID;
    CREATE INDEX approvals_open ON approvals (ask) WHERE state = 'pending' OR undelivered = 1;
    CREATE TABLE prompts (id TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID;
    -- What opens the project for a while, by the hash of its text.
    CREATE TABLE passes (hash TEXT PRIMARY KEY, purpose TEXT NOT NULL, until INTEGER NOT NULL)
      WITHOUT ROWID;
",
    "CREATE TABLE policy (one INTEGER PRIMARY KEY CHECK (one = 1), body TEXT NOT NULL)",
];

/// Lines that are read at once.
pub const READ_MAX_LINES: i64 = 256;
/// Bytes of lines that are read at once, but for the last one's.
const READ_MAX_BYTES: usize = 512 * 1024;
/// Pieces that are kept of what has been told as a whole.
const PIECES_MAX: i64 = 5_000;
/// Lines that are kept in all.
const LINES_MAX: i64 = 200_000;

/// A row that could not be read or written.
pub type Fault = worker::Error;

/// The project's storage.
pub struct Rows(SqlStorage);

#[derive(Deserialize)]
struct OneText {
    text: String,
}

impl Rows {
    pub const fn new(sql: SqlStorage) -> Self {
        Self(sql)
    }

    /// Reads what lives in memory. A project that nobody has made writes nothing.
    pub fn load(&self) -> Result<Project, Fault> {
        let made = "SELECT name AS text FROM sqlite_master WHERE name = 'kept'";
        if self.rows::<OneText>(made, vec![])?.is_empty() {
            return Ok(Project::default());
        }
        migrate(&self.0, &STEPS)?;
        let kept = self.one("SELECT body AS text FROM kept", vec![])?;
        let kept: Kept =
            kept.map(|text| serde_json::from_str(&text)).transpose()?.unwrap_or_default();
        #[derive(Deserialize)]
        struct Mark {
            runner: RunnerId,
            through: u64,
        }
        let marks = self.rows::<Mark>("SELECT runner, through FROM marks", vec![])?;
        let marks: BTreeMap<_, _> =
            marks.into_iter().map(|mark| (mark.runner, Seq(mark.through))).collect();
        let last = self.one("SELECT CAST(max(seq) AS TEXT) AS text FROM log WHERE seq > 0", vec![]);
        let last = last.ok().flatten().and_then(|text| text.parse().ok()).unwrap_or(0);
        let sql = "SELECT body AS text FROM approvals WHERE state = 'pending' OR undelivered = 1";
        let open = self.read(sql, vec![])?;
        let queue = self.read("SELECT body AS text FROM prompts ORDER BY id", vec![])?;
        let mut project = Project::restore(kept, marks, last, open, queue);
        if let Some(policy) = self.one("SELECT body AS text FROM policy", vec![])? {
            project.restore_policy(serde_json::from_str(&policy)?);
        }
        Ok(project)
    }

    /// Writes what a step came to.
    pub fn store(&self, batch: &Batch) -> Result<(), Fault> {
        if let Some(kept) = &batch.kept {
            migrate(&self.0, &STEPS)?;
            let sql =
                "INSERT INTO kept VALUES (1, ?) ON CONFLICT DO UPDATE SET body = excluded.body";
            self.run(sql, vec![serde_json::to_string(kept)?.into()])?;
        }
        if let Some(policy) = &batch.policy {
            let sql =
                "INSERT INTO policy VALUES (1, ?) ON CONFLICT DO UPDATE SET body = excluded.body";
            self.run(sql, vec![serde_json::to_string(policy)?.into()])?;
        }
        for approval in &batch.approvals {
            let sql = "INSERT INTO approvals VALUES (?, ?, ?, ?) ON CONFLICT (ask) DO UPDATE SET
                         state = excluded.state, undelivered = excluded.undelivered,
                         body = excluded.body";
            let bindings = vec![
                approval.ask.to_string().into(),
                text(approval.state.as_str()),
                number(i64::from(approval.undelivered)),
                serde_json::to_string(approval)?.into(),
            ];
            self.run(sql, bindings)?;
        }
        for (id, prompt) in &batch.prompts {
            self.put_prompt(*id, prompt.as_ref())?;
        }
        self.put_lines(&batch.entries)?;
        if let Some((runner, through)) = batch.mark {
            let sql = "INSERT INTO marks VALUES (?, ?) ON CONFLICT (runner) DO UPDATE SET
                         through = excluded.through";
            let through = i64::try_from(through.0).unwrap_or(i64::MAX);
            self.run(sql, vec![runner.to_string().into(), number(through)])?;
        }
        Ok(())
    }

    fn put_prompt(&self, id: PromptId, prompt: Option<&Prompt>) -> Result<(), Fault> {
        let Some(prompt) = prompt else {
            return self.run("DELETE FROM prompts WHERE id = ?", vec![id.to_string().into()]);
        };
        let sql = "INSERT INTO prompts VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET
                     body = excluded.body";
        self.run(sql, vec![id.to_string().into(), serde_json::to_string(prompt)?.into()])
    }

    fn put_lines(&self, entries: &[Entry]) -> Result<(), Fault> {
        for entry in entries {
            let seq = i64::try_from(entry.seq).unwrap_or(i64::MAX);
            let bindings = vec![
                number(seq),
                number(entry.at.millis()),
                text(&entry.method),
                optional(entry.thread.as_deref()),
                optional(entry.turn.as_deref()),
                optional(entry.item.as_deref()),
                optional(entry.ask.map(|ask| ask.to_string()).as_deref()),
                optional(entry.request.as_deref()),
                text(entry.params.get()),
                number(i64::from(is_piece(&entry.method))),
            ];
            self.run("INSERT INTO log VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", bindings)?;
        }
        Ok(())
    }

    /// Lines after one, oldest first: as many as are read at once.
    pub fn lines(&self, after: u64, thread: Option<&str>) -> Result<Vec<Entry>, Fault> {
        let after = number(i64::try_from(after).unwrap_or(i64::MAX));
        let mut bindings = vec![after, number(READ_MAX_LINES)];
        // What concerns no thread concerns all.
        let sql = if let Some(thread) = thread {
            bindings.push(text(thread));
            "SELECT seq, at, method, thread, turn, item, ask, request, params FROM log
             WHERE seq > ?1 AND (thread = ?3 OR thread IS NULL) ORDER BY seq LIMIT ?2"
        } else {
            "SELECT seq, at, method, thread, turn, item, ask, request, params FROM log
             WHERE seq > ?1 ORDER BY seq LIMIT ?2"
        };
        let (mut lines, mut bytes) = (Vec::new(), 0);
        for row in self.0.exec_raw(sql, bindings)?.raw() {
            let entry = entry(row?)?;
            bytes += entry.params.get().len();
            lines.push(entry);
            if bytes > READ_MAX_BYTES {
                break;
            }
        }
        Ok(lines)
    }

    /// The oldest line; 0 if there is none.
    pub fn first(&self) -> Result<u64, Fault> {
        let first =
            self.one("SELECT CAST(min(seq) AS TEXT) AS text FROM log WHERE seq > 0", vec![]);
        Ok(first.ok().flatten().and_then(|text| text.parse().ok()).unwrap_or(0))
    }

    /// What an item was begun with.
    pub fn item(&self, item: &str) -> Option<Box<RawValue>> {
        let sql = "SELECT params AS text FROM log
                   WHERE item = ? AND piece = 0 AND method = 'item/started'
                   ORDER BY seq DESC LIMIT 1";
        let found = self.one(sql, vec![text(item)]).ok().flatten()?;
        RawValue::from_string(found).ok()
    }

    /// The lines that tell turns of a thread as a whole, of those that began before a line: the
    /// newest so many, oldest first.
    pub fn turn_lines(
        &self,
        thread: &str,
        limit: u32,
        before: Option<u64>,
    ) -> Result<Vec<Entry>, Fault> {
        let before = before.and_then(|it| i64::try_from(it).ok()).unwrap_or(i64::MAX >> 11);
        let sql = "SELECT CAST(min(seq) AS TEXT) AS text FROM (
                     SELECT seq FROM log WHERE thread = ?1 AND method = 'turn/started' AND seq < ?2
                     ORDER BY seq DESC LIMIT ?3)";
        let bindings = vec![text(thread), number(before), number(limit.into())];
        let from = self.one(sql, bindings).ok().flatten().and_then(|it| it.parse::<i64>().ok());
        let Some(from) = from else { return Ok(Vec::new()) };
        let sql = "SELECT seq, at, method, thread, turn, item, ask, request, params FROM log
                   WHERE seq >= ?1 AND seq < ?2 AND thread = ?3 AND piece = 0 AND method IN
                     ('turn/started', 'turn/completed', 'item/started', 'item/completed')
                   ORDER BY seq";
        let bindings = vec![number(from), number(before), text(thread)];
        let rows = self.0.exec_raw(sql, bindings)?;
        rows.raw().map(|row| entry(row?)).collect()
    }

    /// Approvals, oldest first: the open ones, or the newest of all.
    pub fn approvals(&self, all: bool) -> Result<Vec<Approval>, Fault> {
        let sql = if all {
            "SELECT text FROM (SELECT ask, body AS text FROM approvals ORDER BY ask DESC LIMIT 500)
             ORDER BY ask"
        } else {
            "SELECT body AS text FROM approvals WHERE state = 'pending' ORDER BY ask"
        };
        self.read(sql, vec![])
    }

    /// One approval, open or not.
    pub fn approval(&self, ask: AskId) -> Result<Option<Approval>, Fault> {
        let sql = "SELECT body AS text FROM approvals WHERE ask = ?";
        Ok(self.read(sql, vec![ask.to_string().into()])?.pop())
    }

    /// Remembers what opens the project until then.
    pub fn admit(
        &self,
        hash: &str,
        purpose: Purpose,
        until: Timestamp,
        now: Timestamp,
    ) -> Result<(), Fault> {
        self.run("DELETE FROM passes WHERE until < ?", vec![number(now.millis())])?;
        let bindings = vec![text(hash), text(name(purpose)), number(until.millis())];
        self.run("INSERT INTO passes VALUES (?, ?, ?)", bindings)
    }

    /// Whether something opens the project. A ticket for a stream does it once.
    pub fn enter(&self, hash: &str, purpose: Purpose, now: Timestamp) -> Result<bool, Fault> {
        let bindings = || vec![text(hash), text(name(purpose)), number(now.millis())];
        let sql = "SELECT hash AS text FROM passes WHERE hash = ?1 AND purpose = ?2 AND until > ?3";
        let is_good = self.one(sql, bindings())?.is_some();
        if is_good && purpose == Purpose::Stream {
            self.run("DELETE FROM passes WHERE hash = ?1", vec![text(hash)])?;
        }
        Ok(is_good)
    }

    /// Voids everything that lets terminals in.
    pub fn expel(&self) -> Result<(), Fault> {
        let terminal = text(name(Purpose::Terminal));
        self.run("DELETE FROM passes WHERE purpose = ?", vec![terminal])
    }

    /// Forgets pieces of what has been told as a whole, and lines beyond what is kept.
    pub fn trim(&self) -> Result<(), Fault> {
        let sql = "DELETE FROM log WHERE piece = 1 AND seq <
                     (SELECT seq FROM log WHERE piece = 1 ORDER BY seq DESC LIMIT 1 OFFSET ?)";
        self.run(sql, vec![number(PIECES_MAX)])?;
        let sql = "DELETE FROM log WHERE seq <= (SELECT max(seq) FROM log) - ?";
        self.run(sql, vec![number(LINES_MAX)])
    }

    /// Bodies of rows.
    fn read<T: DeserializeOwned>(
        &self,
        sql: &str,
        bindings: Vec<JsValue>,
    ) -> Result<Vec<T>, Fault> {
        let rows = self.rows::<OneText>(sql, bindings)?;
        rows.into_iter().map(|row| Ok(serde_json::from_str(&row.text)?)).collect()
    }

    fn one(&self, sql: &str, bindings: Vec<JsValue>) -> Result<Option<String>, Fault> {
        Ok(self.rows::<OneText>(sql, bindings)?.pop().map(|row| row.text))
    }

    fn run(&self, sql: &str, bindings: Vec<JsValue>) -> Result<(), Fault> {
        self.0.exec_raw(sql, bindings).map(drop)
    }

    fn rows<T: DeserializeOwned>(
        &self,
        sql: &str,
        bindings: Vec<JsValue>,
    ) -> Result<Vec<T>, Fault> {
        self.0.exec_raw(sql, bindings)?.to_array()
    }
}

/// Reads `seq, at, method, thread, turn, item, ask, request, params`.
fn entry(row: Vec<SqlStorageValue>) -> Result<Entry, Fault> {
    let broken = || Fault::from("a line has other columns than it should");
    let [seq, at, method, thread, turn, item, ask, request, params] =
        <[_; 9]>::try_from(row).map_err(|_| broken())?;
    let text = |value| match value {
        SqlStorageValue::String(text) => Some(text),
        _ => None,
    };
    let integer = |value| match value {
        SqlStorageValue::Integer(value) => Ok(value),
        #[expect(clippy::cast_possible_truncation, reason = "ours are whole and below 2^53")]
        SqlStorageValue::Float(value) => Ok(value as i64),
        _ => Err(broken()),
    };
    Ok(Entry {
        seq: integer(seq)?.unsigned_abs(),
        at: Timestamp::from_millis(integer(at)?),
        method: text(method).ok_or_else(broken)?,
        thread: text(thread),
        turn: text(turn),
        item: text(item),
        ask: text(ask).and_then(|ask| ask.parse().ok()),
        request: text(request),
        params: RawValue::from_string(text(params).ok_or_else(broken)?)?,
    })
}

const fn name(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Stream => "stream",
        Purpose::Terminal => "terminal",
    }
}
