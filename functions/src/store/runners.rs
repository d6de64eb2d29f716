//! The directory of runners: who they are, with which tokens they came, and who lives where. How
//! they stand is decided by their objects, which report it here.

use std::{cell::RefCell, collections::HashMap};

use schema::{AccountId, Error, Result, RunnerId, Timestamp, admin::RunnerCounts};
use serde::Deserialize;
use wasm_bindgen::JsValue;
use worker::Env;

use super::{bound, db, number, rows, run, text};
use crate::domain::{
    hub::{
        Hub,
        command::{Labels, Profile, Standing},
    },
    placement::Candidate,
};

/// Placements kept in an isolate.
const PLACEMENTS_MAX: usize = 10_000;
/// Runners that are looked at for one placement.
const CANDIDATES_MAX: i64 = 256;

thread_local! {
    static PLACEMENTS: RefCell<HashMap<AccountId, RunnerId>> = RefCell::default();
}

/// A one-time token, of which only the hash is kept.
#[derive(Debug, Clone)]
pub struct Registration {
    pub name: String,
    pub labels: Labels,
    pub capacity: Option<u32>,
    pub ephemeral: bool,
    pub expires_at: Timestamp,
    pub used_at: Option<Timestamp>,
    /// Who used it.
    pub runner: Option<RunnerId>,
}

/// A machine that was registered.
#[derive(Debug, Clone)]
pub struct Machine {
    pub profile: Profile,
    pub public_key: String,
    pub machine: String,
    pub created_at: Timestamp,
    pub revoked_at: Option<Timestamp>,
}

/// How a runner stands, for whoever looks for one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Report {
    id: RunnerId,
    online: bool,
    draining: bool,
    load: u32,
}

impl Report {
    /// Where a hub stands at a moment; nothing if it is nobody's.
    pub fn of(hub: &Hub, now: Timestamp) -> Option<Self> {
        let id = hub.kept().profile.as_ref()?.id;
        let online = hub.standing(now) == Standing::Online;
        Some(Self { id, online, draining: hub.is_draining(), load: hub.load() })
    }
}

/// Enters a token.
pub async fn add_registration(env: &Env, token: &str, it: &Registration) -> Result<()> {
    let sql = "INSERT INTO registrations (token, name, labels, capacity, ephemeral, expires_at)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    let bindings = [
        text(token),
        text(&it.name),
        json(&it.labels)?,
        it.capacity.map_or(JsValue::NULL, |capacity| number(capacity.into())),
        number(it.ephemeral.into()),
        number(it.expires_at.millis()),
    ];
    run(env, sql, &bindings).await
}

/// A token, by its hash.
pub async fn registration(env: &Env, token: &str) -> Result<Option<Registration>> {
    #[derive(Deserialize)]
    struct Row {
        name: String,
        labels: String,
        capacity: Option<u32>,
        ephemeral: i64,
        expires_at: i64,
        used_at: Option<i64>,
        runner: Option<RunnerId>,
    }
    let sql = "SELECT name, labels, capacity, ephemeral, expires_at, used_at, runner
               FROM registrations WHERE token = ?1";
    let Some(row) = rows::<Row>(env, sql, &[text(token)]).await?.pop() else { return Ok(None) };
    Ok(Some(Registration {
        name: row.name,
        labels: read(&row.labels)?,
        capacity: row.capacity,
        ephemeral: row.ephemeral != 0,
        expires_at: Timestamp::from_millis(row.expires_at),
        used_at: row.used_at.map(Timestamp::from_millis),
        runner: row.runner,
    }))
}

/// Uses a token, once, for a machine: either both are entered or neither. Whether they were.
pub async fn register(env: &Env, token: &str, it: &Machine, now: Timestamp) -> Result<bool> {
    let id = text(it.profile.id);
    let db = db(env)?;
    let uses = "UPDATE registrations SET used_at = ?2, runner = ?3
                WHERE token = ?1 AND used_at IS NULL AND expires_at > ?2";
    let uses = bound(&db, uses, &[text(token), number(now.millis()), id.clone()])?;
    let enters = "INSERT INTO runners
                    (id, name, labels, capacity, public_key, machine, ephemeral, created_at)
                  SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8 FROM registrations
                  WHERE token = ?9 AND runner = ?1";
    let bindings = [
        id.clone(),
        text(&it.profile.name),
        json(&it.profile.labels)?,
        number(it.profile.capacity.into()),
        text(&it.public_key),
        text(&it.machine),
        number(it.profile.ephemeral.into()),
        number(now.millis()),
        text(token),
    ];
    let enters = bound(&db, enters, &bindings)?;
    db.batch(vec![uses, enters]).await.map_err(Error::unavailable)?;
    Ok(machine(env, it.profile.id).await?.is_some())
}

#[derive(Deserialize)]
struct MachineRow {
    id: RunnerId,
    name: String,
    labels: String,
    capacity: u32,
    public_key: String,
    machine: String,
    ephemeral: i64,
    created_at: i64,
    revoked_at: Option<i64>,
}

impl MachineRow {
    fn machine(self) -> Result<Machine> {
        let profile = Profile {
            id: self.id,
            name: self.name,
            labels: read(&self.labels)?,
            capacity: self.capacity,
            ephemeral: self.ephemeral != 0,
        };
        Ok(Machine {
            profile,
            public_key: self.public_key,
            machine: self.machine,
            created_at: Timestamp::from_millis(self.created_at),
            revoked_at: self.revoked_at.map(Timestamp::from_millis),
        })
    }
}

