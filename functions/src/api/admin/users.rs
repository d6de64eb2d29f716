//! `/admin/api/users`.

use schema::{
    AccountId, Error, MicroUsd, Result,
    admin::{CreateUser, CreatedUser, Done, SetActive, User},
    agent::Wallet,
    page::{Page, PageQuery},
};
use serde::{Deserialize, Serialize};

use super::keys::created;
use crate::{
    api::paging,
    cx::Cx,
    domain::{account::Profile, plan::Plan},
    http::{Created, Json},
    services::{accounts, audit, finding, keys, subscriptions, wallets},
};

/// How long a name or a remark may be.
const TEXT_MAX_CHARS: usize = 1_000;

/// Names an account.
#[derive(Debug, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
pub struct UserPath {
    /// The account.
    pub user_id: AccountId,
}

/// An account with its wallet.
#[derive(Debug, Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
pub struct UserWithWallet {
    #[serde(flatten)]
    user: User,
    wallet: Wallet,
    /// Calls that run now.
    running: u32,
}

/// Which accounts.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(default)]
pub struct UsersOf {
    /// Those that may be meant by this: an account's or a key's id, a whole mail address, an
    /// order's number, or how a username begins. One page of them at most.
    search: Option<String>,
    /// Rows in the page: 1 to 100, 50 unless told.
    limit: Option<u32>,
    /// The `next_cursor` of the page before.
    starting_after: Option<String>,
}

pub async fn list(cx: Cx, at: UsersOf) -> Result<Json<Page<User>>> {
    let UsersOf { search, limit, starting_after } = at;
    let at = PageQuery { limit, starting_after };
    if let Some(words) = search.filter(|words| !words.trim().is_empty()) {
        let mut data = finding::accounts(&cx, &words, at.size()).await?;
        data.truncate(usize::try_from(at.size()).unwrap_or(usize::MAX));
        return Ok(Json(Page { data, has_more: false, next_cursor: None }));
    }
    let after: Option<AccountId> = paging::after(&at)?;
    let rows = accounts::list(&cx, after, at.size()).await?;
    Ok(Json(Page::of(rows, at.size(), |user| user.id.to_string())))
}

pub async fn create(
    cx: Cx,
    _: super::super::system::Nothing,
    body: CreateUser,
) -> Result<Created<CreatedUser>> {
    let plan = plan(&body)?;
    let credit = body.credit_usd.as_deref().map(|text| amount("credit_usd", text)).transpose()?;
    if credit.is_some_and(|credit| credit < MicroUsd::ZERO) {
        return Err(Error::field("credit_usd", "not below zero"));
    }
    let note = short("note", body.note.unwrap_or_default())?;
    let profile =
        accounts::create(&cx, accounts::NewAccount { name: body.username, plan, note }).await?;
    if let Some(credit) = credit.filter(|credit| *credit > MicroUsd::ZERO) {
        let source = format!("admin:{}", cx.request_id);
        wallets::credit(&cx, profile.id, source, credit, "first credit".to_owned()).await?;
    }
    let made = keys::create(&cx, profile.id, keys::Wanted::default()).await?;
    let with = credit.map(|credit| format!(" with {credit}")).unwrap_or_default();
    audit::note(&cx, "user.created", &format!("{}{with}", profile.id)).await?;
    let api_key = created(&cx, profile.id, made);
    Ok(Created(CreatedUser { user: user(profile), api_key }))
}

pub async fn read(cx: Cx, at: UserPath) -> Result<Json<UserWithWallet>> {
    let description = accounts::describe(&cx, at.user_id).await?;
    let (wallet, running) = (description.wallet, description.running);
    Ok(Json(UserWithWallet { user: user(description.profile), wallet, running }))
}

/// The ledger is never deleted, so neither is its account: it is closed.
pub async fn delete(cx: Cx, at: UserPath) -> Result<Json<Done>> {
    subscriptions::end(&cx, at.user_id).await?;
    accounts::set_active(&cx, at.user_id, false).await?;
    for key in keys::list(&cx, at.user_id).await? {
        keys::revoke(&cx, key.id).await?;
    }
    audit::note(&cx, "user.deleted", &at.user_id.to_string()).await?;
    Ok(Json(Done { ok: true }))
}

pub async fn set_active(cx: Cx, at: UserPath, body: SetActive) -> Result<Json<User>> {
    let profile = accounts::set_active(&cx, at.user_id, body.active).await?;
    let act = if body.active { "user.activated" } else { "user.suspended" };
    audit::note(&cx, act, &at.user_id.to_string()).await?;
    Ok(Json(user(profile)))
}

fn plan(body: &CreateUser) -> Result<Plan> {
    let plan = body.plan.as_deref().unwrap_or("starter");
    let plan = Plan::parse(plan, body.requests_per_hour, body.concurrent_requests)
        .ok_or_else(|| Error::field("plan", "starter, professional or enterprise"))?;
    if matches!(plan, Plan::Enterprise { .. }) {
        return Ok(plan);
    }
    let negotiated = [
        ("requests_per_hour", body.requests_per_hour),
        ("concurrent_requests", body.concurrent_requests),
    ];
    match negotiated.iter().find(|(_, value)| value.is_some()) {
        Some((field, _)) => Err(Error::field(field, "only with the plan `enterprise`")),
        None => Ok(plan),
    }
}

fn user(profile: Profile) -> User {
    User {
        id: profile.id,
        username: profile.username,
        plan: profile.plan.as_str().to_owned(),
        active: profile.active,
        note: profile.note,
        created_at: profile.created_at.to_string(),
    }
}

/// A remark or a name in a field of a body.
pub fn short(field: &str, text: String) -> Result<String> {
    if text.chars().count() > TEXT_MAX_CHARS {
        return Err(Error::field(field, format!("at most {TEXT_MAX_CHARS} characters")));
    }
    Ok(text)
}

/// Dollars in a field of a body.
pub fn amount(field: &str, text: &str) -> Result<MicroUsd> {
    let message = "dollars with at most six decimals, as text: \"25.00\"";
    text.parse().map_err(|_| Error::field(field, message))
}
