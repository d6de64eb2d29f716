//! The Unlimited plan: bought by a checkout at Stripe, read there again whenever something may have
//! changed, and given by the account's object as Stripe's state says. Events are hints.

use schema::{
    AccountId, Code, Error, Result,
    stripe::{CheckoutSession, Event, Metadata, SessionStatus, Subscription},
};

use super::{accounts::unexpected, customers};
use crate::{
    config::Stripe,
    cx::{self, Cx},
    domain::{
        account,
        fair_use::OwnLimits,
        unlimited::{Checkout, Command, Outcome, PLAN, Reading, State},
    },
    objects::stub,
    remote::stripe::{self, Buys, NewSession},
    store::{
        settings,
        subscriptions::{self, Due},
    },
};

pub use crate::store::settings::UnlimitedPlan;

/// How long a checkout has for its event to come before it is read.
const CHECKOUT_CHECK_MS: i64 = 10 * 60_000;
/// Between two looks at a checkout that is still open.
const CHECKOUT_AGAIN_MS: i64 = 30 * 60_000;
/// After a failure to read one.
const FAILED_AGAIN_MS: i64 = 10 * 60_000;
/// What one minute reads at most.
const DUE_MAX: u32 = 20;

/// Under which names we note an account and a plan at Stripe.
const ACCOUNT: &str = "account_id";
const PLAN_NAME: &str = "plan";

/// The plan as it is sold now.
pub async fn plan(cx: &Cx) -> Result<UnlimitedPlan> {
    settings::unlimited_plan(&cx.env).await
}

/// Sells it like this from now on.
pub async fn set_plan(cx: &Cx, plan: UnlimitedPlan) -> Result<()> {
    settings::set_unlimited_plan(&cx.env, plan).await
}

/// The plan, and how an account stands with it.
pub async fn state(cx: &Cx, account: AccountId) -> Result<(UnlimitedPlan, State)> {
    let plan = plan(cx).await?;
    let state = told(cx, account, Command::Read { defaults: plan.limits }).await?;
    Ok((plan, state))
}

/// Whether the account's wallet pays what the plan does not.
pub async fn set_fallback(cx: &Cx, account: AccountId, on: bool) -> Result<()> {
    told(cx, account, Command::SetFallback { on }).await.map(drop)
}

/// Gives an account limits of its own, or takes them away.
pub async fn set_limits(cx: &Cx, account: AccountId, own: OwnLimits) -> Result<()> {
    let defaults = plan(cx).await?.limits;
    told(cx, account, Command::SetLimits { own, defaults }).await.map(drop)
}

/// Opens a checkout in which the account subscribes; again the same one, until it is over, so that
/// nobody pays for two subscriptions.
pub async fn checkout(cx: &Cx, account: AccountId) -> Result<CheckoutSession> {
    let (stripe, origin) = (stripe(cx)?, cx.origin()?);
    let price_cents = plan(cx).await?.price_cents;
    let attempt = cx.request_id.to_string();
    let new = Checkout { attempt, price_cents, began_at: cx.now };
    let checkout = match ask(cx, account, Command::CheckOut { new }).await? {
        Outcome::Checkout(checkout) => checkout,
        other @ Outcome::State(_) => {
            return Err(unexpected(&account::Outcome::Unlimited(other)));
        }
    };
    let metadata = [(ACCOUNT, account.to_string()), (PLAN_NAME, PLAN.to_owned())];
    let metadata: Metadata = metadata.into_iter().map(|(k, v)| (k.to_owned(), v)).collect();
    let new = NewSession {
        buys: Buys::Monthly { name: format!("{} Unlimited", cx.config.brand), cents: price_cents },
        account: account.to_string(),
        customer: customers::of(cx, account).await?.id,
        success_url: format!("{origin}/wallet?subscribed={{CHECKOUT_SESSION_ID}}"),
        cancel_url: format!("{origin}/wallet"),
        metadata,
        expires_at: None,
    };
    let key = format!("subscribe:{}", checkout.attempt);
    let session = stripe::create_session(stripe, &new, &key).await?;
    let due = Due { id: session.id.clone(), account };
    let check_at = cx.now.plus_millis(CHECKOUT_CHECK_MS);
    subscriptions::put(&cx.env, &due, Some(check_at)).await?;
    Ok(session)
}

/// The customer comes back from their checkout: what came of it counts at once.
pub async fn came_back(cx: &Cx, account: AccountId, session: &str) -> Result<()> {
    let unknown = || Error::not_found("checkout", session);
    if !stripe::is_id(session) {
        return Err(unknown());
    }
    let read = stripe::session(stripe(cx)?, session).await;
    let read = read.map_err(|error| match error.code {
        Code::ResourceNotFound => unknown(),
        _ => error,
    })?;
    if read.client_reference_id != Some(account.to_string()) {
        return Err(unknown());
    }
    match &read.subscription {
        Some(subscription) => refresh(cx, subscription).await,
        None => Ok(()),
    }
}