/// A machine, by its runner's id.
pub async fn machine(env: &Env, id: RunnerId) -> Result<Option<Machine>> {
    let sql = "SELECT id, name, labels, capacity, public_key, machine, ephemeral, created_at,
                 revoked_at FROM runners WHERE id = ?1";
    let row = rows::<MachineRow>(env, sql, &[text(id)]).await?.pop();
    row.map(MachineRow::machine).transpose()
}

/// Runners older than `after`, newest first, one more than `size`.
pub async fn list(env: &Env, after: Option<RunnerId>, size: u32) -> Result<Vec<Machine>> {
    let sql = "SELECT id, name, labels, capacity, public_key, machine, ephemeral, created_at,
                 revoked_at FROM runners WHERE id < ?1 ORDER BY id DESC LIMIT ?2";
    // Above every id, of which the digits are hexadecimal.
    let after = after.map_or_else(|| "rnr_g".to_owned(), |id| id.to_string());
    let found = rows::<MachineRow>(env, sql, &[text(after), number(i64::from(size) + 1)]).await?;
    found.into_iter().map(MachineRow::machine).collect()
}

/// Notes that a runner is void, and that nobody lives there any more.
pub async fn revoke(env: &Env, id: RunnerId, now: Timestamp) -> Result<()> {
    let db = db(env)?;
    let revokes = "UPDATE runners SET revoked_at = ?2, online = 0
                   WHERE id = ?1 AND revoked_at IS NULL";
    let revokes = bound(&db, revokes, &[text(id), number(now.millis())])?;
    let moves = bound(&db, "DELETE FROM placements WHERE runner = ?1", &[text(id)])?;
    db.batch(vec![revokes, moves]).await.map(drop).map_err(Error::unavailable)
}

/// Notes how a runner stands.
pub async fn report(env: &Env, it: &Report) -> Result<()> {
    let sql = "UPDATE runners SET online = ?2, draining = ?3, load = ?4 WHERE id = ?1";
    let bindings =
        [text(it.id), number(it.online.into()), number(it.draining.into()), number(it.load.into())];
    run(env, sql, &bindings).await
}

/// Runners that are not void, those first that look best.
pub async fn candidates(env: &Env) -> Result<Vec<Candidate>> {
    #[derive(Deserialize)]
    struct Row {
        id: RunnerId,
        labels: String,
        capacity: u32,
        load: u32,
        online: i64,
        draining: i64,
    }
    let sql = "SELECT id, labels, capacity, load, online, draining FROM runners
               WHERE revoked_at IS NULL ORDER BY online DESC, draining, load LIMIT ?1";
    let found = rows::<Row>(env, sql, &[number(CANDIDATES_MAX)]).await?;
    let candidate = |row: Row| {
        let (online, draining) = (row.online != 0, row.draining != 0);
        let Row { id, labels, capacity, load, .. } = row;
        Ok(Candidate { id, labels: read(&labels)?, capacity, load, online, draining })
    };
    found.into_iter().map(candidate).collect()
}

/// Where an account's process lives. It stays there, so an isolate looks once.
pub async fn placement(env: &Env, account: AccountId) -> Result<Option<RunnerId>> {
    if let Some(runner) = PLACEMENTS.with_borrow(|known| known.get(&account).copied()) {
        return Ok(Some(runner));
    }
    #[derive(Deserialize)]
    struct Row {
        runner: RunnerId,
    }
    let sql = "SELECT runner FROM placements WHERE account = ?1";
    let found = rows::<Row>(env, sql, &[text(account)]).await?.pop().map(|row| row.runner);
    if let Some(runner) = found {
        PLACEMENTS.with_borrow_mut(|known| {
            if known.len() >= PLACEMENTS_MAX {
                known.clear();
            }
            known.insert(account, runner);
        });
    }
    Ok(found)
}

/// Places an account, unless somebody has: where it lives then.
pub async fn place(env: &Env, account: AccountId, runner: RunnerId) -> Result<Option<RunnerId>> {
    let sql = "INSERT OR IGNORE INTO placements (account, runner) VALUES (?1, ?2)";
    run(env, sql, &[text(account), text(runner)]).await?;
    placement(env, account).await
}

/// An account's runner is void: the account lives nowhere.
pub async fn displace(env: &Env, account: AccountId, runner: RunnerId) -> Result<()> {
    PLACEMENTS.with_borrow_mut(|known| known.remove(&account));
    let sql = "DELETE FROM placements WHERE account = ?1 AND runner = ?2";
    run(env, sql, &[text(account), text(runner)]).await
}

fn json(labels: &Labels) -> Result<JsValue> {
    serde_json::to_string(labels).map(|labels| text(&labels)).map_err(Error::internal)
}

fn read(labels: &str) -> Result<Labels> {
    serde_json::from_str(labels).map_err(Error::unavailable)
}

/// How many machines stand how, as they last reported.
pub async fn counts(env: &Env) -> Result<RunnerCounts> {
    let sql = "SELECT count(*) FILTER (WHERE online AND NOT draining) AS up,
                 count(*) FILTER (WHERE online AND draining) AS drained,
                 count(*) FILTER (WHERE NOT online) AS away,
                 coalesce(sum(capacity) FILTER (WHERE online AND NOT draining), 0) AS capacity,
                 coalesce(sum(load), 0) AS processes
               FROM runners WHERE revoked_at IS NULL AND online >= 0 LIMIT 1";
    Ok(rows::<RunnerCounts>(env, sql, &[]).await?.pop().unwrap_or_default())
}
