//! Wallets: credited, set, and read. Every change has a source, and happens once for it.

use schema::{
    AccountId, MicroUsd, Result,
    admin::WalletTransaction,
    agent::{TokenUsage, Wallet},
};

use super::accounts::unexpected;
use crate::{
    cx::Cx,
    domain::account::{Command, Outcome},
    objects::stub,
};

/// What a change came to.
pub struct Receipt {
    pub wallet: Wallet,
    /// Whether it had been made before.
    pub replayed: bool,
}

/// Adds to a wallet, or takes from it if the amount is negative.
pub async fn credit(
    cx: &Cx,
    account: AccountId,
    source: String,
    amount: MicroUsd,
    note: String,
) -> Result<Receipt> {
    receipt(cx, account, Command::Credit { source, amount, note }).await
}

/// Brings a wallet to a balance by a correcting row.
pub async fn set(
    cx: &Cx,
    account: AccountId,
    source: String,
    balance: MicroUsd,
    note: String,
) -> Result<Receipt> {
    receipt(cx, account, Command::SetBalance { source, balance, note }).await
}

/// Rows of the ledger before a position, newest first, one more than `limit`.
pub async fn transactions(
    cx: &Cx,
    account: AccountId,
    before: Option<i64>,
    limit: u32,
) -> Result<Vec<WalletTransaction>> {
    let command = Command::Transactions { before, limit };
    match stub::ask(&cx.env, account, command).await? {
        Outcome::Transactions(rows) => Ok(rows),
        other => Err(unexpected(&other)),
    }
}

/// Charges before a position, newest first, and the sums of the last days.
pub async fn token_usage(
    cx: &Cx,
    account: AccountId,
    before: Option<i64>,
    limit: u32,
) -> Result<TokenUsage> {
    let command = Command::TokenUsage { before, limit };
    match stub::ask(&cx.env, account, command).await? {
        Outcome::TokenUsage(usage) => Ok(*usage),
        other => Err(unexpected(&other)),
    }
}

async fn receipt(cx: &Cx, account: AccountId, command: Command) -> Result<Receipt> {
    match stub::ask(&cx.env, account, command).await? {
        Outcome::Receipt { wallet, replayed } => Ok(Receipt { wallet, replayed }),
        other => Err(unexpected(&other)),
    }
}
