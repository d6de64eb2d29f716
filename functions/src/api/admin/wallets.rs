//! `/admin/api/users/{user_id}/wallet`.

use schema::{
    AccountId, Result,
    admin::{CreditWallet, SetWallet, WalletChanged, WalletTransaction},
    agent::TokenUsage,
    page::{Page, PageQuery},
};
use serde::Deserialize;

use super::users::{UserPath, amount, short};
use crate::{
    api::agent::cursor,
    cx::Cx,
    http::Json,
    services::{audit, wallets},
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

pub async fn set(cx: Cx, at: UserPath, body: SetWallet) -> Result<Json<WalletChanged>> {
    let balance = amount("balance_usd", &body.balance_usd)?;
    let note = short("note", body.note)?;
    let receipt = wallets::set(&cx, at.user_id, cx.source(), balance, note).await?;
    audit::note(&cx, "wallet.set", &format!("{} {balance}", at.user_id)).await?;
    Ok(Json(WalletChanged { wallet: receipt.wallet, replayed: receipt.replayed }))
}

pub async fn credit(cx: Cx, at: UserPath, body: CreditWallet) -> Result<Json<WalletChanged>> {
    let amount = amount("amount_usd", &body.amount_usd)?;
    let note = short("note", body.note)?;
    let receipt = wallets::credit(&cx, at.user_id, cx.source(), amount, note).await?;
    audit::note(&cx, "wallet.credited", &format!("{} {amount}", at.user_id)).await?;
    Ok(Json(WalletChanged { wallet: receipt.wallet, replayed: receipt.replayed }))
}

pub async fn transactions(cx: Cx, at: RowsOf) -> Result<Json<Page<WalletTransaction>>> {
    let page = at.page();
    let rows = wallets::transactions(&cx, at.user_id, cursor(&page)?, page.size()).await?;
    Ok(Json(Page::of(rows, page.size(), |row| row.seq.to_string())))
}

pub async fn token_usage(cx: Cx, at: RowsOf) -> Result<Json<TokenUsage>> {
    let page = at.page();
    Ok(Json(wallets::token_usage(&cx, at.user_id, cursor(&page)?, page.size()).await?))
}
