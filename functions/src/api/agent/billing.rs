//! `GET /api/v1/billing/token-usage`.

use schema::{Error, Result, agent::TokenUsage, page::PageQuery};

use crate::{cx::Cx, http::Json, services::wallets};

/// Charges, newest first, and the sums of the last days.
pub async fn token_usage(cx: Cx, at: PageQuery) -> Result<Json<TokenUsage>> {
    let before = cursor(&at)?;
    Ok(Json(wallets::token_usage(&cx, cx.account()?, before, at.size()).await?))
}

/// A position in the ledger.
pub fn cursor(at: &PageQuery) -> Result<Option<i64>> {
    let read =
        |text: &String| text.parse().map_err(|_| Error::field("starting_after", "not a cursor"));
    at.starting_after.as_ref().map(read).transpose()
}
