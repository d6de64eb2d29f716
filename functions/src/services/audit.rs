//! What operators did, for whoever asks later.

use schema::{AccountId, Result};

use super::impersonation;
use crate::{cx::Cx, domain::operator::Operator, store::audit};

pub use crate::store::audit::Row;

/// Notes an act of the operator who asks.
pub async fn note(cx: &Cx, act: &str, detail: &str) -> Result<()> {
    let caller = || cx.caller.as_ref().map(|caller| caller.holder.text());
    let looking = || impersonation::looking_at(cx).map(|it| it.actor);
    let actor = cx.operator.as_ref().map(Operator::actor).or_else(looking).or_else(caller);
    let actor = actor.unwrap_or_else(|| "operator".to_owned());
    audit::note(&cx.env, cx.now, &actor, act, detail).await
}

/// Notes what somebody did who is not let in as who they are.
pub(super) async fn note_as(cx: &Cx, actor: &str, act: &str, detail: &str) -> Result<()> {
    audit::note(&cx.env, cx.now, actor, act, detail).await
}

/// Notes what an account's owner did, unless it was an operator: whoever asks.
pub async fn note_of(cx: &Cx, account: AccountId, act: &str, detail: &str) -> Result<()> {
    if cx.operator.is_some() || cx.caller.is_some() {
        return note(cx, act, detail).await;
    }
    audit::note(&cx.env, cx.now, &account.to_string(), act, detail).await
}

/// Above every row's number.
const END: i64 = 1 << 52;
/// Rows that one search looks through for a text, which no index knows.
const LOOKED_MAX: i64 = 5_000;

/// Which rows somebody looks for: where nothing is said, all.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    pub actor: Option<String>,
    pub act: Option<String>,
    /// What the detail has in it.
    pub text: Option<String>,
}

/// Rows that were found, newest first, and before which one the search goes on, if it does.
#[derive(Debug, Default)]
pub struct Found {
    pub rows: Vec<Row>,
    pub next: Option<i64>,
}

/// What was done before a row, newest first, at most `size`.
pub async fn list(cx: &Cx, wanted: &Wanted, before: Option<i64>, size: u32) -> Result<Found> {
    let given = |value: &'_ Option<String>| {
        value.as_deref().map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned)
    };
    let (actor, act, text) = (given(&wanted.actor), given(&wanted.act), given(&wanted.text));
    let of = (actor.as_deref(), act.as_deref());
    let before = before.unwrap_or(END).min(END);
    let Some(text) = text else {
        return Ok(page(audit::list(&cx.env, of, before, size.saturating_add(1)).await?, size));
    };
    search(cx, of, &text, before, size).await
}

/// Looks through rows for a text: so many of them, and says where to go on.
async fn search(
    cx: &Cx,
    of: (Option<&str>, Option<&str>),
    text: &str,
    before: i64,
    size: u32,
) -> Result<Found> {
    let before = match before {
        END => audit::newest(&cx.env).await?.saturating_add(1),
        before => before,
    };
    let from = before.saturating_sub(LOOKED_MAX).max(0);
    let most = size.saturating_add(1);
    let mut found = page(audit::search(&cx.env, of, text, (from, before), most).await?, size);
    found.next = found.next.or(Some(from).filter(|from| *from > 0));
    Ok(found)
}

fn page(mut rows: Vec<Row>, size: u32) -> Found {
    let size = usize::try_from(size).unwrap_or(usize::MAX);
    let more = rows.len() > size;
    rows.truncate(size);
    let next = rows.last().filter(|_| more).map(|row| row.id);
    Found { rows, next }
}
