//! `/admin/api/users/{user_id}/wallet`.

use schema::{
    AccountId, Result,
    admin::{CreditWallet, PauseAutoTopUp, SetWallet, WalletChanged, WalletTransaction},
    agent::{AutoTopUp, TokenUsage},
    page::{Page, PageQuery},
};
use serde::Deserialize;

use super::users::{UserPath, amount, short};
use crate::{
    api::{agent::auto_top_up::shown, paging},
    cx::Cx,
    http::Json,
    services::{audit, auto_top_up, wallets},
};

/// Names an account and a page of its rows.
#[derive(Debug, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
pub struct RowsOf {
    /// The account.
    pub user_id: AccountId,
    /// Rows in the page: 1 to 100, 50 unless told.
    pub limit: Option<u32>,
    /// The `next_cursor` of the page before.
    pub starting_after: Option<String>,
}

impl RowsOf {
    pub fn page(&self) -> PageQuery {
        PageQuery { limit: self.limit, starting_after: self.starting_after.clone() }
    }
}

/// The customer's own wish stays as it is; what is under way is awaited.
pub async fn pause_auto_top_up(
    cx: Cx,
    at: UserPath,
    body: PauseAutoTopUp,
) -> Result<Json<AutoTopUp>> {
    let view = auto_top_up::pause(&cx, at.user_id, body.paused).await?;
    let act = if body.paused { "auto_top_up.paused" } else { "auto_top_up.resumed" };
    audit::note(&cx, act, &at.user_id.to_string()).await?;
    Ok(Json(shown(&cx, &view)))
}

pub async fn set(cx: Cx, at: UserPath, body: SetWallet) -> Result<Json<WalletChanged>> {
    let balance = amount("balance_usd", &body.balance_usd)?;
    let note = short("note", body.note)?;
    let receipt = wallets::set(&cx, at.user_id, cx.source(), balance, note).await?;
    let detail = format!("{} {balance}{}", at.user_id, again(&receipt));
    audit::note(&cx, "wallet.set", &detail).await?;
    Ok(Json(WalletChanged { wallet: receipt.wallet, replayed: receipt.replayed }))
}

pub async fn credit(cx: Cx, at: UserPath, body: CreditWallet) -> Result<Json<WalletChanged>> {
    let amount = amount("amount_usd", &body.amount_usd)?;
    let note = short("note", body.note)?;
    let receipt = wallets::credit(&cx, at.user_id, cx.source(), amount, note).await?;
    let detail = format!("{} {amount}{}", at.user_id, again(&receipt));
    audit::note(&cx, "wallet.credited", &detail).await?;
    Ok(Json(WalletChanged { wallet: receipt.wallet, replayed: receipt.replayed }))
}

/// What is noted of an act that had been done before, under the same `Idempotency-Key`.
const fn again(receipt: &wallets::Receipt) -> &'static str {
    if receipt.replayed { " again: nothing changed" } else { "" }
}

pub async fn transactions(cx: Cx, at: RowsOf) -> Result<Json<Page<WalletTransaction>>> {
    let page = at.page();
    let rows = wallets::transactions(&cx, at.user_id, paging::after(&page)?, page.size()).await?;
    Ok(Json(Page::of(rows, page.size(), |row| row.seq.to_string())))
}

pub async fn token_usage(cx: Cx, at: RowsOf) -> Result<Json<TokenUsage>> {
    let page = at.page();
    Ok(Json(wallets::token_usage(&cx, at.user_id, paging::after(&page)?, page.size()).await?))
}
