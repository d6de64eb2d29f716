//! What the account's object does about its person: facts, and in the same turn whatever the person
//! is told of them.

use std::rc::Rc;

use schema::{Code, Error, Result, Timestamp};

use super::{Inner, commands, rows::Rows, sessions};
use crate::domain::{
    account::{Outcome, Profile},
    admission::Live,
    notice::Notice,
    password::{self, Kept},
    person::{self, Card, Claim, Command, Entry, Person, Standing},
};

/// Does what the command says.
pub fn run(
    inner: &Rc<Inner>,
    live: &mut Live,
    command: Command,
    now: Timestamp,
) -> Result<Outcome> {
    let rows = &inner.rows;
    match command {
        Command::Read => {}
        Command::Enter(entry) => enter(live, rows, *entry, now)?,
        Command::Greet { link } => greet(inner, live, link, now)?,
        Command::Describe(told) => put_person(rows, &told.of(person(rows)?))?,
        Command::Claim { claim, link } => lay_claim(inner, &claim, link, now)?,
        Command::Verify { claim } => verify(inner, &claim, now)?,
        Command::LinkGoogle { sub, email } => link_google(rows, sub, email, now)?,
        Command::SetPassword { kept, instead_of, chosen } => {
            set_password(inner, live, (&kept, &instead_of, chosen), now)?;
        }
        Command::Recover { kept, instead_of, email } => {
            set_password(inner, live, (&kept, &instead_of, true), now)?;
            recover(live, rows, &email, now)?;
        }
        Command::AddWalletKey { key, unreadable } => {
            let keys = live.keys();
            let theirs = person::wallet_keys(&keys).find(|key| !unreadable.contains(&key.id));
            return match theirs {
                Some(key) => Ok(Outcome::Key(key.clone())),
                None => commands::add_key(live, rows, *key, now),
            };
        }
        Command::Judge { approve } => judge(inner, live, approve, now)?,
    }
    card(live, rows).map(|card| Outcome::Person(Box::new(card)))
}

/// The person; an empty one where the account has nobody.
pub fn person(rows: &Rows) -> Result<Person> {
    Ok(rows.fact(person::FACT).map_err(Error::unavailable)?.unwrap_or_default())
}

fn put_person(rows: &Rows, person: &Person) -> Result<()> {
    rows.put_fact(person::FACT, person).map_err(Error::unavailable)
}

fn claim(rows: &Rows) -> Result<Option<Claim>> {
    let claim = rows.fact::<Option<Claim>>(person::CLAIM).map_err(Error::unavailable)?;
    Ok(claim.flatten())
}

fn put_claim(rows: &Rows, claim: Option<&Claim>) -> Result<()> {
    rows.put_fact(person::CLAIM, &claim).map_err(Error::unavailable)
}

fn password(rows: &Rows) -> Result<Option<Kept>> {
    rows.fact(person::PASSWORD).map_err(Error::unavailable)
}

fn card(live: &Live, rows: &Rows) -> Result<Card> {
    Ok(Card {
        person: person(rows)?,
        claim: claim(rows)?,
        password: password(rows)?,
        standing: live.standing,
        active: live.profile.as_ref().is_some_and(|profile| profile.active),
    })
}

fn enter(live: &mut Live, rows: &Rows, entry: Entry, now: Timestamp) -> Result<()> {
    let Entry { person, claim, password, standing, key } = entry;
    put_person(rows, &person)?;
    put_claim(rows, claim.as_ref())?;
    if let Some(kept) = password {
        rows.put_fact(person::PASSWORD, &kept).map_err(Error::unavailable)?;
    }
    stand(live, rows, standing)?;
    commands::add_key(live, rows, key, now).map(drop)
}

/// Notes where the sign-up stands, and lets the account be used or not.
fn stand(live: &mut Live, rows: &Rows, standing: Standing) -> Result<()> {
    rows.put_fact(person::STANDING, &standing).map_err(Error::unavailable)?;
    live.standing = standing;
    let Some(profile) = live.profile.clone() else { return Ok(()) };
    let profile = Profile { active: standing == Standing::Approved, ..profile };
    rows.put_profile(&profile).map_err(Error::unavailable)?;
    live.profile = Some(profile);
    Ok(())
}

