//! Credit for sharing the site, once for each account.

use schema::{AccountId, Code, Error, MicroUsd, Result, Timestamp, agent::Wallet};

use super::{payment, tell};
use crate::cx::Cx;

/// Where an account stands with it.
pub struct Shared {
    pub amount: MicroUsd,
    pub claimed_at: Option<Timestamp>,
    pub wallet: Wallet,
    /// Whether it had been claimed before.
    pub replayed: bool,
}

/// Whether it was claimed.
pub async fn share(cx: &Cx, account: AccountId) -> Result<Shared> {
    ask(cx, account, payment::Command::Share).await
}

/// Claims it. A second claim changes nothing, and says so.
pub async fn claim_share(cx: &Cx, account: AccountId) -> Result<Shared> {
    let amount = cx.config.share_credit;
    if amount == MicroUsd::ZERO {
        return Err(Error::new(Code::ResourceNotFound, "There is no credit for sharing now."));
    }
    ask(cx, account, payment::Command::ClaimShare { amount }).await
}

async fn ask(cx: &Cx, account: AccountId, command: payment::Command) -> Result<Shared> {
    let amount = cx.config.share_credit;
    match tell(cx, account, command).await? {
        payment::Outcome::Share { claimed_at, wallet, replayed } => {
            Ok(Shared { amount, claimed_at, wallet, replayed })
        }
        other => Err(Error::internal(format!("{other:?} instead of a share"))),
    }
}
