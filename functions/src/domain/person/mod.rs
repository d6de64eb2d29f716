//! The person behind an account, as the account's object keeps them, and what may be asked of it.

pub mod fields;
pub mod secret;

use schema::{KeyId, Timestamp};
use serde::{Deserialize, Serialize};

use super::{
    access::{Key, Scope},
    account::NewKey,
    password::Kept,
    token::KeyType,
};

/// Under which name an account's facts hold its person.
pub const FACT: &str = "person";
/// The same for a mail address that is not yet shown to be theirs, for the password, for where the
/// sign-up stands, and for whether the username opens the account no more.
pub const CLAIM: &str = "email_claim";
pub const PASSWORD: &str = "password";
pub const STANDING: &str = "signup";
pub const USERNAME_VOID: &str = "username_void";
/// What the wallet's key is called.
pub const WALLET_KEY: &str = "wallet";

/// Who an account belongs to, and how they are reached. An account that an operator made may have
/// nobody.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Person {
    /// What they are called.
    pub name: Option<String>,
    /// Their mail address, in lower case.
    pub email: Option<String>,
    /// When they showed that the address is theirs.
    pub email_verified_at: Option<Timestamp>,
    /// Two letters (ISO 3166-1).
    pub country: Option<String>,
    /// Their phone, `+` and digits (E.164); WhatsApp reaches it.
    pub phone: Option<String>,
    /// Who they are at Google: the `sub` of its tokens, which never changes hands.
    pub google: Option<String>,
}

/// A mail address that somebody says is theirs; a link to it shows whether.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// Stands in the link: a later claim makes the links of an earlier one void.
    pub id: String,
    pub email: String,
}

/// Where a sign-up stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// Waits for an operator's approval, and spends nothing before.
    Pending,
    /// May be used; so is every account that nobody signed up for.
    #[default]
    Approved,
    Rejected,
}

impl Standing {
    /// As it stands in rows and answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Approved => "approved",
            Self::Rejected => "rejected",
        }
    }

    /// Reads what [`Standing::as_str`] wrote.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Pending, Self::Approved, Self::Rejected].into_iter().find(|it| it.as_str() == text)
    }
}

/// All that an account's object knows of its person.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Card {
    pub person: Person,
    /// The address that waits to be shown as theirs.
    pub claim: Option<Claim>,
    pub password: Option<Kept>,
    pub standing: Standing,
    /// Whether the account may be used.
    pub active: bool,
}

/// What a person tells of themselves whenever they like.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    pub name: Option<String>,
    pub country: Option<String>,
    pub phone: Option<String>,
}

impl Told {
    /// The person with what was told.
    pub fn of(self, person: Person) -> Person {
        Person {
            name: self.name.or(person.name),
            country: self.country.or(person.country),
            phone: self.phone.or(person.phone),
            ..person
        }
    }
}

/// What an account's object can be told of its person.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Command {
    /// What is known.
    Read,
    /// The person signs up.
    Enter(Box<Entry>),
    /// Tells a person who has just signed up: welcome, and show that the address is yours.
    Greet { link: Option<String> },
    /// They tell more of themselves; what is not told stays.
    Describe(Told),
    /// They say that an address is theirs, and are sent a link to it.
    Claim { claim: Claim, link: Option<String> },
    /// They showed that the address of this claim is theirs.
    Verify { claim: String },
    /// Google says who they are, and that the address is theirs.
    LinkGoogle { sub: String, email: String },
    /// Keeps another password, if the one in force is the one of this print. `chosen` if it is
    /// another than before, and not the same made anew.
    SetPassword { kept: Kept, instead_of: String, chosen: bool },
    /// A password that came by mail shows whose the address is. Where nobody had shown it before,
    /// everything that opens the account is void: somebody else may have it.
    Recover { kept: Kept, instead_of: String, email: String },
    /// Adds the wallet's key, unless there is one with a copy that can be read.
    AddWalletKey { key: Box<NewKey>, unreadable: Vec<KeyId> },
    /// An operator approves a sign-up, or rejects it; the first word stands.
    Judge { approve: bool },
}

/// A person who signs up, with all that they bring.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    pub person: Person,
    pub claim: Option<Claim>,
    pub password: Option<Kept>,
    pub standing: Standing,
    pub key: NewKey,
}

impl Person {
    /// Whether the address was shown to be theirs.
    pub const fn is_verified(&self) -> bool {
        self.email_verified_at.is_some()
    }

    /// What is still to be told at a first sign-in.
    pub fn missing(&self) -> Vec<&'static str> {
        let fields = [("email", &self.email), ("country", &self.country), ("phone", &self.phone)];
        fields.into_iter().filter(|(_, value)| value.is_none()).map(|(name, _)| name).collect()
    }
}

/// The active keys of the wallet of which there is a copy, oldest first.
pub fn wallet_keys(keys: &[Key]) -> impl Iterator<Item = &Key> {
    keys.iter().filter(|key| {
        let is_customers = key.kind == KeyType::Secret && !key.scopes.contains(&Scope::Admin);
        let is_active = key.revoked_at.is_none() && key.sealed.is_some();
        is_customers && is_active && key.name == WALLET_KEY
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(5_000);

    fn key(id: u128) -> Key {
        Key {
            id: KeyId::from_bits(id),
            name: WALLET_KEY.to_owned(),
            kind: KeyType::Secret,
            last4: String::new(),
            scopes: Scope::CUSTOMER.to_vec(),
            cidrs: Vec::new(),
            created_at: NOW,
            revoked_at: None,
            sealed: Some("v1.x".to_owned()),
        }
    }

    #[test]
    fn the_wallets_key_is_one_that_works_and_can_be_read_again() {
        let keys = [
            Key { revoked_at: Some(NOW), ..key(1) },
            Key { sealed: None, ..key(2) },
            Key { name: "runner".to_owned(), ..key(3) },
            Key { kind: KeyType::Publishable, ..key(4) },
            Key { scopes: vec![Scope::Admin], ..key(5) },
            key(6),
            key(7),
        ];
        let ids: Vec<_> = wallet_keys(&keys).map(|key| key.id.bits()).collect();
        assert_eq!(ids, [6, 7]);
    }

    #[test]
    fn what_a_person_has_not_told_is_asked_for() {
        assert_eq!(Person::default().missing(), ["email", "country", "phone"]);
        let text = || Some("x".to_owned());
        let all = Person { email: text(), country: text(), phone: text(), ..Person::default() };
        assert!(all.missing().is_empty());
    }
}
