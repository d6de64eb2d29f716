//! What nobody told us of: payments whose webhook never came, and events that were taken in by
//! somebody who did not live to act on them.

use futures::{StreamExt, stream};
use schema::{Error, Result, time::DAY_MS};

use super::{back_off_ms, events, note, settle_at};
use crate::{
    cx::Cx,
    domain::payment::Hint,
    store::{self, payments::Due},
};

/// Payments and events that one round looks at, each; what is left is due in the next.
const ROUND_MAX: u32 = 100;
/// Of these at once.
const AT_ONCE: usize = 6;
/// How long an event is remembered that was acted on; Stripe sends none again after three days.
const REMEMBERED_MS: i64 = 30 * DAY_MS;

/// One round. A payment that fails is put off and stops no other; the round then fails, so that it
/// shows.
pub async fn sweep(cx: &Cx) -> Result<()> {
    if cx.config.stripe.is_none() {
        return Ok(());
    }
    let waiting = store::events::due(&cx.env, cx.now, ROUND_MAX).await?;
    let events = stream::iter(&waiting).map(|event| events::take_up(cx, event));
    let events: Vec<_> = events.buffer_unordered(AT_ONCE).collect().await;
    let due = store::payments::due(&cx.env, cx.now, ROUND_MAX).await?;
    let payments = stream::iter(&due).map(|payment| look(cx, payment));
    let payments: Vec<_> = payments.buffer_unordered(AT_ONCE).collect().await;
    store::events::forget(&cx.env, cx.now.plus_millis(-REMEMBERED_MS), ROUND_MAX).await?;
    events.into_iter().chain(payments).collect()
}

/// Looks at a payment, and says when it is looked at again.
async fn look(cx: &Cx, due: &Due) -> Result<()> {
    match settle_at(cx, due.account, due.id, Hint::default()).await {
        Ok(settled) => {
            let payment = settled.payment;
            let same = payment.state.as_str() == due.state;
            note(cx, &payment, if same { due.looks + 1 } else { 0 }).await
        }
        Err(error) => {
            let cause = error.cause.as_deref().unwrap_or_default();
            worker::console_error!("{}: {error} {cause}", due.id);
            let due_at = cx.now.plus_millis(back_off_ms(due.faults));
            store::payments::put_off(&cx.env, due.id, due.faults + 1, due_at).await?;
            Err(Error::unavailable(format!("{} could not be looked at", due.id)))
        }
    }
}
