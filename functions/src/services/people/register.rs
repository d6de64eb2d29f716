//! Signing up. Whoever signs up with an address that has an account is answered as anybody else:
//! its owner is told, and nobody learns whose it is.

use schema::{AccountId, KeyId, Result, Timestamp};

use super::{
    super::{
        accounts::{self, NewAccount},
        keys::{self, Wanted},
    },
    email, salt_of, signups, tell,
};
use crate::{
    cx::Cx,
    domain::{
        account::{NewKey, Profile},
        password::{self, Kept},
        person::{self, Card, Claim, Entry, Person, Standing, fields, secret},
        plan::Plan,
    },
    store::{
        directory,
        people::{self, Claimant},
    },
};

/// Who signs up, or for whom an account is made.
#[derive(Debug, Clone, Default)]
pub struct NewPerson {
    /// The readable part of the username; `customer` unless told.
    pub label: Option<String>,
    /// What they are called.
    pub name: Option<String>,
    /// Their mail address, as they wrote it.
    pub email: Option<String>,
    /// Whether somebody who can know says that the address is theirs.
    pub email_verified: bool,
    /// Who they are at Google.
    pub google: Option<String>,
    pub password: Option<String>,
    /// Two letters (ISO 3166-1).
    pub country: Option<String>,
    /// `+` and digits (E.164).
    pub phone: Option<String>,
    /// A remark for the operator.
    pub note: String,
    /// Whether an operator vouches for them: no approval is asked for.
    pub vouched: bool,
}

/// An account that was made for a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registered {
    pub account: AccountId,
    pub username: String,
    pub key_id: KeyId,
    /// The text of the wallet's key.
    pub key: String,
    /// Whether an operator has yet to approve it: until then nothing can be spent.
    pub pending: bool,
}

/// Makes an account, its person, and its wallet's key with a sealed copy.
pub async fn register(cx: &Cx, new: NewPerson) -> Result<Registered> {
    let person = read(&new, cx.now)?;
    if let Some(password) = &new.password {
        secret::check("password", password, &person)?;
    }
    let claimants = match &person.email {
        Some(email) => people::claimants(&cx.env, email).await?,
        None => Vec::new(),
    };
    let salt = salt_of(&Card::default(), &claimants)?;
    let kept = new.password.as_deref().map(|text| password::keep(text, salt)).transpose()?;
    let pending = !new.vouched && signups::need_approval(cx).await?;
    let standing = if pending { Standing::Pending } else { Standing::Approved };
    let wish = NewAccount { name: new.label, plan: Plan::Starter, note: new.note };
    let profile = accounts::create(cx, wish).await?;
    let account = profile.id;
    if let Some(email) = &person.email {
        people::claim(&cx.env, account, email, &salt, cx.now).await?;
        if person.is_verified() {
            people::verify(&cx.env, account, email, cx.now).await?;
        }
    }
    if let Some(sub) = &person.google {
        people::link_google(&cx.env, account, sub, cx.now).await?;
    }
    let (key, made) = keys::mint(cx, account, Wanted::default())?;
    let key_id = made.id;
    let claim = enter(cx, &profile, person, (kept, standing, made)).await?;
    greet(cx, account, claim, &claimants).await?;
    Ok(Registered { account, username: profile.username, key_id, key, pending })
}

/// What they wrote, where it is right.
fn read(new: &NewPerson, now: Timestamp) -> Result<Person> {
    let email = new.email.as_deref().map(fields::email).transpose()?;
    Ok(Person {
        name: new.name.as_deref().map(fields::name).transpose()?,
        email_verified_at: Some(now).filter(|_| new.email_verified && email.is_some()),
        email,
        country: new.country.as_deref().map(fields::country).transpose()?,
        phone: new.phone.as_deref().map(fields::phone).transpose()?,
        google: new.google.clone(),
    })
}

/// Gives the new account its person and its key; the claim is what is left to be shown.
async fn enter(
    cx: &Cx,
    profile: &Profile,
    person: Person,
    (password, standing, key): (Option<Kept>, Standing, NewKey),
) -> Result<Option<Claim>> {
    let account = profile.id;
    let claim = match &person.email {
        Some(email) if !person.is_verified() => Some(email::new_claim(email)?),
        _ => None,
    };
    let (id, username) = (key.id, &profile.username);
    people::add_signup(&cx.env, (account, username), &person, standing, cx.now).await?;
    let entry = Entry { person, claim: claim.clone(), password, standing, key };
    tell(cx, account, person::Command::Enter(Box::new(entry))).await?;
    directory::add_key(&cx.env, account, id).await?;
    if standing == Standing::Pending {
        directory::set_active(&cx.env, account, false).await?;
    }
    Ok(claim)
}

/// One message either way: to whom the address belongs that somebody else claims, or to who claims
/// it. A mailbox that is written to too often is left alone.
async fn greet(
    cx: &Cx,
    account: AccountId,
    claim: Option<Claim>,
    claimants: &[Claimant],
) -> Result<()> {
    let Some(claim) = claim else {
        return tell(cx, account, person::Command::Greet { link: None }).await.map(drop);
    };
    if !email::may_write(cx, &claim.email).await? {
        return Ok(());
    }
    if let Some(owner) = claimants.iter().find(|claimant| claimant.is_verified) {
        return email::tell_taken(cx, owner.account, account).await;
    }
    let link = email::link_of(cx, account, &claim);
    tell(cx, account, person::Command::Greet { link }).await.map(drop)
}
