//! Mail addresses: claimed, and shown to be somebody's by a link that only their mailbox gets.

use schema::{AccountId, Code, Error, Result};

use super::{
    super::{admission, impersonation, notices},
    attempts::{self, Subject},
    card, check_secret_key, link, new_link_id, password, salt_of, tell, void_link,
};
use crate::{
    cx::Cx,
    domain::{
        attempts::Kind,
        link::Claims,
        notice::Notice,
        person::{self, Claim, Person, fields},
    },
    store::people,
};

/// What a link is good for that shows whose an address is, and for how long.
const VERIFY: &str = "verify_email";
const VERIFY_MS: i64 = 3 * 24 * 3_600_000;
/// Where such a link leads, and where people sign in.
const VERIFY_PATH: &str = "/verify";
const LOGIN_PATH: &str = "/sign-in";

/// An address that an account has, or wants to have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    pub email: String,
    /// Whether it was shown to be theirs; if not, a link is on its way.
    pub verified: bool,
}

/// Claims another address for an account. Whether it is somebody else's is not told: its owner is.
pub async fn change(
    cx: &Cx,
    account: AccountId,
    email: &str,
    current_password: Option<&str>,
) -> Result<Wanted> {
    let email = fields::email(email)?;
    check_secret_key(cx)?;
    attempts::allow(cx, Kind::Verify, Subject::Account(account)).await?;
    let before = card(cx, account).await?;
    if before.person.is_verified() {
        if before.person.email.as_ref() == Some(&email) {
            return Ok(Wanted { email, verified: true });
        }
        // Who has only found a key must not take the account over.
        if before.password.is_some() {
            let given = current_password.unwrap_or_default();
            password::check(cx, account, &before, ("password", given)).await?;
        }
    }
    let claimants = people::claimants(&cx.env, &email).await?;
    let salt = salt_of(&before, &claimants)?;
    people::claim(&cx.env, account, &email, &salt, cx.now).await?;
    let claim = new_claim(&email)?;
    let others = claimants.iter().find(|it| it.is_verified && it.account != account);
    let may_write = may_write(cx, &email).await?;
    let link = match others {
        None if may_write => link_of(cx, account, &claim),
        _ => None,
    };
    tell(cx, account, person::Command::Claim { claim, link }).await?;
    if let Some(owner) = others.filter(|_| may_write) {
        tell_taken(cx, owner.account, account).await?;
    }
    Ok(Wanted { email, verified: false })
}

/// Takes a link's token: the address that it was sent to is the account's. Only who is signed in to
/// the account may use it: somebody may have opened it in the name of another, whose mailbox the
/// link then reaches, and whom one press would make the owner of a stranger's account.
pub async fn verify(cx: &Cx, token: &str) -> Result<Person> {
    impersonation::refuse(cx)?;
    attempts::allow(cx, Kind::Verify, Subject::Address).await?;
    let claims = cx.config.signing.verify::<AccountId>(VERIFY, token, cx.now);
    let Claims { id, body: account, .. } = claims.ok_or_else(void_link)?;
    let claim = card(cx, account).await?.claim.filter(|claim| claim.id == id);
    let claim = claim.ok_or_else(void_link)?;
    if admission::visitor(cx).await? != Some(account) {
        let message = "Sign in to the account that this link was sent for, then open it again. If \
                       you have asked for none, somebody else has typed your address: do nothing.";
        return Err(Error::new(Code::AuthenticationRequired, message));
    }
    people::verify(&cx.env, account, &claim.email, cx.now).await?;
    Ok(tell(cx, account, person::Command::Verify { claim: id }).await?.person)
}

pub(super) fn new_claim(email: &str) -> Result<Claim> {
    Ok(Claim { id: new_link_id()?, email: email.to_owned() })
}

/// The link that goes to a claimed address; none where this deployment cannot make one, which its
/// log says.
pub(super) fn link_of(cx: &Cx, account: AccountId, claim: &Claim) -> Option<String> {
    let (purpose, id) = (VERIFY.to_owned(), claim.id.clone());
    let claims = Claims { purpose, id, expires_at: cx.now.plus_millis(VERIFY_MS), body: account };
    let made = link(cx, VERIFY_PATH, &claims);
    made.inspect_err(|error| worker::console_error!("no link: {:?}", error.cause)).ok()
}

/// Whether a mailbox may be written to: who only knows an address must not fill it.
pub(super) async fn may_write(cx: &Cx, email: &str) -> Result<bool> {
    match attempts::allow(cx, Kind::Verify, Subject::Name(email)).await {
        Ok(()) => Ok(true),
        Err(Error { code: Code::RateLimitExceeded, .. }) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Tells the owner of an address that somebody else has claimed it.
pub(super) async fn tell_taken(cx: &Cx, owner: AccountId, by: AccountId) -> Result<()> {
    let link = cx.origin().map(|origin| origin + LOGIN_PATH).unwrap_or_default();
    notices::tell(cx, owner, &format!("address_taken:{by}"), Notice::AddressTaken { link }).await
}
