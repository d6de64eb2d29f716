//! `GET /api/v1/billing/token-usage`.

use schema::{Result, agent::TokenUsage, page::PageQuery};

use crate::{api::paging, cx::Cx, http::Json, services::wallets};

/// Charges, newest first, and the sums of the last days.
pub async fn token_usage(cx: Cx, at: PageQuery) -> Result<Json<TokenUsage>> {
    let before = paging::after(&at)?;
    Ok(Json(wallets::token_usage(&cx, cx.account()?, before, at.size()).await?))
}
