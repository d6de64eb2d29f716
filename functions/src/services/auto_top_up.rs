//! A wallet that fills itself up: what its customer wants of it, and the pages where they leave a
//! card or approve a payment.

use schema::{AccountId, Code, Error, MicroUsd, Result, stripe::Metadata};

use super::{accounts::unexpected, customers, payments};
use crate::{
    cx::Cx,
    domain::{
        account,
        auto_top_up::{self, Approval, Command, Stage, Terms, View},
        payment::State,
    },
    objects::stub,
    remote::stripe::{self, Buys, NewSession},
};

/// Where a customer comes back to.
const RETURN_PATH: &str = "/wallet?card=kept";
const CANCEL_PATH: &str = "/wallet?card=cancel";

/// How a wallet's auto top-up stands.
pub async fn read(cx: &Cx, account: AccountId) -> Result<View> {
    tell(cx, account, Command::Read).await
}

/// Turns it on with these terms, or off; and chooses the balances to be told of.
pub async fn set(
    cx: &Cx,
    account: AccountId,
    terms: Option<Terms>,
    levels: Option<Vec<MicroUsd>>,
) -> Result<View> {
    tell(cx, account, Command::Set { terms, levels }).await
}

/// An operator stops it, or lets it go on.
pub async fn pause(cx: &Cx, account: AccountId, paused: bool) -> Result<View> {
    tell(cx, account, Command::Pause { paused }).await
}

/// A page at Stripe on which the customer leaves a card and pays nothing.
pub async fn card_page(cx: &Cx, account: AccountId) -> Result<String> {
    let origin = cx.origin()?;
    let new = NewSession {
        buys: Buys::Card,
        account: account.to_string(),
        customer: customers::of(cx, account).await?.id,
        success_url: format!("{origin}{RETURN_PATH}"),
        cancel_url: format!("{origin}{CANCEL_PATH}"),
        metadata: Metadata::from([("account_id".to_owned(), account.to_string())]),
        expires_at: None,
    };
    let key = format!("card:{}", cx.request_id);
    let made = stripe::create_session(cx.config.payments()?, &new, &key).await?;
    made.url.ok_or_else(|| Error::internal("a page without an address"))
}

/// The link by which the customer approves the payment that their bank asks about, if one does.
pub fn approve_url(cx: &Cx, account: AccountId, view: &View) -> Result<Option<String>> {
    let Some(attempt) = view.machine.flight() else { return Ok(None) };
    let Stage::NeedsAction { until } = attempt.stage else { return Ok(None) };
    let body = Approval { account, payment: attempt.id };
    let path = auto_top_up::approval(&cx.config.signing, body, until);
    let path = path.ok_or_else(|| Error::unavailable("SIGNING_SECRETS is not set"))?;
    Ok(Some(format!("{}{path}", cx.origin()?)))
}

/// Where such a link leads: a page at Stripe for exactly the amount of the payment. Whoever comes
/// again finds the same page, and none once the payment is over.
pub async fn approve(cx: &Cx, token: &str) -> Result<String> {
    let approval = auto_top_up::approved(&cx.config.signing, token, cx.now);
    let Approval { account, payment } = approval.ok_or_else(|| {
        let message = "This link is not good, or no longer. Open your wallet to see what is to be \
                       done.";
        Error::new(Code::PermissionDenied, message)
    })?;
    let opened = payments::page(cx, account, payment).await?;
    if opened.state.was_paid() {
        return Err(Error::new(Code::Conflict, "This payment is made. There is nothing to do."));
    }
    let in_flight = read(cx, account).await?.machine.flight().map(|attempt| attempt.id);
    let open = opened.url.filter(|_| opened.state == State::Open && in_flight == Some(payment));
    open.ok_or_else(|| {
        let message = "This payment was called off. Open your wallet to see what is to be done.";
        Error::new(Code::Conflict, message)
    })
}

async fn tell(cx: &Cx, account: AccountId, command: Command) -> Result<View> {
    let command = account::Command::AutoTopUp(command);
    match stub::ask(&cx.env, account, command).await? {
        account::Outcome::AutoTopUp(view) => Ok(*view),
        other => Err(unexpected(&other)),
    }
}