/// Lets the account's subscription end with its period, or run on after all.
pub async fn set_ends_with_period(cx: &Cx, account: AccountId, ends: bool) -> Result<()> {
    let stripe = stripe(cx)?;
    let known = state(cx, account).await?.1.subscription.filter(|it| !it.is_over());
    let Some(known) = known else {
        return Err(Error::new(Code::Conflict, "There is no subscription that runs."));
    };
    // The same change sent again is the same; after any other it is a new one.
    let key = format!("end:{ends}:{}:{}", known.id, known.began_at.millis());
    if ends {
        stripe::cancel_subscription(stripe, &known.id, &key).await?;
    } else {
        stripe::keep_subscription(stripe, &known.id, &key).await?;
    }
    refresh(cx, &known.id).await
}

/// Ends the account's subscription at once: who is closed is not charged any more.
pub async fn end(cx: &Cx, account: AccountId) -> Result<()> {
    let known = state(cx, account).await?.1.subscription.filter(|it| !it.is_over());
    let Some(known) = known else { return Ok(()) };
    match stripe::end_subscription(stripe(cx)?, &known.id).await {
        // It has ended by itself, which is what reading it says.
        Err(error) if error.code != Code::ResourceNotFound => Err(error),
        _ => refresh(cx, &known.id).await,
    }
}

/// An event that may be about a subscription: which one is all that is believed of it.
pub async fn heard(cx: &Cx, event: &Event) -> Result<()> {
    let Some(id) = event.subscription() else { return Ok(()) };
    match refresh(cx, id).await {
        Err(error) if error.code == Code::ResourceNotFound => Ok(()),
        done => done,
    }
}

/// Reads a subscription at Stripe and makes its account give what its state says. One that is not
/// of this plan, or not of ours, is left alone.
pub async fn refresh(cx: &Cx, id: &str) -> Result<()> {
    let stripe = stripe(cx)?;
    let began_at = cx::now(&cx.config);
    let read = stripe::subscription(stripe, id).await?;
    let (Some(account), Some(reading)) = (whose(&read), Reading::of(&read, began_at)) else {
        return Ok(());
    };
    if read.livemode != stripe.livemode() {
        return Ok(());
    }
    let check_at = reading.check_at();
    let defaults = plan(cx).await?.limits;
    told(cx, account, Command::Hear { reading: Box::new(reading), defaults }).await?;
    subscriptions::put(&cx.env, &Due { id: read.id, account }, check_at).await
}

/// Reads what is due: renewals and checkouts whose event never came. One that fails does not keep
/// the others back.
pub async fn sweep(cx: &Cx) -> Result<()> {
    if cx.config.stripe.is_none() {
        return Ok(());
    }
    let mut failed = Ok(());
    for due in subscriptions::due(&cx.env, cx.now, DUE_MAX).await? {
        if let Err(error) = check(cx, &due).await {
            let again = cx.now.plus_millis(FAILED_AGAIN_MS);
            subscriptions::put(&cx.env, &due, Some(again)).await?;
            failed = Err(error);
        }
    }
    failed
}

async fn check(cx: &Cx, due: &Due) -> Result<()> {
    if !due.id.starts_with("cs_") {
        return refresh(cx, &due.id).await;
    }
    let session = stripe::session(stripe(cx)?, &due.id).await?;
    let again = match (&session.subscription, session.status) {
        (Some(subscription), _) => {
            refresh(cx, subscription).await?;
            None
        }
        (None, Some(SessionStatus::Expired)) => None,
        (None, _) => Some(cx.now.plus_millis(CHECKOUT_AGAIN_MS)),
    };
    subscriptions::put(&cx.env, due, again).await
}

/// The account that a subscription is for, if it is one to our plan.
fn whose(read: &Subscription) -> Option<AccountId> {
    let noted = |name: &str| read.metadata.get(name);
    noted(PLAN_NAME).filter(|plan| *plan == PLAN)?;
    noted(ACCOUNT)?.parse().ok()
}

fn stripe(cx: &Cx) -> Result<&Stripe> {
    cx.config.stripe.as_ref().ok_or_else(|| {
        Error::new(Code::Unavailable, "Payments are not set up here. Ask the operator.")
            .caused_by("STRIPE_SECRET_KEY is not set")
    })
}

async fn told(cx: &Cx, account: AccountId, command: Command) -> Result<State> {
    match ask(cx, account, command).await? {
        Outcome::State(state) => Ok(*state),
        other @ Outcome::Checkout(_) => Err(unexpected(&account::Outcome::Unlimited(other))),
    }
}

async fn ask(cx: &Cx, account: AccountId, command: Command) -> Result<Outcome> {
    match stub::ask(&cx.env, account, account::Command::Unlimited(command)).await? {
        account::Outcome::Unlimited(outcome) => Ok(outcome),
        other => Err(unexpected(&other)),
    }
}
