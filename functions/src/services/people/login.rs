//! Signing in with a name and a password: the account's own key comes back, and never one more.

use futures::future::join_all;
use schema::{AccountId, Code, Error, KeyId, Result};

use super::{
    attempts::{self, Subject},
    card, key, tell,
};
use crate::{
    cx::Cx,
    domain::{
        admission,
        attempts::Kind,
        password::{self, Salt},
        person::{self, Card, Standing, fields},
    },
    services::accounts,
    store::{directory, people},
};

/// An account's object that there never is: asked where nobody is meant, so that the same work is
/// done.
const NOBODY: AccountId = AccountId::from_bits(1);

/// Whoever signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedIn {
    pub account: AccountId,
    pub username: String,
    pub key_id: KeyId,
    /// The text of the wallet's key.
    pub key: String,
    /// Whether an operator has yet to approve the account.
    pub pending: bool,
}

/// Signs in by username or mail address. Whether there is such an account is told by nothing: not
/// by words, not by limits, and the password is computed once.
pub async fn login(cx: &Cx, name: &str, password: &str) -> Result<SignedIn> {
    let name = name.trim();
    let (meant, salt) = meant(cx, name).await?;
    let lower = name.to_lowercase();
    let subject = meant.first().map_or(Subject::Name(&lower), |first| Subject::Account(*first));
    let leave = attempts::allow_both(cx, Kind::Login, subject).await?;
    let cards = cards(cx, &meant).await?;
    let kept: Vec<_> = cards.iter().map(|card| card.password.clone()).collect();
    let found = password::find(&kept, password)?.ok_or_else(wrong)?;
    let (Some(account), Some(card)) = (meant.get(found.place), cards.get(found.place)) else {
        return Err(wrong());
    };
    attempts::passed_both(cx, leave, *account).await?;
    if !card.active && card.standing != Standing::Pending {
        return Err(Error::new(Code::PermissionDenied, admission::why_inactive(card.standing)));
    }
    keep_anew(cx, *account, (card, found.anew), salt, password).await?;
    let username = accounts::describe(cx, *account).await?.profile.username;
    let (key_id, key) = key::wallet(cx, *account, "login").await?;
    let pending = card.standing == Standing::Pending;
    Ok(SignedIn { account: *account, username, key_id, key, pending })
}

/// Whom a name may mean, the likeliest first. Several may claim one mail address, and have one
/// salt.
async fn meant(cx: &Cx, name: &str) -> Result<(Vec<AccountId>, Option<Salt>)> {
    if name.contains('@') {
        let Ok(email) = fields::email(name) else { return Ok((Vec::new(), None)) };
        let claimants = people::claimants(&cx.env, &email).await?;
        let salt = claimants.first().map(|claimant| claimant.salt);
        return Ok((claimants.into_iter().map(|claimant| claimant.account).collect(), salt));
    }
    Ok((directory::find(&cx.env, name).await?.into_iter().collect(), None))
}

async fn cards(cx: &Cx, meant: &[AccountId]) -> Result<Vec<Card>> {
    if meant.is_empty() {
        return match card(cx, NOBODY).await {
            Ok(_) | Err(Error { code: Code::ResourceNotFound, .. }) => Ok(Vec::new()),
            Err(error) => Err(error),
        };
    }
    join_all(meant.iter().map(|account| card(cx, *account))).await.into_iter().collect()
}

/// Keeps the same password as passwords are kept today, and with the salt of its address.
async fn keep_anew(
    cx: &Cx,
    account: AccountId,
    (card, anew): (&Card, bool),
    shared: Option<Salt>,
    password: &str,
) -> Result<()> {
    let theirs = card.password.as_ref().and_then(password::Kept::salt);
    let Some(salt) = shared.or(theirs) else { return Ok(()) };
    if !anew && theirs == Some(salt) {
        return Ok(());
    }
    let kept = password::keep(password, salt)?;
    let instead_of = password::print(card.password.as_ref());
    let command = person::Command::SetPassword { kept, instead_of, chosen: false };
    match tell(cx, account, command).await {
        // Somebody signed in at the same time, and was first.
        Err(Error { code: Code::InvalidRequest, .. }) => Ok(()),
        other => other.map(drop),
    }
}

fn wrong() -> Error {
    let message = "This name and this password do not belong together. Check both, or ask for a \
                   link to another password.";
    Error::new(Code::AuthenticationRequired, message)
}