fn greet(inner: &Rc<Inner>, live: &Live, link: Option<String>, now: Timestamp) -> Result<()> {
    let welcome = match live.standing {
        Standing::Pending => Notice::SignupPending,
        Standing::Approved | Standing::Rejected => Notice::SignedUp,
    };
    inner.tell("signed_up", welcome, now)?;
    let Some((link, claim)) = link.zip(claim(&inner.rows)?) else { return Ok(()) };
    inner.tell_at(&claim.email, &verify_event(&claim), &Notice::VerifyEmail { link }, now)
}

fn lay_claim(inner: &Rc<Inner>, claim: &Claim, link: Option<String>, now: Timestamp) -> Result<()> {
    let rows = &inner.rows;
    let mut person = person(rows)?;
    if !person.is_verified() {
        person.email = Some(claim.email.clone());
        put_person(rows, &person)?;
    }
    put_claim(rows, Some(claim))?;
    let Some(link) = link else { return Ok(()) };
    inner.tell_at(&claim.email, &verify_event(claim), &Notice::VerifyEmail { link }, now)
}

fn verify_event(claim: &Claim) -> String {
    format!("verify_email:{}", claim.id)
}

fn verify(inner: &Rc<Inner>, id: &str, now: Timestamp) -> Result<()> {
    let rows = &inner.rows;
    let mine = claim(rows)?.filter(|claim| claim.id == id).ok_or_else(used)?;
    let mut person = person(rows)?;
    if person.is_verified() && person.email.as_ref() != Some(&mine.email) {
        let to = mine.email.clone();
        inner.tell(&format!("email_changed:{id}"), Notice::EmailChanged { to }, now)?;
    }
    person.email = Some(mine.email);
    person.email_verified_at = Some(now);
    put_person(rows, &person)?;
    put_claim(rows, None)
}

fn link_google(rows: &Rows, sub: String, email: String, now: Timestamp) -> Result<()> {
    let mut person = person(rows)?;
    if person.google.as_ref().is_some_and(|theirs| *theirs != sub) {
        let message = "This account is linked to another Google account.";
        return Err(Error::new(Code::Conflict, message));
    }
    person.google = Some(sub);
    if person.email.is_none() || (!person.is_verified() && person.email.as_ref() == Some(&email)) {
        person.email = Some(email);
        person.email_verified_at = Some(now);
        put_claim(rows, None)?;
    }
    put_person(rows, &person)
}

/// Another password ends whatever was signed in with the one before.
fn set_password(
    inner: &Rc<Inner>,
    live: &mut Live,
    (kept, instead_of, chosen): (&Kept, &str, bool),
    now: Timestamp,
) -> Result<()> {
    let rows = &inner.rows;
    if password::print(password(rows)?.as_ref()) != instead_of {
        return Err(used());
    }
    rows.put_fact(person::PASSWORD, kept).map_err(Error::unavailable)?;
    if chosen {
        sessions::end_all(live, rows)?;
        let event = format!("password_changed:{}", password::print(Some(kept)));
        inner.tell(&event, Notice::PasswordChanged, now)?;
    }
    Ok(())
}

fn recover(live: &mut Live, rows: &Rows, email: &str, now: Timestamp) -> Result<()> {
    let mut person = person(rows)?;
    if person.is_verified() || person.email.as_deref() != Some(email) {
        return Ok(());
    }
    person.email_verified_at = Some(now);
    put_person(rows, &person)?;
    put_claim(rows, None)?;
    for key in live.keys() {
        if let Some(revoked) = live.revoke_key(key.id, now) {
            rows.update_key(&revoked).map_err(Error::unavailable)?;
        }
    }
    rows.put_fact(person::USERNAME_VOID, &true).map_err(Error::unavailable)?;
    live.username_void = true;
    Ok(())
}

fn judge(inner: &Rc<Inner>, live: &mut Live, approve: bool, now: Timestamp) -> Result<()> {
    let word = if approve { Standing::Approved } else { Standing::Rejected };
    match live.standing {
        Standing::Pending => {}
        // Said again: the first time may not have reached the directory.
        standing if standing == word => return Ok(()),
        Standing::Approved | Standing::Rejected => {
            let message = format!("This sign-up is {} already.", live.standing.as_str());
            return Err(Error::new(Code::Conflict, message));
        }
    }
    stand(live, &inner.rows, word)?;
    let notice = if approve { Notice::SignupApproved } else { Notice::SignupRejected };
    inner.tell("signup_judged", notice, now)
}

/// A link or a change that came too late, or twice.
fn used() -> Error {
    let message =
        "This has been used, or something newer has taken its place. Ask for another link.";
    Error::new(Code::InvalidRequest, message)
}
