//! What the account tells the directory: sums of usage by hour, absolute, so that telling twice
//! changes nothing.

use schema::{AccountId, Error, Result, Timestamp, time::HOUR_MS};
use worker::Env;

use super::rows::Rows;
use crate::store::usage;

/// Sends the sums of every hour since the last report's.
pub async fn report(env: &Env, rows: &Rows, account: AccountId, now: Timestamp) -> Result<()> {
    let since = rows.mark("summed").map_err(Error::unavailable)?;
    let sums = rows.hourly(since).map_err(Error::unavailable)?;
    if sums.is_empty() {
        return Ok(());
    }
    usage::put(env, account, &sums).await?;
    // The hour that runs now will grow; it is sent again next time.
    rows.set_mark("summed", now.millis().div_euclid(HOUR_MS)).map_err(Error::unavailable)
}
