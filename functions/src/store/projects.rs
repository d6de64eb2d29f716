//! The directory of projects: for lists, and for what a project's object has not heard of yet.

use schema::{AccountId, OpId, ProjectId, Result, Timestamp};
use serde::Deserialize;
use worker::Env;

use super::{number, rows, run, text};
use crate::domain::project::command::Profile;

/// A project, as lists have it.
#[derive(Debug, Clone)]
pub struct Listed {
    pub profile: Profile,
    pub thread: Option<String>,
    pub opened_at: Option<Timestamp>,
}

#[derive(Deserialize)]
struct Row {
    id: ProjectId,
    account: AccountId,
    owner: String,
    name: String,
    template: String,
    thread: Option<String>,
    created_at: i64,
    opened_at: Option<i64>,
}

impl Row {
    fn listed(self) -> Listed {
        let Self { id, account, owner, name, template, thread, created_at, opened_at } = self;
        let template = serde_json::from_str(&template).unwrap_or_default();
        let created_at = Timestamp::from_millis(created_at);
        let profile = Profile { id, account, owner, name, template, created_at };
        Listed { profile, thread, opened_at: opened_at.map(Timestamp::from_millis) }
    }
}

/// Enters a project; under a name that its caller gave before, it is the one that was made then.
pub async fn add(env: &Env, profile: Profile, op: Option<OpId>) -> Result<Profile> {
    let sql = "INSERT INTO projects (id, account, owner, name, template, op, created_at)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT DO NOTHING";
    let bindings = [
        text(profile.id),
        text(profile.account),
        text(&profile.owner),
        text(&profile.name),
        text(&profile.template),
        op.map_or(wasm_bindgen::JsValue::NULL, text),
        number(profile.created_at.millis()),
    ];
    run(env, sql, &bindings).await?;
    let Some(op) = op else { return Ok(profile) };
    let sql = "SELECT id, account, owner, name, template, thread, created_at, opened_at
               FROM projects WHERE op = ?1";
    let found = rows::<Row>(env, sql, &[text(op)]).await?.pop();
    Ok(found.map_or(profile, |row| row.listed().profile))
}

/// A project by its id.
pub async fn find(env: &Env, id: ProjectId) -> Result<Option<Profile>> {
    let sql = "SELECT id, account, owner, name, template, thread, created_at, opened_at
               FROM projects WHERE id = ?1";
    Ok(rows::<Row>(env, sql, &[text(id)]).await?.pop().map(|row| row.listed().profile))
}

/// Projects of an account, of one owner or of all, older than one, newest first: one more than
/// `size`.
pub async fn list(
    env: &Env,
    account: AccountId,
    owner: Option<&str>,
    after: Option<ProjectId>,
    size: u32,
) -> Result<Vec<Listed>> {
    // Above every id, of which the digits are hexadecimal.
    let after = after.map_or_else(|| "prj_g".to_owned(), |id| id.to_string());
    let mut bindings = vec![text(account), text(after), number(i64::from(size) + 1)];
    let sql = match owner {
        Some(owner) => {
            bindings.push(text(owner));
            "SELECT id, account, owner, name, template, thread, created_at, opened_at FROM projects
             WHERE account = ?1 AND owner = ?4 AND id < ?2 ORDER BY id DESC LIMIT ?3"
        }
        None => {
            "SELECT id, account, owner, name, template, thread, created_at, opened_at FROM projects
             WHERE account = ?1 AND id < ?2 ORDER BY id DESC LIMIT ?3"
        }
    };
    Ok(rows::<Row>(env, sql, &bindings).await?.into_iter().map(Row::listed).collect())
}

/// The project of an account that was opened last.
pub async fn latest(env: &Env, account: AccountId) -> Result<Option<ProjectId>> {
    let sql = "SELECT id, account, owner, name, template, thread, created_at, opened_at
               FROM projects WHERE account = ?1
               ORDER BY coalesce(opened_at, created_at) DESC LIMIT 1";
    Ok(rows::<Row>(env, sql, &[text(account)]).await?.pop().map(|row| row.id))
}

/// A project was opened, and goes on with this thread.
pub async fn opened(env: &Env, id: ProjectId, thread: &str, now: Timestamp) -> Result<()> {
    let sql = "UPDATE projects SET thread = ?2, opened_at = ?3 WHERE id = ?1";
    run(env, sql, &[text(id), text(thread), number(now.millis())]).await
}
