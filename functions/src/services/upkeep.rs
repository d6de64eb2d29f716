//! What nobody asks for and must happen all the same: the timer's work, every minute.

use schema::{Error, Result};
use worker::Env;

use super::{payments, reconciliation, subscriptions};
use crate::cx::Cx;

/// A duty: what it is called in the log, and its work.
type Duty = (&'static str, Result<()>);

/// Does every duty, whatever becomes of the others; fails if one did, so that the platform's own
/// record shows it.
pub async fn every_minute(env: Env) -> Result<()> {
    let cx = Cx::of_timer(env)?;
    let done: [Duty; 3] = [
        ("payments", payments::sweep(&cx).await),
        ("subscriptions", subscriptions::sweep(&cx).await),
        ("reconciliation", reconciliation::look(&cx).await),
    ];
    let mut failed = Vec::new();
    for (name, outcome) in done {
        if let Err(error) = outcome {
            worker::console_error!("{name}: {error} {}", error.cause.as_deref().unwrap_or(""));
            failed.push(name);
        }
    }
    if failed.is_empty() { Ok(()) } else { Err(Error::unavailable(failed.join(", "))) }
}
