//! What Stripe's webhooks bring: believed by its signature, kept before it is acknowledged, and
//! then acted on. An event is a hint at what to read again, so it matters neither how often it
//! comes nor in which order.

use schema::{Code, Error, Result, stripe::Event};

use super::{back_off_ms, owned, payment, settle, settle_intent};
use crate::{
    cx::{Cx, fault},
    domain::{payment::Hint, signature},
    remote::stripe,
    services::{customers, subscriptions},
    store,
};

/// How long the event is left to whoever received it, before the sweeper takes it up.
const GRACE_MS: i64 = 60_000;

pub use crate::store::events::Heard;

/// Above the time of every event.
const END: i64 = 1 << 52;

/// Events that came before one, newest first, one more than `size`: those that wait, or all.
pub async fn list(
    cx: &Cx,
    only_waiting: bool,
    before: Option<(i64, String)>,
    size: u32,
) -> Result<Vec<Heard>> {
    let (at, id) = before.unwrap_or((END, String::new()));
    store::events::list(&cx.env, only_waiting, (at.min(END), &id), size).await
}

/// Takes an event in. When this returns it is safe, and is being acted on.
pub async fn receive(cx: &Cx, body: &[u8], header: &str) -> Result<()> {
    let stripe = cx.config.payments()?;
    let secrets: Vec<_> = stripe.webhook_secrets.iter().map(|secret| secret.reveal()).collect();
    let signed = signature::Signed { body, header };
    let event = signature::event(signed, &secrets, cx.now).map_err(|refused| {
        let message = "This is not signed by the payment provider, or not lately.";
        Error::new(Code::InvalidRequest, message).caused_by(refused.as_str())
    })?;
    if event.livemode != stripe.livemode() {
        worker::console_log!("{} is about money of another kind; it is ignored", event.id);
        return Ok(());
    }
    fault::at("event:verified");
    let due_at = cx.now.plus_millis(GRACE_MS);
    let body = String::from_utf8_lossy(body);
    if !store::events::keep(&cx.env, &event, &body, cx.now, due_at).await? {
        return Ok(());
    }
    fault::at("event:kept");
    let later = cx.clone();
    cx.later(async move {
        // The sweeper comes again for what fails here.
        if let Err(error) = act(&later, &event).await {
            let cause = error.cause.as_deref().unwrap_or_default();
            worker::console_error!("{} {}: {error} {cause}", event.id, event.r#type);
        }
    });
    Ok(())
}

/// Acts on an event that was kept, and notes what came of it.
async fn act(cx: &Cx, event: &Event) -> Result<()> {
    let outcome = heard(cx, event).await?;
    fault::at("event:acted");
    store::events::done(&cx.env, &event.id, outcome).await?;
    fault::at("event:done");
    Ok(())
}

/// Acts on an event; the outcome is a word for its row.
pub async fn heard(cx: &Cx, event: &Event) -> Result<&'static str> {
    let (family, _) = event.r#type.split_once('.').unwrap_or((&event.r#type, ""));
    match family {
        "checkout" | "payment_intent" | "charge" | "refund" => money(cx, event).await,
        "customer" | "invoice" | "invoice_payment" if event.subscription().is_some() => {
            subscriptions::heard(cx, event).await.map(|()| "heard")
        }
        _ => Ok("ignored"),
    }
}

/// Settles the payment that an event is about.
async fn money(cx: &Cx, event: &Event) -> Result<&'static str> {
    let noted = payment::ours(&event.data.object.metadata);
    let owner = match noted {
        Some((account, id)) => owned(cx, account, id).await?,
        None => None,
    };
    fault::at("event:taken");
    if let Some((account, id)) = owner {
        let text = |id: Option<&str>| id.map(str::to_owned);
        let hint = Hint { session: text(event.session()), intent: text(event.intent()) };
        settle(cx, account, id, hint).await?;
        return Ok("settled");
    }
    if event.session().is_some() && event.subscription().is_some() {
        return subscriptions::heard(cx, event).await.map(|()| "heard");
    }
    if let (Some(session), None) = (event.session(), event.intent()) {
        return no_payment(cx, session).await;
    }
    let Some(intent) = event.intent() else { return Ok("foreign") };
    match settle_intent(cx, intent).await {
        Ok(Some(_)) => Ok("settled"),
        Ok(None) => Ok("foreign"),
        // It is not in the account that our key is for.
        Err(error) if error.code == Code::ResourceNotFound => Ok("foreign"),
        Err(error) => Err(error),
    }
}

/// A checkout in which no credit is bought: somebody may have subscribed, or left a card.
async fn no_payment(cx: &Cx, session: &str) -> Result<&'static str> {
    match stripe::session(cx.config.payments()?, session).await {
        Ok(session) => customers::left_card(cx, &session).await.map(|()| "heard"),
        Err(error) if error.code == Code::ResourceNotFound => Ok("foreign"),
        Err(error) => Err(error),
    }
}

/// Acts on an event that waits, for the sweeper.
pub(super) async fn take_up(cx: &Cx, waiting: &store::events::Waiting) -> Result<()> {
    let store::events::Waiting { id, body, tries } = waiting;
    let Ok(event) = serde_json::from_str::<Event>(body) else {
        return store::events::done(&cx.env, id, "unreadable").await;
    };
    let Err(error) = act(cx, &event).await else { return Ok(()) };
    let cause = error.cause.as_deref().unwrap_or_default();
    worker::console_error!("{id} {}: {error} {cause}", event.r#type);
    if *tries >= TRIES_MAX {
        return store::events::done(&cx.env, id, "failed").await;
    }
    let due_at = cx.now.plus_millis(back_off_ms(*tries));
    store::events::put_off(&cx.env, id, tries + 1, due_at).await
}

/// Tries of an event, over some three days; the payment that it was about is looked at for longer.
const TRIES_MAX: u32 = 20;
